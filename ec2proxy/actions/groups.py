"""Security groups, which are Deltacloud's firewalls; where a cloud has none, everything is in ``default``."""

from collections.abc import Iterable, Mapping, Sequence

from ec2proxy.model import Instance

DEFAULT_NAME = "default"
DEFAULT_ID = "sg-11111111"
"""The id that Deltacloud's own EC2 frontend gives it (recording 79)."""

_DEFAULT = frozenset({DEFAULT_NAME, DEFAULT_ID})


def of(instance: Instance) -> Sequence[Mapping[str, str]]:
    """The groups of an instance, as a ``groupSet`` holds them."""
    if not instance.firewall_ids:
        return [{"groupId": DEFAULT_ID, "groupName": DEFAULT_NAME}]
    return [{"groupId": firewall, "groupName": firewall} for firewall in instance.firewall_ids]


def without_default(names: Iterable[str]) -> tuple[str, ...]:
    """The groups among ``names`` that a cloud without firewalls cannot give."""
    return tuple(name for name in names if name not in _DEFAULT)
