"""The end: letting requests under way finish before the daemon goes."""

from collections.abc import Callable, Iterator
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime


class Connection(Protocol):
    """What a wire protocol offers to be drained."""

    def leave(self) -> None:
        """Close: at once if nothing is under way, else after the request that is."""

    def abort(self) -> None:
        """Cut off, whatever is under way."""

    def idle_since(self) -> float | None:
        """The time since when it waits for a request, by the reactor's clock; None if it does something else."""


class Connections:
    """The open connections of a site.

    :param clock: what the grace is measured by.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._open: set[Connection] = set()
        self._waiting: list[Deferred[None]] = []
        self.changed: Callable[[int], None] = lambda count: None
        """Is told how many there are, whenever that changes."""

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        """Those that are open, in no order."""
        return iter(self._open)

    def made(self, connection: Connection) -> None:
        """Note a new connection."""
        self._open.add(connection)
        self.changed(len(self._open))

    def lost(self, connection: Connection) -> None:
        """Note that a connection has ended."""
        self._open.discard(connection)
        self.changed(len(self._open))
        if not self._open:
            self._tell()

    def drained(self, grace: float) -> Deferred[None]:
        """Close idle connections now, the others once their request is answered and the answer is sent.

        Stop listening first: a connection made meanwhile is waited for as well.

        :param grace: seconds after which those that are left are cut off, and what they waited for is cancelled.
        :returns: what fires when no connection is left.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        for connection in tuple(self._open):
            connection.leave()
        if self._open:
            cut = self._clock.callLater(grace, self._abort)

            def stop_waiting(result: None) -> None:
                if cut.active():
                    cut.cancel()

            done.addCallback(stop_waiting)
        else:
            self._tell()
        return done

    def _abort(self) -> None:
        for connection in tuple(self._open):
            connection.abort()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)
