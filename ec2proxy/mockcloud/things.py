"""What the mock cloud holds: plain immutable objects. To change one is to put another in its place.

They compare by identity, so that what is made from one (its XML) can be kept for as long as it lives.
"""

from datetime import datetime

from attrs import field, frozen


class Fault(Exception):
    """A call that the cloud refuses, in Deltacloud's words.

    :param status: the HTTP status.
    :param message: the message, or None for the status's own (``Not Found``).
    :param raised: the driver raised it, so the answer shows a backtrace.
    """

    def __init__(self, status: int, message: str | None = None, *, raised: bool = False) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.raised = raised


@frozen(eq=False)
class Realm:
    """A realm (recording 06)."""

    id: str
    name: str
    state: str = "AVAILABLE"


@frozen(eq=False)
class Property:
    """One dimension of a hardware profile (recording 17): fixed, a range, or an enum.

    :param value: the fixed or default value.
    :param first: the lower bound of a range.
    :param last: the upper bound of a range.
    :param entries: the values of an enum.
    """

    name: str
    value: str
    first: str = ""
    last: str = ""
    entries: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``fixed``, ``range`` or ``enum``."""
        if self.entries:
            return "enum"
        return "range" if self.first else "fixed"

    @property
    def unit(self) -> str:
        """What ``value`` is counted in."""
        return UNITS[self.name]


UNITS = {"cpu": "count", "memory": "MB", "storage": "GB", "architecture": "label"}


@frozen(eq=False)
class Profile:
    """A hardware profile (recording 17); an opaque one has no properties."""

    id: str
    properties: tuple[Property, ...] = ()


@frozen(eq=False)
class Image:
    """An image (recording 13). Its creation time is the text that the server shows, or None."""

    id: str
    description: str
    owner_id: str
    architecture: str
    creation_time: str | None = None
    state: str = "AVAILABLE"
    root_type: str = "transient"


@frozen(eq=False)
class Address:
    """An address of an instance; only a ``vnc`` one has a port."""

    value: str
    type: str = "hostname"
    port: int | None = None


@frozen(eq=False)
class Instance:
    """An instance (recording 29).

    :param state: in capitals.
    :param overrides: hardware properties in which it differs from its profile.
    :param keyname: None shows no login, the empty text an empty one (recording 28).
    :param user_data: as received, base64.
    :param network_interfaces: ids, or None where the element is absent (recording 28).
    :param volumes: id of an attached volume to its device.
    :param listed_at: when it begins to show in the index, in seconds of the clock.
    :param launched: when it was created, None for those that were always there.
    """

    id: str
    name: str
    owner_id: str
    image_id: str
    realm_id: str
    profile_id: str
    state: str = "RUNNING"
    overrides: tuple[tuple[str, str], ...] = ()
    public_addresses: tuple[Address, ...] = ()
    private_addresses: tuple[Address, ...] = ()
    keyname: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    user_data: str = field(default="", repr=False)
    firewalls: tuple[str, ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    network_interfaces: tuple[str, ...] | None = None
    create_image: bool = True
    listed_at: float = 0.0
    launched: datetime | None = None

    def shown(self, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        """What the server shows of ``addresses``: none while the instance is pending."""
        return () if self.state == "PENDING" else addresses


@frozen(eq=False)
class Key:
    """A key pair (recording 21); an imported one has no private key."""

    id: str
    owner_id: str
    fingerprint: str
    pem: str = field(default="", repr=False)


@frozen(eq=False)
class PublicAddress:
    """An address of the account (recording 55), and the instance that it is associated with."""

    id: str
    instance_id: str | None = None


@frozen(eq=False)
class Volume:
    """A storage volume (recording 62). ``created`` is the text that the server shows."""

    id: str
    name: str
    created: str
    capacity: str = "1"
    realm_id: str | None = None
    state: str = "AVAILABLE"
    instance_id: str | None = None
    device: str | None = None


@frozen(eq=False)
class Snapshot:
    """A storage snapshot (recording 67)."""

    id: str
    volume_id: str
    created: str
    name: str = ""
    description: str = ""


@frozen(eq=False)
class Network:
    """A network (recording 69)."""

    id: str
    name: str
    address_blocks: tuple[str, ...]
    subnets: tuple[str, ...] = ()
    state: str = "UP"


@frozen(eq=False)
class Subnet:
    """A subnet of a network (recording 70)."""

    id: str
    name: str
    network_id: str
    address_block: str
    state: str = "UP"


@frozen(eq=False)
class Interface:
    """A network interface of an instance (recording 71)."""

    id: str
    name: str
    instance_id: str
    network_id: str
    ip_address: str


@frozen(eq=False)
class Rule:
    """A rule of a firewall: a protocol, a range of ports, and who may come in.

    :param addresses: blocks, ``10.0.0.0/8``.
    :param groups: pairs of another firewall's name and its owner.
    """

    id: str
    protocol: str
    port_from: str
    port_to: str
    addresses: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()


@frozen(eq=False)
class Firewall:
    """A firewall; EC2's security group."""

    id: str
    description: str
    owner_id: str
    rules: tuple[Rule, ...] = ()
