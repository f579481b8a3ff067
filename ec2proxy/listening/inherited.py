"""Endpoints on sockets that another process has opened."""

# Twisted's names.
# ruff: noqa: N802, N803

import re
import socket
from typing import Any

from twisted.internet.interfaces import IListeningPort, IOpenSSLContextFactory, IProtocolFactory
from twisted.protocols.tls import TLSMemoryBIOFactory

from ec2proxy.listening.acceptor import Acceptor
from ec2proxy.listening.shares import Shares

#: How many connections one of several processes takes at a time: the others are to have their share of a rush.
SHARE = 1

_BY_SYSTEMD = re.compile(r"(\A|:)systemd:.*", re.DOTALL)


class Inherited:
    """A reactor on which whatever listens, listens on one socket that is there already.

    What an endpoint lays over its port (TLS, HAProxy's protocol) so is the same here as where the socket was opened,
    while its address is not looked at.

    :param reactor: for all the rest.
    :param descriptor: of the socket; not needed any more afterwards.
    :param shares: who has how many connections.
    """

    def __init__(self, reactor: Any, descriptor: int, shares: Shares) -> None:
        self._reactor = reactor
        self._shares = shares
        self._descriptor = descriptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = "") -> IListeningPort:
        """Listen on the socket."""
        return self._listen(factory)

    def listenUNIX(
        self, address: str, factory: IProtocolFactory, backlog: int = 50, mode: int = 0o666, wantPID: bool = False
    ) -> IListeningPort:
        """Listen on the socket."""
        return self._listen(factory)

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: IOpenSSLContextFactory,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """Listen on the socket, for TLS."""
        return self._listen(TLSMemoryBIOFactory(contextFactory, False, factory, self._reactor))

    def _listen(self, factory: IProtocolFactory) -> IListeningPort:
        listening = socket.socket(fileno=self._descriptor)
        listening.setblocking(False)
        acceptor = Acceptor(listening, factory, self._reactor, SHARE, shares=self._shares)
        acceptor.startListening()
        return acceptor


def elsewhere(endpoint: str) -> str:
    """A server endpoint's description for a process that has inherited its socket.

    systemd's sockets are known by their numbers in the process that systemd has started, only.
    """
    return _BY_SYSTEMD.sub(r"\1tcp:0", endpoint)
