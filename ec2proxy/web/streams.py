"""Bodies on their way through: one that is whole already, and one that is passed on as it comes."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from ec2proxy.web.exchange import Exchange


class Stalled(Exception):
    """A body stopped coming, or its reader stopped taking it."""


@implementer(IBodyProducer)
class WholeBody:
    """The body of a request to a backend, sent in one piece."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Hand it over."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Do nothing: it is handed over already."""

    def resumeProducing(self) -> None:
        """Do nothing, likewise."""

    def stopProducing(self) -> None:
        """Do nothing, likewise."""


class PassedOn(Protocol):
    """Passes the body of a backend's response on to a client, no faster than the client takes it.

    ``done`` fires when the body is complete, or fails with what cut it short; cancelling it stops the backend.

    :param patience: seconds for which nothing may move.
    """

    def __init__(self, exchange: Exchange, clock: IReactorTime, patience: float) -> None:
        self.done: Deferred[None] = Deferred(self._stop)
        self._exchange = exchange
        self._clock = clock
        self._patience = patience

    def connectionMade(self) -> None:
        """Begin; the client's connection paces the backend's from now on."""
        self._timer = self._clock.callLater(self._patience, self._stalled)
        self._exchange.request.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        """Pass a part on."""
        if self.done.called:
            return
        self._timer.reset(self._patience)
        self._exchange.request.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, well or not."""
        if self._timer.active():
            self._timer.cancel()
        if not self._exchange.gone:
            self._exchange.request.unregisterProducer()
        if self.done.called:
            return
        # Without a length or chunks the end of the connection is all the end there is.
        if reason.check(ResponseDone, PotentialDataLoss):
            self.done.callback(None)
        else:
            self.done.errback(reason)

    def _stop(self, _: Deferred[None]) -> None:
        backend: Any = self.transport
        backend.stopProducing()

    def _stalled(self) -> None:
        self.done.errback(Stalled())
        self._stop(self.done)
