"""Long answers: a client that takes its time holds no copy of one, and gets all of it."""

# Twisted's names.

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from ec2proxy.web.fast import ABORT, PIECE
from ec2proxy.web.site import IDLE
from tests.web.test_fast import ASK, FastTestCase

LONG = bytes(range(256)) * (7 * PIECE // 256) + b"the end"


class Taking(StringTransport):
    """A connection whose client takes what there is when a test says so."""

    waiting = 0
    paused = False

    def write(self, data: bytes) -> None:
        """Keep it; more than Twisted's transports buffer without a word has the producer paused."""
        super().write(data)
        self.waiting += len(data)
        if self.waiting > 65536 and self.producer is not None and not self.paused:
            self.paused = True
            self.producer.pauseProducing()

    def take(self) -> None:
        """Have all of it taken."""
        self.waiting = 0
        if self.paused and self.producer is not None:
            self.paused = False
            self.producer.resumeProducing()


class LongAnswerTests(FastTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service.answer = LONG
        self.taking = Taking()
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.taking)

    def taken_whole(self) -> list[int]:
        """Have all of it taken, bit by bit; give how much was waiting each time."""
        waited = []
        while self.taking.waiting:
            waited.append(self.taking.waiting)
            self.taking.take()
        return waited

    def test_in_pieces(self) -> None:
        """No more than a piece or two waits for a client, the rest is the answer that all have; it is whole at last."""
        self.channel.dataReceived(ASK)
        self.assertIs(self.channel._rest.obj, LONG)
        waited = self.taken_whole()
        self.assertGreater(len(waited), 5)
        self.assertLess(max(waited), 2 * PIECE)
        head, _, body = self.taking.value().partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Length: %d\r\n" % len(LONG), head)
        self.assertEqual(body, LONG)
        self.assertIsNone(self.channel._rest)

    def test_next(self) -> None:
        """The next requests wait until it is sent, and are answered then."""
        self.channel.dataReceived(ASK * 2)
        self.channel.dataReceived(ASK)
        self.assertEqual(len(self.service.requests), 1)
        self.taken_whole()
        self.assertEqual(len(self.service.requests), 3)
        self.assertEqual(self.taking.value().count(LONG), 3)

    def test_in_time(self) -> None:
        """So do they if it was answered in time."""
        answer = self.service.answer = Deferred()
        self.channel.dataReceived(ASK * 2)
        self.service.answer = b"<next/>"
        answer.callback(LONG)
        self.assertEqual(len(self.service.requests), 1)
        self.taken_whole()
        self.assertTrue(self.taking.value().endswith(b"<next/>"))

    def test_taken_at_once(self) -> None:
        """A client as quick as that has it at once."""
        self.client.send(ASK * 2)
        self.assertEqual([each.body for each in self.client.responses()], [LONG] * 2)

    def test_last(self) -> None:
        """The connection is closed when all is on its way, and not before."""
        for leaves in (False, True):
            self.setUp()
            self.channel.dataReceived(ASK if leaves else ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            if leaves:
                self.channel.leave()
            self.assertFalse(self.taking.disconnecting)
            self.taken_whole()
            self.assertTrue(self.taking.disconnecting)
            self.assertTrue(self.taking.value().endswith(LONG))
            self.assertEqual(b"\r\nConnection: close\r\n" in self.taking.value(), not leaves)

    def test_lost(self) -> None:
        """Nothing is held for a client that has gone."""
        self.channel.dataReceived(ASK)
        self.channel.connectionLost(Failure(ConnectionLost()))
        self.assertIsNone(self.channel._rest)
        self.assertNotIn(self.channel, list(self.site.connections))

    def test_slow(self) -> None:
        """A client that takes some now and then is not idle, however long it takes."""
        self.channel.dataReceived(ASK)
        self.assertIsNone(self.channel.idle_since())
        for _ in range(len(LONG) // PIECE):
            self.clock.advance(IDLE + ABORT / 2)
            self.taking.take()
        self.assertIsNone(self.channel._rest)
        self.clock.advance(IDLE / 2)
        self.assertFalse(self.taking.disconnecting)
        self.assertTrue(self.taking.value().endswith(LONG))

    def test_stuck(self) -> None:
        """One that takes nothing is cut off in the end."""
        cut: list[Any] = []
        self.taking.abortConnection = lambda: cut.append(self.clock.seconds())
        began = self.clock.seconds()
        self.channel.dataReceived(ASK)
        while not cut and self.clock.seconds() < began + 10 * IDLE:
            self.clock.advance(1)
        self.assertGreaterEqual(cut[0] - began, IDLE + ABORT)
        self.assertLess(cut[0] - began, 1.2 * IDLE + ABORT)
