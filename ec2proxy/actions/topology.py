"""Where instances are in a network, as EC2 has it: VPCs, and subnets of which each is in one zone.

A backend's networks are the VPCs and their subnets the subnets. What EC2's clients rely on and Deltacloud does not
say is decided here, and always in the same way:

- *The default VPC*, where an instance is that names no subnet: the network called ``default``, else the first that has
  subnets. Where the backend has no subnet at all, it is made up, with a subnet for each zone.
- *The zone of a subnet*: Deltacloud's subnets are in no realm. Those of a network take the realms in turn, in the
  backend's order, so that each zone has one as far as there are enough. It is not told by the instances that are in a
  subnet: then it would change as they come and go.
- *The default subnet of a zone*: the first subnet of the default VPC in that zone. Deltacloud starts an instance in a
  realm and not in a subnet, so these are the subnets that an instance can be started in.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, ip_address, ip_network

from attrs import field, frozen

from ec2proxy.actions.default_vpc import DEFAULT_VPC_ID
from ec2proxy.model import Instance, Network, NetworkInterface, Realm, Subnet

_DEFAULT_BLOCK = IPv4Network("172.31.0.0/16")
"""EC2's own, of which each zone's subnet has a /20, and less only where there are more than sixteen zones."""

_WIDEST, _NARROWEST = 20, 28


@frozen
class Vpc:
    """A VPC.

    :param blocks: address blocks in CIDR notation, the first one first; none where the backend does not say.
    :param up: whether it can be used.
    """

    id: str
    blocks: tuple[str, ...] = ()
    is_default: bool = False
    up: bool = True


@frozen
class VpcSubnet:
    """A subnet of a VPC, in a zone.

    :param block: its addresses in CIDR notation; empty where the backend does not say.
    :param default_for_zone: whether an instance of that zone is in it that names no other.
    """

    id: str
    vpc_id: str
    zone: str
    block: str
    default_for_zone: bool = False
    up: bool = True


@frozen
class Location:
    """Where something is in a network; an empty id where that is not known."""

    vpc_id: str = ""
    subnet_id: str = ""


@frozen
class Topology:
    """The VPCs and subnets that a caller sees, by id, in the backend's order."""

    vpcs: Mapping[str, Vpc]
    subnets: Mapping[str, VpcSubnet]
    default: Vpc
    _by_zone: Mapping[str, VpcSubnet] = field(init=False)

    def __attrs_post_init__(self) -> None:
        chosen = {subnet.zone: subnet for subnet in self.subnets.values() if subnet.default_for_zone}
        object.__setattr__(self, "_by_zone", chosen)

    def of_zone(self, zone: str) -> Location:
        """Where an instance of a zone is of which nothing more is known."""
        subnet = self._by_zone.get(zone)
        return Location(self.default.id, subnet.id if subnet else "")

    def of_interface(self, interface: NetworkInterface) -> Location:
        """Where a network interface is: in the subnet it names, else in the one that has its address."""
        subnet = self.subnets.get(interface.network_id)
        if subnet is not None:
            return Location(subnet.vpc_id, subnet.id)
        around = [
            each
            for each in self.subnets.values()
            if interface.network_id in ("", each.vpc_id) and _contains(each.block, interface.ip_address)
        ]
        if len(around) == 1:
            return Location(around[0].vpc_id, around[0].id)
        return Location(interface.network_id if interface.network_id in self.vpcs else "")

    def of_instance(self, instance: Instance, interfaces: Mapping[str, NetworkInterface]) -> Location:
        """Where an instance is: where its first network interface is, else in the default VPC.

        :param interfaces: what is known of network interfaces, by id.
        """
        for interface_id in instance.network_interface_ids:
            interface = interfaces.get(interface_id)
            if interface is not None and (location := self.of_interface(interface)).vpc_id:
                return location
        return self.of_zone(instance.realm_id)


def laid_out(networks: Iterable[Network], subnets: Iterable[Subnet], realms: Iterable[Realm]) -> Topology:
    """The VPCs and subnets of a backend; see the module for what is decided here.

    :param networks: none where the backend has no such collection; so the subnets.
    """
    zones = [realm.id for realm in realms] or [""]
    by_id = {network.id: network for network in networks}
    members = _members(by_id.values(), subnets)
    default_id = _default(by_id.values(), members)
    vpcs = {each.id: Vpc(each.id, each.address_blocks, each.id == default_id, _up(each)) for each in by_id.values()}
    found = {}
    for network_id, own in members.items():
        for place, subnet in enumerate(own):
            # The first of a zone are those before the realms begin again.
            chosen = network_id == default_id and place < len(zones)
            zone = zones[place % len(zones)]
            found[subnet.id] = VpcSubnet(subnet.id, network_id, zone, subnet.address_block, chosen, _up(subnet))
    if default_id is None:
        default_id = DEFAULT_VPC_ID
        vpcs[default_id] = Vpc(default_id, (str(_DEFAULT_BLOCK),), is_default=True)
        found.update((subnet.id, subnet) for subnet in _made_up(zones))
    return Topology(vpcs, found, vpcs[default_id])


def _members(networks: Iterable[Network], subnets: Iterable[Subnet]) -> Mapping[str, Sequence[Subnet]]:
    """The subnets of each network that has any; a subnet that says nothing may be named by its network."""
    members: dict[str, list[Subnet]] = {network.id: [] for network in networks}
    named = {subnet_id: network.id for network in networks for subnet_id in network.subnet_ids}
    for subnet in subnets:
        network_id = subnet.network_id or named.get(subnet.id, "")
        if network_id in members:
            members[network_id].append(subnet)
    return {network_id: own for network_id, own in members.items() if own}


def _default(networks: Iterable[Network], members: Mapping[str, Sequence[Subnet]]) -> str | None:
    able = [network for network in networks if network.id in members]
    called = [network for network in able if "default" in (network.id.lower(), network.name.lower())]
    return next((network.id for network in called or able), None)


def _made_up(zones: Sequence[str]) -> Iterable[VpcSubnet]:
    """The subnets of the default VPC that is made up; the same zone has always the same id."""
    prefix = _WIDEST
    while 1 << (prefix - _DEFAULT_BLOCK.prefixlen) < len(zones) and prefix < _NARROWEST:
        prefix += 1
    for zone, block in zip(zones, _DEFAULT_BLOCK.subnets(new_prefix=prefix), strict=False):
        subnet_id = "subnet-" + hashlib.sha256(f"{DEFAULT_VPC_ID} {zone}".encode()).hexdigest()[:17]
        yield VpcSubnet(subnet_id, DEFAULT_VPC_ID, zone, str(block), default_for_zone=True)


def _up(thing: Network | Subnet) -> bool:
    return thing.state in ("", "UP")


def _contains(block: str, address: str) -> bool:
    try:
        return ip_address(address) in ip_network(block, strict=False)
    except ValueError:
        return False
