"""The filters of DescribeInstances, each with the values of an instance that it looks at.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ec2proxy.actions.images import VIRTUALIZATION_TYPE
from ec2proxy.actions.instance_items import (
    Images,
    architecture_of,
    block_devices,
    groups_of,
    host_name,
    interfaces_of,
    ips,
    location_of,
    monitoring_state,
    owner_of,
    root_device_type_of,
    state_reason,
)
from ec2proxy.actions.listing import at
from ec2proxy.actions.surroundings import Surroundings
from ec2proxy.actions.unshown import unshown
from ec2proxy.cloud.roster import Roster
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.filters import Table, exact
from ec2proxy.ec2.params import Filter
from ec2proxy.ec2.xml import timestamp

_Tags: TypeAlias = Mapping[str, Mapping[str, str]]
_Values: TypeAlias = Callable[[InstanceView], Iterable[str]]


def _told(value: str | None) -> tuple[str, ...]:
    """A value; none where the answer leaves its element out, so that not even ``*`` finds it."""
    return (value,) if value else ()


def _addresses(which: str, version: int) -> _Values:
    return lambda view: tuple(str(ip) for ip in ips(getattr(view.instance, which)) if ip.version == version)


def _reason(element: str) -> _Values:
    def values(view: InstanceView) -> Iterable[str]:
        reason = state_reason(view.instance)
        return (reason[element],) if reason else ()

    return values


def _devices(*path: str) -> _Values:
    values = at(*path)
    return lambda view: values(block_devices(view.instance))


# Those that an instance answers by itself. What DescribeInstances always says is said here too.
_OWN: Mapping[str, _Values] = {
    **dict.fromkeys(("availability-zone", "availability-zone-id"), lambda view: (view.instance.realm_id,)),
    "block-device-mapping.device-name": _devices("deviceName"),
    "block-device-mapping.status": _devices("ebs", "status"),
    "block-device-mapping.volume-id": _devices("ebs", "volumeId"),
    "client-token": lambda view: _told(view.client_token),
    "dns-name": lambda view: (host_name(view.instance.public_addresses),),
    "ebs-optimized": lambda _: ("false",),
    "image-id": lambda view: (view.instance.image_id,),
    "instance-id": lambda view: (view.instance.id,),
    "instance-state-code": lambda view: (str(view.state.code),),
    "instance-state-name": lambda view: (view.state.name,),
    "instance-type": lambda view: (view.instance.hardware_profile_id,),
    "ip-address": _addresses("public_addresses", 4),
    "ipv6-address": _addresses("public_addresses", 6),
    "key-name": lambda view: _told(view.instance.keyname),
    "launch-index": lambda view: (str(view.launch_index),),
    "launch-time": lambda view: (timestamp(view.launch_time),),
    "monitoring-state": lambda view: (monitoring_state(view),),
    "private-dns-name": lambda view: (host_name(view.instance.private_addresses),),
    "private-ip-address": _addresses("private_addresses", 4),
    "reservation-id": lambda view: (view.reservation_id,),
    "source-dest-check": lambda _: ("true",),
    "state-reason-code": _reason("code"),
    "state-reason-message": _reason("message"),
    "tenancy": lambda _: ("default",),
}

# Those that its network interfaces answer: where the value stands in one of them.
_INTERFACE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("addresses.association.ip-owner-id", "association.ip-owner-id"), ("association", "ipOwnerId")),
    **dict.fromkeys(
        ("addresses.association.public-dns-name", "association.public-dns-name", "public-dns-name"),
        ("association", "publicDnsName"),
    ),
    **dict.fromkeys(("addresses.association.public-ip", "association.public-ip"), ("association", "publicIp")),
    "addresses.primary": ("privateIpAddressesSet", "primary"),
    "addresses.private-ip-address": ("privateIpAddressesSet", "privateIpAddress"),
    "attachment.attach-time": ("attachment", "attachTime"),
    "attachment.attachment-id": ("attachment", "attachmentId"),
    "attachment.delete-on-termination": ("attachment", "deleteOnTermination"),
    "attachment.device-index": ("attachment", "deviceIndex"),
    "attachment.status": ("attachment", "status"),
    "description": ("description",),
    "group-id": ("groupSet", "groupId"),
    "group-name": ("groupSet", "groupName"),
    **dict.fromkeys(("ipv6-address", "ipv6-addresses.ipv6-address"), ("ipv6AddressesSet", "ipv6Address")),
    "network-interface-id": ("networkInterfaceId",),
    "owner-id": ("ownerId",),
    "private-ip-address": ("privateIpAddress",),
    "source-dest-check": ("sourceDestCheck",),
    "status": ("status",),
    "subnet-id": ("subnetId",),
    "vpc-id": ("vpcId",),
}


_INDEXED = frozenset(
    {
        "availability-zone",
        "availability-zone-id",
        "client-token",
        "image-id",
        "instance-id",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "key-name",
        "reservation-id",
    }
)


def narrowed(roster: Roster, filters: Iterable[Filter]) -> tuple[Sequence[int] | None, Sequence[Filter]]:
    """Look up what can be looked up.

    :returns: the places in the roster of the instances that pass those filters, in their order, or None if they were
        none; and the filters that are left.
    """
    found: set[int] | None = None
    left = []
    for one in filters:
        values = exact(one)
        places = None if values is None else _places(roster, one.name, values)
        if places is None:
            left.append(one)
        else:
            found = places if found is None else found & places
    return None if found is None else sorted(found), left


def _places(roster: Roster, name: str, values: Iterable[str]) -> set[int] | None:
    """Where the instances are that have one of some values; None where that has to be looked for."""
    wanted: Iterable[Hashable] = values
    if name in _INDEXED:
        index = roster.index(name, _OWN[name])
    elif name == "tag-key":
        index = roster.index(name, lambda view: view.tags)
    elif name.startswith("tag:"):
        index = roster.index("tags", lambda view: view.tags.items())
        wanted = [(name.removeprefix("tag:"), value) for value in values]
    else:
        return None
    return {place for value in wanted for place in index.get(value, ())}


OF_IMAGES = frozenset({"architecture", "root-device-type"})
"""Those that need to know an instance's image."""


def table(images: Images, me: str, around: Surroundings | None, tags: _Tags) -> Table[InstanceView]:
    """All of them, but for those on an instance's own tags.

    :param images: what is known of images, by id.
    :param around: what is around the instances; None where the cloud does not tell.
    :param tags: the tags of everything, by id.
    """
    return {
        **unshown("DescribeInstances"),
        **_OWN,
        "architecture": lambda view: _told(architecture_of(view, images)),
        **dict.fromkeys(
            ("group-id", "instance.group-id"), lambda view: [each["groupId"] for each in groups_of(view, around)]
        ),
        **dict.fromkeys(
            ("group-name", "instance.group-name"), lambda view: [each["groupName"] for each in groups_of(view, around)]
        ),
        "owner-id": lambda view: (owner_of(view, me),),
        "root-device-type": lambda view: (root_device_type_of(view, images),),
        "virtualization-type": lambda view: (VIRTUALIZATION_TYPE,),
        "subnet-id": lambda view: _told(location_of(view, around).subnet_id),
        "vpc-id": lambda view: _told(location_of(view, around).vpc_id),
        **_of_interfaces(me, around, tags),
    }


def _of_interfaces(me: str, around: Surroundings | None, tags: _Tags) -> Table[InstanceView]:
    def of_each(values: Callable[[InstanceView, Mapping[str, Any]], Iterable[str]]) -> _Values:
        return lambda view: tuple(value for item in interfaces_of(view, around, me) for value in values(view, item))

    def standing(path: tuple[str, ...]) -> _Values:
        values = at(*path)
        return of_each(lambda _, item: values(item))

    def tags_of(item: Mapping[str, Any]) -> Mapping[str, str]:
        return tags.get(item["networkInterfaceId"], {})

    others = {
        "attachment.instance-id": of_each(lambda view, _: (view.instance.id,)),
        "attachment.instance-owner-id": of_each(lambda view, _: (owner_of(view, me),)),
        "availability-zone": of_each(lambda view, _: (view.instance.realm_id,)),
        "requester-managed": of_each(lambda *_: ("false",)),
        "tag-key": of_each(lambda _, item: tags_of(item)),
        "tag-value": of_each(lambda _, item: tags_of(item).values()),
    }
    answered = {**{name: standing(path) for name, path in _INTERFACE.items()}, **others}
    return {f"network-interface.{name}": values for name, values in answered.items()}
