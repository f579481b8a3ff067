"""VPCs and subnets, which are Deltacloud's networks and their subnets; where there are none, one VPC is made up."""

from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.identity import account_of
from ec2proxy.actions.listing import PagedListing, at, tagged
from ec2proxy.actions.surroundings import MAX_AGE, read_interfaces, read_topology
from ec2proxy.actions.topology import Topology, Vpc, VpcSubnet
from ec2proxy.ec2.errors import invalid_value
from ec2proxy.ec2.params import text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import NotFound

# Those that Amazon keeps for itself in each subnet, the network's own and the broadcast address among them.
_RESERVED = 5


@frozen
class DescribeVpcs(PagedListing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html"""

    vpc_ids: tuple[str, ...] = texts("VpcId")

    async def perform(self, call: Call) -> Payload:
        """The VPCs asked for, in the backend's order unless they are paged."""
        passes = self.passing(_VPC_FILTERS)
        topology = await read_topology(call)
        me = call.principal.credentials.user
        items = await tagged(call, (_vpc_item(vpc, me) for vpc in topology.vpcs.values()), "vpcId")
        found = [item for item in self.named(items, "vpcId", self.vpc_ids, "networks") if passes(item)]
        shown, token = self.paged(call, found, "vpcId")
        return {"vpcSet": shown, "nextToken": token}


@frozen
class DescribeVpcAttribute(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html"""

    vpc_id: str = text("VpcId", required=True)
    attribute: str = text("Attribute", required=True)

    async def perform(self, call: Call) -> Payload:
        """One attribute of one VPC: what EC2 gives to a new one, since Deltacloud tells nothing of that kind."""
        value_of = _ATTRIBUTES.get(self.attribute)
        if value_of is None:
            raise invalid_value("attribute", self.attribute, "Unknown attribute.")
        vpc = (await read_topology(call)).vpcs.get(self.vpc_id)
        if vpc is None:
            raise NotFound("networks", [self.vpc_id])
        self.stop_if_dry_run()
        return {"vpcId": vpc.id, self.attribute: {"value": value_of(vpc)}}


_ATTRIBUTES: Mapping[str, Callable[[Vpc], bool]] = {
    "enableDnsHostnames": lambda vpc: vpc.is_default,
    "enableDnsSupport": lambda _: True,
    "enableNetworkAddressUsageMetrics": lambda _: False,
}


@frozen
class DescribeSubnets(PagedListing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html"""

    subnet_ids: tuple[str, ...] = texts("SubnetId")

    async def perform(self, call: Call) -> Payload:
        """The subnets asked for, in the backend's order unless they are paged."""
        passes = self.passing(_SUBNET_FILTERS)
        topology = await read_topology(call)
        used = await _used(call, topology)
        items = await tagged(
            call, (_subnet_item(each, used[each.id], call) for each in topology.subnets.values()), "subnetId"
        )
        found = [item for item in self.named(items, "subnetId", self.subnet_ids, "subnets") if passes(item)]
        shown, token = self.paged(call, found, "subnetId")
        return {"subnetSet": shown, "nextToken": token}


async def _used(call: Call, topology: Topology) -> Mapping[str, int]:
    """How many addresses of each subnet are known to be in use: by interfaces, and by instances without."""
    interfaces = await read_interfaces(call, MAX_AGE)
    instances = await call.cloud.inventory.instances(call.principal.credentials)
    used = Counter(topology.of_interface(each).subnet_id for each in interfaces.values())
    for each in instances.items:
        if interfaces.keys().isdisjoint(each.network_interface_ids):
            used[topology.of_zone(each.realm_id).subnet_id] += 1
    return used


def _vpc_item(vpc: Vpc, owner: str) -> dict[str, Any]:
    return {
        "ownerId": owner,
        "instanceTenancy": "default",
        "cidrBlockAssociationSet": [
            {
                "associationId": f"vpc-cidr-assoc-{vpc.id.removeprefix('vpc-')}-{number}",
                "cidrBlock": block,
                "cidrBlockState": {"state": "associated"},
            }
            for number, block in enumerate(vpc.blocks)
        ],
        "isDefault": vpc.is_default,
        "vpcId": vpc.id,
        "state": "available" if vpc.up else "pending",
        "cidrBlock": next(iter(vpc.blocks), None),
        "dhcpOptionsId": "default",
    }


def _subnet_item(subnet: VpcSubnet, used: int, call: Call) -> dict[str, Any]:
    free = _size(subnet.block)
    return {
        "availabilityZoneId": subnet.zone,
        "mapCustomerOwnedIpOnLaunch": False,
        "ownerId": call.principal.credentials.user,
        "assignIpv6AddressOnCreation": False,
        "ipv6CidrBlockAssociationSet": [],
        "subnetArn": f"arn:aws:ec2:{call.region}:{account_of(call)}:subnet/{subnet.id}",
        "enableDns64": False,
        "ipv6Native": False,
        "subnetId": subnet.id,
        "state": "available" if subnet.up else "unavailable",
        "vpcId": subnet.vpc_id,
        "cidrBlock": subnet.block or None,
        "availableIpAddressCount": None if free is None else max(0, free - used),
        "availabilityZone": subnet.zone,
        "defaultForAz": subnet.default_for_zone,
        # Whether an instance has a public address is the cloud's to say, as in EC2's default subnets.
        "mapPublicIpOnLaunch": subnet.default_for_zone,
    }


def _size(block: str) -> int | None:
    """How many addresses of a block instances can have; none where it is one of IPv6, as in EC2."""
    try:
        network = ip_network(block, strict=False)
    except ValueError:
        return None
    return max(0, network.num_addresses - _RESERVED) if network.version == 4 else 0


_VPC_FILTERS = {
    "cidr": at("cidrBlock"),
    "cidr-block-association.association-id": at("cidrBlockAssociationSet", "associationId"),
    "cidr-block-association.cidr-block": at("cidrBlockAssociationSet", "cidrBlock"),
    "cidr-block-association.state": at("cidrBlockAssociationSet", "cidrBlockState", "state"),
    "dhcp-options-id": at("dhcpOptionsId"),
    "is-default": at("isDefault"),
    # Ansible's spelling, which EC2 takes too.
    "isDefault": at("isDefault"),
    "owner-id": at("ownerId"),
    "state": at("state"),
    "vpc-id": at("vpcId"),
}

_SUBNET_FILTERS = {
    **dict.fromkeys(("availability-zone", "availabilityZone"), at("availabilityZone")),
    **dict.fromkeys(("availability-zone-id", "availabilityZoneId"), at("availabilityZoneId")),
    "available-ip-address-count": at("availableIpAddressCount"),
    **dict.fromkeys(("cidr", "cidr-block", "cidrBlock"), at("cidrBlock")),
    **dict.fromkeys(("default-for-az", "defaultForAz"), at("defaultForAz")),
    "enable-dns64": at("enableDns64"),
    "ipv6-native": at("ipv6Native"),
    "map-customer-owned-ip-on-launch": at("mapCustomerOwnedIpOnLaunch"),
    "map-public-ip-on-launch": at("mapPublicIpOnLaunch"),
    "owner-id": at("ownerId"),
    "state": at("state"),
    "subnet-arn": at("subnetArn"),
    "subnet-id": at("subnetId"),
    "vpc-id": at("vpcId"),
}
