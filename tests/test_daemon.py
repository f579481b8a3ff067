"""Tests of the daemon's beginning and end, on a reactor that only remembers."""

import errno

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from zope.interface import implementer

from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.options import Options
from ec2proxy.tap import makeService
from ec2proxy.web.access import AccessLog
from ec2proxy.web.site import EC2Site


@implementer(IStreamServerEndpoint)
@define
class Refusing:
    """An endpoint where nobody can listen."""

    error: Exception

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803  # Twisted's name
        """Fail."""
        return fail(self.error)


@implementer(IListeningPort)
@define
class Port:
    """A port that is told to stop, and has when its Deferred fires."""

    steps: list[str]
    stopped: Deferred[None] = field(factory=Deferred)

    def startListening(self) -> None:  # noqa: N802  # Twisted's name
        """Do nothing."""

    def stopListening(self) -> Deferred[None]:  # noqa: N802  # Twisted's name
        """Note it."""
        self.steps.append("stop listening")
        return self.stopped

    def getHost(self) -> str:  # noqa: N802  # Twisted's name
        """Any address."""
        return "somewhere"


@implementer(IStreamServerEndpoint)
@define
class Ready:
    """An endpoint that gives a port."""

    port: Port

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803  # Twisted's name
        """Give it."""
        return succeed(self.port)


class Lingering:
    """A connection whose request never ends."""

    def __init__(self, site: EC2Site, steps: list[str]) -> None:
        self._site = site
        self._steps = steps
        site.connections.made(self)

    def leave(self) -> None:
        """Go on."""
        self._steps.append("leave")

    def abort(self) -> None:
        """Be cut off."""
        self._steps.append("abort")
        self._site.connections.lost(self)


class MakeServiceTests(SynchronousTestCase):
    """The daemon as a command line describes it."""

    def test_built(self) -> None:
        """It listens where it was told to, and no call has left for the backend."""
        reactor = MemoryReactorClock()
        options = Options()
        options.parseOptions(
            ["--backend=http://cloud.example/api", "--state=memory:", "--listen=tcp:80", "--listen=unix:/run/x.sock"]
        )
        makeService(options, reactor).privilegedStartService()
        self.assertEqual([port for port, *_ in reactor.tcpServers], [80])
        self.assertEqual([address for address, *_ in reactor.unixServers], ["/run/x.sock"])
        self.assertEqual(reactor.tcpClients, [])


class DaemonTests(SynchronousTestCase):
    """The daemon as a service."""

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.site = EC2Site(Resource(), self.reactor, AccessLog(self.reactor))
        self.steps: list[str] = []

    def daemon(self, *endpoints: IStreamServerEndpoint) -> Daemon:
        """A daemon that notes when it begins and when it has let go of everything."""

        async def close() -> None:
            self.steps.append("close")

        described = [(f"endpoint {number}", endpoint) for number, endpoint in enumerate(endpoints)]
        return Daemon(described, self.site, 20.0, lambda: self.steps.append("begin"), close)

    def test_listens(self) -> None:
        """It listens once, before privileges are shed, and says where."""
        daemon = self.daemon(TCP4ServerEndpoint(self.reactor, 3001, interface="127.0.0.1"))
        daemon.privilegedStartService()
        with capturedLogs() as logged:
            daemon.startService()
        self.assertEqual([(port, site) for port, site, *_ in self.reactor.tcpServers], [(3001, self.site)])
        (event,) = [event for event in logged if event.get("where")]
        self.assertEqual(event["where"].port, 3001)
        self.assertEqual(self.steps, ["begin"])
        self.assertTrue(daemon.running)

    def test_added_later(self) -> None:
        """A service that is added to one that runs already is not told of privileges."""
        self.daemon(TCP4ServerEndpoint(self.reactor, 3001)).startService()
        self.assertEqual(len(self.reactor.tcpServers), 1)

    def test_refused(self) -> None:
        """Where it cannot listen, it says in one line where and why, and does not begin."""
        cause = OSError(errno.EADDRINUSE, "Address already in use")
        for error, why in (
            (CannotListenError("127.0.0.1", 3001, cause), "[Errno 98] Address already in use"),
            (ValueError("no such thing"), "no such thing"),
        ):
            daemon = self.daemon(Ready(Port(self.steps)), Refusing(error))
            refusal = self.assertRaises(CannotStart, daemon.startService)
            self.assertEqual(refusal.code, f"ec2proxy: cannot listen at endpoint 1: {why}")
            self.assertIsInstance(refusal, SystemExit)
            self.assertIsInstance(refusal, Exception)
        self.assertEqual(self.steps, [])

    def test_ends_in_order(self) -> None:
        """It stops listening, lets requests finish until their time is up, and closes the rest last."""
        port = Port(self.steps)
        daemon = self.daemon(Ready(port))
        daemon.startService()
        Lingering(self.site, self.steps)
        ended = daemon.stopService()
        self.assertEqual(self.steps, ["begin", "stop listening"])
        port.stopped.callback(None)
        self.assertEqual(self.steps[2:], ["leave"])
        self.reactor.advance(19.9)
        self.assertNoResult(ended)
        self.reactor.advance(0.1)
        self.successResultOf(ended)
        self.assertEqual(self.steps[3:], ["abort", "close"])
        self.assertFalse(daemon.running)

    def test_ends_at_once(self) -> None:
        """With no request under way there is nothing to wait for."""
        port = Port(self.steps)
        port.stopped.callback(None)
        daemon = self.daemon(Ready(port))
        daemon.startService()
        self.successResultOf(daemon.stopService())
        self.assertEqual(self.steps, ["begin", "stop listening", "close"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])
