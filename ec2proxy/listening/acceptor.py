"""Takes connections from a listening socket, also from one that other processes take from."""

# Twisted's names.
# ruff: noqa: N802

import errno
import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort, IProtocolFactory, IReadDescriptor
from twisted.internet.tcp import Port
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ec2proxy.listening.crowd import crowd_of
from ec2proxy.listening.shares import Shares

#: How many connections are taken in one turn of the reactor, by who shares the socket with nobody.
BURST = 100

#: Seconds for which no connection is taken after the system had no descriptor or no memory for one.
PAUSE = 0.25

#: Seconds that other processes have to take what waits, if they have fewer connections.
GRACE = 0.01

#: How many connections are taken in one turn if those have not.
HELP = 8

#: Seconds between two lines in the log about that.
QUIET = 60.0

#: What accept(2) and what comes after it tell of one connection, not of the socket: the client has gone again, or a
#: packet filter refused it.
_GONE = frozenset({errno.ECONNABORTED, errno.ECONNRESET, errno.ENOTCONN, errno.EPERM, errno.EPROTO, errno.EINTR})


@implementer(IListeningPort, IReadDescriptor)
class Acceptor:
    """A port on a socket that listens already.

    Twisted's own port, where it finds no descriptor for a connection, closes whoever comes, with a line in the log
    for each, or is woken for the same one again and again. This one lets them wait in the system's queue for a moment.

    :param listening: the socket, in non-blocking mode; it is closed at the end, and not shut down.
    :param factory: makes the protocols.
    :param burst: how many connections to take at once: a few, where other processes are to have their share.
    :param beneath: a port to stop when this one is stopped.
    :param shares: who has how many connections, of the processes that take them; None if this is the only one.
    """

    _log = Logger()

    def __init__(
        self,
        listening: socket.socket,
        factory: IProtocolFactory,
        reactor: Any,
        burst: int = BURST,
        beneath: IListeningPort | None = None,
        shares: Shares | None = None,
    ) -> None:
        self._socket = listening
        self._factory = factory
        self._reactor = reactor
        self._crowd = crowd_of(reactor)
        self._burst = burst
        self._beneath = beneath
        self._shares = shares
        self._resumed = float("-inf")
        self._pause: IDelayedCall | None = None
        self._complained = float("-inf")
        self._host = _address(listening)

    def startListening(self) -> None:
        """Take connections from now on."""
        self._factory.doStart()
        self._reactor.addReader(self)

    def stopListening(self) -> "Deferred[Any]":
        """Take no more; those that are there stay, and so does the socket if others have it."""
        self._reactor.removeReader(self)
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        self._socket.close()
        self._factory.doStop()
        return succeed(None) if self._beneath is None else maybeDeferred(self._beneath.stopListening)

    def getHost(self) -> IAddress:
        """Where it listens."""
        return self._host

    def fileno(self) -> int:
        """The socket's descriptor; -1 once it is closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """What the reactor calls it in the log."""
        return "Acceptor"

    def connectionLost(self, reason: Failure) -> None:
        """Stop; the reactor says so when it ends itself."""
        self._socket.close()

    def doRead(self) -> None:
        """Take the connections that wait; leave them to others for a moment if those have fewer."""
        burst = self._burst
        if self._shares is not None and self._shares.is_ahead():
            if self._reactor.seconds() - self._resumed > GRACE:
                self._rest(GRACE)
                return
            # Nobody has taken them: the others hang, or are not there.
            burst = HELP
        self._resumed = float("-inf")
        for _ in range(burst):
            try:
                connection, _peer = self._socket.accept()
                with connection:
                    self._adopt(connection)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _GONE:
                    self._wait(error)
                    return

    def _adopt(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            self._crowd.adoptStreamConnection(connection.fileno(), connection.family, self._factory)
        except OSError:
            raise
        except Exception:
            self._log.failure("A connection could not be served")

    def _wait(self, error: OSError) -> None:
        self._rest(PAUSE)
        now = self._reactor.seconds()
        if now - self._complained >= QUIET:
            self._complained = now
            self._log.error("No connection can be taken for now ({error}): clients wait", error=error.strerror)

    def _rest(self, seconds: float) -> None:
        self._reactor.removeReader(self)
        self._pause = self._reactor.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._resumed = self._reactor.seconds()
        self._reactor.addReader(self)


def take_over(port: IListeningPort) -> IListeningPort:
    """Have an :class:`Acceptor` take the connections of a port that Twisted has opened; give what is to be stopped.

    A port that is not on a socket of the system's stays as it is.
    """
    if not isinstance(port, Port) or port.factory is None:
        return port
    port.stopReading()
    listening = port.socket.dup()
    # Python makes a copy of a socket of systemd's block again, and with it the socket itself.
    listening.setblocking(False)
    acceptor = Acceptor(listening, port.factory, port.reactor, beneath=port)
    acceptor.startListening()
    return acceptor


def _address(listening: socket.socket) -> IAddress:
    name = listening.getsockname()
    if listening.family == socket.AF_INET:
        return IPv4Address("TCP", *name)
    if listening.family == socket.AF_INET6:
        return IPv6Address("TCP", *name)
    return UNIXAddress(name)
