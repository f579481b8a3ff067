"""The workers, as the first process sees them: started, replaced when they die, asked, and told to stop."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ec2proxy.workers.channel import Channel, Handler

#: Seconds that a worker has to live for its death to be a surprise: it is replaced at once.
SETTLED = 10.0

#: Seconds to wait before a worker that has died at once is replaced: at first, and at most. It doubles in between.
FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0

#: Seconds for which a report is waited for. A worker that is busy longer is left out.
REPORT_PATIENCE = 2.0

#: Seconds for which one is waited for that is to take new settings.
RELOAD_PATIENCE = 10.0

#: Seconds beyond its drain that a worker has to end, before it is killed.
END_PATIENCE = 5.0


class Process(Protocol):
    """One worker's process.

    :ivar channel: to speak with it.
    :ivar ended: fires with how it ended, in a few words, once it has.
    """

    channel: Channel
    ended: Deferred[str]
    pid: int

    def kill(self) -> None:
        """Make an end of it that it cannot see coming."""


Launch = Callable[[int, Mapping[str, Handler]], Process]
"""Starts the process of the worker with a number; the handlers are for what it says."""


class Crew:
    """A number of workers.

    :param launch: starts one.
    :param settings: what the worker with a number is to know before it serves; JSON. Asked for with each start.
    :param drain: seconds that requests under way have to finish.
    :param died: called when a worker has ended without being told to, before it is replaced.
    :ivar ready: fires when each worker has served for the first time.
    """

    _log = Logger()

    def __init__(
        self,
        count: int,
        launch: Launch,
        settings: Callable[[int], Any],
        clock: IReactorTime,
        drain: float,
        died: Callable[[int], None],
    ) -> None:
        self.ready: Deferred[None] = Deferred()
        self._launch = launch
        self._settings = settings
        self._clock = clock
        self._drain = drain
        self._died = died
        self._stations = [_Station(number) for number in range(1, count + 1)]
        self._configured = False
        self._stopping = False

    def start(self) -> None:
        """Start them all. They get ready, but serve only when :meth:`serve` was called."""
        for station in self._stations:
            self._start(station)

    def serve(self) -> None:
        """Have them begin."""
        self._configured = True
        for station in self._stations:
            self._tell(station)

    def tell(self, name: str) -> None:
        """Say something to those that serve."""
        for station in self._stations:
            if station.serves and station.process is not None:
                station.process.channel.tell(name)

    def alive(self) -> int:
        """How many serve now."""
        return sum(station.serves for station in self._stations)

    def restarts(self) -> int:
        """How many had to be replaced so far."""
        return sum(station.replaced for station in self._stations)

    async def reports(self) -> list[Any]:
        """What each worker reports of itself; one that serves not, or is too busy to say, is left out."""
        asked = []
        for station in self._stations:
            if station.serves and station.process is not None:
                asked.append(station.process.channel.ask("report").addTimeout(REPORT_PATIENCE, self._clock))
        return [report for success, report in await DeferredList(asked, consumeErrors=True) if success]

    async def reload(self) -> int:
        """Give the workers new settings, and give how many took them; one that is still beginning takes them then."""
        asked = []
        for station in self._stations:
            if self._configured and station.process is not None:
                asking = station.process.channel.ask("reload", self._settings(station.number))
                asked.append(asking.addTimeout(RELOAD_PATIENCE, self._clock))
        return sum(success for success, _ in await DeferredList(asked, consumeErrors=True))

    async def stop(self) -> None:
        """Have all of them let requests finish and end; those that do not are killed."""
        self._stopping = True
        ending = []
        for station in self._stations:
            if station.waiting is not None:
                station.waiting.cancel()
                station.waiting = None
            if station.process is not None:
                station.process.channel.tell("stop")
                ending.append(self._end_of(station, station.process))
        await DeferredList(ending)

    def _end_of(self, station: "_Station", process: Process) -> "Deferred[None]":
        done: Deferred[None] = Deferred()
        station.gone = done

        def too_long() -> None:
            self._log.error("Worker {number} does not end: it is killed", number=station.number)
            process.kill()

        killing = self._clock.callLater(self._drain + END_PATIENCE, too_long)

        def ended(result: None) -> None:
            if killing.active():
                killing.cancel()

        return done.addCallback(ended)

    def _start(self, station: "_Station") -> None:
        station.waiting = None
        station.since = self._clock.seconds()

        async def serving(value: Any) -> None:
            station.serves = True
            station.served = True
            if not self.ready.called and all(each.served for each in self._stations):
                self.ready.callback(None)

        try:
            process = self._launch(station.number, {"serving": serving})
        except OSError as error:
            # No process or no descriptor is left, for now.
            self._log.error("Worker {number} cannot be started: {why}", number=station.number, why=error.strerror)
            self._start_later(station)
            return
        station.process = process
        process.ended.addCallback(lambda how: self._ended(station, how))
        if self._configured:
            self._tell(station)

    def _tell(self, station: "_Station") -> None:
        if station.process is not None:
            station.process.channel.tell("serve", self._settings(station.number))

    def _ended(self, station: "_Station", how: str) -> None:
        assert station.process is not None
        pid, station.process, station.serves = station.process.pid, None, False
        if station.gone is not None:
            station.gone.callback(None)
        if self._stopping:
            return
        lived = self._clock.seconds() - station.since
        self._log.error(
            "Worker {number} (process {pid}) has ended after {lived:.1f} s, {how}; it is replaced",
            number=station.number,
            pid=pid,
            lived=lived,
            how=how,
        )
        try:
            self._died(station.number)
        except Exception:
            self._log.failure("What worker {number} left behind was not taken care of", number=station.number)
        station.replaced += 1
        if lived >= SETTLED:
            station.wait = FIRST_WAIT
            self._start(station)
        else:
            self._start_later(station)

    def _start_later(self, station: "_Station") -> None:
        station.waiting = self._clock.callLater(station.wait, self._start, station)
        station.wait = min(2 * station.wait, LONGEST_WAIT)


class _Station:
    """A worker's place, with whoever has it now.

    :ivar since: when its process was started.
    :ivar wait: seconds to wait the next time that its process dies at once.
    :ivar gone: fires when its process ends while all are told to.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: Process | None = None
        self.serves = False
        self.served = False
        self.replaced = 0
        self.since = 0.0
        self.wait = FIRST_WAIT
        self.waiting: IDelayedCall | None = None
        self.gone: Deferred[None] | None = None
