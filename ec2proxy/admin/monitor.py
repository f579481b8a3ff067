"""What the console shows, made anew every other second and handed to who watches."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ec2proxy.admin.history import EVERY, History, sample
from ec2proxy.admin.page import parts
from ec2proxy.admin.status import StatusReport
from ec2proxy.admin.tally import Tally


class Watcher(Protocol):
    """Somebody who looks at the console."""

    def show(self, fresh: dict[str, str]) -> None:
        """Take what is to be seen now, as HTML by the id of its element."""

    def end(self) -> None:
        """There will be nothing more."""


class Monitor:
    """Gathers the reports of all processes and keeps the last minutes.

    :param gather: asks all processes for their reports; one that does not answer is left out.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, gather: Callable[[], Awaitable[Sequence[StatusReport]]]) -> None:
        self._clock = clock
        self._gather = gather
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock
        self._watchers: set[Watcher] = set()
        self._troubled = False
        self._tally = Tally()
        self.history = History()

    @property
    def watched(self) -> int:
        """How many watch."""
        return len(self._watchers)

    def start(self) -> None:
        """Begin to keep history."""
        self._loop.start(EVERY)

    def stop(self) -> None:
        """End, for all who watch, too."""
        if self._loop.running:
            self._loop.stop()
        for watcher in tuple(self._watchers):
            watcher.end()
        self._watchers.clear()

    def add(self, watcher: Watcher) -> None:
        """Show somebody what is seen, from the next time on."""
        self._watchers.add(watcher)

    def remove(self, watcher: Watcher) -> None:
        """Somebody has gone."""
        self._watchers.discard(watcher)

    async def report(self) -> StatusReport:
        """What all processes together know now."""
        return self._tally.merged(await self._gather())

    def parts(self, report: StatusReport) -> dict[str, str]:
        """The page's parts for a report."""
        return parts(report, self.history, self._clock.seconds())

    def _look(self) -> "Deferred[None]":
        # LoopingCall waits for it, so that two never overlap; a failure must not end the loop.
        return Deferred.fromCoroutine(self._sampled()).addErrback(lambda failure: self._note(failure))

    async def _sampled(self) -> None:
        report = await self.report()
        self._troubled = False
        self.history.add(sample(self._clock.seconds(), report["metrics"]))
        if self._watchers:
            fresh = self.parts(report)
            for watcher in tuple(self._watchers):
                watcher.show(fresh)

    def _note(self, failure: object) -> "Deferred[None]":
        # Once, not every other second.
        if not self._troubled:
            self._troubled = True
            self._log.failure("The console cannot be kept up to date", failure)  # type: ignore[arg-type]
        return succeed(None)
