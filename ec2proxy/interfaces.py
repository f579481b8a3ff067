"""Every interface between the rooms. Nothing here has an implementation.

Methods that talk to a backend or to a store are ``async def``. A driver's take the caller's backend credentials
first, return objects of :mod:`ec2proxy.model` and raise errors of :mod:`ec2proxy.errors` only.
"""

# Interface methods have no self, and mypy-zope wants them so.
# mypy: disable-error-code="empty-body"
# ruff: noqa: N805

from collections.abc import Mapping, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent
from zope.interface import Attribute, Interface

from ec2proxy.ec2.record import Pursued, Record
from ec2proxy.ec2.trace import Trace
from ec2proxy.model import (
    Backend,
    Capabilities,
    Credentials,
    Firewall,
    HardwareProfile,
    Image,
    Instance,
    InstanceSpec,
    KeyPair,
    Network,
    NetworkInterface,
    PublicAddress,
    Realm,
    StorageVolume,
    Subnet,
)


class IRealms(Interface):
    """The realms of a cloud."""

    async def list(credentials: Credentials) -> Sequence[Realm]:
        """All realms that the caller sees, in the backend's order."""


class IImages(Interface):
    """The images of a cloud."""

    async def list(credentials: Credentials) -> Sequence[Image]:
        """All images that the caller sees, in the backend's order."""

    async def create(credentials: Credentials, instance_id: str, name: str, description: str) -> Image:
        """Make an image of an instance.

        :raises NotFound: there is no such instance.
        """

    async def destroy(credentials: Credentials, image_id: str) -> None:
        """Destroy an image.

        :raises NotFound: it is not there.
        """


class IHardwareProfiles(Interface):
    """The sizes of instance that a cloud offers."""

    async def list(credentials: Credentials) -> Sequence[HardwareProfile]:
        """All hardware profiles, in the backend's order."""


class IKeyPairs(Interface):
    """The key pairs of a caller."""

    async def list(credentials: Credentials) -> Sequence[KeyPair]:
        """All key pairs of the caller, in the backend's order."""

    async def create(credentials: Credentials, name: str) -> KeyPair:
        """Make a key pair; the answer holds its private key.

        :raises Conflict: the name is taken.
        """

    async def import_key(credentials: Credentials, name: str, public_key: str) -> KeyPair:
        """Make a key pair of a public key that the caller has.

        :param public_key: a line as OpenSSH writes it.
        :raises Unsupported: the backend does not list the feature ``import_key``; nothing was sent.
        :raises Conflict: the name is taken.
        """

    async def destroy(credentials: Credentials, key_id: str) -> None:
        """Destroy a key pair.

        :raises NotFound: it is not there (also where the backend answers that with a 500).
        """


class IInstances(Interface):
    """The instances of a caller."""

    async def list(credentials: Credentials) -> Sequence[Instance]:
        """All instances that the caller sees, in the backend's order."""

    async def get(credentials: Credentials, instance_id: str) -> Instance:
        """One instance.

        :raises NotFound: it is not there.
        """

    async def create(credentials: Credentials, spec: InstanceSpec) -> Sequence[Instance]:
        """Create what ``spec`` says: one instance, or several where the backend starts several.

        :raises Unsupported: ``spec`` asks for a feature that the backend does not list; nothing was sent.
        :raises CloudError: with ``ambiguous`` set where the instance may have been created all the same.
        """

    async def start(credentials: Credentials, instance_id: str) -> Instance:
        """Start an instance and tell what it is then.

        :raises NotFound: it is not there (also where the backend answers that with 403).
        :raises WrongState: its state does not allow it.
        """

    async def stop(credentials: Credentials, instance_id: str) -> Instance:
        """Stop an instance; as :meth:`start`. In some backends this destroys it: see the state machine first."""

    async def reboot(credentials: Credentials, instance_id: str) -> Instance:
        """Reboot an instance; as :meth:`start`."""

    async def destroy(credentials: Credentials, instance_id: str) -> None:
        """Destroy an instance; as :meth:`start`."""


class IFirewalls(Interface):
    """The firewalls of a cloud."""

    async def list(credentials: Credentials) -> Sequence[Firewall]:
        """All firewalls that the caller sees, in the backend's order.

        :raises Unsupported: the backend has none, as its capabilities say.
        """


class INetworks(Interface):
    """The networks of a cloud."""

    async def list(credentials: Credentials) -> Sequence[Network]:
        """All networks that the caller sees; as :meth:`IFirewalls.list`."""


class ISubnets(Interface):
    """The subnets of a cloud's networks."""

    async def list(credentials: Credentials) -> Sequence[Subnet]:
        """All subnets that the caller sees, of all networks; as :meth:`IFirewalls.list`."""


class INetworkInterfaces(Interface):
    """The network interfaces of a caller's instances."""

    async def list(credentials: Credentials) -> Sequence[NetworkInterface]:
        """All network interfaces that the caller sees; as :meth:`IFirewalls.list`."""


class IStorageVolumes(Interface):
    """The storage volumes of a caller."""

    async def list(credentials: Credentials) -> Sequence[StorageVolume]:
        """All storage volumes that the caller sees; as :meth:`IFirewalls.list`."""


class IAddresses(Interface):
    """The public addresses that a caller holds."""

    async def list(credentials: Credentials) -> Sequence[PublicAddress]:
        """All addresses of the caller; as :meth:`IFirewalls.list`."""


class ICloudDriver(Interface):
    """One cloud, as one driver speaks to it. Safe to share between callers."""

    realms = Attribute("The :class:`IRealms` of this cloud.")
    images = Attribute("Its :class:`IImages`.")
    instances = Attribute("Its :class:`IInstances`.")
    keys = Attribute("Its :class:`IKeyPairs`.")
    hardware_profiles = Attribute("Its :class:`IHardwareProfiles`.")
    firewalls = Attribute("Its :class:`IFirewalls`.")
    networks = Attribute("Its :class:`INetworks`.")
    subnets = Attribute("Its :class:`ISubnets`.")
    network_interfaces = Attribute("Its :class:`INetworkInterfaces`.")
    storage_volumes = Attribute("Its :class:`IStorageVolumes`.")
    addresses = Attribute("Its :class:`IAddresses`.")

    async def capabilities(credentials: Credentials) -> Capabilities:
        """What this backend really has: asked once, then remembered; a failure is not remembered."""

    async def close() -> None:
        """Let go of idle connections; calls under way may be cut off."""


class IDriverFactory(Interface):
    """How a kind of backend is made into a driver. Found as a Twisted plugin in :mod:`ec2proxy.drivers`."""

    name = Attribute("The driver's name, ``deltacloud``.")
    schemes = Attribute("The URL schemes of the backends that it takes, a frozenset: ``http``, ``https``.")

    def driver(backend: Backend, reactor: IReactorTime, agent: IAgent | None) -> ICloudDriver:
        """Make a driver for one backend; talks to nobody yet.

        :param reactor: the clock of its time limits, and the network unless ``agent`` is given.
        :param agent: what carries requests instead of the network: tests, the embedded cloud.
        :raises ValueError: the backend's URL is not one that this driver understands; the message says why.
        """


class IEpochs(Interface):
    """How far writes have come, as everybody knows it who shares a cloud: other workers, other machines.

    A scope is what is written to: ``region/user/collection``, and ``region/user/ledger`` for what is remembered. What
    was fetched when a scope's epoch was another than now is too old for who asks from now on.
    """

    def of(scope: str) -> int:
        """The scope's epoch: another than all before, after each write to it that has ended, anywhere. Cheap."""

    def of_all() -> int:
        """Another number than all before, after each write to any scope that has ended, anywhere. Cheaper still."""

    def bump(scope: str) -> None:
        """Note that a write to the scope has ended, well or badly."""

    async def settled() -> None:
        """Wait until every bump so far can be seen by all who share this."""


class IObserver(Interface):
    """Is told of what happens, so that it can be counted. Each method is cheap, waits for nothing and never raises."""

    def answered(record: Record) -> None:
        """A request is over. Told soon afterwards, not in the request's own path."""

    def answered_again(trace: Trace, seconds: Sequence[float]) -> None:
        """Some requests are over that were successes and differ in nothing that is counted, but for the time.

        :param trace: what is known of each.
        :param seconds: how long they took, of each.
        """

    def pursued(pursued: Pursued) -> None:
        """Something was done after the answer, to keep what it promised."""

    def read(region: str, collection: str, hit: bool) -> None:
        """A picture was asked for.

        :param region: the cloud's own name, here and below; there are few.
        :param hit: whether the one that is kept would do, so that the backend was spared.
        """

    def called(region: str, operation: str, seconds: float, error: str) -> None:
        """A call of the backend has ended.

        :param operation: collection and verb, ``instances.list``.
        :param error: the name of the error's class in :mod:`ec2proxy.errors`, empty for a success.
        """

    def stored(operation: str, seconds: float, error: str) -> None:
        """A call of the state store has ended.

        :param operation: the name of its method.
        :param error: the name of the error's class, empty for a success.
        """


class ISeal(Interface):
    """Keeps secrets in values of a state store."""

    def seal(secret: bytes, place: str) -> str:
        """Make a text of ``secret`` that nobody can read or change without the key.

        :param place: where the text is going to be kept (scope, kind and key, say); it opens nowhere else.
        """

    def derived(purpose: str) -> bytes:
        """A key of 32 bytes for another purpose, the same for all processes that share the store."""

    def unseal(sealed: str, place: str) -> bytes:
        """The secret in what :meth:`seal` made.

        :raises ValueError: it was sealed with another key or for another place, or is damaged.
        """


class IStateStore(Interface):
    """What ec2proxy itself remembers about a cloud. A method that writes returns once the write is safe.

    ``scope`` names one account of one cloud (region and cloud user); scopes never see each other. Values are what
    JSON can hold, and come back as JSON gives them (a list for a tuple). What one process writes in one scope is
    carried out in the order in which it was asked for, also when who asked is cancelled. Every coroutine raises
    :class:`~ec2proxy.errors.StateUnavailable` where the store fails.

    Several processes can share what is here. Who keeps a copy of a scope's values changes them with :meth:`change`
    only, and asks :meth:`read` what others have changed; values that nobody keeps a copy of have the simpler methods.
    """

    seal = Attribute("An :class:`ISeal`; the same for all processes that share a durable store.")
    owner = Attribute("What names this process among all that ever use the state.")
    shared = Attribute("Whether other processes may change what is kept here, while this one uses it.")

    def open() -> None:
        """Get ready: to be called once, in the process that goes on to use the store, before anything else.

        It blocks, for seconds at most.

        :raises StateError: the store cannot be used (:mod:`ec2proxy.state.errors`); one line says why.
        """

    def epochs(inner: IEpochs, machine: str = "") -> IEpochs:
        """Epochs that count what is written on other machines, too; ``inner`` where no other machine is here.

        To be called before :meth:`hold`, at most once.

        :param inner: counts what is written on this machine.
        :param machine: names it, the same for all who share ``inner``; may be empty for a process by itself.
        """

    def hold() -> None:
        """Use this state as a daemon, as long as this process lives.

        :raises StateError: another one uses it, and it is of a kind that daemons do not share.
        """

    def join() -> None:
        """Use this state as a worker of the daemon that holds it, as long as this process lives.

        :raises StateError: none holds it, or its kind cannot be shared.
        """

    async def lives(owner: str) -> bool:
        """Whether the process of that name holds this state still, on whatever machine."""

    async def close() -> None:
        """Finish what is under way, then let go of everything; any number of times."""

    async def apply(scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> None:
        """Make several changes, all or none.

        :param changes: the value to remember by kind and key, None to forget the one there is.
        """

    async def put(scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """Remember a JSON-like ``value`` under ``kind`` and ``key``, instead of any there is."""

    async def put_new(scope: str, kind: str, key: str, value: Mapping[str, object]) -> Mapping[str, object] | None:
        """Remember ``value`` unless there is one already: None when it was stored, else the one that is there."""

    async def replace(
        scope: str, kind: str, key: str, before: Mapping[str, object], after: Mapping[str, object]
    ) -> bool:
        """Remember ``after`` if ``before`` is there now; tells whether it was."""

    async def change(
        scope: str, before: str, after: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]
    ) -> bool:
        """Make several changes, all or none; none if others have changed the scope since ``before``.

        :param before: the scope's stamp that the changes rest on (:mod:`ec2proxy.state.stamps`).
        :param after: the stamp that they leave.
        :param changes: as for :meth:`apply`.
        :returns: whether they were made.
        """

    async def read(
        scope: str, since: str | None, kinds: Sequence[str]
    ) -> tuple[str, bool, Mapping[tuple[str, str], Mapping[str, object] | None]]:
        """The values of some kinds, all of one moment.

        :param since: the stamp of what is known already; None for nothing.
        :returns: the stamp that they go with; whether they are all there are, rather than those that have changed
            since (with None for what is gone); and the values by kind and key.
        """

    async def get(scope: str, kind: str, key: str) -> Mapping[str, object] | None:
        """The value under ``kind`` and ``key``, or None."""

    async def delete(scope: str, kind: str, key: str) -> None:
        """Forget a value; nothing happens if there is none."""

    async def items(scope: str, kind: str) -> Mapping[str, Mapping[str, object]]:
        """All values of ``kind``, by key."""

    async def scopes(kind: str) -> Sequence[str]:
        """The scopes that have anything of ``kind``."""
