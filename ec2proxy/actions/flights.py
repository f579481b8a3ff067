"""Work that is done once for all who ask for it at the same time."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@define(eq=False)
class _Flight(Generic[T]):
    """Work under way, and who waits for it."""

    readers: "list[Deferred[T]]" = field(factory=list)
    working: "Deferred[None] | None" = None

    def joined(self) -> "Deferred[T]":
        """What the work comes to. Cancelling it leaves the work to others, and cancels that if there are none."""
        reader: Deferred[T] = Deferred(self._leave)
        self.readers.append(reader)
        return reader

    def _leave(self, reader: "Deferred[T]") -> None:
        # When it has landed, all are being told, and one of them may make another leave.
        if reader in self.readers:
            self.readers.remove(reader)
            if not self.readers and self.working is not None:
                self.working.cancel()

    def land(self, outcome: T | Failure) -> None:
        """Tell everybody."""
        readers, self.readers = self.readers, []
        for reader in readers:
            # What one does with it may make another leave.
            if reader.called:
                continue
            if isinstance(outcome, Failure):
                # Without the ways that it took before, to which each reader adds its own.
                reader.errback(Failure(outcome.value.with_traceback(None)) if outcome.value else outcome)
            else:
                reader.callback(outcome)


class Flights(Generic[K, T]):
    """Work under way, by what it is about.

    Nobody is given the outcome of work that began before it was asked for, unless that holds now: it may have looked
    at what has been changed since, by the very client that asks.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._flights)

    async def of(
        self, key: K, work: Callable[[], Coroutine[Deferred[Any], Any, T]], holding: Callable[[], T | None]
    ) -> T:
        """What ``work`` comes to, or somebody else's work of the same key.

        :param holding: gives the outcome of earlier work if it holds at this moment.
        """
        flight = self._flights.get(key)
        if flight is not None:
            try:
                await flight.joined()
            except CancelledError:
                raise
            except Exception:  # it is told to who began it; this one may fare better
                pass
            outcome = holding()
            if outcome is not None:
                return outcome
            # One that is there now began after this was asked for.
            flight = self._flights.get(key)
        return await (self._start(key, work) if flight is None else flight.joined())

    def _start(self, key: K, work: Callable[[], Coroutine[Deferred[Any], Any, T]]) -> "Deferred[T]":
        flight = self._flights[key] = _Flight[T]()
        joined = flight.joined()

        def ended(outcome: T | Failure) -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.land(outcome)

        flight.working = Deferred.fromCoroutine(work()).addBoth(ended)
        return joined
