"""Deltacloud's documents, bytes in, model objects out. No I/O.

Everything here raises :class:`~ec2proxy.errors.BackendError` when a document is not what was expected. The recordings
named are those of tests/recordings.
"""

from collections.abc import Mapping
from functools import lru_cache

from attrs import evolve, frozen

from ec2proxy.drivers.deltacloud.documents import Element, root_of
from ec2proxy.drivers.deltacloud.elements import Fields, capitals, filled, ids, own_id, text, texts, time
from ec2proxy.drivers.deltacloud.list_of import ListOf
from ec2proxy.model import (
    Address,
    AttachedVolume,
    HardwareProfile,
    HardwareProperty,
    Image,
    Instance,
    KeyPair,
    Realm,
    StateMachine,
    Transition,
)


@frozen
class EntryPoint:
    """What ``GET /api`` tells (recording 01).

    :param features: collection to the names of its features, for the collections that have any.
    """

    driver: str
    collections: frozenset[str]
    features: Mapping[str, frozenset[str]]


def entry_point(body: bytes) -> EntryPoint:
    """Read ``<api>`` (01)."""
    root = root_of(body, "api")
    features: dict[str, frozenset[str]] = {}
    for link in root.iterchildren("link"):
        names = frozenset(name for feature in link.iterchildren("feature") if (name := feature.get("name")))
        features[link.get("rel", "")] = names
    found = {rel: names for rel, names in features.items() if names}
    return EntryPoint(root.get("driver", ""), frozenset(filter(None, features)), found)


def state_machine(body: bytes) -> StateMachine:
    """Read ``<states>`` (19)."""
    states: dict[str, tuple[Transition, ...]] = {}
    for state in root_of(body, "states").iterchildren("state"):
        states[state.get("name", "").lower()] = tuple(
            Transition(way.get("to", "").lower(), way.get("action") or None, way.get("auto") == "true")
            for way in state.iterchildren("transition")
        )
    return StateMachine(states)


def realm(element: Element) -> Realm:
    """Read one ``<realm>`` (06)."""
    found = filled(element, _REALM)
    return Realm(found["id"], found.get("name", ""), found.get("state", ""))


realms = ListOf("realms", "realm", realm)
"""Reads ``<realms>`` (05)."""


def image_document(body: bytes) -> Image:
    """Read a document that is one ``<image>`` (13, 47)."""
    return image(root_of(body, "image"))


def image(element: Element) -> Image:
    """Read one ``<image>`` (13, 47)."""
    return Image(**{"name": "", "state": "", **filled(element, _IMAGE)})


images = ListOf("images", "image", image)
"""Reads ``<images>`` (12)."""

images_without_root = ListOf("images", "image", lambda element: evolve(image(element), root_type=""))
"""As :data:`images`, where what is said of the root means nothing."""


def hardware_profile(element: Element) -> HardwareProfile:
    """Read one ``<hardware_profile>`` (17)."""
    found = filled(element, _NAMED)
    return HardwareProfile(found["id"], found.get("name", ""), _properties(element))


hardware_profiles = ListOf("hardware_profiles", "hardware_profile", hardware_profile)
"""Reads ``<hardware_profiles>`` (16)."""


def key_document(body: bytes) -> KeyPair:
    """Read a document that is one ``<key>`` (21, 22)."""
    return key(root_of(body, "key"))


def key(element: Element) -> KeyPair:
    """Read one ``<key>`` (21, 22)."""
    return KeyPair(**{"name": "", **filled(element, _KEY)})


keys = ListOf("keys", "key", key)
"""Reads ``<keys>`` (20)."""


def instance_document(body: bytes) -> Instance:
    """Read a document that is one ``<instance>`` (29, 39, 63)."""
    return instance(root_of(body, "instance"))


def instance(element: Element) -> Instance:
    """Read one ``<instance>`` (29, 35, 39, 63). Without a state it is ``UNKNOWN``, Deltacloud's word for that."""
    found = filled(element, _INSTANCE)
    for name in ("hardware_profile", "authentication"):
        found.update(found.pop(name, ()))
    if not found.get("state"):
        found["state"] = "UNKNOWN"
    return Instance(**found)


instances = ListOf("instances", "instance", instance)
"""Reads ``<instances>`` (28)."""


def created_instances(body: bytes) -> list[Instance]:
    """Read the answer to a create: ``<instance>`` (35), or ``<instances>`` where a driver starts several."""
    root = root_of(body, "instance", "instances")
    return [instance(element) for element in ([root] if root.tag == "instance" else root.iterchildren("instance"))]


def _actions(element: Element) -> frozenset[str]:
    return _shared(tuple(filter(None, (link.get("rel") for link in element))))


@lru_cache(256)
def _shared(names: tuple[str, ...]) -> frozenset[str]:
    # There are few different ones, and ten thousand instances.
    return frozenset(names)


def _volumes(element: Element) -> tuple[AttachedVolume, ...]:
    return tuple(AttachedVolume(own_id(volume), volume.get("device", "")) for volume in element if own_id(volume))


def _addresses(element: Element) -> tuple[Address, ...]:
    return tuple(
        Address(address.get("type") or "unknown", value, _number(address.get("port")))
        for address in element
        if (value := text(address))
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else None


def _profile(element: Element) -> dict[str, object]:
    return {"hardware_profile_id": own_id(element), "hardware_overrides": _properties(element)}


def _login(element: Element) -> dict[str, str]:
    """Read ``authentication``: a login's ``keyname``, or its ``username`` and ``password``; an ``error`` is nothing."""
    return {
        part.tag: text(part)
        for login in element.iterchildren("login")
        for part in login
        if part.tag in ("keyname", "username", "password")
    }


def _properties(element: Element) -> tuple[HardwareProperty, ...]:
    return tuple(map(_property, element.iterchildren("property")))


def _property(element: Element) -> HardwareProperty:
    bounds = element.find("range")
    return HardwareProperty(
        name=element.get("name", ""),
        kind=element.get("kind", "fixed"),
        unit=element.get("unit", ""),
        value=element.get("value", ""),
        first=None if bounds is None else bounds.get("first"),
        last=None if bounds is None else bounds.get("last"),
        entries=tuple(entry.get("value", "") for entry in element.iterfind("enum/entry")),
    )


_NAMED: Fields = texts("id", "name")
_REALM: Fields = {**_NAMED, "state": ("state", capitals)}
_KEY: Fields = {**_NAMED, **texts("fingerprint", "pem"), "state": ("state", capitals)}
_IMAGE: Fields = {
    **texts("id", "name", "description", "owner_id", "architecture", "root_type"),
    "state": ("state", capitals),
    "creation_time": ("creation_time", time),
    "hardware_profiles": ("hardware_profile_ids", ids),
    "actions": ("actions", _actions),
}
_INSTANCE: Fields = {
    **texts("id", "name", "owner_id"),
    "state": ("state", capitals),
    "image": ("image_id", own_id),
    "realm": ("realm_id", own_id),
    "hardware_profile": ("hardware_profile", _profile),
    "actions": ("actions", _actions),
    "launch_time": ("launch_time", time),
    "public_addresses": ("public_addresses", _addresses),
    "private_addresses": ("private_addresses", _addresses),
    "authentication": ("authentication", _login),
    "storage_volumes": ("storage_volumes", _volumes),
    "network_interfaces": ("network_interface_ids", ids),
    "firewalls": ("firewall_ids", ids),
}
