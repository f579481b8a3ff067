"""The site: one resource tree, its requests and its connections."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource, getChildForRequest
from twisted.web.server import Site

from ec2proxy.web.access import AccessLog
from ec2proxy.web.answers import SERVER, XML
from ec2proxy.web.bodies import Bodies
from ec2proxy.web.clear import ClearPasswords
from ec2proxy.web.drain import Connections
from ec2proxy.web.errors import explained
from ec2proxy.web.exchange import Exchange
from ec2proxy.web.headerlines import HeaderLines
from ec2proxy.web.request import ProxyRequest
from ec2proxy.web.wire import Channel

#: Seconds after which an idle connection is closed, and which one whole request may take to arrive.
IDLE = 60.0


class EC2Site(Site):
    """Serves a resource tree over HTTP/1.1 with limits, without twisted.web's own access log.

    :param root: the resource tree.
    :param clock: the reactor's clock; timeouts, the Date header and the connections' grace go by it.
    :param access: where requests that are refused before they reach the tree are logged.
    :param idle: seconds after which an idle connection is closed, and which one request may take to arrive.
    """

    requestFactory = ProxyRequest
    protocol: Any = Channel

    def __init__(self, root: IResource, clock: IReactorTime, access: AccessLog, idle: float = IDLE) -> None:
        super().__init__(root, timeout=idle, reactor=clock)
        self.access = access
        self.connections = Connections(clock)
        self.bodies = Bodies()
        self.passwords = ClearPasswords()
        self.header_lines = HeaderLines()
        self._dated = (-1, b"")
        self._success = (b"", b"")

    def startFactory(self) -> None:
        """Do nothing: there is no log file to open, and no date to make for its lines."""

    def stopFactory(self) -> None:
        """Do nothing, likewise."""

    def log(self, request: Any) -> None:
        """Do nothing: the access log is written where a request is answered."""

    def getContentFile(self, length: int | None) -> BytesIO:
        """Where a body is gathered: in memory, since it is small by our own limit."""
        return BytesIO()

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may negotiate."""
        return [b"http/1.1"]

    def date(self) -> bytes:
        """The Date header, made once a second. JavaScript's SDK sets its clock by it."""
        second = int(self.reactor.seconds())
        if second != self._dated[0]:
            self._dated = (second, datetimeToString(second))
        return self._dated[1]

    def success(self) -> bytes:
        """The head of an answer that is a success, up to its length; made when the date changes."""
        date = self.date()
        if date is not self._success[0]:
            head = b"HTTP/1.1 200 OK\r\nServer: %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: "
            self._success = (date, head % (SERVER, date, XML))
        return self._success[1]

    def getResourceFor(self, request: Any) -> IResource:
        """The resource that a request is for. What Site notes in the request beside that, nobody here reads."""
        request.sitepath = []
        found: IResource = getChildForRequest(self.resource, request)
        return found

    def explain(self, request: ProxyRequest, reason: Failure) -> None:
        """Answer what should not have happened through the one funnel."""
        exchange = Exchange(request, self.access)
        answer = explained(reason, exchange.trace)
        if request.startedWriting:
            request.loseConnection()
        else:
            exchange.send(answer)
