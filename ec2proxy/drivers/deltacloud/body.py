"""Bodies as they go over the wire: what is sent at once, what is received within a limit."""

# Twisted's names.
# ruff: noqa: N802, N803

import zlib
from hashlib import blake2b
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

# What is inflated in one step, so that a bomb is noticed before it is in memory.
_STEP = 256 * 1024


class TooLong(Exception):
    """A body is longer than allowed."""


@implementer(IBodyProducer)
class Form:
    """A request's body, written at once: treq's own would need the global reactor."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write the body."""
        consumer.write(self._content)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing is left to hold back."""

    def resumeProducing(self) -> None:
        """Nothing is left to send."""

    def stopProducing(self) -> None:
        """Nothing is left to drop."""


@implementer(IAgent)
class RawAgent:
    """Hides a body's encoding from treq, whose gzip decoder inflates without a limit.

    treq asks for gzip; what comes back is marked and inflated by :func:`read_body`.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> Deferred[IResponse]:
        """Send a request, as IAgent says."""
        return self._agent.request(method, uri, headers, bodyProducer).addCallback(_hide_encoding)


def _hide_encoding(response: IResponse) -> IResponse:
    encodings = response.headers.getRawHeaders(b"content-encoding", [])
    response.headers.setRawHeaders(_HIDDEN, encodings)
    response.headers.removeHeader(b"content-encoding")
    return response


_HIDDEN = b"x-ec2proxy-content-encoding"


@frozen
class Body:
    """A body, and a digest of it, which is made while it arrives: at one go that would take long."""

    content: bytes
    digest: bytes


def read_body(response: IResponse, limit: int) -> Deferred[Body]:
    """Receive a body whole.

    :param response: an answer that came through :class:`RawAgent`.
    :param limit: bytes that it may have, before and after inflating.
    :return: fails with :class:`TooLong`, ``zlib.error`` or the loss of the connection; cancelling it drops the
        connection.
    """
    encodings = b",".join(response.headers.getRawHeaders(_HIDDEN, [])).lower().split(b",")
    zipped = any(encoding.strip() in (b"gzip", b"x-gzip") for encoding in encodings)
    reader = _Reader(limit, zlib.decompressobj(16 + zlib.MAX_WBITS) if zipped else None)
    response.deliverBody(reader)
    return reader.done


class _Reader(Protocol):
    def __init__(self, limit: int, inflater: Any) -> None:
        self.done: Deferred[Body] = Deferred(lambda _: self._drop())
        self._limit = limit
        self._received = 0
        self._inflater = inflater
        self._body = bytearray()
        self._digest = blake2b(digest_size=32)

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        self._received += len(data)
        try:
            if self._received > self._limit:
                raise TooLong
            if self._inflater is None:
                self._add(data)
            else:
                self._inflate(data)
        except (TooLong, zlib.error):
            self.done.errback(Failure())
            self._drop()

    def _inflate(self, data: bytes) -> None:
        while data and not self._inflater.eof:
            self._add(self._inflater.decompress(data, _STEP))
            if len(self._body) > self._limit:
                raise TooLong
            data = self._inflater.unconsumed_tail

    def _add(self, data: bytes) -> None:
        self._body += data
        self._digest.update(data)

    def _drop(self) -> None:
        self._body.clear()
        # Nothing waits to be written, so this closes at once; the agent's transport has no abortConnection.
        if self.transport is not None:
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        # Without a length the end of the connection ends the body. The parser will see whether it is whole, and
        # whether what was packed is.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(Body(bytes(self._body), self._digest.digest()))
        else:
            self.done.errback(reason)
