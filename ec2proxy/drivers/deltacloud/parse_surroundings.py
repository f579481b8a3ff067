"""Deltacloud's documents about what is around instances: firewalls, networks, volumes, addresses; as :mod:`.parse`.

Of firewalls there is no recording: their form is that of the server's view ``firewalls/index.xml.haml``.
"""

from collections.abc import Callable
from ipaddress import ip_network

from ec2proxy.drivers.deltacloud.documents import Element
from ec2proxy.drivers.deltacloud.elements import Fields, capitals, filled, ids, own_id, text, texts, time
from ec2proxy.drivers.deltacloud.list_of import Item, ListOf
from ec2proxy.model import (
    Firewall,
    FirewallRule,
    FirewallSource,
    Network,
    NetworkInterface,
    PublicAddress,
    StorageVolume,
    Subnet,
)


def _volume(element: Element) -> StorageVolume:
    found = filled(element, _VOLUME)
    found.update(found.pop("mount", {}))
    return StorageVolume(**found)


def _mount(element: Element) -> dict[str, str]:
    """Read ``mount``: the instance, and the device that the volume is there (62)."""
    found = {}
    for child in element:
        if child.tag == "instance":
            found["instance_id"] = own_id(child)
        elif child.tag == "device" and child.get("name"):
            found["device"] = child.get("name")
    return found


def _rules(element: Element) -> tuple[FirewallRule, ...]:
    return tuple(FirewallRule(**filled(rule, _RULE)) for rule in element.iterchildren("rule"))


def _sources(element: Element) -> tuple[FirewallSource, ...]:
    return tuple(filter(None, map(_source, element.iterchildren("source"))))


def _source(element: Element) -> FirewallSource | None:
    """Read one ``source``; None where it is neither a firewall nor an address (fgcp names networks there)."""
    if element.get("type") == "group":
        return FirewallSource(firewall=element.get("name", ""), owner_id=element.get("owner", ""))
    prefix = element.get("prefix")
    address = element.get("address", "")
    try:
        return FirewallSource(cidr=str(ip_network(f"{address}/{prefix}" if prefix else address, strict=False)))
    except ValueError:
        return None


def _reference(element: Element) -> str:
    return own_id(element) or text(element)


def _blocks(element: Element) -> tuple[str, ...]:
    return tuple(filter(None, map(text, element)))


def _port(element: Element) -> int | None:
    """Read a port; -1 stands for all of them, as in ICMP."""
    number = _whole(element)
    return None if number is None or number > 65535 else number


def _whole(element: Element) -> int | None:
    digits = text(element).partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


_NETWORK: Fields = {
    **texts("id", "name"),
    "state": ("state", capitals),
    "address_blocks": ("address_blocks", _blocks),
    "subnets": ("subnet_ids", ids),
}
_SUBNET: Fields = {
    **texts("id", "name", "address_block"),
    "state": ("state", capitals),
    "network": ("network_id", _reference),
}
_INTERFACE: Fields = {
    **texts("id", "name", "ip_address"),
    # Its href names a subnet whether or not it is one.
    "network": ("network_id", _reference),
    "instance": ("instance_id", _reference),
}
_ADDRESS: Fields = {**texts("id", "ip"), "instance": ("instance_id", _reference)}
_VOLUME: Fields = {
    **texts("id", "name", "device", "realm_id"),
    "state": ("state", capitals),
    "capacity": ("capacity", _whole),
    "created": ("created", time),
    "mount": ("mount", _mount),
}
_RULE: Fields = {
    "allow_protocol": ("protocol", lambda element: text(element).lower()),
    "port_from": ("port_from", _port),
    "port_to": ("port_to", _port),
    "direction": ("egress", lambda element: text(element).lower() == "egress"),
    "rule_action": ("allows", lambda element: text(element).lower() not in ("deny", "drop", "reject")),
    "sources": ("sources", _sources),
}
_FIREWALL: Fields = {**texts("id", "name", "description", "owner_id"), "rules": ("rules", _rules)}


def _of(model: Callable[..., Item], fields: Fields) -> Callable[[Element], Item]:
    return lambda element: model(**filled(element, fields))


networks = ListOf("networks", "network", _of(Network, _NETWORK))
"""Reads ``<networks>`` (69)."""

subnets = ListOf("subnets", "subnet", _of(Subnet, _SUBNET))
"""Reads ``<subnets>`` (70), whose texts are padded with newlines."""

network_interfaces = ListOf("network_interfaces", "network_interface", _of(NetworkInterface, _INTERFACE))
"""Reads ``<network_interfaces>`` (71)."""

storage_volumes = ListOf("storage_volumes", "storage_volume", _volume)
"""Reads ``<storage_volumes>`` (59)."""

addresses = ListOf("addresses", "address", _of(PublicAddress, _ADDRESS))
"""Reads ``<addresses>`` (52, 55)."""

firewalls = ListOf("firewalls", "firewall", _of(Firewall, _FIREWALL))
"""Reads ``<firewalls>``."""
