"""DescribeNetworkInterfaces."""

from typing import Any

from attrs import frozen

from ec2proxy.actions import groups
from ec2proxy.actions.action import Call
from ec2proxy.actions.instance_items import outward_of, owner_of
from ec2proxy.actions.interface_items import association, attachment, interface_item
from ec2proxy.actions.listing import PagedListing, at, tagged
from ec2proxy.actions.surroundings import Surroundings, read_interfaces, read_surroundings
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.params import texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import NetworkInterface


@frozen
class DescribeNetworkInterfaces(PagedListing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html"""

    ACCEPTED = {"IncludeManagedResources": "no interface is managed by another service"}

    network_interface_ids: tuple[str, ...] = texts("NetworkInterfaceId")

    async def perform(self, call: Call) -> Payload:
        """The network interfaces asked for, in the backend's order unless they are paged."""
        passes = self.passing(_FILTERS)
        interfaces = await read_interfaces(call)
        around = await read_surroundings(call)
        views = (await call.cloud.lifecycle.roster(call.principal.credentials)).by_id
        me = call.principal.credentials.user
        items = await tagged(
            call,
            (_item(each, views.get(each.instance_id), around, me) for each in interfaces.values()),
            "networkInterfaceId",
        )
        named = self.named(items, "networkInterfaceId", self.network_interface_ids, "network_interfaces")
        shown, token = self.paged(call, [item for item in named if passes(item)], "networkInterfaceId")
        return {"networkInterfaceSet": [{**item, "requesterManaged": False} for item in shown], "nextToken": token}


def _item(interface: NetworkInterface, view: InstanceView | None, around: Surroundings, me: str) -> dict[str, Any]:
    """One network interface.

    :param view: the instance that has it; None where it is nobody's, or not an instance (OpenStack's routers).
    """
    location = around.topology.of_interface(interface)
    if view is None:
        subnet = around.topology.subnets.get(location.subnet_id)
        return {**interface_item(interface, location, me), "availabilityZone": subnet.zone if subnet else None}
    if not location.vpc_id:
        location = around.topology.of_zone(view.instance.realm_id)
    attached = attachment(interface, view.instance, view.launch_time)
    outward = outward_of(view, me) if attached["deviceIndex"] == 0 else None
    subnet = around.topology.subnets.get(location.subnet_id)
    return {
        **interface_item(interface, location, owner_of(view, me)),
        "availabilityZone": subnet.zone if subnet else view.instance.realm_id,
        "groupSet": groups.of(view.instance, around.groups),
        "attachment": {**attached, "instanceId": view.instance.id, "instanceOwnerId": owner_of(view, me)},
        "association": association(outward),
    }


_FILTERS = {
    "addresses.primary": at("privateIpAddressesSet", "primary"),
    "addresses.private-ip-address": at("privateIpAddressesSet", "privateIpAddress"),
    **dict.fromkeys(("addresses.association.public-ip", "association.public-ip"), at("association", "publicIp")),
    **dict.fromkeys(("addresses.association.owner-id", "association.ip-owner-id"), at("association", "ipOwnerId")),
    "association.public-dns-name": at("association", "publicDnsName"),
    "attachment.attach-time": at("attachment", "attachTime"),
    "attachment.attachment-id": at("attachment", "attachmentId"),
    "attachment.delete-on-termination": at("attachment", "deleteOnTermination"),
    "attachment.device-index": at("attachment", "deviceIndex"),
    "attachment.instance-id": at("attachment", "instanceId"),
    "attachment.instance-owner-id": at("attachment", "instanceOwnerId"),
    "attachment.status": at("attachment", "status"),
    **dict.fromkeys(("availability-zone", "availability-zone-id"), at("availabilityZone")),
    "description": at("description"),
    "group-id": at("groupSet", "groupId"),
    "group-name": at("groupSet", "groupName"),
    "interface-type": at("interfaceType"),
    "ipv6-addresses.ipv6-address": at("ipv6AddressesSet", "ipv6Address"),
    "network-interface-id": at("networkInterfaceId"),
    "owner-id": at("ownerId"),
    "private-ip-address": at("privateIpAddress"),
    "requester-managed": lambda item: ("false",),
    "source-dest-check": at("sourceDestCheck"),
    "status": at("status"),
    "subnet-id": at("subnetId"),
    "vpc-id": at("vpcId"),
}
