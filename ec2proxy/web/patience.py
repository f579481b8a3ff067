"""How long a connection is waited for: a deadline that moves with every request, behind a timer that seldom does."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Patience:
    """Ends when nothing has moved the deadline in time.

    Moving a timer costs more than a good part of a request: the reactor keeps them in a heap. So here the timer stays
    where it is as long as it is not too late, and looks at the deadline once its time has come.

    :param clock: what time is told by.
    :param over: is called once at the deadline.
    """

    __slots__ = ("_clock", "_deadline", "_over", "_timer")

    def __init__(self, clock: IReactorTime, over: Callable[[], None]) -> None:
        self._clock = clock
        self._over = over
        self._deadline: float | None = None
        self._timer: IDelayedCall | None = None

    def wait(self, seconds: float, now: float | None = None) -> None:
        """Wait for so long from now on, whatever was said before.

        :param now: the clock's seconds, if they are known.
        """
        self._deadline = deadline = (self._clock.seconds() if now is None else now) + seconds
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._look)
        elif self._timer.getTime() > deadline:
            self._timer.reset(seconds)

    def rest(self) -> None:
        """Wait without end, until something else is said."""
        self._deadline = None

    def stop(self) -> None:
        """End for good, with nothing left on the clock, and without holding on to anybody."""
        self._deadline = None
        self._over = _nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        left = self._deadline - self._clock.seconds()
        if left > 0:
            self._timer = self._clock.callLater(left, self._look)
        else:
            self._deadline = None
            self._over()


def _nothing() -> None:
    pass
