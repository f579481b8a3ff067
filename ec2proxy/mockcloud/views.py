"""The XML of each thing, as Deltacloud's templates write it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from attrs import frozen

from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.fragments import block, cdata, closed, inline, text
from ec2proxy.mockcloud.things import (
    UNITS,
    Address,
    Firewall,
    Image,
    Instance,
    Interface,
    Key,
    Network,
    Profile,
    Property,
    PublicAddress,
    Realm,
    Rule,
    Snapshot,
    Subnet,
    Volume,
)


@frozen
class Place:
    """What an answer is made for.

    :param base: the API's address as the client has it, ``http://localhost:3001/api``.
    :param kept: XML that was made of instances before, and for which base.
    """

    cloud: MockCloud
    base: str
    kept: "WeakKeyDictionary[Instance, tuple[str, str]]"

    def url(self, *path: str) -> str:
        """The address of something of the API; each part of ``path`` is quoted."""
        return "/".join((self.base, *(quote(part, safe="~@,:=+") for part in path)))


def _link(relation: str, method: str, href: str) -> str:
    return closed("link", rel=relation, method=method, href=href)


def _reference(place: Place, name: str, collection: str, item_id: str, **more: str) -> str:
    return inline(name, href=place.url(collection, item_id), id=item_id, **more)


def realm(place: Place, one: Realm) -> str:
    """A realm (recording 06)."""
    fields = inline("name", text(one.name)), inline("state", one.state)
    return block("realm", *fields, href=place.url("realms", one.id), id=one.id)


def image(place: Place, one: Image, *, profiles: bool = True) -> str:
    """An image (recording 13); without its profiles where it was just made (47)."""
    lines = [
        inline("name", text(one.id)),
        inline("description", text(one.description)),
        inline("owner_id", text(one.owner_id)),
        inline("architecture", one.architecture),
        inline("state", one.state),
    ]
    if one.creation_time is not None:
        lines.append(inline("creation_time", one.creation_time))
    if profiles:
        references = (
            _reference(place, "hardware_profile", "hardware_profiles", profile_id, rel="hardware_profile")
            for profile_id in place.cloud.profiles
        )
        lines.append(block("hardware_profiles", *references))
    actions = (
        _link("create_instance", "post", f"{place.url('instances')};image_id={one.id}"),
        _link("destroy_image", "delete", place.url("images", one.id)),
    )
    lines += (inline("root_type", one.root_type), block("actions", *actions))
    return block("image", *lines, href=place.url("images", one.id), id=one.id)


def _property(place: Place, one: Property) -> str:
    if one.kind == "fixed":
        return closed("property", kind=one.kind, name=one.name, unit=one.unit, value=one.value)
    parameter = closed("param", href=place.url("instances"), method="post", name=f"hwp_{one.name}", operation="create")
    if one.kind == "range":
        values = closed("range", first=one.first, last=one.last)
    else:
        values = block("enum", *(closed("entry", value=value) for value in one.entries))
    return block("property", parameter, values, kind=one.kind, name=one.name, unit=one.unit, value=one.value)


def hardware_profile(place: Place, one: Profile) -> str:
    """A hardware profile (recording 17)."""
    lines = inline("id", one.id), inline("name", one.id), *(_property(place, prop) for prop in one.properties)
    return block("hardware_profile", *lines, href=place.url("hardware_profiles", one.id), id=one.id)


def instance(place: Place, one: Instance) -> str:
    """An instance (recording 29)."""
    kept = place.kept.get(one)
    if kept is None or kept[0] != place.base:
        kept = place.kept[one] = (place.base, _instance(place, one))
    return kept[1]


def _instance(place: Place, one: Instance) -> str:
    lines = [
        inline("name", text(one.name)),
        inline("owner_id", text(one.owner_id)),
        _reference(place, "image", "images", one.image_id),
    ]
    if place.cloud.machine.has_realm:
        lines.append(_reference(place, "realm", "realms", one.realm_id))
    overrides = (
        inline("property", kind="fixed", name=name, unit=UNITS[name], value=value) for name, value in one.overrides
    )
    profile_url = place.url("hardware_profiles", one.profile_id)
    lines += (
        inline("state", one.state),
        block("hardware_profile", *overrides, href=profile_url, id=one.profile_id),
        block("actions", *(_link(*action) for action in instance_actions(place, one))),
    )
    launched = place.cloud.launch_text(one)
    if launched is not None:
        lines.append(inline("launch_time", launched))
    lines.append(inline("public_addresses", _addresses(one.shown(one.public_addresses))))
    lines.append(inline("private_addresses", _addresses(one.shown(one.private_addresses))))
    lines += _attached(place, one)
    return block("instance", *lines, href=place.url("instances", one.id), id=one.id)


def instance_actions(place: Place, one: Instance) -> Iterable[tuple[str, str, str]]:
    """What an instance's state allows now: relation, method and address."""
    own = place.url("instances", one.id)
    for action in place.cloud.machine.actions(one.state):
        if action == "destroy":
            yield action, "delete", own
        else:
            yield action, "post", f"{own}/{action}"
    yield "run", "post", f"{own}/run;id={one.id}"
    if one.create_image:
        yield "create_image", "post", f"{place.url('images')};instance_id={one.id}"


def _addresses(addresses: Iterable[Address]) -> str:
    return "\n".join(
        inline("address", text(one.value), type=one.type, port=None if one.port is None else str(one.port))
        for one in addresses
    )


def _attached(place: Place, one: Instance) -> Iterable[str]:
    features = place.cloud.features
    if features.has("firewalls"):
        yield inline("firewalls", *(_reference(place, "firewall", "firewalls", name) for name in one.firewalls))
    yield inline(
        "storage_volumes",
        *(
            _reference(place, "storage_volume", "storage_volumes", volume_id, device=device)
            for volume_id, device in one.volumes
        ),
    )
    if features.has("authentication_key") or features.has("authentication_password"):
        yield block("authentication", *_logins(one), type=authentication_type(place))
    if one.network_interfaces is not None:
        nics = (_reference(place, "network_interface", "network_interfaces", nic) for nic in one.network_interfaces)
        yield inline("network_interfaces", *nics)


def authentication_type(place: Place) -> str:
    """How one logs in to instances: ``key`` or ``password``."""
    return "key" if place.cloud.features.has("authentication_key") else "password"


def _logins(one: Instance) -> Iterable[str]:
    if one.password:
        yield block("login", inline("username", one.username), inline("password", cdata(one.password)))
    if one.keyname is not None:
        yield block("login", inline("keyname", text(one.keyname)))


def key(place: Place, one: Key) -> str:
    """A key pair (recording 22)."""
    own = place.url("keys", one.id)
    lines = [
        inline("name", text(one.id)),
        block("actions", _link("destroy", "delete", own)),
        inline("fingerprint", one.fingerprint),
    ]
    if one.pem:
        lines.append(block("pem", cdata(one.pem)))
    lines.append(inline("state"))
    return block("key", *lines, href=own, id=one.id, type="key")


def address(place: Place, one: PublicAddress) -> str:
    """An address (recordings 53, 55)."""
    own = place.url("addresses", one.id)
    change = "disassociate" if one.instance_id is not None else "associate"
    actions = _link("destroy", "delete", own), _link(change, "post", f"{own}/{change}")
    lines = [inline("ip", one.id), block("actions", *actions)]
    if one.instance_id is not None:
        lines.append(_reference(place, "instance", "instances", one.instance_id))
    return block("address", *lines, href=own, id=one.id)


def storage_volume(place: Place, one: Volume) -> str:
    """A volume (recording 62)."""
    lines = [
        inline("created", one.created),
        inline("capacity", text(one.capacity), unit="GB"),
        inline("name", text(one.name)),
    ]
    if one.device is not None:
        lines.append(inline("device", text(one.device)))
    if one.realm_id is not None:
        lines += (_reference(place, "realm", "realms", one.realm_id), inline("realm_id", one.realm_id))
    lines.append(inline("state", one.state))
    if one.instance_id is not None:
        device = inline("device", name=one.device)
        lines.append(block("mount", _reference(place, "instance", "instances", one.instance_id), device))
    return block("storage_volume", *lines, href=place.url("storage_volumes", one.id), id=one.id)


def storage_snapshot(place: Place, one: Snapshot) -> str:
    """A snapshot (recording 67): its id stands for its name."""
    lines = (
        inline("name", one.id),
        inline("created", one.created),
        _reference(place, "storage_volume", "storage_volumes", one.volume_id),
    )
    return block("storage_snapshot", *lines, href=place.url("storage_snapshots", one.id), id=one.id)


def network(place: Place, one: Network) -> str:
    """A network (recording 69)."""
    own = place.url("networks", one.id)
    return block(
        "network",
        inline("name", text(one.name)),
        inline("state", one.state),
        block("address_blocks", *(inline("address_block", text(part)) for part in one.address_blocks)),
        block("subnets", *(_reference(place, "subnet", "subnets", subnet_id) for subnet_id in one.subnets)),
        block("actions", _link("destroy", "delete", own)),
        href=own,
        id=one.id,
    )


def subnet(place: Place, one: Subnet) -> str:
    """A subnet (recording 70)."""
    own = place.url("subnets", one.id)
    return block(
        "subnet",
        inline("name", text(one.name)),
        inline("state", one.state),
        block("address_block", text(one.address_block)),
        block("network", text(one.network_id)),
        block("actions", _link("destroy", "delete", own)),
        href=own,
        id=one.id,
    )


def network_interface(place: Place, one: Interface) -> str:
    """A network interface (recording 71)."""
    own = place.url("network_interfaces", one.id)
    subnet_url, instance_url = place.url("subnets", one.network_id), place.url("instances", one.instance_id)
    return block(
        "network_interface",
        inline("name", text(one.name)),
        inline("ip_address", one.ip_address),
        inline("network", text(one.network_id), href=subnet_url, id=one.network_id, rel="subnet"),
        inline("instance", text(one.instance_id), href=instance_url, id=one.instance_id),
        block("actions", _link("destroy", "delete", own)),
        href=own,
        id=one.id,
    )


def firewall(place: Place, one: Firewall) -> str:
    """A firewall; no recording, from the template ``firewalls/show``."""
    own = place.url("firewalls", one.id)
    return block(
        "firewall",
        block("actions", _link("destroy", "delete", own), _link("update", "post", f"{own}/rules")),
        inline("name", cdata(one.id)),
        inline("description", cdata(one.description)),
        inline("owner_id", text(one.owner_id)),
        block("rules", *(_rule(own, rule) for rule in one.rules)),
        href=own,
        id=one.id,
    )


def _rule(firewall_url: str, one: Rule) -> str:
    own = f"{firewall_url}/{one.id}"
    sources = [closed("source", name=name, owner=owner, type="group") for name, owner in one.groups]
    for part in one.addresses:
        host, _, prefix = part.partition("/")
        sources.append(closed("source", address=host, family="ipv4", prefix=prefix, type="address"))
    return block(
        "rule",
        block("actions", _link("destroy", "delete", own)),
        inline("allow_protocol", one.protocol),
        inline("port_from", text(one.port_from)),
        inline("port_to", text(one.port_to)),
        inline("direction", "ingress"),
        block("sources", *sources),
        href=own,
        id=one.id,
    )


VIEWS: Mapping[str, Callable[[Place, Any], str]] = {
    function.__name__: function
    for function in (
        realm,
        image,
        hardware_profile,
        instance,
        key,
        address,
        storage_volume,
        storage_snapshot,
        network,
        subnet,
        network_interface,
        firewall,
    )
}
