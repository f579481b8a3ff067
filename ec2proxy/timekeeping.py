"""What becomes of waiting when the machine's clock is put back.

Twisted's reactor tells time by the wall clock. If that is put back by an hour, whatever waits for a second waits for an
hour and a second: polls, timeouts, signs of life. A clock put forward does no such harm: what waits is then done early.
"""

# Much of twisted.application has no types.
# mypy: disable-error-code="no-untyped-call"

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

#: Seconds between two looks at the clocks.
LOOK_EVERY = 1.0

#: Seconds by which the clock may be put back without anybody minding.
TOLERATED = 1.0


class Timekeeper(Service):
    """Has what waits in a reactor go on in time when the wall clock is put back.

    A thread compares the clocks: a delayed call would be the first to wait too long.

    :param reactor: it has IReactorTime and IReactorFromThreads.
    :param wall: the reactor's clock, in seconds.
    :param steady: one that nobody can set.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._reactor = reactor
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._ended = Event()

    def startService(self) -> None:
        """Begin to watch."""
        super().startService()
        self._ended.clear()
        Thread(target=self._watch, name="timekeeper", daemon=True).start()

    def stopService(self) -> None:
        """Watch no more."""
        super().stopService()
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """Compare the clocks; called in a thread."""
        offset = self._wall() - self._steady()
        back, self._offset = self._offset - offset, offset
        if back > TOLERATED:
            self._reactor.callFromThread(self._put_forward, back)

    def _put_forward(self, seconds: float) -> None:
        self._log.warn("The clock was put back by {seconds} seconds; what waits is not kept waiting", seconds=seconds)
        now = self._reactor.seconds()
        for call in self._reactor.getDelayedCalls():
            # What has begun to wait since then does so by the new time, and is left alone: it is due sooner.
            if call.getTime() - now > seconds - 2 * LOOK_EVERY:
                call.delay(-seconds)
