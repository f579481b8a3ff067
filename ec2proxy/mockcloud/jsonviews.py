"""The JSON of each thing, which tells less than the XML (recording 76; else the models of Deltacloud 1.1.3)."""

from collections.abc import Callable, Mapping
from typing import Any

from ec2proxy.mockcloud.things import (
    Address,
    Firewall,
    Image,
    Instance,
    Interface,
    Key,
    Network,
    Profile,
    PublicAddress,
    Realm,
    Snapshot,
    Subnet,
    Volume,
)
from ec2proxy.mockcloud.views import Place, authentication_type, instance_actions

Json = dict[str, Any]


def _reference(place: Place, relation: str, collection: str, item_id: str) -> Json:
    return {"href": place.url(collection, item_id), "id": item_id, "rel": relation}


def _head(place: Place, collection: str, item_id: str) -> Json:
    return {"id": item_id, "href": place.url(collection, item_id)}


def realm(place: Place, one: Realm) -> Json:
    """A realm."""
    return {**_head(place, "realms", one.id), "name": one.name, "state": one.state, "limit": "unlimited"}


def image(place: Place, one: Image) -> Json:
    """An image."""
    return {
        **_head(place, "images", one.id),
        "name": one.id,
        "description": one.description,
        "owner": one.owner_id,
        "architecture": one.architecture,
        "state": one.state,
        "root_type": one.root_type,
        "creation_time": one.creation_time,
        "hardware_profiles": [
            _reference(place, "hardware_profile", "hardware_profiles", profile_id)
            for profile_id in place.cloud.profiles
        ],
    }


def hardware_profile(place: Place, one: Profile) -> Json:
    """A hardware profile."""
    return {
        **_head(place, "hardware_profiles", one.id),
        "name": one.id,
        "properties": {prop.name: prop.value for prop in one.properties},
    }


def _address(one: Address) -> Json:
    shown: Json = {"address": one.value, "type": one.type}
    if one.port is not None:
        shown["port"] = one.port
    return shown


def instance(place: Place, one: Instance) -> Json:
    """An instance (recording 76)."""
    shown: Json = {
        **_head(place, "instances", one.id),
        "name": one.name,
        "state": one.state,
        "owner": one.owner_id,
        "image": _reference(place, "image", "images", one.image_id),
    }
    if place.cloud.machine.has_realm:
        shown["realm"] = _reference(place, "realm", "realms", one.realm_id)
    shown |= {
        "actions": [
            {"href": href, "rel": relation, "method": method} for relation, method, href in instance_actions(place, one)
        ],
        "hardware_profile": {
            "id": one.profile_id,
            "href": place.url("hardware_profiles", one.profile_id),
            "rel": "hardware_profile",
            "properties": dict(one.overrides),
        },
        "public_addresses": [_address(part) for part in one.shown(one.public_addresses)],
        "private_addresses": [_address(part) for part in one.shown(one.private_addresses)],
    }
    launched = place.cloud.launch_text(one)
    if launched is not None:
        shown["create_time"] = launched
    if one.create_image:
        shown["create_image"] = True
    return shown | _attached(place, one)


def _attached(place: Place, one: Instance) -> Json:
    shown: Json = {}
    features = place.cloud.features
    if features.has("firewalls"):
        shown["firewalls"] = [_reference(place, "firewall", "firewalls", name) for name in one.firewalls]
    shown["storage_volumes"] = [
        _reference(place, "storage_volume", "storage_volumes", volume_id) for volume_id, _ in one.volumes
    ]
    login: Json = {}
    if features.has("authentication_key"):
        shown["authentication_type"] = authentication_type(place)
        if one.keyname is not None:
            login["keyname"] = one.keyname
    if one.password:
        login |= {"user": one.username, "password": one.password}
    if login:
        shown["authentication"] = login
    return shown


def key(place: Place, one: Key) -> Json:
    """A key pair; it does not tell its name but as its id."""
    shown: Json = {**_head(place, "keys", one.id), "credential_type": "key", "username": None, "password": None}
    shown["state"] = None
    if one.pem:
        shown["pem_rsa_key"] = one.pem
    shown["fingerprint"] = one.fingerprint
    return shown


def address(place: Place, one: PublicAddress) -> Json:
    """An address."""
    shown: Json = {**_head(place, "addresses", one.id), "associated": one.instance_id is not None}
    if one.instance_id is not None:
        shown["instance_id"] = one.instance_id
    return shown


def storage_volume(place: Place, one: Volume) -> Json:
    """A volume."""
    instance_id, realm_id = one.instance_id, one.realm_id
    return {
        **_head(place, "storage_volumes", one.id),
        "name": one.name,
        "state": one.state,
        "created": one.created,
        "realm": None if realm_id is None else _reference(place, "realm", "realms", realm_id),
        "device": one.device,
        "capacity": one.capacity,
        "instance": {} if instance_id is None else _reference(place, "instance", "instances", instance_id),
    }


def storage_snapshot(place: Place, one: Snapshot) -> Json:
    """A snapshot."""
    volume = _reference(place, "storage_volume", "storage_volumes", one.volume_id)
    return {**_head(place, "storage_snapshots", one.id), "storage_volume": volume, "created": one.created}


def network(place: Place, one: Network) -> Json:
    """A network."""
    return {
        **_head(place, "networks", one.id),
        "name": one.name,
        "state": one.state,
        "address_blocks": list(one.address_blocks),
        "subnets": [_head(place, "subnets", subnet_id) for subnet_id in one.subnets],
    }


def subnet(place: Place, one: Subnet) -> Json:
    """A subnet."""
    return {
        **_head(place, "subnets", one.id),
        "name": one.name,
        "state": one.state,
        "address_block": one.address_block,
        "network": _head(place, "networks", one.network_id),
    }


def network_interface(place: Place, one: Interface) -> Json:
    """A network interface."""
    return {
        **_head(place, "network_interfaces", one.id),
        "name": one.name,
        "network": _head(place, "subnets", one.network_id),
        "instance": _head(place, "instances", one.instance_id),
        "ip_address": one.ip_address,
    }


def firewall(place: Place, one: Firewall) -> Json:
    """A firewall."""
    return {
        **_head(place, "firewalls", one.id),
        "name": one.id,
        "description": one.description,
        "owner": one.owner_id,
        "rules": [
            {
                "id": rule.id,
                "allow_protocol": rule.protocol,
                "port_from": rule.port_from,
                "port_to": rule.port_to,
                "addresses": list(rule.addresses),
                "groups": [{"name": name, "owner": owner} for name, owner in rule.groups],
            }
            for rule in one.rules
        ],
    }


VIEWS: Mapping[str, Callable[[Place, Any], Json]] = {
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
