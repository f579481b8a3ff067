"""What is around a caller's instances, from the shared picture: VPCs, subnets, network interfaces, groups."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.actions.action import Call
from ec2proxy.actions.groups import Groups
from ec2proxy.actions.same import SameOf
from ec2proxy.actions.topology import Topology, laid_out
from ec2proxy.cloud.deferring import settle
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.errors import CloudError, Unsupported
from ec2proxy.model import Credentials, Instance, NetworkInterface

MAX_AGE = 60.0
"""How old it may be where it is told beside something else, in seconds: it changes seldom, and polls ask always."""

_log = Logger()

_Reading = Coroutine[Deferred[Any], Any, Snapshot[Any] | None]


@frozen(eq=False)
class Surroundings:
    """What is around instances.

    :param interfaces: network interfaces by id; none where the backend tells of none.
    """

    topology: Topology
    interfaces: Mapping[str, NetworkInterface]
    groups: Groups

    def concerning(self, instance: Instance) -> Sequence[object]:
        """What of it an answer about an instance tells; the same objects as long as that is the same."""
        return self.topology, self.groups, *map(self.interfaces.get, instance.network_interface_ids)


async def read_topology(call: Call, max_age: float = 0.0) -> Topology:
    """The VPCs and subnets.

    :param max_age: seconds, as everywhere below.
    """
    inventory, credentials = call.cloud.inventory, call.principal.credentials
    networks, subnets, realms = await _together(
        inventory.networks(credentials, max_age),
        inventory.subnets(credentials, max_age),
        inventory.realms(credentials, MAX_AGE),
    )
    return _laid_out.of(_owner(call), networks, subnets, realms)


async def read_interfaces(call: Call, max_age: float = 0.0) -> Mapping[str, NetworkInterface]:
    """The network interfaces by id."""
    (interfaces,) = await _together(call.cloud.inventory.network_interfaces(call.principal.credentials, max_age))
    return interfaces


async def read_groups(call: Call, max_age: float = 0.0) -> Groups:
    """The groups."""
    (firewalls,) = await _together(call.cloud.inventory.firewalls(call.principal.credentials, max_age))
    return _grouped.of(_owner(call), firewalls)


async def read_surroundings(call: Call) -> Surroundings:
    """All of it, asked for at once, and at most :data:`MAX_AGE` old."""
    inventory, credentials = call.cloud.inventory, call.principal.credentials
    networks, subnets, realms, interfaces, firewalls = await _together(
        inventory.networks(credentials, MAX_AGE),
        inventory.subnets(credentials, MAX_AGE),
        inventory.realms(credentials, MAX_AGE),
        inventory.network_interfaces(credentials, MAX_AGE),
        inventory.firewalls(credentials, MAX_AGE),
    )
    owner = _owner(call)
    topology, groups = _laid_out.of(owner, networks, subnets, realms), _grouped.of(owner, firewalls)
    return _around.of(owner, topology, interfaces, groups)


async def surroundings_if_told(call: Call) -> Surroundings | None:
    """All of it; None where the backend fails to tell, for instances are described all the same."""
    try:
        return await read_surroundings(call)
    except CloudError as error:
        _log.debug("What is around the instances is not told: {error}", error=error)
        return None


def _owner(call: Call) -> tuple[str, Credentials]:
    return call.cloud.name, call.principal.credentials


async def _together(*readings: _Reading) -> list[Mapping[str, Any]]:
    """What some collections hold, by id; nothing where the backend has no such collection, or does not carry it out."""
    found: list[Mapping[str, Any]] = []
    for outcome in await settle(readings):
        if isinstance(outcome, Failure):
            outcome.trap(Unsupported)
            outcome = None
        found.append(_NOTHING if outcome is None else outcome.by_id)
    return found


# Pictures that nothing has changed in give the same again, so that others can keep what they made of it.
_NOTHING: Mapping[str, Any] = {}
_laid_out = SameOf(lambda networks, subnets, realms: laid_out(networks.values(), subnets.values(), realms.values()))
_grouped = SameOf(Groups)
_around = SameOf(Surroundings)
