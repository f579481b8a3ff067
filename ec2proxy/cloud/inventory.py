"""The shared picture: what a cloud holds, fetched once for all who ask at the same time.

For each caller's credentials and each collection there is one immutable snapshot. A reader gets it if it is younger
than the freshness and not older than the last write that touched it; else a refresh is started or joined. At most one
refresh of a picture is under way.
"""

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ec2proxy.ec2.trace import note_source
from ec2proxy.errors import CloudError
from ec2proxy.interfaces import ICloudDriver, IEpochs, IObserver
from ec2proxy.model import (
    Credentials,
    Firewall,
    HardwareProfile,
    Image,
    Instance,
    KeyPair,
    Network,
    NetworkInterface,
    PublicAddress,
    Realm,
    StorageVolume,
    Subnet,
)
from ec2proxy.observing.nobody import NOBODY


class Identified(Protocol):
    """What a collection is made of."""

    @property
    def id(self) -> str:
        """The backend's identifier."""


Item = TypeVar("Item", bound=Identified)

Fetch = Callable[[], Coroutine[Deferred[Any], Any, Sequence[Item]]]


@frozen(eq=False)
class Snapshot(Generic[Item]):
    """A collection as it was at one moment.

    :param items: in the backend's order.
    :param by_id: the same by identifier.
    :param taken: when the refresh that brought it began, in the clock's seconds.
    :param epoch: its scope's epoch then.
    """

    items: tuple[Item, ...]
    by_id: Mapping[str, Item]
    taken: float
    epoch: int


@define(eq=False)
class _Flight(Generic[Item]):
    """A refresh under way, and who waits for it.

    :param epoch: the scope's epoch when it began; None once it is being given up.
    """

    epoch: int | None
    readers: "list[Deferred[Snapshot[Item]]]"
    fetching: "Deferred[Snapshot[Item]] | None" = None


@define(eq=False)
class Picture(Generic[Item]):
    """One collection as one caller sees it.

    :param scope: what it is written to as; see :class:`~ec2proxy.interfaces.IEpochs`.
    :param seen: is told of each read whether the snapshot that is kept would do.
    """

    _clock: IReactorTime
    _fetch: Fetch[Item]
    _epochs: IEpochs
    _scope: str
    _seen: Callable[[bool], None]
    _snapshot: Snapshot[Item] | None = None
    _flight: _Flight[Item] | None = None
    _next: "list[Deferred[Snapshot[Item]]]" = field(factory=list)
    _failed: tuple[float, CloudError] | None = None

    def read(self, max_age: float, failure_age: float = 0.0) -> "Deferred[Snapshot[Item]]":
        """A snapshot that is at most ``max_age`` seconds old and shows every write that has been answered.

        Cancelling it leaves the refresh to the others who wait for it, and cancels that too if there are none.

        :param failure_age: seconds; a failure that is younger is told again, and the backend not asked.
        :raises CloudError: what the backend answered to the refresh that this read joined.
        """
        kept, epoch = self._snapshot, self._epochs.of(self._scope)
        reader: Deferred[Snapshot[Item]] = Deferred(self._leave)
        hit = kept is not None and kept.epoch == epoch and self._is_younger(kept.taken, max_age)
        self._seen(hit)
        if kept is not None and hit:
            reader.callback(kept)
        elif self._failed is not None and self._is_younger(self._failed[0], failure_age):
            # Without the ways that it took before, to which each reader adds its own.
            reader.errback(self._failed[1].with_traceback(None))
        elif self._flight is None:
            self._start([reader])
        elif self._flight.epoch == epoch:
            self._flight.readers.append(reader)
        else:
            self._next.append(reader)
        return reader

    @property
    def busy(self) -> bool:
        """Whether somebody waits for it."""
        return self._flight is not None

    def _is_younger(self, time: float, age: float) -> bool:
        # What seems to lie ahead was seen before the clock was put back, nobody knows how long before.
        return 0 <= self._clock.seconds() - time < age

    def _start(self, readers: "list[Deferred[Snapshot[Item]]]") -> None:
        taken, epoch = self._clock.seconds(), self._epochs.of(self._scope)
        flight = self._flight = _Flight(epoch, readers)

        def keep(items: Sequence[Item]) -> Snapshot[Item]:
            self._failed = None
            kept = tuple(items)
            self._snapshot = Snapshot(kept, {item.id: item for item in kept}, taken, epoch)
            return self._snapshot

        fetching = Deferred.fromCoroutine(self._fetch()).addCallback(keep)
        flight.fetching = fetching
        fetching.addBoth(self._land, flight)

    def _land(self, result: Snapshot[Item] | Failure, flight: _Flight[Item]) -> None:
        self._flight = None
        if isinstance(result, Failure) and isinstance(result.value, CloudError):
            self._failed = self._clock.seconds(), result.value
        waiting, self._next = self._next, []
        if waiting:
            self._start(waiting)
        for reader in flight.readers:
            # What one reader does with it may make another leave.
            if not reader.called:
                reader.callback(result)

    def _leave(self, reader: "Deferred[Snapshot[Item]]") -> None:
        flight = self._flight
        if reader in self._next:
            self._next.remove(reader)
        elif flight is not None and reader in flight.readers:
            flight.readers.remove(reader)
            if not flight.readers and flight.fetching is not None:
                # Nobody may join what is being given up, however long that takes.
                flight.epoch = None
                flight.fetching.cancel()


class Inventory:
    """The pictures of one cloud, for all its callers.

    :param region: the cloud's name; with the cloud user and the collection it names what is written to.
    :param freshness: how old a snapshot may be, in seconds.
    :param most_pictures: how many pictures are kept; the one unused for longest goes first.
    :param observer: is told of each read.
    """

    def __init__(
        self,
        region: str,
        driver: ICloudDriver,
        epochs: IEpochs,
        clock: IReactorTime,
        freshness: float = 1.0,
        most_pictures: int = 1000,
        observer: IObserver = NOBODY,
    ) -> None:
        self._region = region
        self._driver = driver
        self._epochs = epochs
        self._clock = clock
        self._freshness = freshness
        self._most_pictures = most_pictures
        self._observer = observer
        self._pictures: OrderedDict[tuple[Credentials, str], Picture[Any]] = OrderedDict()

    async def instances(self, credentials: Credentials) -> Snapshot[Instance]:
        """The caller's instances."""
        return await self._picture(credentials, "instances").read(self._freshness)

    async def images(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Image]:
        """The images that the caller sees.

        :param max_age: seconds; how old the answer may be where that is more than the freshness.
        """
        return await self._picture(credentials, "images").read(max(max_age, self._freshness))

    async def realms(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Realm]:
        """The realms that the caller sees; as :meth:`images`."""
        return await self._picture(credentials, "realms").read(max(max_age, self._freshness))

    async def keys(self, credentials: Credentials) -> Snapshot[KeyPair]:
        """The caller's key pairs."""
        return await self._picture(credentials, "keys").read(self._freshness)

    async def hardware_profiles(self, credentials: Credentials) -> Snapshot[HardwareProfile]:
        """The hardware profiles that the caller sees."""
        return await self._picture(credentials, "hardware_profiles").read(self._freshness)

    async def firewalls(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Firewall] | None:
        """The firewalls that the caller sees; None where the backend has no such collection.

        :param max_age: as for :meth:`images`.
        """
        return await self._if_listed(credentials, "firewalls", max_age)

    async def networks(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Network] | None:
        """The networks; as :meth:`firewalls`."""
        return await self._if_listed(credentials, "networks", max_age)

    async def subnets(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Subnet] | None:
        """The subnets of all networks; as :meth:`firewalls`."""
        return await self._if_listed(credentials, "subnets", max_age)

    async def network_interfaces(
        self, credentials: Credentials, max_age: float = 0.0
    ) -> Snapshot[NetworkInterface] | None:
        """The network interfaces; as :meth:`firewalls`."""
        return await self._if_listed(credentials, "network_interfaces", max_age)

    async def storage_volumes(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[StorageVolume] | None:
        """The storage volumes; as :meth:`firewalls`."""
        return await self._if_listed(credentials, "storage_volumes", max_age)

    async def addresses(self, credentials: Credentials) -> Snapshot[PublicAddress] | None:
        """The public addresses that the caller holds; as :meth:`firewalls`."""
        return await self._if_listed(credentials, "addresses", 0.0)

    def wrote(self, credentials: Credentials, collection: str) -> None:
        """Note that a write to ``collection`` has finished, well or badly.

        Every caller who is the same cloud user is told, however it proved itself.
        """
        self._epochs.bump(self.scope(credentials, collection))

    def scope(self, credentials: Credentials, collection: str) -> str:
        """What a write to ``collection`` is known as; see :class:`~ec2proxy.interfaces.IEpochs`."""
        return f"{self._region}/{credentials.user}/{collection}"

    async def _if_listed(self, credentials: Credentials, collection: str, max_age: float) -> Snapshot[Any] | None:
        capabilities = await self._driver.capabilities(credentials)
        if collection not in capabilities.collections:
            return None
        # Where much age is allowed, a failure may have it too: else every poll would ask for what fails.
        return await self._picture(credentials, collection).read(max(max_age, self._freshness), max_age)

    def _picture(self, credentials: Credentials, collection: str) -> Picture[Any]:
        key = (credentials, collection)
        picture = self._pictures.get(key)
        if picture is None:
            self._make_room()
            fetch = getattr(self._driver, collection).list

            def seen(hit: bool) -> None:
                self._observer.read(self._region, collection, hit)
                note_source("picture" if hit else "backend")

            picture = self._pictures[key] = Picture(
                self._clock, lambda: fetch(credentials), self._epochs, self.scope(credentials, collection), seen
            )
        self._pictures.move_to_end(key)
        return picture

    def _make_room(self) -> None:
        """Forget pictures, but none that somebody waits for: a new one in its place would start a second refresh."""
        excess = len(self._pictures) + 1 - self._most_pictures
        if excess > 0:
            for key in [key for key, picture in self._pictures.items() if not picture.busy][:excess]:
                del self._pictures[key]
