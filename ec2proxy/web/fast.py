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
from twisted.python.failure import Failure
from zope.interface import implementer

from ec2proxy.asking import IEC2Service
from ec2proxy.web.answers import request_id as new_id
from ec2proxy.web.calls import Call
from ec2proxy.web.plain import Plain, read
from ec2proxy.web.repeats import Shape, shape_of
from ec2proxy.web.sending import is_direct, send

if TYPE_CHECKING:
    from ec2proxy.web.fastsite import FastSite
    from ec2proxy.web.lent import LentChannel

#: Bytes that are taken in while a request is under way; twisted.web's channel has the same limit.
AHEAD = 16 * 1024

#: Seconds that a client has to take the rest of an answer once its connection should have been closed.
ABORT = 15.0


#: Bytes of an answer that are given to the transport at once. What follows waits where all who were answered the same
#: have it in common, so that a client that is slow to take a long answer costs no more memory than this.
PIECE = 256 * 1024


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
        "_rest",
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
        self._rest: memoryview | None = None  # what is still to be sent of a long answer; it is full until then
        self._since = 0.0  # when the last request began to arrive, or was answered, or some of its answer was taken
        self._direct = self._in_the_clear = self._turning = False
        self._full = self._ahead = self._leaving = self._closing = False

    # What a transport calls.

    def makeConnection(self, transport: Any) -> None:
        """Begin."""
        self.transport = transport
        self._direct = is_direct(transport)
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
            elif not self.site.bodies.hold(self, len(self._data)):
                # It has its refusal there.
                self._arrived()
                data, self._data = bytes(self._data), b""
                self._lend(data)
        else:
            shape = self._shape
            if shape is None or len(data) != shape.length or not self._repeat(shape, data):
                self._take(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and let what was under way know."""
        lent, call = self._lent, self._call
        self._closing = True
        self._arrived()
        self._data = b""
        self._lent = self._call = self._rest = None
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
        if self._rest is not None:
            self._since = self.site.clock.seconds()
            self._send_on()
            if self._rest is None and self._leaving:
                self._close()
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
        if self.idle_since() is not None:
            self._close()

    def abort(self) -> None:
        """Cut the connection off, whatever is under way."""
        self.transport.abortConnection()

    def idle_since(self) -> float | None:
        """When the connection fell idle, by the site's clock; None if anything is under way on it."""
        under_way = self._lent or self._call or self._arriving or self._rest
        return None if under_way is not None or self._closing else self._since

    def expire(self, now: float) -> None:
        """Close the connection if nothing has come on it for too long, or too little; cut it off if that is no use."""
        if self._lent is not None or self._call is not None:
            return
        late = now - self._since - self.site.idle
        if self._closing or self._rest is not None:
            # Closing it would leave out the rest.
            if late >= ABORT:
                self.abort()
        elif late >= 0:
            self._since = now - self.site.idle
            self._close()

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
                self._arrived()
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
        self._arrived()
        self._since = began
        self._send((site.success(), *answer))
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

    def _arrived(self) -> None:
        """Wait for no more of a body."""
        if self._arriving is not None:
            self._arriving = None
            self.site.bodies.let_go(self)

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

    def answered(self, pieces: tuple[bytes, ...], closes: bool) -> None:
        """Send a whole answer, and go on to the next request.

        :param pieces: the last one is the body, or most of it.
        """
        self._call = None
        self._send(pieces)
        if closes and self._rest is None:
            self._close()
        elif closes:
            self._leaving = True
        elif not self._turning:
            self._since = self.site.clock.seconds()
            self._go_on()
            if self._ahead:
                self._let_on()

    def _send(self, pieces: tuple[bytes, ...]) -> None:
        body = pieces[-1]
        if len(body) <= PIECE:
            self._write(b"".join(pieces))
            return
        self._rest = memoryview(body)[PIECE:]
        self._write(b"".join((*pieces[:-1], body[:PIECE])))
        self._send_on()

    def _send_on(self) -> None:
        """Give the transport as much as it takes; when that is sent, it asks for more."""
        while self._rest is not None and not self._full:
            piece = bytes(self._rest[:PIECE])
            self._rest = self._rest[PIECE:] or None
            self.transport.write(piece)

    def _write(self, data: bytes) -> None:
        if self._direct:
            send(self.transport, data)
        else:
            self.transport.write(data)

    def _close(self) -> None:
        self._closing = True
        self._arrived()
        self._data = b""
        self.transport.unregisterProducer()
        self.transport.loseConnection()
