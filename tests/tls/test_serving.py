"""Tests of the certificate that clients are shown, in handshakes in memory."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from attrs import define, field
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from OpenSSL import SSL
from trustme import CA
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, ISSLTransport, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, TLSVersion, optionsForClientTLS
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, IOPump, connect
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from ec2proxy.tls.pair import PairError, PairFiles
from ec2proxy.tls.serving import CLOSE_PATIENCE, LOOK_EVERY, SecureEndpoint, ServerCertificate, speaks_plainly
from tests.tls.authorities import expired, replace, write_pair

HOST = "ec2.example"


@define(eq=False)
class Echo(Protocol):
    """Says again what it hears, and why it ended."""

    heard: bytes = b""
    ended: list[object] = field(factory=list)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: object = None) -> None:  # noqa: N802  # Twisted's name
        """Keep why."""
        self.ended.append(reason)


@define
class Meeting:
    """A client and a server after their handshake."""

    client: Echo
    server: Echo
    pump: IOPump
    reactor: MemoryReactorClock

    @property
    def secure(self) -> bool:
        """Whether the client is content, and its bytes arrive."""
        self.client.transport.write(b"hello")
        self.reactor.advance(0)
        self.pump.flush()
        return not self.client.ended and self.server.heard.endswith(b"hello")

    @property
    def shown(self) -> int:
        """The serial number of the certificate that the client was shown."""
        return Certificate(self.client.transport.getPeerCertificate()).serialNumber()


class ServingTestCase(SynchronousTestCase):
    """A test with an authority, a pair of files and a listening server."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.authority = CA()
        self.reactor = MemoryReactorClock()
        self.reactor.advance(time.time())
        self.files = write_pair(self.directory, self.authority.issue_cert(HOST))
        self.certificate = ServerCertificate(self.files, self.reactor)
        inner = TCP4ServerEndpoint(self.reactor, 443)
        endpoint = SecureEndpoint(inner, self.certificate, self.reactor)
        verifyObject(IStreamServerEndpoint, endpoint)
        self.successResultOf(endpoint.listen(Factory.forProtocol(Echo)))

    def meet(self, host: str = HOST, protocols: list[bytes] | None = None, **more: object) -> Meeting:
        """A client comes.

        :param protocols: what it offers to speak.
        :param more: for its CertificateOptions.
        """
        root = Certificate.loadPEM(self.authority.cert_pem.bytes())
        creator = optionsForClientTLS(host, root, acceptableProtocols=protocols, extraCertificateOptions=more)
        client = TLSMemoryBIOFactory(creator, True, Factory.forProtocol(Echo), self.reactor).buildProtocol(None)
        server = self.reactor.tcpServers[0][1].buildProtocol(None)
        ends = client.wrappedProtocol, server.wrappedProtocol
        pump = connect(server, FakeTransport(server, True), client, FakeTransport(client, False), greet=False)
        pump.flush()
        return Meeting(*ends, pump, self.reactor)

    def renew(self) -> None:
        """Put a new pair in the place of the old one, and let the time go by after which it is looked for."""
        write_pair(self.directory, self.authority.issue_cert(HOST))
        self.reactor.advance(LOOK_EVERY)


class HandshakeTests(ServingTestCase):
    """What is offered."""

    def test_served(self) -> None:
        """A client that trusts the authority gets through, whatever curve or key the certificate has."""
        verifyObject(IOpenSSLServerConnectionCreator, self.certificate)
        meeting = self.meet()
        self.assertTrue(meeting.secure)
        self.assertTrue(ISSLTransport.providedBy(meeting.server.transport))
        self.assertEqual(meeting.client.transport._tlsConnection.get_protocol_version_name(), "TLSv1.3")

    def test_wrong_name(self) -> None:
        """A client that meant another host does not."""
        self.assertFalse(self.meet("other.example").secure)

    def test_chain(self) -> None:
        """The certificates between the server's and the authority's are sent along."""
        between = self.authority.create_child_ca()
        write_pair(self.directory, between.issue_cert(HOST))
        self.reactor.advance(LOOK_EVERY)
        self.assertTrue(self.meet().secure)

    def test_old_versions(self) -> None:
        """TLS 1.2 is taken with forward secrecy, TLS 1.1 and 1.0 are not."""
        meeting = self.meet(lowerMaximumSecurityTo=TLSVersion.TLSv1_2)
        self.assertTrue(meeting.secure)
        name = meeting.client.transport._tlsConnection.get_cipher_name()
        self.assertRegex(name, "^ECDHE-.*(GCM|POLY1305)")
        old = self.meet(insecurelyLowerMinimumTo=TLSVersion.TLSv1_0, lowerMaximumSecurityTo=TLSVersion.TLSv1_1)
        self.assertFalse(old.secure)

    def test_idle_client(self) -> None:
        """A client that does not answer to the end of its connection does not keep it open."""
        meeting = self.meet()
        tls = meeting.server.transport
        meeting.server.transport.loseConnection()
        self.assertFalse(tls.transport.disconnecting)
        self.reactor.advance(CLOSE_PATIENCE)
        self.assertTrue(tls.transport.disconnecting)
        answering = self.meet()
        answering.server.transport.loseConnection()
        answering.pump.flush()
        self.assertTrue(answering.server.ended)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_protocol(self) -> None:
        """A client that offers HTTP/2 and HTTP/1.1 is told that it is the latter."""
        meeting = self.meet(protocols=[b"h2", b"http/1.1"])
        self.assertEqual(meeting.client.transport.negotiatedProtocol, b"http/1.1")

    def test_plain(self) -> None:
        """Endpoints that have TLS already, or a file's mode to guard them, are left alone."""
        self.assertTrue(speaks_plainly("ssl:3443:privateKey=k.pem"))
        self.assertTrue(speaks_plainly("unix:/run/ec2proxy.sock"))
        for text in ("tcp:443", "tcp6:443", "systemd:domain=INET:index=0", "443"):
            self.assertFalse(speaks_plainly(text))


class RenewalTests(ServingTestCase):
    """Files that change."""

    def test_renewed(self) -> None:
        """Who comes after a renewal is shown the new certificate; who is there goes on with the old one."""
        before = self.meet()
        with capturedLogs() as logged:
            self.renew()
            after = self.meet()
        self.assertNotEqual(before.shown, after.shown)
        self.assertTrue(before.secure)
        self.assertTrue(after.secure)
        self.assertEqual([event["log_level"].name for event in logged], ["info"])

    def test_not_looked_each_time(self) -> None:
        """The files are not looked at for each client, but at once when the daemon is told to."""
        first = self.meet()
        write_pair(self.directory, self.authority.issue_cert(HOST))
        self.reactor.advance(LOOK_EVERY - 0.1)
        self.assertEqual(self.meet().shown, first.shown)
        self.certificate.look()
        self.assertNotEqual(self.meet().shown, first.shown)

    def test_clock_back(self) -> None:
        """A clock that is put back does not put off the next look."""
        first = self.meet()
        write_pair(self.directory, self.authority.issue_cert(HOST))
        self.reactor.rightNow -= 3600
        self.assertNotEqual(self.meet().shown, first.shown)

    def test_half_renewed(self) -> None:
        """Between the two replacements the old pair goes on; that is said once, and the whole pair is taken."""
        first = self.meet()
        leaf = self.authority.issue_cert(HOST)
        replace(Path(self.files.certificate), leaf.cert_chain_pems[0].bytes())
        with capturedLogs() as logged:
            for _ in range(3):
                self.reactor.advance(LOOK_EVERY)
                self.assertEqual(self.meet().shown, first.shown)
        (event,) = logged
        self.assertIn("is not the key of the certificate", str(event["why"]))
        replace(Path(self.files.key), leaf.private_key_pem.bytes(), 0o600)
        self.reactor.advance(LOOK_EVERY)
        self.assertNotEqual(self.meet().shown, first.shown)

    def test_gone(self) -> None:
        """Files that are not there any more change nothing for clients."""
        first = self.meet()
        os.unlink(self.files.key)
        self.reactor.advance(LOOK_EVERY)
        with capturedLogs() as logged:
            self.assertEqual(self.meet().shown, first.shown)
        self.assertIn("No such file", str(logged[0]["why"]))

    def test_ends_soon(self) -> None:
        """A certificate that is about to end is complained of, at the start too."""
        write_pair(self.directory, expired(self.authority, HOST))
        with capturedLogs() as logged:
            ServerCertificate(self.files, self.reactor)
            self.certificate.look()
        self.assertEqual([event["log_level"].name for event in logged], ["warn", "info", "warn"])
        self.assertEqual(logged[0]["path"], self.files.certificate)


class PairTests(SynchronousTestCase):
    """Files that cannot be used."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.leaf = CA().issue_cert(HOST)
        self.files = write_pair(self.directory, self.leaf)

    def refusal(self, files: PairFiles | None = None) -> str:
        """What is wrong, in one line without a secret."""
        why = str(self.assertRaises(PairError, (files or self.files).load))
        self.assertEqual(len(why.splitlines()), 1)
        self.assertNotIn("PRIVATE KEY", why)
        return why

    def test_one_file(self) -> None:
        """Both may stand in one file."""
        both = self.directory / "both.pem"
        replace(both, self.leaf.private_key_and_cert_chain_pem.bytes(), 0o600)
        pair = PairFiles(str(both), str(both)).load()
        self.assertIsInstance(pair.context, SSL.Context)

    def test_readable_by_others(self) -> None:
        """A key that others can read is refused."""
        os.chmod(self.files.key, 0o604)
        self.assertEqual(self.refusal(), f"{self.files.key}: others than its owner have access to it; chmod 600 it")

    def test_missing(self) -> None:
        """The file that is not there is named."""
        absent = str(self.directory / "absent")
        for files in (PairFiles(absent, self.files.key), PairFiles(self.files.certificate, absent)):
            self.assertEqual(self.refusal(files), f"{absent}: No such file or directory")

    def test_not_pem(self) -> None:
        """Something else."""
        other = self.directory / "other"
        replace(other, b"-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n", 0o600)
        self.assertIn("no PEM certificate", self.refusal(PairFiles(str(other), self.files.key)))
        self.assertIn("no PEM private key", self.refusal(PairFiles(self.files.certificate, str(other))))

    def test_other_key(self) -> None:
        """The key of another certificate."""
        other = write_pair(self.directory, CA().issue_cert(HOST), "other")
        why = self.refusal(PairFiles(self.files.certificate, other.key))
        self.assertIn("it is not the key of the certificate", why)

    def test_password(self) -> None:
        """A key with a password, and one of a kind that TLS does not sign with."""
        for key, sealed, why in (
            (ec.generate_private_key(ec.SECP256R1()), BestAvailableEncryption(b"x"), "the key has a password"),
            (X25519PrivateKey.generate(), NoEncryption(), "neither RSA nor EC"),
        ):
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
            replace(Path(self.files.key), pem, 0o600)
            self.assertIn(why, self.refusal())

    def test_weak(self) -> None:
        """A certificate that OpenSSL itself does not take, for a key that is too short."""
        key = rsa.generate_private_key(65537, 1024)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now)
            .sign(key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )
        replace(Path(self.files.certificate), certificate)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        replace(Path(self.files.key), pem, 0o600)
        self.assertIn("too small", self.refusal())
