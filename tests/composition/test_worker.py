"""A worker, on a reactor that only remembers: it does what it is told, and ends whatever becomes of that."""

from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ReactorNotRunning
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.mastering import Orders
from ec2proxy.composition.worker import LAST_WORDS, Worker
from ec2proxy.configuration.configuration import Configuration
from ec2proxy.options import Options
from ec2proxy.workers.channel import Channel


class Reactor(MemoryReactorClock):
    """Remembers what is to be done before the end, and how often it was told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Any] = []
        self.stops = 0

    def addSystemEventTrigger(self, phase: str, event: str, call: Any, *rest: Any) -> None:  # noqa: N802
        """Note it."""
        if (phase, event) == ("before", "shutdown"):
            self.before.append(call)

    def stop(self) -> None:
        """Note it, and complain as Twisted's does the second time."""
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning


class WorkerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.worker = Worker(self.reactor)
        self.wire = StringTransport()
        self.worker.channel.makeConnection(self.wire)
        self.master = Channel({})
        self.said = StringTransport()
        self.master.makeConnection(self.said)

    def tell(self, name: str, value: Any = None) -> None:
        """Have the first process say something."""
        self.master.tell(name, value)
        self.worker.channel.dataReceived(self.said.value())
        self.said.clear()

    def configuration(self) -> Configuration:
        """Any."""
        options = Options()
        options.parseOptions(["--workers=2", "--backend=http://cloud.example/api", "--state=memory:"])
        return options.configuration

    def orders(self, **more: Any) -> Orders:
        """Orders to serve that."""
        return evolve(Orders(self.configuration(), 1, 3, "machine", {}, None, False), **more)

    def test_packed(self) -> None:
        """Orders arrive as they were, with the secrets that they hold."""
        orders = self.orders(ports={"a": 1}, scratch="/dev/shm/x")
        unpacked = Orders.unpacked(orders.packed())
        self.assertEqual(evolve(unpacked, configuration=None), evolve(orders, configuration=None))
        for name in ("settings", "state", "regions"):
            self.assertEqual(getattr(unpacked.configuration, name), getattr(orders.configuration, name))

    def test_cannot_serve(self) -> None:
        """What it cannot serve ends it, and the log tells why: it is tried anew in a while."""
        with capturedLogs() as logged:
            self.tell("serve", self.orders(scratch="/nowhere/at/all").packed())
        self.assertEqual((self.reactor.stops, self.worker.exit_code), (1, 1))
        self.assertEqual([event["log_format"] for event in logged], ["A worker cannot serve"])
        self.assertEqual(len(self.flushLoggedErrors(FileNotFoundError)), 1)
        self.assertNotIn(b"serving", self.wire.value())

    def test_told_to_stop(self) -> None:
        """It ends once, however often it is told to, with all that it has to say."""
        self.tell("stop")
        self.tell("stop")
        self.assertEqual((self.reactor.stops, self.worker.exit_code), (2, 0))
        (last,) = self.reactor.before
        ended: Deferred[None] = last()
        self.assertNoResult(ended)
        self.assertTrue(self.wire.disconnecting)
        self.worker.channel.connectionLost(Failure(ConnectionDone()))
        self.successResultOf(ended)

    def test_nobody_listens(self) -> None:
        """Last words that nobody takes are not waited for."""
        (last,) = self.reactor.before
        ended: Deferred[None] = last()
        self.reactor.advance(LAST_WORDS)
        self.successResultOf(ended)

    def test_left_alone(self) -> None:
        """It ends when the first process does."""
        self.worker.channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.reactor.stops, 1)

    def test_nothing_yet(self) -> None:
        """Before it serves it has nothing to report and nothing to take over or to change."""
        asked = [self.master.ask(name) for name in ("report", "take over")]
        self.worker.channel.dataReceived(self.said.value())
        self.master.dataReceived(self.wire.value())
        self.assertEqual([self.successResultOf(answer) for answer in asked], [None, None])
