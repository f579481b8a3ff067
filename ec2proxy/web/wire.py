"""HTTP/1.1 on twisted.web: how much of a request is taken in, and what is said to what is no request at all.

What happens before a request reaches the resource tree stands here; nothing here knows what a request means.
"""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

from ec2proxy.ec2.trace import Trace
from ec2proxy.web.answers import SERVER, request_id
from ec2proxy.web.errors import refusal
from ec2proxy.web.headerlines import count
from ec2proxy.web.patience import Patience
from ec2proxy.web.sending import is_direct, send

if TYPE_CHECKING:
    from ec2proxy.web.site import EC2Site

#: Bytes that a body may have. EC2's largest is a RunInstances with 16 KB of user data, which base64 and
#: percent-encoding make 30 KB, and Deltacloud's are forms like it: 1 MiB leaves room for any list of ids.
MAX_BODY = 1024 * 1024

#: Bytes that the request line and the headers may have together. libcloud sends user data by GET, in the URL.
MAX_HEAD = 64 * 1024

#: Headers that a request may have. SDKs send under twenty.
MAX_HEADERS = 100

#: Seconds for which a refused client may go on sending, its bytes thrown away. Closing at once would reset the
#: connection before the client has read why.
LINGER = 5.0


_BLANKS = (b" ", b"\t")


class Channel(HTTPChannel):
    """One connection. What its site's limits do not allow is refused with an EC2 error and ends it.

    A whole request, its body included, has to arrive within the site's idle timeout, so a client that sends a byte
    now and then cannot hold a connection for ever.

    :ivar in_the_clear: whether its requests are to be looked at for passwords.
    """

    MAX_LENGTH = MAX_HEAD
    totalHeadersSize = MAX_HEAD
    maxHeaders = MAX_HEADERS
    site: "EC2Site"

    in_the_clear = False
    _direct = False
    _host: IAddress | None = None
    _peer: IAddress | None = None
    _arriving = False
    _leaving = False
    _refused = False
    _since = 0.0

    def connectionMade(self) -> None:
        """Begin, known to the site."""
        self.begin()
        self.site.connections.made(self)

    def begin(self) -> None:
        """Begin to read."""
        # Without a timeOut HTTPChannel leaves time alone: it would make a timer for each request, and take it away.
        assert self.timeOut is not None
        self._idle, self.timeOut = float(self.timeOut), None
        super().connectionMade()
        self._patience = Patience(self.site.reactor, self.timeoutConnection)
        self._patience.wait(self._idle)
        self._direct = is_direct(self.transport)
        self.in_the_clear = self.site.passwords.concern(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and let what was under way know."""
        self.end(reason)
        self.site.connections.lost(self)

    def end(self, reason: Failure) -> None:
        """End what is under way."""
        self.let_go()
        super().connectionLost(reason)

    def let_go(self) -> None:
        """Leave nothing behind: no timer, and nothing that refers to itself."""
        self._patience.stop()
        vars(self).pop("lineReceived", None)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes; only the first ones of a request move the timeout."""
        if self._refused:
            return
        if not self._arriving:
            self._arriving = True
            self._patience.wait(self._idle)
        # A line that begins with a blank begins these bytes, or follows the end of another one among them. There is
        # hardly ever any, and looking at each line costs ten times as much.
        if data[:1] in _BLANKS or b"\n " in data or b"\n\t" in data:
            self.lineReceived = self._unfolded_line  # type: ignore[method-assign]
        # Not HTTPChannel's: it would move the timeout with every byte.
        LineReceiver.dataReceived(self, data)

    def _unfolded_line(self, line: bytes) -> None:
        """Take in a line of the head, unless it goes on with the one before."""
        if line[:1] in _BLANKS:
            # RFC 9112, 5.2: a header folded into two lines, which not every reader unfolds, may be refused.
            self._respondToBadRequestAndDisconnect()
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that is as long as the whole head may be."""
        if self.requests:
            self.refuse(431, "InvalidRequest", "The headers are too large.")
        else:
            self.refuse(414, "InvalidRequest", "The URL is too long.")

    def getHost(self) -> IAddress:
        """Where the connection was taken; the system is asked once, and not with every request."""
        if self._host is None:
            self._host = super().getHost()
        return self._host

    def getPeer(self) -> IAddress:
        """Who has connected; likewise."""
        if self._peer is None:
            self._peer = super().getPeer()
        return self._peer

    def headerReceived(self, line: bytes) -> bool:
        """Take in a header; False if it is refused."""
        headers = self.requests[-1].requestHeaders
        lines = self.site.header_lines
        if self._receivedHeaderCount < self.maxHeaders and lines.put(line, headers):
            # All else that HTTPChannel does with a line that it has found to be right.
            self._receivedHeaderCount += 1
            return True
        # Another reader may end the header there (RFC 9110, 5.5). Twisted 24.10 lets these pass.
        if b"\r" in line or b"\n" in line:
            self._respondToBadRequestAndDisconnect()
            return False
        before = count(headers)
        try:
            taken = bool(super().headerReceived(line))
        except ValueError:
            # Python makes no number of the thousands of digits that a Content-Length may have.
            self.refuse_body()
            return False
        if taken:
            lines.learn(line, headers, before)
        return taken

    def allHeadersReceived(self) -> None:
        """Judge a head that is complete, before the body is asked for (``Expect``) or read."""
        request = self.requests[-1]
        if self.length is not None and self.length > MAX_BODY:
            self.refuse_body()
        elif not self._has_its_host(request):
            # RFC 9112, 3.2: whoever stands between us and the client may have read another one.
            self.refuse(400, "InvalidRequest", "The request has no Host header, or more than one.")
        elif not self._is_framed_plainly(request):
            # RFC 9112, 6.1 and 6.3: whoever forwards it may think that its body ends elsewhere.
            self._respondToBadRequestAndDisconnect()
        else:
            super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """Hand a request on that is complete."""
        if not self._refused:
            # However long the answer takes.
            self._patience.rest()
            super().allContentReceived()

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """Whether the connection outlives this request."""
        headers = request.requestHeaders.getRawHeaders(b"Connection", ())
        # twisted.web looks at the first such header alone, and takes its commas for letters.
        if self._leaving or (headers and _tells_to_close(headers)):
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return bool(super().checkPersistence(request, version))

    def requestDone(self, request: Request) -> None:
        """Go on to the next request, once one has been answered."""
        self._arriving = False
        self._since = self.site.reactor.seconds()
        if self.persistent:
            self._patience.wait(self._idle, self._since)
        super().requestDone(request)

    def send(self, data: bytes) -> None:
        """Write a whole answer, in this turn of the reactor as far as the socket takes it."""
        if self._direct:
            send(self.transport, data)
        else:
            self.write(data)

    def _is_framed_plainly(self, request: Request) -> bool:
        codings = request.requestHeaders.getRawHeaders(b"Transfer-Encoding")
        if codings is None:
            return True
        # twisted.web takes each of several such headers for itself.
        return len(codings) == 1 and codings[0].lower() == b"chunked" and self._version == b"HTTP/1.1"

    def _has_its_host(self, request: Request) -> bool:
        hosts = len(request.requestHeaders.getRawHeaders(b"Host", ()))
        return hosts == 1 or (hosts == 0 and self._version == b"HTTP/1.0")

    def refuse_body(self) -> None:
        """Refuse the request that is arriving because of its size."""
        self.refuse(413, "RequestEntityTooLarge", f"The body is larger than {MAX_BODY} bytes.")

    def refuse(self, status: int, code: str, message: str) -> None:
        """Answer what is arriving with an EC2 error, take in nothing more, and close the connection soon."""
        if self._refused:
            return
        self._refused = True
        self.clearLineBuffer()
        trace = Trace(request_id())
        answer = refusal(status, code, message, trace.request_id)
        head = (
            b"HTTP/1.1 %d %s\r\nServer: %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            b"X-Amzn-RequestId: %s\r\nConnection: close\r\n\r\n"
        )
        about = (SERVER, self.site.date(), answer.kind, len(answer.body), trace.request_id.encode())
        assert self.transport is not None
        self.transport.writeSequence([head % (status, HTTPStatus(status).phrase.encode(), *about), answer.body])
        self._patience.wait(LINGER)
        self.site.access.write(
            trace,
            self.site.access.now(),
            client=self.getPeer(),
            # Known once the request line has been understood.
            method=getattr(self, "_command", b"-"),
            target=getattr(self, "_path", b"-"),
            status=status,
            error=answer.code,
        )

    def leave(self) -> None:
        """Close the connection: at once if nothing is under way, else after the request that is."""
        if self._leaving:
            return
        self._leaving = True
        if self._refused or not self._arriving:
            self.loseConnection()
        for request in self.requests:
            self.persistent = 0
            if not request.startedWriting:
                request.responseHeaders.setRawHeaders(b"Connection", [b"close"])

    def idle_since(self) -> float | None:
        """The time since when it waits for a request; None if it does something else."""
        return None if self._arriving or self._leaving or self._refused else self._since

    def abort(self) -> None:
        """Cut the connection off, whatever is under way."""
        self.forceAbortClient()

    def _respondToBadRequestAndDisconnect(self) -> None:
        # HTTPChannel calls this for all that is not HTTP or is over a limit; its own answer is bare.
        self.refuse(400, "InvalidRequest", "The request is not valid HTTP, or its head is too large.")


def _tells_to_close(headers: Sequence[bytes]) -> bool:
    """Whether ``close`` is among the options of some Connection headers."""
    return any(option.strip() == b"close" for option in b",".join(headers).lower().split(b","))
