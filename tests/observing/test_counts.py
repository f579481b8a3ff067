"""What is counted, that workers' numbers add up, and what Prometheus is told."""

import json
import sys
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.ec2.record import Record
from ec2proxy.interfaces import IObserver
from ec2proxy.observing import families
from ec2proxy.observing.counts import MOST_SERIES, Counts, merged
from ec2proxy.observing.exporting import exported
from ec2proxy.observing.families import BUCKETS, FAMILIES
from ec2proxy.observing.nobody import NOBODY
from tests.observing.support import record


class CountsTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 50.0
        self.changed: list[Record] = []
        self.counts = Counts({"eu", "us"}, lambda: self.now, self.changed.append)

    def values(self, name: str, report: Any = None) -> dict[tuple[str, ...], Any]:
        """A metric's values by labels."""
        return {tuple(labels): value for labels, value in (report or self.counts.report())[name]}


class CountingTests(CountsTestCase):
    def test_interface(self) -> None:
        """Both observers are what they say."""
        verifyObject(IObserver, self.counts)
        verifyObject(IObserver, NOBODY)

    def test_requests(self) -> None:
        """By action, code and the cloud's own name, whatever the client called its region."""
        for each in (
            record(),
            record(region="mars-1"),
            record(status=400, error="InvalidInstanceID.NotFound"),
            record(status=499),
            record(action="", cloud="", status=401, error="AuthFailure"),
            record(cloud="gone"),
        ):
            self.counts.answered(each)
        self.assertEqual(
            self.values("ec2proxy_requests_total"),
            {
                ("DescribeInstances", "", "eu"): 2,
                ("DescribeInstances", "InvalidInstanceID.NotFound", "eu"): 1,
                ("DescribeInstances", "ClientGone", "eu"): 1,
                ("none", "AuthFailure", "none"): 1,
                ("DescribeInstances", "", "other"): 1,
            },
        )

    def test_bounded(self) -> None:
        """Whatever is made up, the number of series has an end, and nothing is left uncounted."""
        for number in range(MOST_SERIES + 50):
            self.counts.answered(record(error=f"E{number}", status=400))
        values = self.values("ec2proxy_requests_total")
        self.assertEqual(len(values), MOST_SERIES + 1)
        self.assertEqual(values["other", "other", "other"], 50)

    def test_durations(self) -> None:
        """Each falls into the first bucket whose bound it does not exceed, and the sum is kept."""
        for seconds in (BUCKETS[0], 0.002, 99.0):
            self.counts.answered(record(seconds=seconds))
        buckets = self.values("ec2proxy_request_duration_seconds")["DescribeInstances",]
        self.assertEqual([index for index, number in enumerate(buckets[:-1]) if number], [0, 2, len(BUCKETS)])
        self.assertAlmostEqual(buckets[-1], 99.0025)

    def test_sources(self) -> None:
        """Only successes were made from anything."""
        self.counts.answered(record(source="picture"))
        self.counts.answered(record(source="backend", error="X", status=400))
        self.counts.answered(record())
        self.assertEqual(self.values("ec2proxy_answers_total"), {("picture",): 1, ("none",): 1})

    def test_again(self) -> None:
        """Many that are alike count as much as each by itself."""
        seconds = [0.0001, 0.002, 0.002, 99.0]
        like = record(source="picture")
        self.counts.answered_again(like.trace, seconds)
        other = Counts({"eu", "us"}, lambda: self.now)
        for each in seconds:
            other.answered(record(source="picture", seconds=each))
        self.assertEqual(self.counts.report(), other.report())
        self.assertEqual(self.values("ec2proxy_answers_total"), {("picture",): 4})

    def test_changes(self) -> None:
        """Who keeps the audit log hears of changes alone."""
        change = record(changes=True)
        self.counts.answered(record())
        self.counts.answered(change)
        self.assertEqual(self.changed, [change])

    def test_backend(self) -> None:
        """Calls by operation and error; a list that succeeded is a fresh picture."""
        self.counts.called("eu", "instances.list", 0.2, "")
        self.now += 5
        self.counts.called("eu", "instances.list", 0.2, "BackendTimeout")
        self.counts.called("eu", "instances.start", 0.2, "")
        self.counts.called("us", "images.list", 0.2, "BackendUnavailable")
        self.now += 2
        self.counts.called("us", "images.list", 0.2, "CancelledError")
        self.assertEqual(self.values("ec2proxy_backend_calls_total")["eu", "instances.list", "BackendTimeout"], 1)
        self.assertEqual(self.values("ec2proxy_picture_age_seconds"), {("eu", "instances"): 7})
        self.assertEqual(self.counts.reached, {"eu": (55, ""), "us": (55, "BackendUnavailable")})

    def test_state(self) -> None:
        """The store's calls are timed, its failures counted."""
        self.counts.stored("apply", 0.1, "")
        self.counts.stored("apply", 0.1, "StateUnavailable")
        self.assertEqual(sum(self.values("ec2proxy_state_call_duration_seconds")["apply",][:-1]), 2)
        self.assertEqual(self.values("ec2proxy_state_errors_total"), {("apply",): 1})

    def test_gauges(self) -> None:
        """What is watched is asked when it is told."""
        open_now = [3]
        self.counts.watch(families.CONNECTIONS, lambda: [((), open_now[0])])
        open_now[0] = 5
        self.assertEqual(self.values("ec2proxy_connections"), {(): 5})


class MergingTests(CountsTestCase):
    def test_sums(self) -> None:
        """Two workers' numbers are as those of one, after a journey as JSON."""
        other = Counts({"eu", "us"}, lambda: self.now)
        for counts, lag in ((self.counts, 0.5), (other, 0.2)):
            counts.answered(record())
            counts.read("eu", "images", hit=True)
            counts.called("eu", "images.list", 0.2, "")
            counts.watch(families.LAG, lambda lag=lag: [((), lag)])  # type: ignore[misc]
        other.answered(record(action="RunInstances"))
        self.now += 3
        other.called("eu", "images.list", 0.2, "")
        report = merged(json.loads(json.dumps([self.counts.report(), other.report()])))
        requests = {("DescribeInstances", "", "eu"): 2, ("RunInstances", "", "eu"): 1}
        self.assertEqual(self.values("ec2proxy_requests_total", report), requests)
        self.assertEqual(self.values("ec2proxy_picture_reads_total", report), {("eu", "images", "hit"): 2})
        durations = self.values("ec2proxy_request_duration_seconds", report)["DescribeInstances",]
        self.assertEqual((sum(durations[:-1]), durations[-1]), (2, 0.004))
        self.assertEqual(self.values("ec2proxy_event_loop_lag_seconds", report), {(): 0.5})
        self.assertEqual(self.values("ec2proxy_picture_age_seconds", report), {("eu", "images"): 0})
        self.assertEqual(self.values("ec2proxy_workers", report), {(): 2})


class ExportTests(CountsTestCase):
    def test_understood(self) -> None:
        """Prometheus's own parser reads all of it as it was meant, hostile labels included."""
        self.counts.answered(record(error='a"\n\\b', status=400))
        self.counts.called("eu", "images.list", 0.3, "")
        self.counts.watch(families.WORK, lambda: [(("eu",), 2)])
        body, kind = exported(merged([self.counts.report()]))
        self.assertTrue(kind.startswith(b"text/plain"), kind)
        found = {family.name: family for family in text_string_to_metric_families(body.decode())}
        self.assertEqual(set(found), {family.name.removesuffix("_total") for family in FAMILIES})
        for family in FAMILIES:
            parsed = found[family.name.removesuffix("_total")]
            self.assertEqual((parsed.type, parsed.documentation), (family.kind, family.help))
        (sample,) = found["ec2proxy_requests"].samples
        self.assertEqual((sample.labels["code"], sample.value), ('a"\n\\b', 1))
        told = {
            sample.labels.get("le", sample.name): sample.value
            for sample in found["ec2proxy_backend_call_duration_seconds"].samples
        }
        self.assertEqual((told["0.25"], told["0.5"], told["+Inf"]), (0, 1, 1))
        self.assertEqual(told["ec2proxy_backend_call_duration_seconds_sum"], 0.3)

    def test_names(self) -> None:
        """Names are as Prometheus's guide wants them: a prefix, base units, _total for counters alone."""
        for family in FAMILIES:
            self.assertTrue(family.name.startswith("ec2proxy_"), family.name)
            self.assertEqual(family.name.endswith("_total"), family.kind == "counter", family.name)
            self.assertEqual(family.kind == "histogram", family.name.endswith("_duration_seconds"), family.name)

    def test_without_library(self) -> None:
        """Without prometheus-client it is an ImportError, which the endpoint explains."""
        self.addCleanup(sys.modules.__setitem__, "prometheus_client.core", sys.modules["prometheus_client.core"])
        sys.modules["prometheus_client.core"] = None  # type: ignore[assignment]  # so says the import system
        self.assertRaises(ImportError, exported, self.counts.report())
