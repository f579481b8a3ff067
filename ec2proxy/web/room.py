"""Room for connections: the idle make room for the new, and whoever finds none is told so."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

from heapq import nsmallest
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ec2proxy.web.answers import SERVER, request_id
from ec2proxy.web.drain import Connection, Connections
from ec2proxy.web.errors import refusal

#: Seconds for which a connection has to have been idle to be closed for another's sake. Who polls each second stays.
IDLE_ENOUGH = 2.0

#: The part of all connections that is closed at once, so that not each new one costs a look at all of them.
SHED = 1 / 100

#: Seconds before idle ones are looked for again when there were none.
LOOK_AGAIN = 0.5

#: How many may be told at a time that there is no room. Further ones are not told, but closed.
MOST_REFUSALS = 32

#: Seconds that one has to ask and to take in the answer, a TLS handshake before it included.
REFUSAL_PATIENCE = 5.0

#: Seconds between two lines in the log about that.
QUIET = 60.0


@implementer(IProtocolFactory, IProtocolNegotiationFactory)
class Room:
    """Lets a number of connections in, at most.

    :param factory: makes their protocols.
    :param connections: those that are open.
    :param most: how many there may be.
    """

    noisy = False
    _log = Logger()

    def __init__(self, factory: IProtocolFactory, connections: Connections, most: int, clock: IReactorTime) -> None:
        self._factory = factory
        self._connections = connections
        self._most = most
        self._clock = clock
        self._refusing = 0
        self._refused = self._shed = 0
        self._told = self._looked = float("-inf")
        # Places of connections that are being closed, which takes the reactor's next turn.
        self._places = 0

    def doStart(self) -> None:
        """Begin, with the factory."""
        self._factory.doStart()

    def doStop(self) -> None:
        """End, with the factory."""
        self._factory.doStop()

    def acceptableProtocols(self) -> list[bytes]:
        """What TLS may negotiate: without this, a client that offers anything fails at an ``ssl:`` endpoint."""
        return [b"http/1.1"]

    def buildProtocol(self, address: IAddress) -> IProtocol | None:
        """A new connection's protocol; one that only refuses it where there is no room; None to close it at once."""
        if len(self._connections) < self._most:
            self._places = 0
            return self._factory.buildProtocol(address)
        if self._places or self._make_room():
            self._places -= 1
            return self._factory.buildProtocol(address)
        self._refused += 1
        self._tell()
        if self._refusing >= MOST_REFUSALS:
            return None
        self._refusing += 1
        return _Refusal(self, self._clock)

    def refused(self) -> None:
        """Note that one has been told."""
        self._refusing -= 1

    def _make_room(self) -> bool:
        """Close the connections that have been idle longest; tell whether there were any."""
        now = self._clock.seconds()
        if now - self._looked < LOOK_AGAIN:
            return False
        idle: list[tuple[float, int, Connection]] = []
        for number, connection in enumerate(self._connections):
            since = connection.idle_since()
            if since is not None and now - since >= IDLE_ENOUGH:
                idle.append((since, number, connection))
        longest = nsmallest(max(1, int(self._most * SHED)), idle)
        if not longest:
            self._looked = now
            return False
        for _, _, connection in longest:
            connection.leave()
        self._places = len(longest)
        self._shed += len(longest)
        self._tell()
        return True

    def _tell(self) -> None:
        now = self._clock.seconds()
        if now - self._told < QUIET:
            return
        self._told = now
        self._log.error(
            "There is no room for more than {most} connections (see the limit of descriptors): since the last such line"
            " {shed} idle ones were closed for new ones, and {refused} were refused",
            most=self._most,
            shed=self._shed,
            refused=self._refused,
        )
        self._refused = self._shed = 0


class _Refusal(Protocol):
    """Tells a client that there is no room, whatever it wants, once it has begun to want something.

    Closing before, or at once, would meet it while it writes, and it may never read why.
    """

    def __init__(self, room: Room, clock: IReactorTime) -> None:
        self._room = room
        self._clock = clock
        self._answered = False
        self._cut: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Wait, but not for long."""
        connection: Any = self.transport
        self._cut = self._clock.callLater(REFUSAL_PATIENCE, connection.abortConnection)

    def dataReceived(self, data: bytes) -> None:
        """Tell it, and throw away whatever else it sends until it closes the connection."""
        if self._answered:
            return
        self._answered = True
        answer = refusal(503, "Unavailable", "There are too many connections. Try again later.", request_id())
        head = (
            b"HTTP/1.1 503 Service Unavailable\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            b"Retry-After: 1\r\nConnection: close\r\n\r\n"
        )
        assert self.transport is not None
        self.transport.write(head % (SERVER, answer.kind, len(answer.body)) + answer.body)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        if self._cut is not None and self._cut.active():
            self._cut.cancel()
        self._room.refused()
