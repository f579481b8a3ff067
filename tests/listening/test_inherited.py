"""Endpoints on sockets that somebody else has opened."""

import socket
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.filepath import FilePath
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.listening.inherited import Inherited, elsewhere
from tests.listening.test_acceptor import Reactor
from tests.listening.test_shares import alone

PEM = FilePath(iosim.__file__).sibling("server.pem").path


class InheritedTests(SynchronousTestCase):
    def listen(self, endpoint: str) -> tuple[Any, Any]:
        """Have an endpoint listen on a socket that is there; give the address and the factory that its clients get."""
        reactor = Reactor()
        with socket.create_server(("127.0.0.1", 0)) as opened:
            where = opened.getsockname()
            inherited = Inherited(reactor, opened.dup().detach(), alone(self))
        endpoint = serverFromString(inherited, elsewhere(endpoint))
        port = self.successResultOf(endpoint.listen(self.factory))
        self.addCleanup(port.stopListening)
        with socket.create_connection(where) as client, socket.create_connection(where) as second:
            reactor.reading[0].doRead()
            # It takes one at a time, and leaves the next one to others.
            self.assertEqual(len(reactor.adopted), 1)
            self.assertEqual((client.recv(1), second.gettimeout()), (b"", None))
        self.assertEqual((port.getHost().host, port.getHost().port), where)
        return port, reactor.adopted[0][1]

    def setUp(self) -> None:
        self.factory = Factory()
        self.factory.noisy = False

    def test_plain(self) -> None:
        """Whatever the address, it is the socket that is there, and no other is opened."""
        for endpoint in (
            "tcp:1",
            "tcp:1:interface=192.0.2.1:backlog=7",
            r"tcp6:1:interface=\:\:1",
            "unix:/nowhere/at/all:mode=600",
            "systemd:domain=INET6:index=5",
            "systemd:domain=INET:name=web",
        ):
            self.assertIs(self.listen(endpoint)[1], self.factory)

    def test_tls(self) -> None:
        """What lies over the socket is there as well."""
        _, factory = self.listen(f"ssl:1:privateKey={PEM}:certKey={PEM}")
        self.assertIsInstance(factory, TLSMemoryBIOFactory)
        self.assertIs(factory.wrappedFactory, self.factory)

    def test_layers(self) -> None:
        """And several things that lie over one another."""
        for endpoint in ("haproxy:tcp:80", "haproxy:systemd:domain=INET:index=0"):
            _, factory = self.listen(endpoint)
            self.assertIsInstance(factory, HAProxyWrappingFactory)
            self.assertIs(factory.wrappedFactory, self.factory)

    def test_else(self) -> None:
        """For all but listening it is the reactor that it stands for."""
        clock = Clock()
        clock.advance(3)
        self.assertEqual(Inherited(clock, -1, alone(self)).seconds(), 3)

    @given(st.text())
    def test_elsewhere(self, text: str) -> None:
        """Only systemd's sockets have another name."""
        if "systemd:" not in text:
            self.assertEqual(elsewhere(text), text)
        self.assertEqual(elsewhere(f"systemd:{text}"), "tcp:0")
        self.assertEqual(elsewhere("unix:/run/systemd/x"), "unix:/run/systemd/x")
