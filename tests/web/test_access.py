"""The access log: what waits, for how long, and who is told."""

from collections.abc import Sequence

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2.record import Again, Alike, Record
from ec2proxy.ec2.trace import Trace
from ec2proxy.observing.lines import place, whole
from ec2proxy.observing.nobody import Nobody
from ec2proxy.web.access import BATCH, FLUSH_SECONDS, AccessLog


class Listener(Nobody):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.again: list[tuple[str, list[float]]] = []

    def answered(self, record: Record) -> None:
        self.records.append(record)

    def answered_again(self, trace: Trace, seconds: Sequence[float]) -> None:
        self.again.append((trace.action, list(seconds)))


class BufferTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.batches: list[list[Record | Again]] = []
        self.observer = Listener()
        self.access = AccessLog(self.clock, self.observer, lambda records: self.batches.append(list(records)))

    def note(self, request_id: str = "r", changes: bool = False) -> None:
        """Write a line for a request that began two seconds ago."""
        self.access.write(
            Trace(request_id, changes=changes),
            self.access.now() - 2,
            client=IPv4Address("TCP", "192.0.2.1", 4),
            method=b"POST",
            target=b"/ec2",
            status=200,
            error="",
        )

    def test_waits(self) -> None:
        """Lines are written together, a moment later, in their order; the observer hears of each then."""
        self.note("r-1")
        self.clock.advance(FLUSH_SECONDS / 2)
        self.note("r-2")
        self.assertEqual((self.batches, self.observer.records), ([], []))
        self.clock.advance(FLUSH_SECONDS)
        ((first, second),) = [list(map(whole, batch)) for batch in self.batches]
        self.assertEqual((first.trace.request_id, second.trace.request_id), ("r-1", "r-2"))
        self.assertEqual((first.at, first.seconds), (1000, 2))
        self.assertEqual(self.observer.records, [first, second])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """Requests that are like another wait with the rest; the observer hears of them together."""
        one, other = (Alike(Record(0.0, Trace("", action=action), 0.0, None, b"GET", b"/", 200, "")) for action in "ab")
        for alike, request_id in ((one, b"r-1"), (other, b"r-2"), (one, b"r-3")):
            self.access.write_again(alike, request_id, self.access.now() - len(request_id))
        self.note("r-4")
        self.assertEqual((self.batches, self.observer.again), ([], []))
        self.clock.advance(FLUSH_SECONDS)
        (batch,) = self.batches
        self.assertEqual([whole(each).trace.request_id for each in batch], ["r-1", "r-2", "r-3", "r-4"])
        self.assertEqual([whole(each).trace.action for each in batch], ["a", "b", "a", ""])
        self.assertEqual(self.observer.again, [("a", [3, 3]), ("b", [3])])
        self.assertEqual(len(self.observer.records), 1)

    def test_many_again(self) -> None:
        """A full batch of those goes in the reactor's next turn as well; one alone, a moment later."""
        alike = Alike(Record(0.0, Trace(""), 0.0, None, b"GET", b"/", 200, ""))
        for _ in range(BATCH):
            self.access.write_again(alike, b"r", 0.0)
        self.assertEqual(self.batches, [])
        self.clock.advance(0)
        self.assertEqual([len(batch) for batch in self.batches], [BATCH])
        self.access.write_again(alike, b"r", 0.0)
        self.clock.advance(FLUSH_SECONDS)
        self.assertEqual([len(batch) for batch in self.batches], [BATCH, 1])

    def test_many(self) -> None:
        """A full batch goes in the reactor's next turn, and still not in the request's."""
        for _ in range(BATCH):
            self.note()
        self.assertEqual(self.batches, [])
        self.clock.advance(0)
        self.assertEqual([len(batch) for batch in self.batches], [BATCH])

    def test_change(self) -> None:
        """What changed the cloud is written at once, with what waited, and leaves nothing to do."""
        self.note()
        self.note(changes=True)
        self.assertEqual([len(batch) for batch in self.batches], [2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_flush(self) -> None:
        """At the end nothing is kept back, and nothing is written twice."""
        self.note()
        self.access.flush()
        self.access.flush()
        self.clock.advance(1)
        self.assertEqual([len(batch) for batch in self.batches], [1])

    def test_unix(self) -> None:
        """A client at a Unix socket has no host."""
        self.assertEqual(place(UNIXAddress(b"/run/x")), "unix")
