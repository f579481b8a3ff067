"""What a cloud is made of, in Deltacloud's terms.

Everything here is immutable, compares by value and holds no behaviour beyond questions about itself. Identifiers
are the backend's own strings. Secrets are kept out of every repr.
"""

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen


@frozen(cache_hash=True)
class Credentials:
    """The cloud's own user name and password, as HTTP Basic carries them to Deltacloud; hashed with every poll."""

    user: str
    password: str = field(repr=False)


@frozen
class Backend:
    """Where a cloud is and how it is to be spoken to.

    :param url: the API's base, ``http://host:3001/api``.
    :param driver: the Deltacloud driver to ask for with every call, or None for the server's own.
    :param provider: the provider (an endpoint or region of that driver), or None.
    :param timeout: seconds that one whole exchange may take, its body included.
    :param max_body: bytes that one answer may have.
    :param authorities: a PEM file with the authorities that are trusted to certify the server instead of the system's.
    :param most_calls: how many exchanges may be under way; the others wait for their turn.
    :param memory: about how many bytes may be kept of its answers, to know again what has not changed.
    """

    url: str
    driver: str | None = None
    provider: str | None = None
    timeout: float = 60.0
    max_body: int = 64 * 1024 * 1024
    authorities: str | None = None
    most_calls: int = 64
    memory: int = 256 * 1024 * 1024


@frozen
class Realm:
    """A place instances run in; EC2's availability zone. Its state is ``AVAILABLE`` or ``UNAVAILABLE``."""

    id: str
    name: str
    state: str


@frozen
class Image:
    """Something to start an instance from. ``creation_time`` is aware, and None where the backend has none.

    :param root_type: ``transient``, ``persistent``, or empty where the backend does not know.
    """

    id: str
    name: str
    state: str
    description: str = ""
    owner_id: str = ""
    architecture: str = ""
    root_type: str = ""
    creation_time: datetime | None = None
    hardware_profile_ids: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()


@frozen
class HardwareProperty:
    """One dimension of a hardware profile: ``cpu``, ``memory`` (MB), ``storage`` (GB) or ``architecture``.

    :param kind: ``fixed``, ``range`` or ``enum``.
    :param value: the fixed or default value, as the backend writes it (memory may be ``1740.8``).
    :param first: the lower bound of a range, else None.
    :param last: the upper bound of a range, else None.
    :param entries: the values of an enum, else empty.
    """

    name: str
    kind: str
    unit: str
    value: str
    first: str | None = None
    last: str | None = None
    entries: tuple[str, ...] = ()


@frozen
class HardwareProfile:
    """A size of instance; EC2's instance type. An opaque profile has no properties."""

    id: str
    name: str
    properties: tuple[HardwareProperty, ...] = ()


@frozen
class Address:
    """An address of an instance: ``ipv4``, ``ipv6``, ``hostname``, ``mac`` or ``vnc`` (which alone has a port)."""

    type: str
    value: str
    port: int | None = None


@frozen
class AttachedVolume:
    """A storage volume attached to an instance, and the device it is seen as there (may be empty)."""

    id: str
    device: str = ""


@frozen
class Instance:
    """A machine. Its ``state`` is the backend's word in capitals (``RUNNING``); absent texts are empty.

    :param hardware_overrides: properties in which this instance differs from its profile.
    :param actions: what its present state allows: ``start``, ``stop``, ``reboot``, ``destroy``, ``create_image``.
    :param launch_time: an aware time, or None where the backend does not say.
    """

    id: str
    state: str
    name: str = ""
    owner_id: str = ""
    image_id: str = ""
    realm_id: str = ""
    hardware_profile_id: str = ""
    hardware_overrides: tuple[HardwareProperty, ...] = ()
    actions: frozenset[str] = frozenset()
    public_addresses: tuple[Address, ...] = ()
    private_addresses: tuple[Address, ...] = ()
    launch_time: datetime | None = None
    keyname: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    storage_volumes: tuple[AttachedVolume, ...] = ()
    network_interface_ids: tuple[str, ...] = ()
    firewall_ids: tuple[str, ...] = ()


@frozen
class InstanceSpec:
    """What to create an instance from. Empty texts and None are not sent to the backend.

    :param user_data: base64, as EC2 and Deltacloud both carry it.
    :param monitored: watch it in detail (Deltacloud's feature ``metrics``).
    """

    image_id: str
    hardware_profile_id: str = ""
    realm_id: str = ""
    name: str = ""
    keyname: str = ""
    user_data: str = field(default="", repr=False)
    firewall_ids: tuple[str, ...] = ()
    monitored: bool = False


@frozen
class KeyPair:
    """A key pair. ``pem`` is the private key, present where the backend gives it (always at creation)."""

    id: str
    name: str
    fingerprint: str = ""
    pem: str = field(default="", repr=False)
    state: str = ""


@frozen
class Network:
    """A network of the caller's; EC2's VPC. Its ``state`` is ``UP`` or ``DOWN``.

    :param address_blocks: in CIDR notation, as the backend writes them.
    :param subnet_ids: as the network names them; the subnets themselves are a collection of their own.
    """

    id: str
    name: str = ""
    state: str = ""
    address_blocks: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()


@frozen
class Subnet:
    """A part of a network. It has an address block (CIDR), and no realm."""

    id: str
    name: str = ""
    state: str = ""
    network_id: str = ""
    address_block: str = ""


@frozen
class NetworkInterface:
    """What joins an instance to a subnet.

    :param network_id: the id of a subnet, or of a network where the backend says no more; it may be empty.
    """

    id: str
    name: str = ""
    network_id: str = ""
    instance_id: str = ""
    ip_address: str = ""


@frozen
class FirewallSource:
    """Whom a rule of a firewall is about: addresses, or the members of a firewall.

    :param cidr: an address block, ``10.0.0.0/8``; empty for a firewall.
    :param firewall: a firewall's name; empty for addresses.
    :param owner_id: whose firewall that is; may be empty.
    """

    cidr: str = ""
    firewall: str = ""
    owner_id: str = ""


@frozen
class FirewallRule:
    """What a firewall lets through, or not.

    :param protocol: ``tcp``, ``udp``, ``icmp``, …; empty where the rule is about any.
    :param port_from: the first port (ICMP's type), or None for all.
    :param port_to: the last port (ICMP's code), or None for all.
    :param egress: whether it is about what goes out.
    :param allows: whether it lets through what it describes.
    """

    id: str
    protocol: str = ""
    port_from: int | None = None
    port_to: int | None = None
    egress: bool = False
    allows: bool = True
    sources: tuple[FirewallSource, ...] = ()


@frozen
class Firewall:
    """What decides who may reach an instance; EC2's security group. Its name may be empty."""

    id: str
    name: str = ""
    description: str = ""
    owner_id: str = ""
    rules: tuple[FirewallRule, ...] = ()


@frozen
class StorageVolume:
    """A disk of the caller's. Its ``state`` is the backend's word in capitals: ``AVAILABLE``, ``IN-USE``, ….

    :param capacity: in GB, or None where the backend does not say.
    :param created: an aware time, or None.
    :param instance_id: what it is attached to, as ``device``; empty where it is not, or the backend does not say.
    """

    id: str
    state: str = ""
    name: str = ""
    capacity: int | None = None
    created: datetime | None = None
    realm_id: str = ""
    instance_id: str = ""
    device: str = ""


@frozen
class PublicAddress:
    """An address that the caller holds, and the instance it leads to; empty where it leads to none."""

    id: str
    ip: str = ""
    instance_id: str = ""


@frozen
class Transition:
    """A way out of a state: on ``action``, or by itself where ``auto``."""

    to: str
    action: str | None = None
    auto: bool = False


@frozen
class StateMachine:
    """A backend's instance life cycle (``GET instance_states``); names are in lower case (``running``)."""

    states: Mapping[str, tuple[Transition, ...]]

    def allows(self, state: str, action: str) -> bool:
        """Whether ``action`` may be asked for in ``state``."""
        return any(way.action == action for way in self.states.get(state, ()))

    def moves_by_itself(self, state: str) -> frozenset[str]:
        """The states that ``state`` turns into without being asked."""
        return frozenset(way.to for way in self.states.get(state, ()) if way.auto)


@frozen
class Capabilities:
    """What one backend really has.

    :param driver: the Deltacloud driver's name (``mock``).
    :param collections: the collections its entry point links (``instances``, ``keys``, …).
    :param features: collection to the names of the features it lists (``instances`` → ``user_data``, …).
    :param states: the life cycle of its instances.
    """

    driver: str
    collections: frozenset[str]
    features: Mapping[str, frozenset[str]]
    states: StateMachine

    def has_feature(self, collection: str, feature: str) -> bool:
        """Whether ``collection`` lists ``feature``."""
        return feature in self.features.get(collection, frozenset())
