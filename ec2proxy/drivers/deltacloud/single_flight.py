"""One piece of work that several callers wait for, each of whom may go away."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

_T = TypeVar("_T")


class SingleFlight(Generic[_T]):
    """Work under way, and those who wait for it. It goes on until it is done or nobody waits any more.

    :param start: the work; called once.
    :param landed: called once, when it has ended or is given up, before anyone is told.
    """

    def __init__(self, start: Callable[[], Coroutine[Any, Any, _T]], landed: Callable[[], None]) -> None:
        self._start = start
        self._landed = landed
        self._waiting: list[Deferred[_T]] = []
        self._work: Deferred[None] | None = None

    def join(self) -> Deferred[_T]:
        """Wait for the work, which the first to join begins; cancelling gives up one's place.

        The work is cancelled when the last gives up, and no one may join any more once it has landed.
        """
        waiter: Deferred[_T] = Deferred(self._leave)
        self._waiting.append(waiter)
        if self._work is None:
            self._work = Deferred.fromCoroutine(self._start()).addBoth(self._tell)
        return waiter

    def _leave(self, waiter: Deferred[_T]) -> None:
        # When it has landed, all are being told, and one of them may make another leave.
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            if not self._waiting and self._work is not None:
                self._landed()
                self._work.cancel()

    def _tell(self, result: _T | Failure) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._landed()
        for waiter in waiting:
            if not waiter.called:
                waiter.callback(result)
