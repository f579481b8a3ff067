"""Security groups, which are Deltacloud's firewalls; where a cloud has none, everything is in ``default``."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from ec2proxy.model import Firewall, Instance

DEFAULT_NAME = "default"
DEFAULT_ID = "sg-11111111"
"""The id that Deltacloud's own EC2 frontend gives it (recording 79)."""

_DEFAULT = frozenset({DEFAULT_NAME, DEFAULT_ID})


@frozen
class Groups:
    """The groups that a caller sees.

    :param firewalls: those that the cloud has, by id.
    """

    firewalls: Mapping[str, Firewall] = {}

    @property
    def default(self) -> Firewall | None:
        """The cloud's own group ``default``; None where it has none, so that it is made up."""
        return self.find(DEFAULT_NAME)

    def find(self, word: str) -> Firewall | None:
        """The cloud's group of that id, or else of that name."""
        named = (each for each in self.firewalls.values() if each.name == word)
        return self.firewalls.get(word) or next(named, None)

    def name(self, firewall_id: str) -> str:
        """What a group is called; its id where it has no name."""
        firewall = self.firewalls.get(firewall_id)
        return (firewall and firewall.name) or firewall_id


NO_FIREWALLS = Groups()


def of(instance: Instance, known: Groups = NO_FIREWALLS) -> Sequence[Mapping[str, str]]:
    """The groups of an instance, as a ``groupSet`` holds them."""
    if instance.firewall_ids:
        return [{"groupId": each, "groupName": known.name(each)} for each in instance.firewall_ids]
    own = known.default
    return [{"groupId": own.id if own else DEFAULT_ID, "groupName": DEFAULT_NAME}]


def without_default(names: Iterable[str]) -> tuple[str, ...]:
    """The groups among ``names`` that are not the one that is made up where a cloud has none of that name."""
    return tuple(name for name in names if name not in _DEFAULT)
