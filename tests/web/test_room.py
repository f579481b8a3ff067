"""Room for connections: the idle go first, then newcomers are told that there is none."""

from attrs import define
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.web.drain import Connections
from ec2proxy.web.room import IDLE_ENOUGH, LOOK_AGAIN, MOST_REFUSALS, QUIET, REFUSAL_PATIENCE, Room

PEER = IPv4Address("TCP", "192.0.2.1", 40000)


@define(eq=False)
class Open:
    """A connection.

    :param since: since when it is idle, None if a request is under way.
    """

    connections: Connections
    since: float | None
    told_to_leave: bool = False

    def leave(self) -> None:
        """Begin to close, as a transport does: it has when :meth:`lost` is called."""
        assert self.since is not None
        self.told_to_leave = True
        self.since = None

    def abort(self) -> None:
        """Close."""
        self.connections.lost(self)

    def idle_since(self) -> float | None:
        """Tell."""
        return self.since


class RoomTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.connections = Connections(self.clock)
        self.factory = Factory.forProtocol(Protocol)
        self.factory.noisy = False

    def room(self, most: int) -> Room:
        """Room for so many."""
        return Room(self.factory, self.connections, most, self.clock)

    def opened(self, *idle: float | None) -> list[Open]:
        """Connections that have been idle for so many seconds."""
        found = []
        for seconds in idle:
            found.append(Open(self.connections, None if seconds is None else self.clock.seconds() - seconds))
            self.connections.made(found[-1])
        return found

    def refusals(self, room: Room, number: int) -> list[tuple[Protocol, StringTransport]]:
        """Newcomers who find no room."""
        found = []
        for _ in range(number):
            protocol = room.buildProtocol(PEER)
            assert protocol is not None
            self.assertIsNone(protocol.factory)  # type: ignore[attr-defined]
            transport = StringTransport(peerAddress=PEER)
            protocol.makeConnection(transport)
            found.append((protocol, transport))
        return found

    def test_interface(self) -> None:
        verifyObject(IProtocolFactory, self.room(1))

    def test_room(self) -> None:
        """As long as there is room everybody comes in, and nobody is asked to leave."""
        room = self.room(3)
        opened = self.opened(100, 100)
        self.assertIs(room.buildProtocol(PEER).factory, self.factory)
        self.assertEqual([each.told_to_leave for each in opened], [False, False])

    def test_ports(self) -> None:
        """The factory learns of ports."""
        room = self.room(3)
        room.doStart()
        self.assertEqual(self.factory.numPorts, 1)
        room.doStop()
        self.assertEqual(self.factory.numPorts, 0)

    def test_idle_go(self) -> None:
        """The one that has been idle longest makes room, and only one for each newcomer if there are few."""
        room = self.room(4)
        opened = self.opened(10, 30, None, 20)
        with capturedLogs() as logged:
            self.assertIs(room.buildProtocol(PEER).factory, self.factory)
        self.assertEqual([each.told_to_leave for each in opened], [False, True, False, False])
        self.assertIn("1 idle ones were closed", logged[0]["log_format"].format(**logged[0]))
        room.buildProtocol(PEER)
        self.assertEqual([each.told_to_leave for each in opened], [False, True, False, True])

    def test_some_at_once(self) -> None:
        """Of many, some are closed at once: their places are given away before others are looked for."""
        room = self.room(500)
        opened = self.opened(*range(100, 600))
        for _ in range(5):
            self.assertIs(room.buildProtocol(PEER).factory, self.factory)
        self.assertEqual([each.told_to_leave for each in opened], [False] * 495 + [True] * 5)
        room.buildProtocol(PEER)
        self.assertEqual(sum(each.told_to_leave for each in opened), 10)

    def test_places_end(self) -> None:
        """Places that were given away meanwhile are not given away twice."""
        room = self.room(500)
        opened = self.opened(*range(100, 600))
        room.buildProtocol(PEER)
        for each in opened:
            if each.told_to_leave:
                self.connections.lost(each)
        room.buildProtocol(PEER)
        self.opened(*[None] * 5)
        for _ in range(4):
            room.buildProtocol(PEER)
        self.assertEqual(sum(each.told_to_leave for each in opened), 10)

    def test_refused(self) -> None:
        """With all of them at work, a newcomer is told in HTTP, and its connection ends."""
        room = self.room(3)
        self.opened(None, IDLE_ENOUGH / 2, None)
        with capturedLogs() as logged:
            ((protocol, transport),) = self.refusals(room, 1)
        self.assertEqual(transport.value(), b"")
        protocol.dataReceived(b"POST /ec2 HTTP/1.1\r\n")
        protocol.dataReceived(b"Host: a\r\n\r\n")
        head, _, body = transport.value().partition(b"\r\n\r\n")
        self.assertEqual(head.split(b"\r\n")[0], b"HTTP/1.1 503 Service Unavailable")
        self.assertIn(b"Content-Length: %d" % len(body), head)
        self.assertIn(b"<Code>Unavailable</Code>", body)
        self.assertIn(b"Connection: close", head)
        # It may be about to write more; closing is up to it.
        self.assertFalse(transport.disconnecting)
        self.assertIn("and 1 were refused", logged[0]["log_format"].format(**logged[0]))
        protocol.connectionLost(Failure(ConnectionError()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_to_hear(self) -> None:
        """Who wants nothing, or does not close, is cut off."""
        ((protocol, transport),) = self.refusals(self.room(0), 1)
        self.clock.advance(REFUSAL_PATIENCE)
        self.assertTrue(transport.disconnected)
        protocol.connectionLost(Failure(ConnectionError()))

    def test_flood(self) -> None:
        """Of a flood, some are told and the others closed; the log has a line a minute, with how many they were."""
        room = self.room(1)
        self.opened(None)
        with capturedLogs() as logged:
            told = self.refusals(room, MOST_REFUSALS)
            self.assertEqual([room.buildProtocol(PEER) for _ in range(100)], [None] * 100)
            for protocol, _ in told:
                protocol.connectionLost(Failure(ConnectionError()))
            self.clock.advance(QUIET)
            self.refusals(room, 1)
        self.assertEqual([event["refused"] for event in logged], [1, MOST_REFUSALS + 100])

    def test_looks_seldom(self) -> None:
        """When none was idle enough, the next newcomers cost no look at all connections."""
        room = self.room(1)
        (opened,) = self.opened(IDLE_ENOUGH - LOOK_AGAIN / 2)
        self.refusals(room, 1)
        self.clock.advance(LOOK_AGAIN * 0.9)
        self.refusals(room, 1)
        self.clock.advance(LOOK_AGAIN * 0.1)
        self.assertIs(room.buildProtocol(PEER).factory, self.factory)
        self.assertTrue(opened.told_to_leave)
