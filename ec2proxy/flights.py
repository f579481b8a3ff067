"""Work that is done once for all who wait for it, each of whom may go away."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flight(Generic[T]):
    """Work, and those who wait for it. It goes on until it is done or all who waited have left.

    They are called one after the other. Twisted's DeferredLock calls each from within the call of the one before it,
    and a few hundred exceed Python's stack.

    :ivar open: whether one may join: not when it is over or being given up, however long that takes.
    """

    def __init__(self) -> None:
        self.open = True
        self._working: Deferred[None] | None = None
        # In the order of joining, and fast to leave from the middle.
        self._waiting: dict[Deferred[T], None] = {}

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for it."""
        return bool(self._waiting)

    def join(self) -> "Deferred[T]":
        """What the work comes to; it need not have begun.

        Cancelling this leaves the work to the others who wait for it, and cancels that if there are none.
        """
        waiter: Deferred[T] = Deferred(self._leave)
        self._waiting[waiter] = None
        return waiter

    async def over(self) -> None:
        """Wait until it is over, whatever it comes to."""
        try:
            await self.join()
        except CancelledError:
            raise
        except Exception:  # it is told to who began it
            pass

    def start(
        self, work: Coroutine[Deferred[Any], Any, T], landed: Callable[[T | Failure], None] | None = None
    ) -> None:
        """Begin, once. Who joins before this is told even where the work ends at once.

        :param work: it runs in a context of its own, a copy of that of who begins it.
        :param landed: is told what it came to before anyone else is.
        """

        def end(outcome: T | Failure) -> None:
            try:
                if landed is not None:
                    landed(outcome)
            finally:
                self.tell(outcome)

        self._working = Deferred.fromCoroutine(work).addBoth(end)

    def tell(self, outcome: T | Failure) -> None:
        """Tell all who wait; to be called where it never begins."""
        self.open = False
        waiting, self._waiting = self._waiting, {}
        for waiter in waiting:
            # What one does with it may make another leave.
            if not waiter.called:
                waiter.callback(outcome)

    def _leave(self, waiter: "Deferred[T]") -> None:
        self._waiting.pop(waiter, None)
        # When all are being told, nothing is left to be cancelled.
        if not self._waiting and self._working is not None:
            self.open = False
            self._working.cancel()


class Flights(Generic[K, T]):
    """Work under way, by what it is about."""

    def __init__(self) -> None:
        self._flights: dict[K, Flight[T]] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._flights)

    def under_way(self, key: K) -> Flight[T] | None:
        """The flight that one may join; None where there is none."""
        flight = self._flights.get(key)
        return flight if flight is not None and flight.open else None

    def begin(self, key: K, work: Coroutine[Deferred[Any], Any, T]) -> "Deferred[T]":
        """Begin what is not under way, and wait for it as :meth:`Flight.join` does."""
        flight = self._flights[key] = Flight[T]()
        joined = flight.join()

        def landed(_: T | Failure) -> None:
            # Another may have begun while this one was being given up.
            if self._flights.get(key) is flight:
                del self._flights[key]

        flight.start(work, landed)
        return joined

    async def of(
        self, key: K, work: Callable[[], Coroutine[Deferred[Any], Any, T]], holding: Callable[[], T | None]
    ) -> T:
        """What ``work`` comes to, or somebody else's work of the same key.

        Nobody is given the outcome of work that began before it was asked for, unless that holds now: it may have
        looked at what has been changed since, by the very client that asks.

        :param holding: gives the outcome of earlier work if it holds at this moment.
        """
        flight = self.under_way(key)
        if flight is not None:
            await flight.over()
            outcome = holding()
            if outcome is not None:
                return outcome
        # One that is there now began after this was asked for.
        flight = self.under_way(key)
        return await (self.begin(key, work()) if flight is None else flight.join())
