"""The crew: its workers are started, replaced, asked and stopped."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.workers.channel import Handler
from ec2proxy.workers.crew import (
    END_PATIENCE,
    FIRST_WAIT,
    LONGEST_WAIT,
    RELOAD_PATIENCE,
    REPORT_PATIENCE,
    SETTLED,
    Crew,
)

DRAIN = 20.0


@define
class Told:
    """A channel that remembers what went into it."""

    said: list[tuple[str, Any]] = field(factory=list)
    answers: dict[str, Deferred[Any]] = field(factory=dict)

    def tell(self, name: str, value: Any = None) -> None:
        """Remember it."""
        self.said.append((name, value))

    def ask(self, name: str, value: Any = None) -> Deferred[Any]:
        """Remember it, and answer with what the test has put there."""
        self.said.append((name, value))
        return self.answers[name]


@define(eq=False)
class Worker:
    """A process that does nothing by itself."""

    number: int
    handlers: Mapping[str, Handler]
    pid: int
    channel: Told = field(factory=Told)
    ended: Deferred[str] = field(factory=Deferred)
    killed: bool = False

    def kill(self) -> None:
        """Be killed."""
        self.killed = True
        self.ended.callback("by SIGKILL")

    def serve(self) -> None:
        """Say that it serves."""
        Deferred.fromCoroutine(self.handlers["serving"](None))  # type: ignore[arg-type]


class CrewTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.workers: list[Worker] = []
        self.died: list[int] = []
        self.error: Exception | None = None
        self.crew = Crew(2, self.launch, lambda number: {"number": number}, self.clock, DRAIN, self.die)

    def launch(self, number: int, handlers: Mapping[str, Handler]) -> Worker:
        """Start one, unless the system cannot."""
        if self.error is not None:
            raise self.error
        self.workers.append(Worker(number, handlers, 1000 + len(self.workers)))
        return self.workers[-1]

    def die(self, number: int) -> None:
        """Remember who died."""
        self.died.append(number)

    def begin(self) -> None:
        """Have both serve."""
        self.crew.start()
        self.crew.serve()
        for worker in self.workers:
            worker.serve()

    def test_begins(self) -> None:
        """All are started at once, are told what to serve when that is known, and are ready when all of them serve."""
        self.crew.start()
        self.assertEqual([(worker.number, worker.channel.said) for worker in self.workers], [(1, []), (2, [])])
        self.crew.serve()
        self.assertEqual([worker.channel.said for worker in self.workers], [[("serve", {"number": n})] for n in (1, 2)])
        self.workers[1].serve()
        self.assertNoResult(self.crew.ready)
        self.assertEqual(self.crew.alive(), 1)
        self.workers[0].serve()
        self.successResultOf(self.crew.ready)
        self.assertEqual(self.crew.alive(), 2)

    def test_told(self) -> None:
        """What is said goes to those that serve."""
        self.crew.start()
        self.crew.serve()
        self.workers[1].serve()
        self.crew.tell("take over")
        self.assertEqual([worker.channel.said[1:] for worker in self.workers], [[], [("take over", None)]])

    def test_replaced(self) -> None:
        """One that dies is replaced at once, by one that is told the same; what it left is seen to before."""
        self.begin()
        self.clock.advance(SETTLED)
        with capturedLogs() as logged:
            self.workers[0].ended.callback("by SIGSEGV")
        self.assertEqual(len(self.workers), 3)
        self.assertEqual((self.workers[2].number, self.workers[2].channel.said), (1, [("serve", {"number": 1})]))
        self.assertEqual(self.died, [1])
        self.assertEqual((self.crew.alive(), self.crew.restarts()), (1, 1))
        (event,) = logged
        self.assertEqual(
            event["log_format"].format(**event),
            "Worker 1 (process 1000) has ended after 10.0 s, by SIGSEGV; it is replaced",
        )
        self.workers[2].serve()
        self.assertEqual(self.crew.alive(), 2)

    def test_dies_again_and_again(self) -> None:
        """One that cannot live is tried ever more seldom, and anew once it has lived."""
        self.begin()
        waits = []
        for _ in range(9):
            started = len(self.workers)
            self.workers[-1].ended.callback("with exit code 1")
            waited = 0.0
            while len(self.workers) == started:
                self.clock.advance(FIRST_WAIT)
                waited += FIRST_WAIT
            waits.append(waited)
        self.assertEqual(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT])
        self.clock.advance(SETTLED)
        self.workers[-1].ended.callback("with exit code 1")
        self.workers[-1].ended.callback("with exit code 1")
        started = len(self.workers)
        self.clock.advance(FIRST_WAIT)
        self.assertEqual(len(self.workers), started + 1)

    def test_cannot_be_started(self) -> None:
        """A system without room for a process is asked again."""
        self.error = OSError(11, "Resource temporarily unavailable")
        with capturedLogs() as logged:
            self.crew.start()
        self.assertEqual([event["why"] for event in logged], ["Resource temporarily unavailable"] * 2)
        self.error = None
        self.crew.serve()
        self.clock.advance(FIRST_WAIT)
        self.assertEqual([worker.channel.said for worker in self.workers], [[("serve", {"number": n})] for n in (1, 2)])

    def test_trouble_after_a_death(self) -> None:
        """Whatever becomes of what it left, it is replaced."""
        self.crew = Crew(1, self.launch, lambda number: None, self.clock, DRAIN, lambda number: 1 // 0)
        self.begin()
        self.clock.advance(SETTLED)
        self.workers[0].ended.callback("by SIGKILL")
        self.assertEqual(len(self.workers), 2)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_reports(self) -> None:
        """Those that serve and answer in time are in the report."""
        self.begin()
        reports = [Deferred() for _ in self.workers]
        for worker, report in zip(self.workers, reports, strict=True):
            worker.channel.answers["report"] = report
        asked = Deferred.fromCoroutine(self.crew.reports())
        reports[0].callback({"answered": 3})
        self.assertNoResult(asked)
        self.clock.advance(REPORT_PATIENCE)
        self.assertEqual(self.successResultOf(asked), [{"answered": 3}])

    def test_reports_of_none(self) -> None:
        """Before any serves there is nothing to report."""
        self.crew.start()
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.crew.reports())), [])
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.crew.reload())), 0)

    def test_reload(self) -> None:
        """All take the settings there are then; one that is not there, or hangs, is not waited for."""
        self.begin()
        for worker in self.workers:
            worker.channel.answers["reload"] = succeed(None)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(self.crew.reload())), 2)
        self.assertEqual(self.workers[1].channel.said[-1], ("reload", {"number": 2}))
        self.workers[1].channel.answers["reload"] = Deferred()
        self.workers[0].ended.callback("by SIGKILL")
        reloaded = Deferred.fromCoroutine(self.crew.reload())
        self.assertNoResult(reloaded)
        self.clock.advance(RELOAD_PATIENCE)
        self.assertEqual(self.successResultOf(reloaded), 0)

    def test_stops(self) -> None:
        """All are told, and it is over when the last has ended; none is replaced, and no death is complained of."""
        self.begin()
        with capturedLogs() as logged:
            stopped = Deferred.fromCoroutine(self.crew.stop())
            self.assertEqual([worker.channel.said[-1] for worker in self.workers], [("stop", None)] * 2)
            self.workers[0].ended.callback("with exit code 0")
            self.assertNoResult(stopped)
            self.workers[1].ended.callback("with exit code 0")
        self.successResultOf(stopped)
        self.assertEqual((len(self.workers), self.died, logged), (2, [], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stops_with_force(self) -> None:
        """One that does not end in its time is killed."""
        self.begin()
        stopped = Deferred.fromCoroutine(self.crew.stop())
        self.workers[0].ended.callback("with exit code 0")
        self.clock.advance(DRAIN + END_PATIENCE - 0.1)
        self.assertFalse(self.workers[1].killed)
        self.clock.advance(0.1)
        self.assertTrue(self.workers[1].killed)
        self.successResultOf(stopped)

    def test_stops_while_one_is_to_be_replaced(self) -> None:
        """A worker that is not there is not waited for, nor started any more."""
        self.begin()
        self.workers[0].ended.callback("with exit code 1")
        stopped = Deferred.fromCoroutine(self.crew.stop())
        self.workers[1].ended.callback("with exit code 0")
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
