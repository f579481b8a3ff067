"""Passwords that are sent for all to read."""

from base64 import b64encode

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from zope.interface import alsoProvides

from ec2proxy.web.clear import ClearPasswords
from ec2proxy.web.ec2 import EC2Resource
from tests.web.wires import SECRET, Client, LogWatchingTestCase, Service, over_twisted, site_of

BASIC = b"Basic " + b64encode(b"user:" + SECRET.encode())


class ConcernTests(LogWatchingTestCase):
    """Which connections are of concern."""

    def concern(self, peer: object, secure: bool = False) -> bool:
        """Whether one is."""
        transport = StringTransport(peerAddress=peer)
        if secure:
            alsoProvides(transport, ISSLTransport)
        return ClearPasswords().concern(transport)

    def test_other_hosts(self) -> None:
        """Those from other hosts, without TLS."""
        for host in ("192.0.2.7", "10.0.0.1"):
            self.assertTrue(self.concern(IPv4Address("TCP", host, 1)))
        for host in ("2001:db8::1", "::ffff:192.0.2.7", "fe80::1%eth0"):
            self.assertTrue(self.concern(IPv6Address("TCP", host, 1)))
        self.assertTrue(self.concern(IPv4Address("TCP", "no address", 1)))
        self.assertFalse(self.concern(IPv4Address("TCP", "192.0.2.7", 1), secure=True))

    def test_this_host(self) -> None:
        """None from this host."""
        for peer in (
            IPv4Address("TCP", "127.0.0.1", 1),
            IPv4Address("TCP", "127.8.9.10", 1),
            IPv6Address("TCP", "::1", 1),
            IPv6Address("TCP", "::ffff:127.0.0.1", 1),
            UNIXAddress(None),
        ):
            self.assertFalse(self.concern(peer))


class WarningTests(LogWatchingTestCase):
    """What is said of it."""

    def setUp(self) -> None:
        super().setUp()
        self.site = site_of(self, EC2Resource(Service(), self.access))

    def hosts(self) -> list[str]:
        """The hosts that were warned of."""
        return [event["host"] for event in self.warnings]

    def ask(self, authorization: bytes) -> None:
        """Send a request from 192.0.2.7."""
        client = Client(self.site)
        client.send(b"GET /?Action=X HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\n\r\n" % authorization)
        self.assertEqual([response.status for response in client.responses()], [200])

    def test_once(self) -> None:
        """The first client that does is told of, and no other; the password is not."""
        self.ask(b"AWS4-HMAC-SHA256 Credential=x")
        self.assertEqual(self.hosts(), [])
        for _ in range(2):
            self.ask(BASIC)
        self.assertEqual(self.hosts(), ["192.0.2.7"])

    def test_same_connection(self) -> None:
        """It is once too on a connection that was there before."""
        clients = [Client(self.site), Client(self.site)]
        for client in clients:
            client.send(b"GET /?Action=X HTTP/1.1\r\nHost: h\r\nAuthorization: bAsIc %s\r\n\r\n" % BASIC[6:])
        self.assertEqual(self.hosts(), ["192.0.2.7"])


globals().update(over_twisted(globals()))
