"""The acceptor: it takes connections, a few at a time, and waits where none can be had.

The sockets are real ones, of the local domain or of the loopback interface; the reactor only remembers.
"""

import errno
import os
import socket
import tempfile
from typing import Any
from unittest import SkipTest

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IListeningPort, IReadDescriptor
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.tcp import Port
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.listening.acceptor import PAUSE, QUIET, Acceptor, take_over


class Reactor(Clock):
    """Remembers who reads, and what was adopted."""

    def __init__(self) -> None:
        super().__init__()
        self.reading: list[Any] = []
        self.adopted: list[tuple[int, Any]] = []
        self.error: Exception | None = None

    def addReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Note a reader."""
        self.reading.append(reader)

    def removeReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Note that it reads no more."""
        if reader in self.reading:
            self.reading.remove(reader)

    removeWriter = removeReader  # noqa: N815  # Twisted's name

    def adoptStreamConnection(self, descriptor: int, family: int, factory: Any) -> None:  # noqa: N802  # Twisted's
        """Note a connection that works, which is closed by who gives it."""
        if self.error is not None:
            raise self.error
        assert not os.get_blocking(descriptor)
        self.adopted.append((family, factory))


class Counting(Factory):
    """Counts who uses it."""

    noisy = False


@define
class Scripted:
    """A listening socket that does what a test says.

    :param script: errors, or None for a connection.
    """

    script: list[int | None]
    family: int = socket.AF_INET
    closed: bool = False
    kept: list[socket.socket] = field(factory=list)

    def getsockname(self) -> tuple[str, int]:
        """Any address."""
        return "127.0.0.1", 80

    def accept(self) -> tuple[socket.socket, str]:
        """Do the next thing."""
        error = self.script.pop(0) if self.script else errno.EAGAIN
        if error is not None:
            raise OSError(error, os.strerror(error))
        ours, theirs = socket.socketpair()
        self.kept.append(theirs)
        return ours, ""

    def fileno(self) -> int:
        """No descriptor."""
        return -1

    def close(self) -> None:
        """Be closed."""
        self.closed = True


class AcceptorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.factory = Counting()

    def acceptor(self, *script: int | None, burst: int = 100) -> Acceptor:
        """One that reads from a socket of which this comes."""
        self.socket = Scripted(list(script))
        acceptor = Acceptor(self.socket, self.factory, self.reactor, burst)  # type: ignore[arg-type]
        acceptor.startListening()
        self.addCleanup(lambda: [each.close() for each in self.socket.kept])
        return acceptor

    def test_interfaces(self) -> None:
        for interface in (IListeningPort, IReadDescriptor):
            verifyObject(interface, self.acceptor())

    def test_takes_what_waits(self) -> None:
        """All that waits is taken in one turn, and no more than is its share."""
        acceptor = self.acceptor(*[None] * 5, burst=3)
        acceptor.doRead()
        self.assertEqual(len(self.reactor.adopted), 3)
        acceptor.doRead()
        self.assertEqual(self.reactor.adopted, [(socket.AF_UNIX, self.factory)] * 5)
        self.assertEqual((self.reactor.reading, self.factory.numPorts), ([acceptor], 1))

    def test_gone_again(self) -> None:
        """One that has gone before it was taken does not keep the next one waiting."""
        acceptor = self.acceptor(errno.ECONNABORTED, errno.EPERM, None)
        with capturedLogs() as logged:
            acceptor.doRead()
        self.assertEqual((len(self.reactor.adopted), logged), (1, []))
        self.assertEqual(self.reactor.reading, [acceptor])

    def test_none_left(self) -> None:
        """Without a descriptor it sleeps, is not woken again for the same one, and says so seldom."""
        acceptor = self.acceptor(*[errno.EMFILE] * 500, None)
        with capturedLogs() as logged:
            tries = 0
            while self.reactor.seconds() < QUIET + 1:
                if self.reactor.reading:
                    acceptor.doRead()
                    tries += 1
                self.reactor.advance(PAUSE / 5)
        self.assertLessEqual(tries, (QUIET + 1) / PAUSE + 1)
        self.assertEqual([event["error"] for event in logged], ["Too many open files"] * 2)
        self.socket.script[:-1] = []
        self.reactor.advance(PAUSE)
        acceptor.doRead()
        self.assertEqual(len(self.reactor.adopted), 1)

    def test_none_left_for_the_reactor(self) -> None:
        """A connection that was taken and cannot be adopted is closed."""
        acceptor = self.acceptor(None, None)
        self.reactor.error = OSError(errno.EMFILE, "Too many open files")
        with capturedLogs() as logged:
            acceptor.doRead()
        self.assertEqual(self.socket.kept[0].recv(1), b"")
        self.assertEqual((self.reactor.reading, len(logged)), ([], 1))

    def test_a_factory_s_mistake(self) -> None:
        """What goes wrong with one connection is logged, and the next one is taken."""
        acceptor = self.acceptor(None, None)
        self.reactor.error = ValueError("no")
        acceptor.doRead()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)
        self.assertEqual([each.recv(1) for each in self.socket.kept], [b"", b""])

    def test_stops(self) -> None:
        """It lets go of the socket, its factory and the port beneath, whether it sleeps or not."""
        for script in ([], [errno.EMFILE]):
            acceptor = self.acceptor(*script)
            acceptor.doRead()
            self.successResultOf(acceptor.stopListening())
            self.assertEqual((self.socket.closed, self.reactor.reading, self.factory.numPorts), (True, [], 0))
            self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_the_reactor_ends(self) -> None:
        """Nothing is kept when the reactor closes all readers."""
        acceptor = self.acceptor()
        acceptor.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(self.socket.closed)
        self.assertEqual((acceptor.fileno(), acceptor.logPrefix()), (-1, "Acceptor"))

    def test_addresses(self) -> None:
        """It tells where it listens, for each kind of socket."""
        path = os.path.join(tempfile.mkdtemp(dir=self.mktemp_parent()), "s")
        for family, name, address in (
            (socket.AF_INET, ("127.0.0.1", 0), IPv4Address),
            (socket.AF_INET6, ("::1", 0), IPv6Address),
            (socket.AF_UNIX, path, UNIXAddress),
        ):
            with socket.socket(family) as listening:
                try:
                    listening.bind(name)
                except OSError as error:
                    raise SkipTest(f"{family.name}: {error}") from None
                host = Acceptor(listening, self.factory, self.reactor).getHost()
                self.assertIsInstance(host, address)

    def mktemp_parent(self) -> str:
        """A directory of this test, with a short name: that of a socket has 100 bytes."""
        directory = tempfile.TemporaryDirectory(prefix="ec2proxy-")
        self.addCleanup(directory.cleanup)
        return directory.name


class TakeOverTests(SynchronousTestCase):
    def test_taken_over(self) -> None:
        """A port of Twisted's keeps its socket and address, and another takes its connections."""
        reactor = Reactor()
        port = Port(0, Counting(), interface="127.0.0.1", reactor=reactor)
        port.startListening()
        acceptor = take_over(port)
        self.assertEqual(reactor.reading, [acceptor])
        self.assertEqual(acceptor.getHost(), port.getHost())
        with socket.create_connection(("127.0.0.1", port.getHost().port)) as client:
            reactor.reading[0].doRead()
            self.assertEqual(reactor.adopted, [(socket.AF_INET, port.factory)])
            self.assertEqual(client.recv(1), b"")
        stopped = acceptor.stopListening()
        assert isinstance(stopped, Deferred)
        reactor.advance(0)
        self.successResultOf(stopped)
        self.assertFalse(port.connected)

    def test_given(self) -> None:
        """A socket that was handed over, as systemd's are, keeps nobody waiting once all who came are taken."""
        reactor = Reactor()
        with socket.create_server(("127.0.0.1", 0)) as given:
            # Twisted sees to the descriptor, and Python's object does not know.
            os.set_blocking(given.fileno(), False)
            port = Port._fromListeningDescriptor(reactor, given.fileno(), socket.AF_INET, Counting())
            port.startListening()
            acceptor = take_over(port)
            self.assertFalse(os.get_blocking(acceptor.fileno()))
            acceptor.stopListening()

    def test_others(self) -> None:
        """A port of another kind stays as it is."""
        port = object()
        self.assertIs(take_over(port), port)  # type: ignore[arg-type]
