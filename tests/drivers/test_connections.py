"""Connections: what is kept, what is repeated, and what the loss of one means. Twisted's client, no sockets."""

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ec2proxy import errors
from ec2proxy.drivers.deltacloud.connecting import TAKEN_IN
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.model import Backend
from tests.drivers.support import CONCURRENCY, MINE, recording

BODY = b"<realms><realm id='us'/></realms>"


def response(body=BODY, status=b"200 OK", more=b""):
    """A whole response."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), more, body)


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class Reactor(MemoryReactorClock):
    """A reactor that knows the addresses of hosts: older Twisteds ask for that of an address too."""

    def __init__(self):
        super().__init__()
        self.nameResolver = self
        self.addresses = {"127.0.0.1": "127.0.0.1", "cloud.example": "192.0.2.1"}

    def resolveHostName(self, receiver, name, portNumber=0, *_, **__):  # noqa: N802, N803
        """Answer at once."""
        receiver.resolutionBegan(self)
        if name in self.addresses:
            receiver.addressResolved(IPv4Address("TCP", self.addresses[name], portNumber))
        receiver.resolutionComplete()
        return self

    def installNameResolver(self, resolver):  # noqa: N802
        """No other is taken."""


class Wire(StringTransport):
    """A transport with the one method that TLS over it needs besides."""

    def setTcpNoDelay(self, enabled):  # noqa: N802
        """Nothing to do."""


class Connection:
    """The far end of a connection that the driver opened."""

    def __init__(self, factory):
        self._protocol = factory.buildProtocol(None)
        self._transport = Wire()
        self._protocol.makeConnection(self._transport)

    @property
    def received(self):
        """What the driver has sent over it."""
        return self._transport.value()

    @property
    def dropped(self):
        """Whether the driver has closed it."""
        return self._transport.disconnecting

    @property
    def taken_in(self):
        """Bytes that the driver takes in at a time."""
        return self._transport.bufferSize

    def send(self, data):
        """Send to the driver."""
        self._transport.clear()
        self._protocol.dataReceived(data)

    def lose(self, reason=None):
        """Lose it."""
        self._protocol.connectionLost(Failure(reason or net.ConnectionLost()))


class ConnectionTests(SynchronousTestCase):
    """A driver over Twisted's own client."""

    def setUp(self):
        self.reactor = Reactor()
        backend = Backend("http://127.0.0.1:3001/api", timeout=60)
        self.driver = DeltacloudFactory().driver(backend, self.reactor, None)
        self.opened = 0

    def accept(self):
        """The connection that the driver has just asked for."""
        self.assertEqual(self.opened + 1, len(self.reactor.tcpClients))
        host, port, factory, *_ = self.reactor.tcpClients[-1]
        self.assertEqual(("127.0.0.1", 3001), (host, port))
        self.opened += 1
        return Connection(factory)

    def refuse(self, reason):
        """Refuse the connection that the driver has just asked for."""
        self.opened += 1
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(reason))
        # Twisted waits a little for further addresses of the host.
        self.reactor.advance(1)

    def read(self):
        """A read, asked for."""
        return Deferred.fromCoroutine(self.driver.realms.list(MINE))

    def change(self):
        """A change, asked for."""
        return Deferred.fromCoroutine(self.driver.keys.create(MINE, "k"))

    def destroy(self):
        """A DELETE, which HTTP calls idempotent."""
        return Deferred.fromCoroutine(self.driver.keys.destroy(MINE, "k"))

    def kept(self):
        """A connection that a read was answered on, and that was kept."""
        call = self.read()
        connection = self.accept()
        connection.send(response())
        self.assertEqual(1, len(self.successResultOf(call)))
        self.assertFalse(connection.dropped)
        return connection

    def test_kept(self):
        """Reads share a connection, one after the other, and take in much of a list at a time."""
        connection = self.kept()
        self.assertEqual(TAKEN_IN, connection.taken_in)
        for _ in range(3):
            call = self.read()
            self.assertIn(b"GET /api/realms HTTP/1.1", connection.received)
            connection.send(response())
            self.successResultOf(call)
        self.assertEqual(1, self.opened)

    def test_kept_not_for_ever(self):
        """An idle connection is closed before the server closes it; the driver closes all when it is closed."""
        connection = self.kept()
        self.reactor.advance(30)
        self.assertTrue(connection.dropped)
        connection = self.kept()
        closed = Deferred.fromCoroutine(self.driver.close())
        self.assertTrue(connection.dropped)
        connection.lose(net.ConnectionDone())
        self.successResultOf(closed)

    def test_bounded(self):
        """Never are more connections open than exchanges may be under way."""
        calls = [self.read() for _ in range(CONCURRENCY + 10)]
        self.assertEqual(CONCURRENCY, len(self.reactor.tcpClients))
        connections = [Connection(client[2]) for client in self.reactor.tcpClients]
        for _ in range(2):
            for connection in connections:
                if connection.received:
                    connection.send(response())
        for call in calls:
            self.successResultOf(call)
        self.assertEqual(CONCURRENCY, len(self.reactor.tcpClients))

    def test_read_repeated(self):
        """A read on a kept connection that turns out to be closed is repeated, once."""
        connection = self.kept()
        call = self.read()
        connection.lose()
        self.assertNoResult(call)
        again = self.accept()
        self.assertIn(b"GET /api/realms", again.received)
        again.lose()
        self.assertFalse(self.failureResultOf(call, errors.BackendUnavailable).value.ambiguous)
        self.assertEqual(self.opened, len(self.reactor.tcpClients))

    def test_read_not_repeated(self):
        """On a new connection, or once an answer has begun, nothing is repeated."""
        call = self.read()
        self.accept().lose()
        self.failureResultOf(call, errors.BackendUnavailable)
        connection = self.kept()
        call = self.read()
        connection.send(response()[:-5])
        connection.lose()
        self.failureResultOf(call, errors.BackendUnavailable)
        self.assertEqual(self.opened, len(self.reactor.tcpClients))

    def test_change_alone(self):
        """A change has a new connection, which is closed after it, and is never repeated."""
        kept = self.kept()
        for begin, verb in ((self.change, b"POST /api/keys "), (self.destroy, b"DELETE /api/keys/k ")):
            call = begin()
            connection = self.accept()
            self.assertTrue(connection.received.startswith(verb))
            connection.lose()
            self.assertTrue(self.failureResultOf(call, errors.BackendUnavailable).value.ambiguous)
            self.assertEqual(self.opened, len(self.reactor.tcpClients))
        call = self.change()
        connection = self.accept()
        connection.send(response(recording("21")[1], b"201 Created"))
        self.assertEqual("deploy", self.successResultOf(call).id)
        self.assertTrue(connection.dropped)
        self.assertFalse(kept.dropped)

    def test_not_reached(self):
        """Refused, no route, no such host: the backend is not available, and nothing was changed."""
        for reason in (net.ConnectionRefusedError(), net.NoRouteError(), net.TCPTimedOutError()):
            for begin in (self.read, self.change):
                call = begin()
                self.refuse(reason)
                error = self.failureResultOf(call, errors.BackendUnavailable).value
                self.assertEqual(("the backend cannot be reached", False), (str(error), error.ambiguous))

    def test_host_names(self):
        """A host is looked up; one that is unknown is not available."""
        self.driver = DeltacloudFactory().driver(Backend("http://cloud.example/api"), self.reactor, None)
        call = self.change()
        self.assertEqual(("192.0.2.1", 80), self.reactor.tcpClients[-1][:2])
        call.cancel()
        self.failureResultOf(call, CancelledError)
        del self.reactor.addresses["cloud.example"]
        error = self.failureResultOf(self.change(), errors.BackendUnavailable).value
        self.assertEqual(("the backend cannot be reached", False), (str(error), error.ambiguous))

    def test_tls(self):
        """A backend behind https is greeted with a TLS handshake at its port."""
        self.driver = DeltacloudFactory().driver(Backend("https://127.0.0.1:3001/api"), self.reactor, None)
        for begin in (self.read, self.change):
            call = begin()
            connection = self.accept()
            self.assertEqual(b"\x16\x03", connection.received[:2])
            self.assertNotIn(b"HTTP/1.1", connection.received)
            call.cancel()
            self.failureResultOf(call, CancelledError)

    def test_no_tls(self):
        """A certificate that is not trusted."""
        call = self.change()
        self.accept().lose(SSL.Error([("SSL routines", "", "certificate verify failed")]))
        error = self.failureResultOf(call, errors.BackendUnavailable).value
        self.assertIn("TLS", str(error))
        self.assertFalse(error.ambiguous)

    def test_not_http(self):
        """Something else than HTTP listens there, or the body is cut into chunks wrongly."""
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
        for data in (b"SSH-2.0-OpenSSH_9.2\r\n", chunked, b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"):
            call = self.change()
            self.accept().send(data)
            error = self.failureResultOf(call, errors.BackendError).value
            self.assertEqual(("the backend's answer is not HTTP", True), (str(error), error.ambiguous))

    def test_no_length(self):
        """An old server ends its body by closing; what is cut off then is not XML."""
        call = self.read()
        connection = self.accept()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)
        self.assertNoResult(call)
        connection.lose(net.ConnectionDone())
        self.successResultOf(call)
        call = self.read()
        connection = self.accept()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + BODY[:-3])
        connection.lose(net.ConnectionDone())
        self.failureResultOf(call, errors.BackendError)

    def test_reset_in_body(self):
        """A reset in the middle of the body."""
        for begin, ambiguous in ((self.read, False), (self.change, True)):
            call = begin()
            connection = self.accept()
            connection.send(response()[:-5])
            self.assertNoResult(call)
            connection.lose()
            error = self.failureResultOf(call, errors.BackendUnavailable).value
            self.assertEqual(ambiguous, error.ambiguous)

    def test_tls_broken_in_answer(self):
        """TLS that fails once the answer has begun, unlike a handshake, leaves open what was done."""
        call = self.change()
        connection = self.accept()
        connection.send(response()[:-5])
        connection.lose(SSL.Error([("SSL routines", "", "bad record mac")]))
        self.assertTrue(self.failureResultOf(call, errors.BackendUnavailable).value.ambiguous)

    def test_timeout_connecting(self):
        """Time that runs out before there is a connection: nothing was sent."""
        call = self.change()
        self.reactor.advance(29)
        self.opened += 1
        self.assertNoResult(call)
        self.reactor.advance(31)
        self.assertFalse(self.failureResultOf(call, errors.BackendError).value.ambiguous)

    def test_timeout_sent(self):
        """Time that runs out after it was sent; the connection is dropped, not kept."""
        for data in (b"", response()[:-5]):
            call = self.change()
            connection = self.accept()
            connection.send(data)
            self.reactor.advance(60)
            self.assertTrue(self.failureResultOf(call, errors.BackendTimeout).value.ambiguous)
            self.assertTrue(connection.dropped)

    def test_cancelled(self):
        """A caller who goes away: the connection is dropped, and the next read opens another."""
        for data in (b"", b"HTTP/1.1 200 OK\r\nContent-", response()[:-5]):
            call = self.read()
            connection = self.accept()
            connection.send(data)
            call.cancel()
            self.failureResultOf(call, CancelledError)
            self.assertTrue(connection.dropped)
            connection.lose(net.ConnectionDone())
        call = self.read()
        self.reactor.tcpClients[-1][2].stopFactory()
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.opened += 1
        self.kept()

    def test_unexpected(self):
        """What nobody thought of is a BackendError, and is logged."""

        class Broken:
            def request(self, *_):
                raise RuntimeError("nobody thought of this")

        backend = Backend("http://127.0.0.1:3001/api")
        self.driver = DeltacloudFactory().driver(backend, self.reactor, Broken())
        error = self.failureResultOf(self.read(), errors.BackendError).value
        self.assertNotIn("nobody", str(error))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
