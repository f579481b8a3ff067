"""What a client has set of an instance and no backend keeps."""

from collections.abc import Mapping
from typing import Any

from attrs import asdict, frozen


@frozen
class Attributes:
    """The attributes of an instance that ec2proxy keeps.

    :param disable_api_termination: TerminateInstances is refused.
    :param disable_api_stop: StopInstances and TerminateInstances are refused.
    :param shutdown_behavior: ``stop`` or ``terminate``. Told, not acted on: no backend tells who stopped an instance.
    :param monitored: it was launched with detailed monitoring.
    :param has_user_data: it was launched with user data, which the state store keeps sealed.
    """

    disable_api_termination: bool = False
    disable_api_stop: bool = False
    shutdown_behavior: str = "stop"
    monitored: bool = False
    has_user_data: bool = False

    def record(self) -> dict[str, object]:
        """As a state store keeps them."""
        return asdict(self)


def from_record(record: Mapping[str, Any]) -> Attributes:
    """Attributes as a state store gives them back."""
    return Attributes(**record)
