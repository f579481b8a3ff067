"""The crowd: who has something to do does it, and nobody suffers from another's end.

The sockets are real ones; the reactor only remembers who waits.
"""

import select
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReactorFDSet, IReadDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.posixbase import PosixReactorBase
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ec2proxy.listening.crowd import MOST, Crowd, crowd_of


class Reactor(Clock):
    """Remembers who reads."""

    _supportedAddressFamilies = PosixReactorBase._supportedAddressFamilies  # noqa: N815  # Twisted's name
    adoptStreamConnection = PosixReactorBase.adoptStreamConnection  # noqa: N815  # Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.reading: list[Any] = []

    def addReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Note a reader."""
        self.reading.append(reader)

    def removeReader(self, reader: Any) -> None:  # noqa: N802  # Twisted's name
        """Note that it reads no more."""
        self.reading.remove(reader)


class Member:
    """One end of a pair of sockets; takes down what is asked of it."""

    def __init__(self, case: SynchronousTestCase) -> None:
        self.socket, self.other = socket.socketpair()
        self.fileno = self.socket.fileno
        self.did: list[str] = []
        self.lost: list[type] = []
        self.reads: Callable[[], Any] = lambda: self.socket.recv(100) and None
        for each in (self.socket, self.other):
            each.setblocking(False)
            case.addCleanup(each.close)

    def doRead(self) -> Any:  # noqa: N802  # Twisted's name
        """Read."""
        self.did.append("read")
        return self.reads()

    def doWrite(self) -> Any:  # noqa: N802  # Twisted's name
        """Write."""
        self.did.append("write")

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """End."""
        assert reason.type is not None
        self.lost.append(reason.type)
        self.socket.close()


@implementer(IHalfCloseableDescriptor)
class HalfCloseable(Member):
    """A member that may go on to write when it has read everything."""

    def writeConnectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """It cannot write any more."""

    def readConnectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """Note that there is nothing more to read."""
        self.did.append("half")


class CrowdTests(SynchronousTestCase):
    """Who is called, and when."""

    def setUp(self) -> None:
        """A crowd of nobody."""
        self.reactor = Reactor()
        self.crowd = Crowd(self.reactor)
        self.addCleanup(lambda: self.crowd._epoll.close())

    def member(self, kind: type[Member] = Member) -> Member:
        """A member that reads."""
        member = kind(self)
        self.crowd.addReader(member)  # type: ignore[arg-type]  # as much of one as is needed
        return member

    def test_interfaces(self) -> None:
        """It is a reactor to transports and a descriptor to the reactor."""
        verifyObject(IReactorFDSet, self.crowd)
        verifyObject(IReadDescriptor, self.crowd)
        self.assertEqual(self.crowd.logPrefix(), "Crowd")

    def test_reactor(self) -> None:
        """What else a transport asks of the reactor, the reactor does."""
        called: list[int] = []
        self.crowd.callLater(1, called.append, 1)
        self.reactor.advance(1)
        self.assertEqual(called, [1])

    def test_registered(self) -> None:
        """The reactor waits for it as long as anybody is in it, and is told once."""
        self.assertEqual(self.reactor.reading, [])
        one, other = self.member(), self.member()
        self.assertEqual(self.reactor.reading, [self.crowd])
        self.crowd.removeReader(one)  # type: ignore[arg-type]
        self.assertEqual(self.reactor.reading, [self.crowd])
        self.crowd.removeReader(other)  # type: ignore[arg-type]
        self.assertEqual(self.reactor.reading, [])

    def test_ready(self) -> None:
        """The reactor finds something to read if a member has something."""
        member = self.member()
        self.assertEqual(select.select([self.crowd], [], [], 0)[0], [])
        member.other.send(b"x")
        self.assertEqual(select.select([self.crowd], [], [], 0)[0], [self.crowd])

    def test_reads(self) -> None:
        """Who has got something reads, and nobody else."""
        one, other = self.member(), self.member()
        one.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual((one.did, other.did), (["read"], []))
        self.crowd.doRead()
        self.assertEqual(one.did, ["read"])

    def test_twice(self) -> None:
        """To ask for the same twice is to ask once, and so is to ask for no more."""
        member: Any = self.member()
        self.crowd.addReader(member)
        self.assertEqual(self.crowd.getReaders(), [member])
        self.crowd.removeReader(member)
        self.crowd.removeReader(member)
        member.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual(member.did, [])

    def test_writes(self) -> None:
        """Who waits for room to write is told of it, beside what there is to read, until it waits no more."""
        member: Any = self.member()
        self.crowd.addWriter(member)
        self.assertEqual((self.crowd.getReaders(), self.crowd.getWriters()), ([member], [member]))
        self.crowd.doRead()
        self.assertEqual(member.did, ["write"])
        member.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual(member.did, ["write", "read", "write"])
        self.crowd.removeWriter(member)
        self.crowd.doRead()
        self.assertEqual((member.did, self.crowd.getWriters()), (["write", "read", "write"], []))

    def test_turns(self) -> None:
        """In one turn so many have theirs that the reactor's others do not wait long; all have theirs in the end."""
        members = [self.member() for _ in range(MOST + 10)]
        for member in members:
            member.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual(sum(len(member.did) for member in members), MOST)
        self.crowd.doRead()
        self.assertEqual({tuple(member.did) for member in members}, {("read",)})

    def test_closed_by_another(self) -> None:
        """Who is ended by one that had its turn before has none any more."""
        members = [self.member(), self.member()]

        def end_the_other() -> None:
            for each in members:
                if not each.did:
                    self.crowd.removeReader(each)  # type: ignore[arg-type]
                    each.socket.close()

        for each in members:
            each.reads = end_the_other
            each.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual(sorted(member.did for member in members), [[], ["read"]])

    def test_end(self) -> None:
        """What a member says its end is, is its end."""
        member = self.member()
        member.reads = lambda: CONNECTION_DONE
        member.other.close()
        self.crowd.doRead()
        self.assertEqual((member.lost, self.crowd.getReaders()), ([ConnectionDone], []))

    def test_half(self) -> None:
        """Who may go on when there is nothing to read any more is told just that, and reads no more."""
        member = self.member(HalfCloseable)
        member.reads = lambda: CONNECTION_DONE
        member.other.shutdown(socket.SHUT_WR)
        self.crowd.doRead()
        self.crowd.doRead()
        self.assertEqual((member.did, member.lost), (["read", "half"], []))

    def test_hung_up(self) -> None:
        """Who waits for room only is lost when the other end is closed; who reads gets its last bytes first."""
        writer, reader = Member(self), self.member()
        self.crowd.addWriter(writer)  # type: ignore[arg-type]
        reader.other.send(b"x")
        for each in (writer, reader):
            each.other.close()
        self.crowd.doRead()
        self.assertEqual((writer.did, writer.lost), ([], [ConnectionLost]))
        self.assertEqual((reader.did, reader.lost), (["read"], []))

    def test_reset(self) -> None:
        """An end without anything to read is one, too."""
        member = self.member()
        self.crowd.removeReader(member)  # type: ignore[arg-type]
        # Linux tells of a socket that was never connected that it has been hung up.
        with socket.socket() as nowhere:
            member.fileno = nowhere.fileno
            self.crowd.addReader(member)  # type: ignore[arg-type]
            self.crowd.doRead()
        self.assertEqual((member.did, member.lost), ([], [ConnectionDone]))

    def test_bug(self) -> None:
        """A bug on the way of one ends that one, with a traceback in the log, and no other."""
        broken, sound = self.member(), self.member()

        def bug() -> None:
            raise ZeroDivisionError

        broken.reads = bug
        for each in (broken, sound):
            each.other.send(b"x")
        with capturedLogs() as logged:
            self.crowd.doRead()
        self.assertEqual((broken.lost, sound.lost, sound.did), ([ZeroDivisionError], [], ["read"]))
        self.assertEqual([event["log_failure"].type for event in logged], [ZeroDivisionError])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.crowd.getReaders(), [sound])

    def test_bug_at_the_end(self) -> None:
        """Nor is a bug at the end of one the end of another."""
        broken, sound = self.member(), self.member()

        def bug(reason: Failure) -> None:
            raise ZeroDivisionError

        broken.connectionLost = bug  # type: ignore[method-assign]
        broken.reads = lambda: CONNECTION_DONE
        for each in (broken, sound):
            each.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual((sound.did, self.crowd.getReaders()), (["read"], [sound]))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_closed_early(self) -> None:
        """What has been closed before it is taken out is taken out all the same, and its number is free again."""
        member: Any = self.member()
        member.socket.close()
        self.crowd.removeReader(member)
        self.assertEqual(self.reactor.reading, [])
        self.crowd.removeReader(member)
        again = self.member()
        again.other.send(b"x")
        self.crowd.doRead()
        self.assertEqual(again.did, ["read"])

    def test_reactor_ends(self) -> None:
        """When the reactor ends, all connections do."""
        members = [self.member(), self.member()]
        self.crowd.connectionLost(Failure(ConnectionLost()))
        self.assertEqual([member.lost for member in members], [[ConnectionLost], [ConnectionLost]])
        self.assertEqual(self.reactor.reading, [])

    def test_adopted(self) -> None:
        """A connection that is adopted is a transport of Twisted's whose reactor is the crowd."""
        spoken: list[bytes] = []

        class Heard(Protocol):
            def dataReceived(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
                spoken.append(data)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            self.addCleanup(client.close)
            with listening.accept()[0] as connection:
                connection.setblocking(False)
                transport = self.crowd.adoptStreamConnection(
                    connection.fileno(), socket.AF_INET, Factory.forProtocol(Heard)
                )
        client.sendall(b"hello")
        self.crowd.doRead()
        self.assertEqual(spoken, [b"hello"])
        transport.abortConnection()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.reading, [])


class CrowdOfTests(SynchronousTestCase):
    """Where there can be one."""

    def test_real(self) -> None:
        """On a reactor of Twisted's own there is one."""

        class Real(PosixReactorBase):
            def __init__(self) -> None:
                """Begin nothing."""

        self.assertIsInstance(crowd_of(Real()), Crowd)

    def test_other(self) -> None:
        """Another one goes without."""
        reactor = Reactor()
        self.assertIs(crowd_of(reactor), reactor)

    def test_system(self) -> None:
        """So does one on another system."""
        self.patch(select, "epoll", None)
        del select.epoll
        reactor = PosixReactorBase.__new__(PosixReactorBase)
        self.assertIs(crowd_of(reactor), reactor)
