"""The shared picture: what a cloud holds, fetched once for all who ask at the same time.

For each caller's credentials and each collection there is one immutable snapshot. A reader gets it if it is younger
than the freshness and not older than the last write that touched it; else a refresh is started or joined. At most one
refresh of a picture is under way. A backend that is down is left alone for a while, though not by who is about to
change something.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.interfaces import IReactorTime

from ec2proxy.cloud.backoff import Backoff
from ec2proxy.cloud.notes import NOTES, Look
from ec2proxy.cloud.picture import Picture, Snapshot
from ec2proxy.cloud.pictures import Key, Pictures
from ec2proxy.ec2.trace import is_change, note_source
from ec2proxy.errors import CloudError, Unauthenticated
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

MEMORY = 256 * 1024 * 1024
"""Bytes that the pictures of one cloud may hold, if nothing else is said."""

MOST_PICTURES = 20_000
"""How many pictures of one cloud are kept. One poll may look at six, and with one less for all who poll in turn, each
would find that its own have just gone. What has been filled counts by its bytes as well."""

COLLECTIONS = (
    "addresses",
    "firewalls",
    "hardware_profiles",
    "images",
    "instances",
    "keys",
    "network_interfaces",
    "networks",
    "realms",
    "storage_volumes",
    "subnets",
)
"""Everything that there may be a picture of."""

_WITH = {"instances": ("addresses", "network_interfaces", "storage_volumes")}
"""What comes, goes or is let go of with others."""


class Inventory:
    """The pictures of one cloud, for all its callers.

    :param region: the cloud's name; with the cloud user and the collection it names what is written to.
    :param freshness: how old a snapshot may be, in seconds.
    :param most_pictures: how many pictures are kept; the one unused for longest goes first.
    :param observer: is told of each read.
    :param memory: about how many bytes pictures may hold; again the one unused for longest goes first.
    :param jitter: gives a number from 0 to 1, for :class:`~ec2proxy.cloud.backoff.Backoff`.
    """

    def __init__(
        self,
        region: str,
        driver: ICloudDriver,
        epochs: IEpochs,
        clock: IReactorTime,
        freshness: float = 1.0,
        most_pictures: int = MOST_PICTURES,
        observer: IObserver = NOBODY,
        memory: int = MEMORY,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._region = region
        self._driver = driver
        self._epochs = epochs
        self._clock = clock
        self._freshness = freshness
        self._observer = observer
        self._backoff = Backoff(clock, jitter)
        self._pictures = Pictures(most_pictures, memory)
        self._ahead: Callable[[Credentials, str], None] | None = None

    def tell_ahead(self, told: Callable[[Credentials, str], None]) -> None:
        """Have somebody told whose picture of which collection was refreshed while the last one would still do.

        There is time then to make what will be asked for, before anybody waits for it.
        """
        self._ahead = told

    def current(self, credentials: Credentials, collection: str, max_age: float = 0.0) -> Snapshot[Any] | None:
        """The snapshot that a read would be answered with at once; None where the backend has to be asked.

        :param max_age: seconds; as for :meth:`images`.
        """
        picture = self._pictures.get((credentials, collection))
        return None if picture is None else picture.current(max(max_age, self._freshness))

    def __len__(self) -> int:
        """How many pictures are kept."""
        return len(self._pictures)

    @property
    def memory(self) -> int:
        """About how many bytes they hold."""
        return self._pictures.bytes

    def held(self, collection: str) -> Iterator[tuple[Credentials, Snapshot[Any]]]:
        """The snapshots of a collection that are kept, however old, and whose they are; for who looks on."""
        return self._pictures.held(collection)

    async def instances(self, credentials: Credentials, whole: bool = True) -> Snapshot[Instance]:
        """The caller's instances.

        :param whole: whether all of them matter; else who asks notes himself which do.
        """
        return await self._read(credentials, "instances", whole=whole)

    async def images(self, credentials: Credentials, max_age: float = 0.0, failure_age: float = 0.0) -> Snapshot[Image]:
        """The images that the caller sees.

        :param max_age: seconds; how old the answer may be where that is more than the freshness.
        :param failure_age: seconds; a failure that is younger is told again, and the backend not asked, until they are
            written to.
        """
        return await self._read(credentials, "images", max_age, failure_age)

    async def realms(self, credentials: Credentials, max_age: float = 0.0) -> Snapshot[Realm]:
        """The realms that the caller sees; as :meth:`images`."""
        return await self._read(credentials, "realms", max_age)

    async def keys(self, credentials: Credentials) -> Snapshot[KeyPair]:
        """The caller's key pairs."""
        return await self._read(credentials, "keys")

    async def hardware_profiles(self, credentials: Credentials) -> Snapshot[HardwareProfile]:
        """The hardware profiles that the caller sees."""
        return await self._read(credentials, "hardware_profiles")

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
        for each in (collection, *_WITH.get(collection, ())):
            self._epochs.bump(self.scope(credentials, each))

    def wrote_anything(self, user: str) -> None:
        """Note that a write of a cloud user's has finished of which nobody here knows what it was about."""
        for collection in COLLECTIONS:
            self._epochs.bump(self._scope(user, collection))

    def is_outdated(self, credentials: Credentials, collection: str, snapshot: Snapshot[Any]) -> bool:
        """Whether a write to a collection has finished since a picture of it was begun."""
        return snapshot.epoch != self._epochs.of(self.scope(credentials, collection))

    def drop_outdated(self, credentials: Credentials, collection: str) -> None:
        """Have a collection looked at anew for the current request, if it was looked at before a write to it."""
        notes = NOTES.get()
        if notes is None:
            return
        look = notes.looks.get((credentials, collection))
        if look is not None and not look.failed and self.is_outdated(credentials, collection, look.snapshot):
            del notes.looks[credentials, collection]

    def scope(self, credentials: Credentials, collection: str) -> str:
        """What a write to ``collection`` is known as; see :class:`~ec2proxy.interfaces.IEpochs`."""
        return self._scope(credentials.user, collection)

    def _scope(self, user: str, collection: str) -> str:
        return f"{self._region}/{user}/{collection}"

    async def look_again(self, look: Look) -> Snapshot[Any]:
        """What a picture shows now that was looked at before; as it was looked at then."""
        return await self._read(look.credentials, look.collection, look.max_age, look.failure_age, look.whole)

    async def _if_listed(self, credentials: Credentials, collection: str, max_age: float) -> Snapshot[Any] | None:
        # There is a picture only of what is listed.
        if self._pictures.get((credentials, collection)) is None:
            refusal = None if is_change() else self._backoff.refusal()
            try:
                if refusal is not None:
                    raise refusal
                capabilities = await self._driver.capabilities(credentials)
            except CloudError:
                # Whether it is listed is asked again, so nothing can be kept that was made without.
                if (notes := NOTES.get()) is not None:
                    notes.spoiled = True
                raise
            if collection not in capabilities.collections:
                return None
        # Where much age is allowed, a failure may have it too: else every poll would ask for what fails.
        return await self._read(credentials, collection, max_age, failure_age=max_age)

    async def _read(
        self,
        credentials: Credentials,
        collection: str,
        max_age: float = 0.0,
        failure_age: float = 0.0,
        whole: bool = True,
    ) -> Snapshot[Any]:
        age = max(max_age, self._freshness)
        picture = self._picture(credentials, collection)
        notes = NOTES.get()
        if notes is None:
            return await self._seen(picture, (credentials, collection), age, failure_age)
        look = notes.found(credentials, collection, max_age, whole)
        if look is None:
            outcome: Snapshot[Any] | CloudError
            failed = None
            try:
                outcome = await self._seen(picture, (credentials, collection), age, failure_age)
            except CloudError as error:
                outcome, failed = error, picture.failed(failure_age)
            scope = self.scope(credentials, collection)
            look = Look(credentials, collection, scope, max_age, failure_age, age, outcome, failed, whole)
            notes.saw(look)
        return look.snapshot

    async def _seen(self, picture: Picture[Any], key: Key, age: float, failure_age: float) -> Snapshot[Any]:
        try:
            return await picture.read(age, failure_age, pressing=is_change())
        except Unauthenticated:
            # Anybody can make up names without end: nobody else's picture is to go for their sake.
            if not failure_age:
                self._pictures.forget_empty(key)
            raise

    def _picture(self, credentials: Credentials, collection: str) -> Picture[Any]:
        key = (credentials, collection)
        picture = self._pictures.get(key)
        if picture is None:
            fetch = getattr(self._driver, collection).list

            def seen(hit: bool) -> None:
                self._observer.read(self._region, collection, hit)
                note_source("picture" if hit else "backend")

            picture = Picture(
                self._clock,
                lambda: fetch(credentials),
                self._epochs,
                self.scope(credentials, collection),
                self._backoff,
                seen,
                self._pictures.grown,
                lambda: self._told_ahead(credentials, collection),
            )
            self._pictures.add(key, picture)
        return picture

    def _told_ahead(self, credentials: Credentials, collection: str) -> None:
        if self._ahead is not None:
            self._ahead(credentials, collection)
