"""What the fast wire alone does: back pressure, the socket at once, one sweep for all, lending and taking back."""

# Twisted's names.

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.fast import ABORT, AHEAD, FastChannel
from ec2proxy.web.fastsite import _PATHS, FastSite
from ec2proxy.web.site import IDLE
from ec2proxy.web.tree import root
from tests.web.wires import Client, LogWatchingTestCase, Service

ASK = b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n"
ODD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
HALF = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + b"x" * 30000


class FastTestCase(LogWatchingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.site = FastSite(EC2Resource(self.service, self.access), self.clock, self.access)
        self.client = Client(self.site)
        self.channel: FastChannel = self.client.protocol
        self.transport = self.client.transport

    @property
    def reading(self) -> bool:
        """Whether anything more is taken in."""
        return self.transport.producerState == "producing"


class PressureTests(FastTestCase):
    """A client that sends faster than it is answered, or takes its answers slower than it asks."""

    def test_ahead(self) -> None:
        """While a request is under way, only so much is read of the next ones; all of them are answered in the end."""
        for answered in range(2):
            self.service.answer = Deferred()
            self.client.send(ASK)
            self.client.send(b"")
            for _ in range(AHEAD // len(ASK)):
                self.client.send(ASK)
            self.assertTrue(self.reading)
            self.client.send(ASK)
            self.assertFalse(self.reading)
            first, self.service.answer = self.service.answer, b"<next/>"
            first.callback(b"<first/>")
            self.assertTrue(self.reading, answered)
            self.assertEqual(len(self.client.responses()), AHEAD // len(ASK) + 2)

    def test_ahead_in_one_piece(self) -> None:
        """The same if all comes at once, and if the next one takes its time too."""
        first = self.service.answer = Deferred()
        self.client.send(ASK * 1000)
        self.assertFalse(self.reading)
        second = self.service.answer = Deferred()
        first.callback(b"<first/>")
        self.assertFalse(self.reading)
        self.service.answer = b"<next/>"
        second.callback(b"<second/>")
        self.assertTrue(self.reading)
        self.assertEqual(len(self.client.responses()), 1000)

    def test_ahead_and_odd(self) -> None:
        """A connection is lent as it is found, reading."""
        self.service.answer = Deferred()
        self.client.send(ASK + ODD + b"x" * AHEAD)
        self.assertFalse(self.reading)
        first, self.service.answer = self.service.answer, b"<next/>"
        first.callback(b"<first/>")
        self.assertTrue(self.reading)
        self.assertEqual([each.status for each in self.client.responses()], [200, 200])

    def test_full(self) -> None:
        """Who does not take answers gets no further ones made, however they have been asked for."""
        self.service.answer = b"x" * 1000
        self.channel.pauseProducing()
        self.assertFalse(self.reading)
        self.client.send(ASK * 3)
        self.assertEqual(self.service.requests, [])
        self.channel.resumeProducing()
        self.assertTrue(self.reading)
        self.assertEqual(len(self.client.responses()), 3)

    def test_full_and_odd(self) -> None:
        """An odd request that waited for that is read to its end."""
        self.channel.pauseProducing()
        self.client.send(ODD[:-9])
        self.channel.resumeProducing()
        self.assertTrue(self.reading)
        self.client.send(ODD[-9:])
        self.assertEqual(self.client.response().status, 200)

    def test_full_in_between(self) -> None:
        """That may come to be known with any answer."""
        write = self.transport.write

        def filling(data: bytes) -> None:
            write(data)
            self.channel.pauseProducing()

        self.transport.write = filling
        self.client.send(ASK * 3)
        for count in (1, 2, 3):
            self.assertEqual((len(self.service.requests), self.reading), (count, False))
            self.channel.resumeProducing()
        self.assertTrue(self.reading)

    def test_full_under_way(self) -> None:
        """A request under way goes on; what comes after it waits for both."""
        self.service.answer = Deferred()
        self.client.send(ASK + ASK)
        self.channel.pauseProducing()
        self.service.answer.callback(b"<first/>")
        self.assertEqual(len(self.service.requests), 1)
        self.service.answer = b"<next/>"
        self.channel.resumeProducing()
        self.assertEqual(len(self.client.responses()), 2)

    def test_full_in_a_body(self) -> None:
        """A large body that has half arrived by then arrives."""
        self.client.send(HALF)
        self.channel.pauseProducing()
        self.client.send(b"x" * 5000)
        self.channel.resumeProducing()
        self.assertTrue(self.reading)
        self.client.send(b"x" * 5000)
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.service.requests[0].body, b"x" * 40000)

    def test_full_is_no_excuse(self) -> None:
        """Nor does that body have more time for it."""
        self.client.send(HALF)
        self.clock.pump([IDLE / 20] * 19)
        self.channel.pauseProducing()
        self.channel.resumeProducing()
        self.clock.pump([IDLE / 20] * 2)
        self.assertTrue(self.client.closed)

    def test_full_and_left(self) -> None:
        """A drain closes the connection of whoever takes nothing."""
        self.channel.pauseProducing()
        self.client.send(ASK)
        self.channel.leave()
        self.assertTrue(self.client.closed)
        self.channel.resumeProducing()
        self.client.send(ASK)
        self.assertEqual(self.service.requests, [])


class SweepTests(FastTestCase):
    """Timeouts, by one timer."""

    def test_one_timer(self) -> None:
        """There is one for all connections, as long as there are any."""
        others = [Client(self.site) for _ in range(3)]
        for _ in range(3):
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            self.clock.advance(IDLE / 20)
        for client in (self.client, *others):
            client.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_closing(self) -> None:
        """A connection that does not close in time is cut off."""
        self.clock.pump([IDLE / 20] * 21)
        self.assertTrue(self.client.closed)
        self.assertFalse(self.transport.aborting)
        self.clock.advance(ABORT)
        self.assertTrue(self.transport.aborting)

    def test_not_taking(self) -> None:
        """So is that of a client that does not take its last answer, but it has the time of an idle one too."""
        self.client.send(ASK[:-2] + b"Connection: close\r\n\r\n")
        self.assertTrue(self.client.closed)
        self.clock.pump([IDLE / 20] * 20)
        self.assertFalse(self.transport.aborting)
        self.clock.pump([ABORT / 2] * 3)
        self.assertTrue(self.transport.aborting)

    def test_since(self) -> None:
        """A room that looks for idle connections is told since when this one is, or that it is not."""
        self.assertEqual(self.channel.idle_since(), 0)
        self.service.answer = Deferred()
        self.client.send(ASK)
        self.assertIsNone(self.channel.idle_since())
        self.clock.advance(7)
        self.service.answer.callback(b"")
        self.assertEqual(self.channel.idle_since(), 7)
        for some in (HALF, ODD[:9]):
            client = Client(self.site)
            client.send(some)
            self.assertIsNone(client.protocol.idle_since())


class LendingTests(FastTestCase):
    """twisted.web's channel has the connection as long as it needs it."""

    def test_back(self) -> None:
        """It is back once an odd request is answered, with its own timeout."""
        self.service.answer = Deferred()
        self.client.send(ODD)
        self.assertIsNone(self.channel.idle_since())
        self.clock.advance(IDLE * 2)
        self.service.answer.callback(b"")
        self.assertEqual(self.channel.idle_since(), IDLE * 2)
        self.assertIs(self.transport.producer, self.channel)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_not_before_all_is_sent(self) -> None:
        """It is not, while the client does not take what it has been sent: that is in the borrower's hands."""
        self.service.answer = Deferred()
        self.client.send(ODD)
        borrower = self.transport.producer
        borrower.pauseProducing()
        self.service.answer.callback(b"")
        self.assertIs(self.transport.producer, borrower)
        borrower.resumeProducing()
        self.assertIs(self.transport.producer, self.channel)

    def test_lost(self) -> None:
        """Nothing is left behind when it is lost meanwhile."""
        cancelled: list[object] = []
        self.service.answer = Deferred(cancelled.append)
        self.client.send(ODD)
        self.client.drop()
        self.assertEqual(cancelled, [self.service.answer])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_paths(self) -> None:
        """Paths are remembered, but no more than so many; the rest are found each time."""
        api = Resource()
        tree = root(frozenset({"ec2", "deltacloud"}), EC2Resource(self.service, self.access), api)
        site = FastSite(tree, self.clock, self.access)
        for number in range(_PATHS * 2):
            self.assertIs(site.service_at(b"/%d" % number), self.service)
        for path in (b"/api", b"/%61pi/x", b"/regions/x/api/y"):
            self.assertIsNone(site.service_at(path))
        self.assertEqual(len(site._services), _PATHS)
        self.assertIsNone(FastSite(api, self.clock, self.access).service_at(b"/"))
