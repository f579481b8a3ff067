"""How late the event loop is: what one slow computation costs everybody else."""

from collections import deque

from twisted.internet.interfaces import IDelayedCall, IReactorTime

EVERY, SPAN = 0.5, 10.0
"""Seconds between two measurements, and for how many the worst is remembered."""


class Lag:
    """Asks to be called at a time, and looks how late it is called.

    :param clock: the reactor's.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self._late: deque[float] = deque(maxlen=int(SPAN / EVERY))
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._clock.seconds() + EVERY
        self._next = self._clock.callLater(EVERY, self._look)

    def stop(self) -> None:
        """Measure no more; any number of times."""
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    def worst(self) -> float:
        """The longest delay of late, in seconds."""
        return max(self._late, default=0.0)

    def _look(self) -> None:
        # A clock that was set back says nothing.
        self._late.append(max(0.0, self._clock.seconds() - self._due))
        self.start()
