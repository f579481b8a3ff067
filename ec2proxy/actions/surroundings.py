"""What is around a caller's instances, from the shared picture: VPCs, subnets, network interfaces, groups."""

from collections.abc import Coroutine, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.actions.action import Call
from ec2proxy.actions.groups import Groups
from ec2proxy.actions.topology import Topology, laid_out
from ec2proxy.cloud.deferring import settle
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.errors import CloudError, Unsupported
from ec2proxy.model import NetworkInterface

MAX_AGE = 60.0
"""How old it may be where it is told beside something else, in seconds: it changes seldom, and polls ask always."""

_log = Logger()

_Reading = Coroutine[Deferred[Any], Any, Snapshot[Any] | None]


@frozen
class Surroundings:
    """What is around instances.

    :param interfaces: network interfaces by id; none where the backend tells of none.
    """

    topology: Topology
    interfaces: Mapping[str, NetworkInterface]
    groups: Groups


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
    return laid_out(networks.values(), subnets.values(), realms.values())


async def read_interfaces(call: Call, max_age: float = 0.0) -> Mapping[str, NetworkInterface]:
    """The network interfaces by id."""
    (interfaces,) = await _together(call.cloud.inventory.network_interfaces(call.principal.credentials, max_age))
    return interfaces


async def read_groups(call: Call, max_age: float = 0.0) -> Groups:
    """The groups."""
    (firewalls,) = await _together(call.cloud.inventory.firewalls(call.principal.credentials, max_age))
    return Groups(firewalls)


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
    return Surroundings(laid_out(networks.values(), subnets.values(), realms.values()), interfaces, Groups(firewalls))


async def surroundings_if_told(call: Call) -> Surroundings | None:
    """All of it; None where the backend fails to tell, for instances are described all the same."""
    try:
        return await read_surroundings(call)
    except CloudError as error:
        _log.debug("What is around the instances is not told: {error}", error=error)
        return None


async def _together(*readings: _Reading) -> list[Mapping[str, Any]]:
    """What some collections hold, by id; nothing where the backend has no such collection, or does not carry it out."""
    found: list[Mapping[str, Any]] = []
    for outcome in await settle(readings):
        if isinstance(outcome, Failure):
            outcome.trap(Unsupported)
            outcome = None
        found.append({} if outcome is None else outcome.by_id)
    return found
