"""The site: one resource tree, its requests and its connections."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

import re
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from ec2proxy.web.access import AccessLog
from ec2proxy.web.answers import SERVER
from ec2proxy.web.clear import ClearPasswords
from ec2proxy.web.drain import Connections
from ec2proxy.web.errors import explained
from ec2proxy.web.exchange import Exchange
from ec2proxy.web.wire import MAX_BODY, Channel

#: Seconds after which an idle connection is closed, and which one whole request may take to arrive.
IDLE = 60.0


# RFC 9112, 3.2.2: a server takes the form that is meant for proxies too.
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


class ProxyRequest(Request):
    """A request whose query and body are left as they came: whoever answers it parses them once, itself."""

    defaultContentType = None
    channel: Channel
    content: BytesIO
    site: "EC2Site"
    _received = 0

    def parseCookies(self) -> None:
        """Do nothing: nobody here reads a cookie."""

    def handleContentChunk(self, data: bytes) -> None:
        """Take in a part of the body, up to the limit; a chunked one does not tell its size before."""
        self._received += len(data)
        if self._received > MAX_BODY:
            self.channel.refuse_body()
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Go on to the resource tree, with all of the request there."""
        self.method, self.uri, self.clientproto = command, _origin_form(path), version
        self.path = self.uri.partition(b"?")[0]
        self.args = {}
        self.content.seek(0)
        self.process()

    def process(self) -> None:
        """Find the resource and have it answer."""
        site = self.site = self.channel.site
        if self.channel.in_the_clear:
            site.passwords.look(self.getHeader(b"Authorization"), self.channel.getPeer())
        self.responseHeaders.setRawHeaders(b"Server", [SERVER])
        self.responseHeaders.setRawHeaders(b"Date", [site.date()])
        self.prepath = []
        self.postpath = [unquote_to_bytes(segment) for segment in self.path[1:].split(b"/")]
        try:
            self.render(site.getResourceFor(self))
        except Exception:
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer what should not have happened through the one funnel."""
        exchange = Exchange(self, self.site.access)
        answer = explained(reason, exchange.trace)
        if self.startedWriting:
            self.loseConnection()
        else:
            exchange.send(answer)
        return reason

    def __repr__(self) -> str:
        """The request without its query, which holds signatures."""
        return f"<{type(self).__name__} {self.method!r} {self.path!r}>"


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
        self.passwords = ClearPasswords()
        self._dated = (-1, b"")

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


def _origin_form(target: bytes) -> bytes:
    """A request target without scheme and host, if it had them."""
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    rest = target[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
