"""Work done in order, a batch to a transaction."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.errors import StateUnavailable
from ec2proxy.state.lanes import MOST_AT_ONCE, Lane, Work


class LaneTests(SynchronousTestCase):
    """A lane whose thread ends when the test says so."""

    def setUp(self) -> None:
        self.batches: list[int] = []
        self.threads: list[tuple[Callable[[], list[Any]], Deferred[list[Any]]]] = []
        self.lane = Lane(self.transact, self.in_thread)

    def transact(self, batch: Sequence[Work]) -> list[Any]:
        self.batches.append(len(batch))
        return [work(None) for work in batch]  # type: ignore[arg-type]

    def in_thread(self, function: Callable[[], list[Any]]) -> "Deferred[list[Any]]":
        ended: Deferred[list[Any]] = Deferred()
        self.threads.append((function, ended))
        return ended

    def end_thread(self) -> None:
        ((function, ended),) = self.threads
        self.threads.clear()
        try:
            result = function()
        except Exception:
            ended.errback(Failure())
        else:
            ended.callback(result)

    def test_group(self) -> None:
        """What comes while a transaction is under way shares the next."""
        waiting = [self.lane.run(lambda _, n=n: n) for n in range(4)]
        self.end_thread()
        self.assertEqual(self.successResultOf(waiting[0]), 0)
        self.assertNoResult(waiting[1])
        self.end_thread()
        self.assertEqual([self.successResultOf(each) for each in waiting[1:]], [1, 2, 3])
        self.assertEqual(self.batches, [1, 3])
        self.assertEqual(self.threads, [])

    def test_group_of_answered(self) -> None:
        """What those who are answered ask for next is one batch, too."""
        again: list[Deferred[str]] = []
        for _ in range(3):
            self.lane.run(lambda _: None).addCallback(lambda _: again.append(self.lane.run(lambda _: "again")))
        self.end_thread()
        self.end_thread()
        self.end_thread()
        self.assertEqual([self.successResultOf(each) for each in again], ["again"] * 3)
        self.assertEqual(self.batches, [1, 2 + 1, 2])

    def test_bounded(self) -> None:
        """A batch has a most."""
        waiting = [self.lane.run(lambda _, n=n: n) for n in range(MOST_AT_ONCE + 2)]
        for _ in range(3):
            self.end_thread()
        self.assertEqual(self.batches, [1, MOST_AT_ONCE, 1])
        self.assertEqual([self.successResultOf(each) for each in waiting], list(range(MOST_AT_ONCE + 2)))

    def test_failure(self) -> None:
        """A transaction that fails is told to all that shared it, and the next is not touched."""

        def fails(_: object) -> None:
            raise StateUnavailable

        first = self.lane.run(lambda _: 1)
        waiting = [self.lane.run(lambda _: 2), self.lane.run(fails)]
        self.end_thread()
        self.assertEqual(self.successResultOf(first), 1)
        later = self.lane.run(lambda _: 3)
        self.end_thread()
        # What came meanwhile had its own.
        for each in waiting:
            self.failureResultOf(each, StateUnavailable)
        self.end_thread()
        self.assertEqual(self.successResultOf(later), 3)

    def test_cancelled(self) -> None:
        """Work is done also when nobody waits for it any more, whether it has begun or not."""
        done: list[str] = []
        begun = self.lane.run(lambda _: done.append("begun"))
        queued = self.lane.run(lambda _: done.append("queued"))
        other = self.lane.run(lambda _: done.append("other"))
        for each in (begun, queued):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.end_thread()
        self.end_thread()
        self.successResultOf(other)
        self.assertEqual(done, ["begun", "queued", "other"])

    def test_cancelled_failure(self) -> None:
        """A failure that nobody waits for is logged."""

        def fails(_: object) -> None:
            raise StateUnavailable

        left = self.lane.run(fails)
        left.cancel()
        self.failureResultOf(left, CancelledError)
        self.end_thread()
        self.assertEqual(len(self.flushLoggedErrors(StateUnavailable)), 1)

    def test_close(self) -> None:
        """Closing waits for everything that was asked for, and nothing more is taken."""
        waiting = [self.lane.run(lambda _, n=n: n) for n in range(3)]
        closed = [Deferred.fromCoroutine(self.lane.close()) for _ in range(2)]
        self.failureResultOf(self.lane.run(lambda _: None), StateUnavailable)
        self.end_thread()
        self.assertNoResult(closed[0])
        self.end_thread()
        for each in closed:
            self.successResultOf(each)
        self.assertEqual([self.successResultOf(each) for each in waiting], [0, 1, 2])
        self.successResultOf(Deferred.fromCoroutine(self.lane.close()))
