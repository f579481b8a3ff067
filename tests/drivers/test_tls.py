"""Backends behind https: who is believed, in handshakes in memory."""

from pathlib import Path

from trustme import CA
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions, PrivateCertificate
from twisted.logger import capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.test.iosim import FakeTransport, connect
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy import errors
from ec2proxy.drivers.deltacloud.connecting import TAKEN_IN
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.model import Backend
from tests.drivers.support import MINE
from tests.drivers.test_connections import Reactor, response
from tests.tls.authorities import expired

HOST = "cloud.example"


class Server(Protocol):
    """Answers each request with realms, and keeps what it got."""

    def connectionMade(self):  # noqa: N802
        """Begin."""
        self.factory.served.append(self)
        self.received = b""

    def dataReceived(self, data):  # noqa: N802
        """Answer."""
        self.received += data
        if self.received.endswith(b"\r\n\r\n"):
            self.transport.write(response())


class TrustTests(SynchronousTestCase):
    """A driver and a server that shows it a certificate."""

    def setUp(self):
        self.reactor = Reactor()
        self.authority = CA()
        self.names = []
        self.factory = Factory.forProtocol(Server)
        self.factory.served = []

    def driver(self, authorities=None, url=f"https://{HOST}/api"):
        """A driver that trusts an authority, or the system's."""
        file = None
        if authorities is not None:
            file = Path(self.mktemp())
            file.write_bytes(authorities.cert_pem.bytes())
        return DeltacloudFactory().driver(Backend(url, authorities=file and str(file)), self.reactor, None)

    def ask(self, driver, leaf):
        """Have the driver ask for the realms, and the server show it a certificate."""
        own = PrivateCertificate.loadPEM(leaf.private_key_and_cert_chain_pem.bytes())
        options = CertificateOptions(privateKey=own.privateKey.original, certificate=own.original)
        options.getContext().set_tlsext_servername_callback(
            lambda connection: self.names.append(connection.get_servername())
        )
        call = Deferred.fromCoroutine(driver.realms.list(MINE))
        client = self.client = self.reactor.tcpClients[-1][2].buildProtocol(None)
        server = TLSMemoryBIOFactory(options, False, self.factory, self.reactor).buildProtocol(None)
        pump = connect(server, FakeTransport(server, True), client, FakeTransport(client, False), greet=False)
        for _ in range(3):
            pump.flush()
            # Agent gives the client's end no clock, so what it holds back until the next turn is asked for.
            client._wrappedProtocol._aggregator.flush()
            self.reactor.advance(0)
        pump.flush()
        return call

    def assert_refused(self, driver, leaf, why):
        """The server is not believed: it is asked for nothing, and the operator is told."""
        with capturedLogs() as logged:
            call = self.ask(driver, leaf)
        error = self.failureResultOf(call, errors.BackendUnavailable).value
        self.assertEqual((why, False), (str(error), error.ambiguous))
        self.assertEqual([b""] * len(self.factory.served), [one.received for one in self.factory.served])
        (event,) = [event for event in logged if event.get("url")]
        self.assertEqual((f"https://{HOST}/api", why, "warn"), (event["url"], event["why"], event["log_level"].name))
        for part in (MINE.password, "Basic "):
            self.assertNotIn(part, str(event))

    def test_own_authority(self):
        """A certificate from the authority that was named; the server is told which host is meant."""
        call = self.ask(self.driver(self.authority), self.authority.issue_cert(HOST))
        self.assertEqual(1, len(self.successResultOf(call)))
        self.assertEqual([HOST.encode()], self.names)
        self.assertEqual(TAKEN_IN, self.client.transport.bufferSize)

    def test_address(self):
        """A certificate for an address, which is no name to be told."""
        call = self.ask(self.driver(self.authority, "https://127.0.0.1/api"), self.authority.issue_cert("127.0.0.1"))
        self.assertEqual(1, len(self.successResultOf(call)))
        self.assertEqual([None], self.names)

    def test_other_host(self):
        """A certificate that is for another host."""
        leaf = self.authority.issue_cert("other.example")
        self.assert_refused(self.driver(self.authority), leaf, "the backend's TLS certificate is for another host")

    def test_unknown_authority(self):
        """A certificate from somebody that nobody trusts: another than the one that was named, or the system's."""
        leaf = self.authority.issue_cert(HOST)
        for driver in (self.driver(CA()), self.driver()):
            self.assert_refused(driver, leaf, "no trusted TLS connection to the backend")

    def test_expired(self):
        """A certificate whose time is over."""
        why = "no trusted TLS connection to the backend"
        self.assert_refused(self.driver(self.authority), expired(self.authority, HOST), why)

    def test_wrong_file(self):
        """A file of authorities that is not there, or is something else, is a mistake to be told before the start."""
        other = Path(self.mktemp())
        other.write_text("nothing")
        for file, why in ((other, "there is no PEM certificate in it"), (Path("/absent"), "No such file or directory")):
            backend = Backend(f"https://{HOST}/api", authorities=str(file))
            error = self.assertRaises(ValueError, DeltacloudFactory().driver, backend, self.reactor, None)
            self.assertEqual(f"{file}: {why}", str(error))
