"""HTTP/1.1 on llhttp for what is asked a thousand times a second, with twisted.web's channel behind it for the rest.

A plain request that performs an action goes from the socket to the service without a request of twisted.web. Anything
else is given to :class:`~ec2proxy.web.wire.Channel`, from its first byte on, and the connection comes back when that
has nothing left to do. So every limit, refusal and oddity of HTTP is dealt with in one place, and an idle connection
is this small object alone.
"""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocol, IPushProducer, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES
from zope.interface import implementer

from ec2proxy.asking import IEC2Service
from ec2proxy.web.access import CLIENT_GONE
from ec2proxy.web.answers import SERVER, Answer
from ec2proxy.web.answers import request_id as new_id
from ec2proxy.web.exchange import BaseExchange
from ec2proxy.web.plain import Plain, read
from ec2proxy.web.repeats import Shape, shape_of

if TYPE_CHECKING:
    from ec2proxy.web.fastsite import FastSite
    from ec2proxy.web.lent import LentChannel

#: Bytes that are taken in while a request is under way; twisted.web's channel has the same limit.
AHEAD = 16 * 1024

#: Seconds that a client has to take the rest of an answer once its connection should have been closed.
ABORT = 15.0


_ID = b"\r\nX-Amzn-Requestid: "


@implementer(IProtocol, IPushProducer)
class FastChannel:
    """One connection.

    Requests that come in a row are answered in their order; while one is under way, or the client does not take its
    answers, the next ones wait, and after :data:`AHEAD` bytes on the client's side.

    :param site: what it belongs to.
    """

    __slots__ = (
        "_ahead",
        "_alike",
        "_arriving",
        "_call",
        "_closing",
        "_data",
        "_direct",
        "_full",
        "_in_the_clear",
        "_leaving",
        "_lent",
        "_shape",
        "_since",
        "_turning",
        "peer",
        "site",
        "transport",
    )

    def __init__(self, site: "FastSite") -> None:
        self.site = site
        self.transport: Any = None
        self._data: bytes | bytearray = b""  # what has come and is not dealt with
        self._arriving: Plain | None = None  # the request whose body is not all there
        self._call: Call | None = None  # the request under way
        self._lent: LentChannel | None = None  # what the connection is lent to
        self.peer: Any = None  # the client's address, once it has been asked for
        self._shape: Shape | None = None  # what requests on it look like, if they repeat themselves
        self._alike: Any = None  # what they have in common for the log
        self._since = 0.0  # when the last request began to arrive, or was answered
        self._direct = self._in_the_clear = self._turning = False
        self._full = self._ahead = self._leaving = self._closing = False

    # What a transport calls.

    def makeConnection(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        # Under TLS a write to the socket is not a write of ours.
        self._direct = isinstance(transport, Connection) and not transport.TLS
        self.connectionMade()

    def connectionMade(self) -> None:
        """Begin, known to the site."""
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._since = self.site.clock.seconds()
        self.site.made(self)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes."""
        if self._lent is not None:
            self._lent.dataReceived(data)
        elif self._closing:
            pass
        elif self._call is not None or self._full:
            self._data += data
            self._hold_back()
        elif self._arriving is not None:
            self._data += data
            if len(self._data) >= self._arriving.head + self._arriving.body:
                self._go_on()
        else:
            shape = self._shape
            if shape is None or len(data) != shape.length or not self._repeat(shape, data):
                self._take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and let what was under way know."""
        lent, call = self._lent, self._call
        self._closing = True
        self._data = b""
        self._lent = self._call = self._arriving = None
        if lent is not None:
            lent.connectionLost(reason)
        elif call is not None:
            call.lost()
        self.site.lost(self)

    def pauseProducing(self) -> None:
        """Take in nothing more: the client does not take what it has asked for."""
        self._full = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Go on."""
        self._full = False
        if self._call is None and not self._turning:
            self._go_on()
        self._let_on()

    def stopProducing(self) -> None:
        """Do nothing: the connection has ended, and says so itself."""

    # What the site and its drain call.

    def leave(self) -> None:
        """Close the connection: at once if nothing is under way, else after the request that is."""
        if self._lent is not None:
            self._lent.leave()
            return
        self._leaving = True
        if self._call is None and self._arriving is None and not self._closing:
            self._close()

    def abort(self) -> None:
        """Cut the connection off, whatever is under way."""
        self.transport.abortConnection()

    def idle_since(self) -> float | None:
        """When the connection fell idle, by the site's clock; None if anything is under way on it."""
        if self._lent is not None or self._call is not None or self._arriving is not None or self._closing:
            return None
        return self._since

    def expire(self, now: float) -> None:
        """Close the connection if nothing has come on it for too long, or too little; cut it off if that is no use."""
        if self._lent is not None or self._call is not None:
            return
        late = now - self._since - self.site.idle
        if not self._closing:
            if late >= 0:
                self._since = now - self.site.idle
                self._close()
        elif late >= ABORT:
            self.abort()

    # What has been lent comes back.

    def take_back(self, data: bytes) -> None:
        """Go on by ourselves.

        :param data: the beginning of the next request.
        """
        self._lent = None
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        self._since = self.site.clock.seconds()
        if data:
            self._take(data)

    def _lend(self, data: bytes) -> None:
        # It is lent as it was found, whatever we had it paused for.
        self._ahead = False
        self.transport.resumeProducing()
        self.transport.unregisterProducer()
        self._lent = lent = self.site.lent_channel(self)
        lent.makeConnection(self.transport)
        lent.dataReceived(data)

    # Requests and answers.

    def _take(self, data: bytes) -> None:
        """Deal with the requests in ``data``, as far as they are whole, one after the other."""
        at, size = 0, len(data)
        known = None if self._full else self.site.shapes.find(data)
        if known is not None and self._repeat(known, data):
            return
        self._turning = True
        try:
            while at < size and self._call is None and not self._full and not self._closing:
                plain = self._arriving or read(data, at)
                service = None if plain is None else self.site.service_at(plain.path)
                if plain is None or service is None:
                    self._lend(data[at:])
                    return
                start = at + plain.head
                end = start + plain.body
                if end > size:
                    if self._arriving is None:
                        self._arriving = plain
                        self._since = self.site.clock.seconds()
                    # It may come in the tiniest pieces.
                    self._data = bytearray(data[at:])
                    return
                self._arriving = None
                at = end
                self._call = call = Call(self, plain)
                self._since = call.began
                if self._in_the_clear or self.peer is None:
                    self._look(plain)
                call.perform(service, plain.with_body(data[start:end]))
                # With an answer on its way, or an error, there is nothing to repeat.
                if self._call is None and not call.error and start == plain.head and end == size:
                    self._learn(data, plain, service)
        finally:
            self._turning = False
        if at < size and not self._closing:
            self._data = data[at:]
            self._hold_back()

    def _repeat(self, shape: Shape, data: bytes) -> bool:
        """Answer a request that repeats another; False if it does not, or takes longer."""
        if self._leaving:
            return False
        site = self.site
        began = site.clock.seconds()
        request_id = new_id().encode()
        answer = shape.answer(data, began, request_id)
        if answer is None:
            return False
        if shape is not self._shape:
            if self.peer is None:
                self._look(shape.plain)
            self._shape, self._alike = shape, shape.alike(self.peer)
        self._arriving = None
        self._since = began
        self._write(b"".join((site.success(), *answer)))
        site.access.write_again(self._alike, request_id, began)
        return True

    def _learn(self, data: bytes, plain: Plain, service: IEC2Service) -> None:
        """Have requests like this one known by their bytes, if what it asks was asked before."""
        shapes = self.site.shapes
        if plain.last or not shapes.is_asked_again(data[plain.head :]):
            return
        shape = shape_of(data, plain, service)
        if shape is not None:
            shapes.shared(shape, data)

    def _go_on(self) -> None:
        data, self._data = bytes(self._data), b""
        if data:
            self._take(data)

    def _look(self, plain: Plain) -> None:
        """Look for passwords, where anybody might."""
        passwords = self.site.passwords
        if self.peer is None:
            self.peer = self.transport.getPeer()
            self._in_the_clear = passwords.concern(self.transport)
        if self._in_the_clear:
            passwords.look(plain.by_name.get(b"authorization"), self.peer)

    def _hold_back(self) -> None:
        if len(self._data) > AHEAD and not self._ahead:
            self._ahead = True
            self.transport.pauseProducing()

    def _let_on(self) -> None:
        enough = len(self._data) > AHEAD and self._arriving is None
        if not (enough or self._full or self._closing or self._lent):
            self._ahead = False
            self.transport.resumeProducing()

    def closes(self, plain: Plain) -> bool:
        """Whether the connection ends with the answer to ``plain``."""
        return plain.last or self._leaving

    def answered(self, answer: bytes, closes: bool) -> None:
        """Send a whole answer, and go on to the next request."""
        self._call = None
        self._write(answer)
        if closes:
            self._close()
        elif not self._turning:
            self._since = self.site.clock.seconds()
            self._go_on()
            if self._ahead:
                self._let_on()

    def _write(self, data: bytes) -> None:
        transport = self.transport
        # What the socket takes at once needs neither a buffer nor another turn of the reactor.
        if self._direct and not transport.dataBuffer and not transport._tempDataBuffer:
            try:
                sent = transport.socket.send(data)
            except OSError:
                # There is no room, or an error, which the reactor comes upon as well.
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def _close(self) -> None:
        self._closing = True
        self._arriving = None
        self._data = b""
        self.transport.unregisterProducer()
        self.transport.loseConnection()


class Call(BaseExchange):
    """One plain request under way."""

    __slots__ = ("_channel", "_plain")

    def __init__(self, channel: FastChannel, plain: Plain) -> None:
        super().__init__(channel.site.access)
        self._channel = channel
        self._plain = plain

    def succeed(self, body: bytes) -> None:
        """Send what it came to."""
        channel = self._channel
        if self._gone:
            return
        if channel.closes(self._plain):
            self.send(Answer(200, body))
            return
        self._note(200)
        parts = (channel.site.success(), b"%d" % len(body), _ID, self.trace.request_id.encode(), b"\r\n\r\n", body)
        channel.answered(b"".join(parts), False)

    def send(self, answer: Answer) -> None:
        """Write a whole answer, unless there is nobody left to read it."""
        if self._gone:
            return
        self.error = answer.code
        self._note(answer.status)
        channel = self._channel
        closes = channel.closes(self._plain)
        head = [b"HTTP/1.1 %d %s" % (answer.status, RESPONSES.get(answer.status, b"-"))]
        if closes:
            head.append(b"Connection: close")
        head += (b"Server: " + SERVER, b"Date: " + channel.site.date(), b"Content-Type: " + answer.kind)
        head += (b"Content-Length: %d" % len(answer.body), b"X-Amzn-Requestid: " + self.trace.request_id.encode())
        head += (b"%s: %s" % header for header in answer.headers)
        channel.answered(b"\r\n".join((*head, b"", answer.body)), closes)

    def lost(self) -> None:
        """Stop: the client has gone away."""
        self._abandon()
        self._note(CLIENT_GONE)

    def _note(self, status: int) -> None:
        plain = self._plain
        self._access.write(
            self.trace,
            self.began,
            client=self._channel.peer,
            method=plain.method.encode(),
            target=plain.path,
            status=status,
            error=self.error,
        )
