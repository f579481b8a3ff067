"""The socket is tried in the same turn, over either wire."""

# Twisted's names.
# ruff: noqa: N802

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure

from ec2proxy.web.ec2 import EC2Resource
from tests.web.wires import LogWatchingTestCase, Service, over_twisted, site_of

ASK = b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n"


class Socket:
    """Takes so many bytes at a time, or fails."""

    def __init__(self, takes: list[int | OSError]) -> None:
        self.takes = takes
        self.sent = b""

    def send(self, data: bytes) -> int:
        taken = self.takes.pop(0)
        if isinstance(taken, OSError):
            raise taken
        self.sent += data[:taken]
        return min(taken, len(data))


class Transport(Connection):
    """A TCP transport with such a socket, and what is left to the reactor."""

    def __init__(self, takes: list[int | OSError]) -> None:
        self.socket: Any = Socket(takes)
        self.buffered = b""
        self._tempDataBuffer = []

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def startReading(self) -> None:
        pass

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.7", 4711)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 3001)

    def write(self, data: bytes) -> None:
        self.buffered += data


class AtOnceTests(LogWatchingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.site = site_of(self, EC2Resource(self.service, self.access))

    def ask(self, *takes: int | OSError, **attributes: object) -> tuple[bytes, bytes]:
        """What a socket that takes so much is sent when one asks, and what is left to the reactor."""
        self.service.answer = answer = Deferred()
        transport = Transport(list(takes))
        transport.TLS = bool(attributes.pop("TLS", False))
        channel = self.site.buildProtocol(None)
        channel.makeConnection(transport)
        channel.dataReceived(ASK)
        for name, value in attributes.items():
            setattr(transport, name, value)
        answer.callback(b"<fine/>")
        channel.connectionLost(Failure(ConnectionDone()))
        return transport.socket.sent, transport.buffered

    def test_all(self) -> None:
        """What it takes is not buffered."""
        sent, buffered = self.ask(65536)
        self.assertTrue(sent.startswith(b"HTTP/1.1 200 OK\r\n") and sent.endswith(b"\r\n\r\n<fine/>"), sent)
        self.assertEqual(buffered, b"")

    def test_some(self) -> None:
        """What it does not take is."""
        whole, _ = self.ask(65536)
        for taken in (0, 100):
            sent, buffered = self.ask(taken)
            self.assertEqual((len(sent), len(sent + buffered)), (taken, len(whole)))
            self.assertTrue(buffered.endswith(b"<fine/>"))

    def test_none(self) -> None:
        """A socket without room, or a connection that turns out to be lost, is left to the reactor."""
        for error in (BlockingIOError(), ConnectionResetError()):
            sent, buffered = self.ask(error)
            self.assertEqual(sent, b"")
            self.assertTrue(buffered.startswith(b"HTTP/1.1 200 OK\r\n"))

    def test_left_to_the_reactor(self) -> None:
        """What is buffered goes first; a connection that is closing, or is TLS's, is not ours to write to."""
        for name, value in (("_tempDataBuffer", [b"x"]), ("dataBuffer", b"x"), ("disconnecting", True), ("TLS", True)):
            sent, buffered = self.ask(**{name: value})
            self.assertEqual(sent, b"", name)
            self.assertTrue(buffered.endswith(b"<fine/>"), name)


globals().update(over_twisted(globals()))
