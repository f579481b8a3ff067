"""One picture: a collection as one caller sees it, fetched once for all who ask at the same time."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ec2proxy.cloud.backoff import Attempt, Backoff
from ec2proxy.cloud.weight import weigh
from ec2proxy.errors import CloudError
from ec2proxy.flights import Flight
from ec2proxy.interfaces import IEpochs


class Identified(Protocol):
    """What a collection is made of."""

    @property
    def id(self) -> str:
        """The backend's identifier."""


Item = TypeVar("Item", bound=Identified)

LONG = 0.08
"""Seconds above which a refresh is so long that who polls is not to wait for it, at whatever cost to the backend."""

A_LITTLE, AT_MOST = 1 / 20, 1 / 2
"""How much of the time that a picture may be used the next refresh begins early: of one that is not long, and of any.
For that the backend is asked by a nineteenth more often, and twice as often."""

_numbers = count()

Fetch = Callable[[], Coroutine[Deferred[Any], Any, Sequence[Item]]]


@frozen(eq=False)
class Snapshot(Generic[Item]):
    """A collection as it was at one moment.

    :param items: in the backend's order; the same tuple as before where a refresh brought nothing new.
    :param by_id: the same by identifier; the same mapping as before with the same tuple.
    :param taken: when the refresh that brought it began, in the clock's seconds.
    :param epoch: its scope's epoch then.
    :param weight: about how many bytes the items take.
    :param took: seconds that refreshes take: the shorter of the last two, since any may be held up once.
    :param shown: names what it shows: another number with other items.
    """

    items: tuple[Item, ...]
    by_id: Mapping[str, Item]
    taken: float
    epoch: int
    weight: int
    took: float = 0.0
    shown: int = field(factory=_numbers.__next__)

    def outline(self) -> "Snapshot[Item]":
        """The same without its items, to be kept and compared with: else all that was ever seen would stay."""
        return evolve(self, items=(), by_id={})

    def due(self, max_age: float) -> float:
        """When the next refresh is to begin if somebody reads then, in the clock's seconds.

        It begins early enough to be there when this picture is too old, so that whoever polls all the time never waits
        for it; but within limits, or a slow backend would be asked without a pause.

        :param max_age: seconds; how old the picture may be.
        """
        # The next one may take somewhat longer.
        early = min(1.25 * self.took, max_age * (AT_MOST if self.took > LONG else A_LITTLE))
        return self.taken + max_age - early


@frozen(eq=False)
class Failed:
    """What is remembered of a refresh that failed.

    :param at: when it ended, in the clock's seconds.
    :param epoch: its scope's epoch when it began.
    """

    error: CloudError
    at: float
    epoch: int


@frozen(eq=False)
class _Refresh(Generic[Item]):
    """A refresh under way.

    :param flight: those who wait for it.
    :param taken: when it began.
    :param epoch: the scope's epoch then.
    """

    flight: Flight[Snapshot[Item]]
    taken: float
    epoch: int
    attempt: Attempt


@define(eq=False)
class Picture(Generic[Item]):
    """One collection as one caller sees it.

    :param scope: what it is written to as; see :class:`~ec2proxy.interfaces.IEpochs`.
    :param backoff: what is known of the backend, shared by all its pictures.
    :param seen: is told of each read whether the snapshot that is kept would do.
    :param snapshot: what is kept, however old.
    :param kept: is told, while the picture is :attr:`busy`, that it was filled, and by how many bytes it has grown.
    :param ahead: is told that it was filled, and nobody waited for it.
    """

    _clock: IReactorTime
    _fetch: Fetch[Item]
    _epochs: IEpochs
    _scope: str
    _backoff: Backoff
    _seen: Callable[[bool], None]
    _kept: Callable[[int], None]
    _ahead: Callable[[], None]
    snapshot: Snapshot[Item] | None = None
    _refresh: _Refresh[Item] | None = None
    _next: Flight[Snapshot[Item]] = field(factory=Flight)
    _failed: Failed | None = None
    _took: float = 0.0

    def current(self, max_age: float) -> Snapshot[Item] | None:
        """The snapshot that a read would be answered with at once; None where the backend has to be asked."""
        kept = self.snapshot
        if kept is None or not self._is_younger(kept.taken, max_age) or kept.epoch != self._epochs.of(self._scope):
            return None
        self._seen(True)
        if self._refresh is None and self._clock.seconds() >= kept.due(max_age) and self._backoff.refusal() is None:
            self._start()
        return kept

    def read(self, max_age: float, failure_age: float = 0.0, *, pressing: bool = False) -> "Deferred[Snapshot[Item]]":
        """A snapshot that is at most ``max_age`` seconds old and shows every write that has been answered.

        Cancelling it leaves the refresh to the others who wait for it, and cancels that too if there are none.

        :param failure_age: seconds; a failure that is younger is told again, and the backend not asked, until it is
            written to.
        :param pressing: ask the backend although it is left alone for a while.
        :raises CloudError: what the backend answered to the refresh that this read joined.
        :raises BackendUnavailable: the backend is down and left alone for a while.
        """
        kept = self.current(max_age)
        if kept is not None:
            return succeed(kept)
        self._seen(False)
        refresh = self._refresh
        failed = self.failed(failure_age)
        if failed is not None:
            # Without the ways that it took before, to which each reader adds its own.
            return fail(failed.error.with_traceback(None))
        if refresh is not None and refresh.flight.open and refresh.epoch == self._epochs.of(self._scope):
            return refresh.flight.join()
        if not pressing and (refusal := self._backoff.refusal()) is not None:
            return fail(refusal)
        joined = self._next.join()
        if refresh is None:
            self._start()
        return joined

    def failed(self, failure_age: float) -> Failed | None:
        """The failure that a read is told again; None where it asks the backend.

        :param failure_age: as for :meth:`read`.
        """
        failed = self._failed
        if failed is None or not self._is_younger(failed.at, failure_age):
            return None
        return failed if failed.epoch == self._epochs.of(self._scope) else None

    @property
    def busy(self) -> bool:
        """Whether somebody waits for it."""
        return self._refresh is not None

    @property
    def weight(self) -> int:
        """About how many bytes are kept."""
        return 0 if self.snapshot is None else self.snapshot.weight

    def _is_younger(self, time: float, age: float) -> bool:
        # What seems to lie ahead was seen before the clock was put back, nobody knows how long before.
        return 0 <= self._clock.seconds() - time < age

    def _start(self) -> None:
        flight, self._next = self._next, Flight()
        refresh = _Refresh(flight, self._clock.seconds(), self._epochs.of(self._scope), self._backoff.begin())
        self._refresh = refresh
        flight.start(self._fetched(refresh), lambda outcome: self._land(outcome, refresh))

    async def _fetched(self, refresh: _Refresh[Item]) -> Snapshot[Item]:
        return self._keep(await self._fetch(), refresh)

    def _keep(self, items: Sequence[Item], refresh: _Refresh[Item]) -> Snapshot[Item]:
        self._failed = None
        old, kept = self.snapshot, tuple(items)
        # The first takes longer than the others will: there is no connection yet, and nothing to compare with.
        before = LONG if old is None else self._took
        self._took = self._clock.seconds() - refresh.taken
        took = min(before, self._took)
        if old is not None and old.items is kept:
            self.snapshot = Snapshot(kept, old.by_id, refresh.taken, refresh.epoch, old.weight, took, old.shown)
        else:
            by_id = {item.id: item for item in kept}
            self.snapshot = Snapshot(kept, by_id, refresh.taken, refresh.epoch, weigh(kept), took)
        self._kept(self.snapshot.weight - (0 if old is None else old.weight))
        return self.snapshot

    def _land(self, outcome: Snapshot[Item] | Failure, refresh: _Refresh[Item]) -> None:
        self._refresh = None
        error = outcome.value if isinstance(outcome, Failure) else None
        self._backoff.end(refresh.attempt, error)
        if isinstance(error, CloudError):
            self._failed = Failed(error, self._clock.seconds(), refresh.epoch)
        if error is None and not refresh.flight.awaited:
            self._ahead()
        if not self._next.awaited or self._refresh is not None:
            return
        refusal = self._backoff.refusal()
        if refusal is None:
            self._start()
        else:
            refused, self._next = self._next, Flight()
            refused.tell(Failure(refusal))
