"""An instance, as DescribeInstances and RunInstances tell of it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from ec2proxy.actions import groups
from ec2proxy.actions.images import VIRTUALIZATION_TYPE, architecture, root_device_type
from ec2proxy.actions.interface_items import Outward, interface_set
from ec2proxy.actions.surroundings import Surroundings
from ec2proxy.actions.tags import tag_set
from ec2proxy.actions.topology import Location
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.states import TERMINATED, InstanceState
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import Address, Image, Instance

Images = Mapping[str, Image]

SOURCE_DEST_CHECK = True
"""Of every instance: Deltacloud knows of no address translation that it would have to be switched off for."""


def state_item(state: InstanceState) -> Mapping[str, int | str]:
    """A state, as ``instanceState`` and state changes hold it."""
    return {"code": state.code, "name": state.name}


def ips(addresses: Iterable[Address]) -> Sequence[IPv4Address | IPv6Address]:
    """Those of some addresses that are IP addresses, whatever the backend calls them."""
    found = []
    for address in addresses:
        if address.type in ("ipv4", "ipv6", "hostname", ""):
            try:
                found.append(ip_address(address.value))
            except ValueError:
                continue
    return found


def ipv4(addresses: Iterable[Address]) -> str | None:
    """The first IPv4 address, or None."""
    return next((str(ip) for ip in ips(addresses) if ip.version == 4), None)


def host_name(addresses: Sequence[Address]) -> str:
    """The first host name, or an empty text."""
    numbers = {str(ip) for ip in ips(addresses)}
    return next((each.value for each in addresses if each.type == "hostname" and each.value not in numbers), "")


def owner_of(view: InstanceView, me: str) -> str:
    """Whose an instance is: the backend's word, else the caller's."""
    return view.instance.owner_id or me


def monitoring_state(view: InstanceView) -> str:
    """Whether an instance is monitored in detail, in EC2's word."""
    return "enabled" if view.attributes.monitored else "disabled"


def architecture_of(view: InstanceView, images: Images) -> str | None:
    """An instance's architecture, which is its image's; None where that is not known."""
    image = images.get(view.instance.image_id)
    return architecture(image) if image else None


def root_device_type_of(view: InstanceView, images: Images) -> str:
    """What an instance's root device is."""
    image = images.get(view.instance.image_id)
    return root_device_type(image) if image else "ebs"


def outward_of(view: InstanceView, me: str) -> Outward | None:
    """How an instance is reached from outside; None where it has no public IPv4 address."""
    addresses = view.instance.public_addresses
    ip = ipv4(addresses)
    return Outward(ip, host_name(addresses), owner_of(view, me)) if ip else None


def location_of(view: InstanceView, around: Surroundings | None) -> Location:
    """Where an instance is in a network; nowhere once it is terminated, as in EC2, or where that is not told."""
    if around is None or view.state is TERMINATED:
        return Location()
    return around.topology.of_instance(view.instance, around.interfaces)


def instance_item(view: InstanceView, images: Images, around: Surroundings | None, me: str) -> Payload:
    """One instance.

    :param images: what is known of images, by id.
    :param around: what is around it; None where the cloud does not tell.
    """
    instance = view.instance
    location = location_of(view, around)
    ipv6 = next((str(ip) for ip in ips(instance.public_addresses) if ip.version == 6), None)
    return {
        "instanceId": instance.id,
        "imageId": instance.image_id,
        "instanceState": state_item(view.state),
        "privateDnsName": host_name(instance.private_addresses),
        "dnsName": host_name(instance.public_addresses),
        "reason": "",
        "keyName": instance.keyname or None,
        "amiLaunchIndex": view.launch_index,
        "productCodes": [],
        "instanceType": instance.hardware_profile_id,
        "launchTime": view.launch_time,
        "placement": {"availabilityZone": instance.realm_id, "groupName": "", "tenancy": "default"},
        "monitoring": {"state": monitoring_state(view)},
        "privateIpAddress": ipv4(instance.private_addresses),
        "ipAddress": ipv4(instance.public_addresses),
        "subnetId": location.subnet_id or None,
        "vpcId": location.vpc_id or None,
        "sourceDestCheck": SOURCE_DEST_CHECK,
        "groupSet": groups_of(view, around),
        "stateReason": state_reason(instance),
        "architecture": architecture_of(view, images),
        "rootDeviceType": root_device_type_of(view, images),
        "blockDeviceMapping": block_devices(instance),
        "virtualizationType": VIRTUALIZATION_TYPE,
        "clientToken": view.client_token or None,
        "tagSet": tag_set(view.tags),
        "networkInterfaceSet": interfaces_of(view, around, me),
        "ipv6Address": ipv6,
        "ebsOptimized": False,
    }


def reservation_item(
    views: Sequence[InstanceView], images: Images, me: str, around: Surroundings | None = None
) -> Payload:
    """The instances of one reservation, as their reservation; else as :func:`instance_item`."""
    first = views[0]
    return {
        "reservationId": first.reservation_id,
        "ownerId": owner_of(first, me),
        "groupSet": groups_of(first, around),
        "instancesSet": [instance_item(view, images, around, me) for view in views],
    }


def groups_of(view: InstanceView, around: Surroundings | None) -> Sequence[Mapping[str, str]]:
    """The groups of an instance, by the names that the cloud's firewalls have."""
    return groups.of(view.instance, around.groups if around else groups.NO_FIREWALLS)


def interfaces_of(view: InstanceView, around: Surroundings | None, me: str) -> Sequence[Payload]:
    """The network interfaces of an instance; none once it is terminated, or where that is not told."""
    if around is None or view.state is TERMINATED or not view.instance.network_interface_ids:
        return []
    return interface_set(view.instance, around, owner_of(view, me), view.launch_time, outward_of(view, me))


def block_devices(instance: Instance) -> Sequence[Payload]:
    """The volumes of an instance, as a ``blockDeviceMapping`` holds them."""
    return [
        {"deviceName": volume.device, "ebs": {"volumeId": volume.id, "status": "attached"}}
        for volume in instance.storage_volumes
    ]


def state_reason(instance: Instance) -> Mapping[str, str] | None:
    """Why an instance is in its state; None where nothing is to be said."""
    if instance.state.upper() != "ERROR":
        return None
    return {"code": "Server.InternalError", "message": "The cloud reports an error of this instance."}
