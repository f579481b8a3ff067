"""History, merging, health checks and charts, each by itself."""

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from ec2proxy.admin import words
from ec2proxy.admin.charts import HEIGHT, WIDTH, sparkline
from ec2proxy.admin.health import KEPT_SECONDS, PATIENCE, Health, NotReady, backend_answers, store_answers
from ec2proxy.admin.history import EVERY, KEPT, History, quantile, sample
from ec2proxy.admin.monitor import Monitor
from ec2proxy.admin.status import merged
from ec2proxy.admin.tally import MOST, Tally
from ec2proxy.cloud.launch import Order
from ec2proxy.model import Backend
from ec2proxy.observing.counts import Counts
from ec2proxy.observing.families import BUCKETS
from ec2proxy.observing.lag import Lag
from ec2proxy.observing.nobody import Nobody
from ec2proxy.observing.store import observed_store
from ec2proxy.state.memory import MemoryStateStore
from tests.admin.support import AdminTestCase
from tests.cloud.support import MINE, SPEC
from tests.observing.support import record


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.counts = Counts({"eu"}, lambda: 0.0)
        self.history = History()
        self.at = 0.0
        self.look()

    def look(self, seconds: float = 2.0) -> None:
        """Take a sample."""
        self.history.add(sample(self.at, self.counts.report()))
        self.at += seconds

    def test_rates(self) -> None:
        """What was counted between two samples, by the time between them."""
        for number in (4, 0):
            for _ in range(number):
                self.counts.answered(record())
            self.look()
        self.counts.answered(record(status=400, error="X"))
        self.look()
        self.assertEqual(self.history.rate("requests"), [2, 0, 0.5])
        self.assertEqual(self.history.rate("failures"), [0, 0, 0.5])
        self.assertAlmostEqual(self.history.recent_rate("requests"), 5 / 6)

    def test_quantiles(self) -> None:
        """Durations of each time alone; none where nothing was counted."""
        self.counts.answered(record(seconds=0.004))
        self.look()
        self.look()
        first, second = self.history.quantile(0.5)
        self.assertTrue(first is not None and 0.0025 <= first <= 0.005, first)
        self.assertIsNone(second)

    def test_backends(self) -> None:
        """Calls, errors and durations by region."""
        self.counts.called("eu", "images.list", 0.2, "")
        self.counts.called("eu", "images.list", 0.2, "BackendTimeout")
        self.look()
        self.assertEqual(self.history.backend("eu"), (2, 1))
        self.assertEqual(self.history.backend("us"), (0, 0))
        median = self.history.recent_quantile(0.5, "eu")
        self.assertTrue(median is not None and 0.1 <= median <= 0.25, median)
        self.assertIsNone(self.history.recent_quantile(0.5, "us"))

    def test_pictures(self) -> None:
        """The share of answers that pictures gave; what needs neither does not count."""
        for source in ("picture", "picture", "picture", "backend", ""):
            self.counts.answered(record(source=source))
        self.look()
        self.look()
        self.assertEqual(self.history.shares(), [0.75, None])
        self.assertEqual((self.history.recent_share(), self.history.counted("requests")), (0.75, 5))

    def test_begun_anew(self) -> None:
        """A worker that was replaced counts from nothing: no rate is negative."""
        self.counts.answered(record())
        self.look()
        self.counts = Counts({"eu"}, lambda: 0.0)
        self.look()
        self.assertEqual(self.history.rate("requests"), [0.5, 0])
        self.assertEqual(self.history.recent_rate("requests"), 0)

    def test_bounded(self) -> None:
        """Five minutes are kept."""
        for _ in range(2 * KEPT):
            self.look()
        self.assertEqual((len(self.history.rate("requests")), KEPT * EVERY), (KEPT, 300))

    def test_nothing(self) -> None:
        """One sample tells no rate."""
        empty = History()
        self.assertEqual(empty.counted("requests"), 0)
        self.assertEqual((empty.rate("requests"), empty.recent_rate("requests")), ([], 0))
        self.assertEqual((empty.recent_share(), empty.recent_quantile(0.5), empty.backend("eu")), (None, None, (0, 0)))

    @given(st.lists(st.floats(0, 40), min_size=1), st.sampled_from([0.5, 0.95]))
    def test_quantile(self, durations: list[float], share: float) -> None:
        """The quantile lies in the bucket of the true one."""
        counts = Counts({"eu"}, lambda: 0.0)
        for seconds in durations:
            counts.answered(record(seconds=seconds))
        ((_, histogram),) = counts.report()["ec2proxy_request_duration_seconds"]
        found = quantile(histogram, share)
        index = min(int(share * len(durations) - 1e-9), len(durations) - 1)
        true = sorted(durations)[index]
        high = min((bound for bound in BUCKETS if bound >= true), default=BUCKETS[-1])
        low = max((bound for bound in BUCKETS if bound < true), default=0.0)
        assert found is not None
        self.assertTrue(low - 1e-9 <= found <= high + 1e-9, (found, low, high))


class MergingTests(AdminTestCase):
    def test_two(self) -> None:
        """Two workers that know the same instances tell them once, and each one's changes by their time."""
        self.done(self.cloud.launcher.launch(MINE, Order(SPEC, 3, 3)))
        self.later(5)
        self.done(self.cloud.lifecycle.instances(MINE))
        self.note(changes=True, at=5.0, action="A")
        one = json.loads(json.dumps(self.result(self.status.report())))
        other = json.loads(json.dumps(one))
        other["changes"][0].update(time="2036", action="B")
        other["regions"]["here"].update(reached=one["regions"]["here"]["reached"] + 1, error="BackendTimeout")
        other["regions"]["here"]["instances"][0]["id"] = "inst-other"
        both = merged([one, other])
        region = both["regions"]["here"]
        self.assertEqual([change["action"] for change in both["changes"]], ["B", "A"])
        self.assertEqual(len(region["instances"]), 4)
        self.assertEqual(sum(region["states"].values()), 4)
        self.assertEqual(region["error"], "BackendTimeout")
        for sum_of in ("pictures", "bytes"):
            self.assertEqual(region[sum_of], 2 * one["regions"]["here"][sum_of])

    def test_apart(self) -> None:
        """A region that only one of them has is told as it is."""
        one = self.result(self.status.report())
        other = {**one, "regions": {}}
        self.assertEqual(merged([one, other])["regions"], one["regions"])


class TallyTests(SynchronousTestCase):
    """Two workers of which one dies, and one is busy."""

    def report(self, pid: int, requests: int, started: float = 1.0) -> Any:
        """What a worker tells that has answered so many requests."""
        counts = Counts({"eu"}, lambda: 0.0)
        for _ in range(requests):
            counts.answered(record())
        metrics = json.loads(json.dumps(counts.report()))
        return {"pid": pid, "version": "1", "started": started, "regions": {}, "changes": [], "metrics": metrics}

    def told(self, tally: Tally, *reports: Any) -> tuple[int, int]:
        """How many requests were answered, and how many workers there are."""
        metrics = tally.merged(reports)["metrics"]
        return (
            sum(value for _, value in metrics["ec2proxy_requests_total"]),
            sum(value for _, value in metrics["ec2proxy_workers"]),
        )

    def test_dies(self) -> None:
        """What a worker has counted stays, and its successor's adds to that, even with the same number."""
        tally = Tally()
        self.assertEqual(self.told(tally, self.report(1, 5), self.report(2, 7)), (12, 2))
        self.assertEqual(self.told(tally, self.report(1, 6)), (13, 1))
        self.assertEqual(self.told(tally, self.report(1, 6), self.report(2, 1, started=2.0)), (14, 2))

    def test_busy(self) -> None:
        """One that is left out for once is not counted twice when it is back."""
        tally = Tally()
        self.told(tally, self.report(1, 5), self.report(2, 7))
        self.told(tally, self.report(1, 5))
        self.assertEqual(self.told(tally, self.report(1, 5), self.report(2, 8)), (13, 2))

    def test_many(self) -> None:
        """However many have died, nothing is lost."""
        tally = Tally()
        for number in range(2 * MOST):
            found = self.told(tally, self.report(1, 1), self.report(2, 1, started=float(number)))
        self.assertEqual(found, (2 * MOST + 1, 2))

    def test_monitored(self) -> None:
        """A counter does not fall while the monitor looks every other second, however often it has since."""
        there = [self.report(1, 5), self.report(2, 7)]
        clock = Clock()

        async def gather() -> Any:
            return list(there)

        monitor = Monitor(clock, gather)
        monitor.start()
        self.addCleanup(monitor.stop)
        there.pop()
        for _ in range(3):
            clock.advance(EVERY)
            metrics = self.successResultOf(Deferred.fromCoroutine(monitor.report()))["metrics"]
            self.assertEqual(sum(value for _, value in metrics["ec2proxy_requests_total"]), 12)


class HealthTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked = 0
        self.waiting: list[Deferred[None]] = []
        self.health = Health(self.clock, lambda: {"it": self.check})

    async def check(self) -> None:
        """A check that ends when it is told to."""
        self.asked += 1
        self.waiting.append(Deferred())
        await self.waiting[-1]

    def ask(self) -> "Deferred[Any]":
        """Ask whether it is ready."""
        return Deferred.fromCoroutine(self.health.readiness())

    def test_shared(self) -> None:
        """All who ask at once, and for a moment afterwards, get one answer."""
        first, second = self.ask(), self.ask()
        self.waiting[0].callback(None)
        third = self.ask()
        self.assertTrue(all(self.successResultOf(each).ready for each in (first, second, third)))
        self.assertEqual(self.asked, 1)
        self.clock.advance(KEPT_SECONDS)
        self.ask()
        self.assertEqual(self.asked, 2)

    def test_leaves(self) -> None:
        """Who asked first and leaves takes nothing from the others."""
        first, second = self.ask(), self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.waiting[0].callback(None)
        self.assertTrue(self.successResultOf(second).ready)

    def test_broken(self) -> None:
        """A mistake of ours is told to all who wait, and the next one tries again."""
        self.health = Health(self.clock, lambda: {"it": self.check} if self.asked else 1 / 0)  # type: ignore[arg-type]
        self.failureResultOf(self.ask(), ZeroDivisionError)
        self.asked = 1
        asked = self.ask()
        self.waiting[0].callback(None)
        self.assertTrue(self.successResultOf(asked).ready)

    def test_slow(self) -> None:
        """What does not answer in time is not ready."""
        asked = self.ask()
        self.clock.advance(PATIENCE)
        found = self.successResultOf(asked)
        self.assertEqual((found.ready, list(found.parts)), (False, ["it"]))
        self.assertIn("Timeout", found.parts["it"])

    def test_store(self) -> None:
        """The store is asked for something small."""
        self.successResultOf(Deferred.fromCoroutine(store_answers(MemoryStateStore())))

    def test_backend(self) -> None:
        """Any answer will do that is no failure of the backend's own."""
        for status in (200, 302, 401, 404, 500, 503):

            class Backendlike(Resource):
                isLeaf = True  # noqa: N815

                def render_GET(self, request: Any, status: int = status) -> bytes:
                    request.setResponseCode(status)
                    return b"x" * 100

            agent = RequestTraversalAgent(Backendlike())
            asked = Deferred.fromCoroutine(backend_answers(agent, Backend("http://cloud.example/api")))
            agent.flush()
            if status < 500:
                self.successResultOf(asked)
            else:
                self.failureResultOf(asked, NotReady)


class SmallTests(SynchronousTestCase):
    def test_lag(self) -> None:
        """The worst delay of the last ten seconds."""
        clock = Clock()
        lag = Lag(clock)
        lag.start()
        clock.advance(0.8)
        self.assertAlmostEqual(lag.worst(), 0.3)
        clock.pump([0.5] * 25)
        self.assertLess(lag.worst(), 0.3)
        lag.stop()
        lag.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_store(self) -> None:
        """The store's calls are told, and all else of it is as it was."""
        told: list[tuple[str, str]] = []

        class Listener(Nobody):
            def stored(self, operation: str, seconds: float, error: str) -> None:
                told.append((operation, error))

        inner = MemoryStateStore()
        store = observed_store(inner, Listener(), lambda: 0.0)
        self.successResultOf(Deferred.fromCoroutine(store.scopes("work")))
        self.failureResultOf(Deferred.fromCoroutine(store.get("no", "such")), TypeError)  # type: ignore[call-arg]
        self.assertEqual(told, [("scopes", ""), ("get", "TypeError")])
        self.assertIs(store.seal, inner.seal)

    def test_words(self) -> None:
        """Figures as they are read."""
        self.assertEqual(
            [words.duration(each) for each in (None, 0.0004, 0.0123, 0.5, 1.25)],
            ["-", "0.40 ms", "12.3 ms", "500 ms", "1.25 s"],
        )
        self.assertEqual(
            [words.age(each) for each in (-1, 59, 61, 7200, 200000)], ["0 s", "59 s", "1 min", "2 h", "2 d"]
        )
        self.assertEqual([words.share(each) for each in (None, 0.5, 0.9999, 1.0)], ["-", "50.0 %", "99.9 %", "100 %"])
        self.assertEqual([words.rate(each) for each in (0.25, 12.6, 12345)], ["0.2", "13", "12\u202f345"])

    @given(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), max_size=30))
    def test_charts(self, series: list[float | None]) -> None:
        """Every point lies in the picture, and what is said of it is escaped."""
        drawn = sparkline("<a>", '"b"', series)
        self.assertNotIn("<a>", drawn)
        self.assertNotIn('"b"', drawn)
        for x, y in re.findall(r"[ML]([\d.e+-]+),([\d.e+-]+)", drawn):
            self.assertTrue(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT, drawn)
