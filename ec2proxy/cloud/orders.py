"""What is to be launched, and how far that has come."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from attrs import asdict, define, field, frozen

from ec2proxy.cloud.attributes import Attributes, from_record
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.view import InstanceView
from ec2proxy.errors import CloudError, OutcomeUnknown
from ec2proxy.model import Credentials, Instance, InstanceSpec


@frozen
class Order:
    """What is to be launched.

    :param least: how many instances there must be; with fewer there are none.
    :param most: how many are asked for.
    :param client_token: the same token never launches twice; empty for none.
    :param tags: of each instance.
    :param attributes: of each instance.
    """

    spec: InstanceSpec
    least: int
    most: int
    client_token: str = ""
    tags: Mapping[str, str] = {}
    attributes: Attributes = Attributes()

    def record(self) -> dict[str, Any]:
        """The order as JSON can hold it; it holds the user data."""
        return asdict(self)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Order":
        """The order that :meth:`record` gave."""
        spec = dict(record["spec"])
        spec["firewall_ids"] = tuple(spec["firewall_ids"])
        kept = {"spec": InstanceSpec(**spec), "attributes": from_record(record["attributes"])}
        return cls(**{**record, **kept})

    def fingerprint(self) -> str:
        """A digest that two orders share only if they ask for the same."""
        asked = self.record() | {"client_token": ""}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@frozen
class Launched:
    """What came of an order: the instances, as ids, in order.

    :param views: the instances as they were created; empty where the order had been carried out before.
    """

    reservation_id: str
    instance_ids: tuple[str, ...]
    views: tuple[InstanceView, ...] = ()


@define
class Launching:
    """How far an order is carried out.

    :param at: epoch seconds when it began.
    :param found: how many of the created were lost for a while.
    :param asked: whether the backend was asked to create anything.
    """

    credentials: Credentials
    order: Order
    ledger: Ledger
    reservation_id: str
    at: float
    created: dict[str, Instance] = field(factory=dict)
    failures: list[CloudError] = field(factory=list)
    found: int = 0
    asked: bool = False

    @property
    def missing(self) -> int:
        """How many instances have not been created."""
        return max(self.order.most - len(self.created), 0)

    @property
    def lost(self) -> int:
        """How many calls may have created an instance that has not been found."""
        return max(sum(error.ambiguous for error in self.failures) - self.found, 0)

    def error(self) -> CloudError:
        """What to tell the client of. With a token it can retry what may have happened; without, it must not."""
        if self.lost and not self.order.client_token:
            return OutcomeUnknown("The cloud did not answer; look whether it created instances before you try again.")
        ordered = sorted(self.failures, key=lambda error: error.ambiguous, reverse=bool(self.lost))
        return ordered[0]


def fits(instance: Instance, spec: InstanceSpec, *, named: bool) -> bool:
    """Whether ``instance`` can have come of ``spec``, by all that both say.

    :param named: whether this backend takes names.
    """
    pairs = (
        (spec.image_id, instance.image_id),
        (spec.hardware_profile_id, instance.hardware_profile_id),
        (spec.realm_id, instance.realm_id),
        (spec.name if named else "", instance.name),
        (spec.keyname, instance.keyname),
    )
    return all(asked in ("", got) or got == "" for asked, got in pairs)
