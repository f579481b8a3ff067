"""Clients and backends made of memory, for the tests of the listening side."""

# Twisted's names.
# ruff: noqa: N802

from http.client import HTTPResponse
from io import BytesIO
from typing import Any

from attrs import define, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import LogEvent, eventAsText, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import IResource
from zope.interface import implementer

from ec2proxy.asking import IEC2Service
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.web.access import AccessLog
from ec2proxy.web.fastsite import FastSite
from ec2proxy.web.site import IDLE, EC2Site

#: Stands wherever a test sends something that no log may hold.
SECRET = "tOpSeCrEt"


class PromptLog(AccessLog):
    """An access log that lets no line wait: nothing is left on the clock, and a test sees each event at once."""

    def write(self, *args: Any, **named: Any) -> None:
        super().write(*args, **named)
        self.flush()


class LogWatchingTestCase(SynchronousTestCase):
    """Keeps all log events of a test, and fails it if one holds :data:`SECRET`.

    :cvar site_type: whose connections are tested; see :func:`over_twisted`.
    :cvar late: seconds that a timeout may be late.
    """

    site_type: type[EC2Site] = FastSite
    late = IDLE / 20

    def setUp(self) -> None:
        self.clock = Clock()
        self.access: AccessLog = PromptLog(self.clock)
        self.events: list[LogEvent] = []
        # These clients come from afar, without TLS: what is said of their passwords is kept apart.
        self.warnings: list[LogEvent] = []
        globalLogPublisher.addObserver(self._keep)
        self.addCleanup(self._stop_watching)

    def _keep(self, event: LogEvent) -> None:
        (self.warnings if event.get("log_namespace") == "ec2proxy.web.clear" else self.events).append(event)

    def _stop_watching(self) -> None:
        globalLogPublisher.removeObserver(self._keep)
        for event in self.events + self.warnings:
            self.assertNotIn(SECRET, eventAsText(event))
            self.assertNotIn(SECRET, repr(event))

    def lines(self) -> list[LogEvent]:
        """The events of the access log."""
        return [event for event in self.events if event.get("log_namespace") == "ec2proxy.access"]


@implementer(IEC2Service)
@define
class Service:
    """Performs everything, or fails as it is told: at once, or in time if its answer is a Deferred."""

    answer: Any = b"<fine/>"
    requests: list[RawRequest] = field(factory=list)
    traces: list[Trace] = field(factory=list)

    def perform(self, request: RawRequest, trace: Trace) -> Any:
        self.requests.append(request)
        self.traces.append(trace)
        if isinstance(self.answer, Deferred):
            return self._in_time(self.answer)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def repeatable(self, request: RawRequest) -> None:
        """Nothing: each is performed."""

    async def _in_time(self, answer: Deferred[bytes]) -> bytes:
        return await answer


@frozen
class Response:
    """One response off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


class Transport(StringTransport):
    """Tells a connection that is cut off from one that is closed."""

    aborting = False

    def abortConnection(self) -> None:
        self.aborting = True


class Client:
    """A client's end of a connection to a site."""

    def __init__(self, site: EC2Site) -> None:
        self.transport = Transport(peerAddress=IPv4Address("TCP", "192.0.2.7", 4711))
        self.protocol = site.buildProtocol(IPv4Address("TCP", "192.0.2.7", 4711))
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def drop(self) -> None:
        self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def closed(self) -> bool:
        return self.transport.disconnecting

    def responses(self, method: str = "GET") -> list[Response]:
        """All whole responses so far, taken off."""
        stream = _Stream(self.transport.value())
        self.transport.clear()
        found = []
        while stream.tell() < len(stream.getvalue()):
            response = HTTPResponse(stream, method=method)  # type: ignore[arg-type]
            response.begin()
            body = response.read()
            found.append(Response(response.status, {k.lower(): v for k, v in response.getheaders()}, body))
        return found

    def response(self, method: str = "GET") -> Response:
        (only,) = self.responses(method)
        return only


class _Stream(BytesIO):
    """What HTTPResponse takes for a socket, and cannot close."""

    def makefile(self, mode: str) -> "_Stream":
        return self

    def close(self) -> None:
        pass


def site_of(test: LogWatchingTestCase, root: IResource, **more: Any) -> EC2Site:
    return test.site_type(root, test.clock, test.access, **more)


def over_twisted(module: dict[str, Any]) -> dict[str, type]:
    """All test cases of a module once more, over twisted.web's channel.

    :param module: its ``globals()``, to be updated with the result.
    """
    found = {}
    for name, case in list(module.items()):
        if isinstance(case, type) and issubclass(case, LogWatchingTestCase) and case.__module__ == module["__name__"]:
            own = {"__module__": case.__module__, "site_type": EC2Site, "late": 0.0}
            found[f"{name}OverTwisted"] = type(f"{name}OverTwisted", (case,), own)
    return found


@implementer(IAgentEndpointFactory)
class _Endpoints:
    def __init__(self, reactor: MemoryReactorClock) -> None:
        self.reactor = reactor

    def endpointForURI(self, uri: URI) -> TCP4ClientEndpoint:
        return TCP4ClientEndpoint(self.reactor, uri.host.decode(), uri.port)


class BackendWire:
    """The backend's end of the connections that a real Agent makes."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.agent = Agent.usingEndpointFactory(self.reactor, _Endpoints(self.reactor))

    @property
    def connections(self) -> int:
        return len(self.reactor.tcpClients)

    def refuse(self, error: Exception) -> None:
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(error))

    def accept(self) -> None:
        self.transport = Transport()
        self.protocol = self.reactor.tcpClients[-1][2].buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def received(self) -> bytes:
        return self.transport.value()

    def send(self, data: bytes) -> None:
        self.protocol.dataReceived(data)

    def drop(self, reason: Exception) -> None:
        self.protocol.connectionLost(Failure(reason))
