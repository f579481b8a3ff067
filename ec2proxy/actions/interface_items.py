"""A network interface, as DescribeNetworkInterfaces and DescribeInstances tell of it.

Of a network interface Deltacloud tells where it is and which instance has it, and nothing of how it is attached.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from attrs import frozen

from ec2proxy.actions import groups
from ec2proxy.actions.surroundings import Surroundings
from ec2proxy.actions.topology import Location
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import Instance, NetworkInterface


@frozen
class Outward:
    """How an instance is reached from outside, by its first network interface.

    :param ip: its public IPv4 address.
    :param name: its public host name; may be empty.
    :param owner_id: whose address it is.
    """

    ip: str
    name: str
    owner_id: str


def interface_item(interface: NetworkInterface, location: Location, owner_id: str) -> dict[str, Any]:
    """What is told of it in both places."""
    version, address = _address(interface.ip_address)
    return {
        "networkInterfaceId": interface.id,
        "subnetId": location.subnet_id or None,
        "vpcId": location.vpc_id or None,
        "description": interface.name,
        "ownerId": owner_id,
        "status": "in-use" if interface.instance_id else "available",
        "privateIpAddress": address if version == 4 else None,
        "sourceDestCheck": True,
        "privateIpAddressesSet": [{"privateIpAddress": address, "primary": True}] if version == 4 else [],
        "ipv6AddressesSet": [{"ipv6Address": address}] if version == 6 else [],
        "interfaceType": "interface",
    }


def attachment(interface: NetworkInterface, instance: Instance, since: datetime) -> dict[str, Any]:
    """How it is attached to its instance: always, and to go with it."""
    ids = instance.network_interface_ids
    return {
        "attachmentId": "eni-attach-" + hashlib.sha256(f"{interface.id} {instance.id}".encode()).hexdigest()[:17],
        "deviceIndex": ids.index(interface.id) if interface.id in ids else 0,
        "status": "attached",
        "attachTime": since,
        "deleteOnTermination": True,
    }


def association(outward: Outward | None) -> Payload | None:
    """The public address that leads to it."""
    if outward is None:
        return None
    return {"publicIp": outward.ip, "publicDnsName": outward.name, "ipOwnerId": outward.owner_id}


def interface_set(
    instance: Instance, around: Surroundings, owner_id: str, since: datetime, outward: Outward | None
) -> Sequence[Payload]:
    """The network interfaces of an instance, as its ``networkInterfaceSet`` holds them; the first leads outward.

    One that came after the picture was taken is told of without its address.

    :param since: when the instance was launched.
    """
    items: list[Payload] = []
    for interface_id in instance.network_interface_ids:
        known = around.interfaces.get(interface_id) or NetworkInterface(interface_id, instance_id=instance.id)
        location = around.topology.of_interface(known)
        if not location.vpc_id:
            location = around.topology.of_zone(instance.realm_id)
        items.append(
            {
                **interface_item(known, location, owner_id),
                "status": "in-use",
                "groupSet": groups.of(instance, around.groups),
                "attachment": attachment(known, instance, since),
                "association": association(outward if not items else None),
            }
        )
    return items


def _address(text: str) -> tuple[int, str]:
    try:
        address = ip_address(text)
    except ValueError:
        return 0, ""
    return address.version, str(address)
