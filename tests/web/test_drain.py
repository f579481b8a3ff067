"""Going down: requests under way finish, idle connections close, and it ends in bounded time."""

# Twisted's names.
# ruff: noqa: N815

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from ec2proxy.web.ec2 import EC2Resource
from tests.web.wires import Client, LogWatchingTestCase, Service, over_twisted, site_of

GRACE = 30.0
ASK = b"POST /ec2 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nAction=A"


class DrainTests(LogWatchingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.site = site_of(self, EC2Resource(self.service, self.access))

    def assert_over(self, done: Deferred[None]) -> None:
        self.assertIsNone(self.successResultOf(done))
        self.assertEqual((len(self.site.connections), self.clock.getDelayedCalls()), (0, []))

    def test_nobody(self) -> None:
        """With no connection open it is over at once."""
        self.assert_over(self.site.connections.drained(GRACE))

    def test_counted(self) -> None:
        """Who wants to know how many there are is told, whenever that changes."""
        counts: list[int] = []
        self.site.connections.changed = counts.append
        clients = [Client(self.site), Client(self.site)]
        for client in clients:
            client.drop()
        self.assertEqual(counts, [1, 2, 1, 0])

    def test_idle(self) -> None:
        """Idle connections are closed, used before or not; it is over when the last one has gone."""
        clients = [Client(self.site), Client(self.site)]
        clients[0].send(ASK)
        done = self.site.connections.drained(GRACE)
        self.assertEqual([client.closed for client in clients], [True, True])
        clients[0].drop()
        self.assertNoResult(done)
        clients[1].drop()
        self.assert_over(done)

    def test_under_way(self) -> None:
        """A request under way is answered, told that the connection ends, and only then it is closed."""
        client = Client(self.site)
        self.service.answer = Deferred()
        client.send(ASK)
        done = self.site.connections.drained(GRACE)
        self.clock.advance(GRACE - 1)
        self.assertFalse(client.closed)
        self.service.answer.callback(b"<fine/>")
        response = client.response()
        self.assertEqual((response.body, response.headers["connection"]), (b"<fine/>", "close"))
        self.assertTrue(client.closed)
        self.assertNoResult(done)  # its bytes may still be on their way
        client.drop()
        self.assert_over(done)

    def test_arriving(self) -> None:
        """A request that has begun to arrive is under way."""
        for cut in (5, 30, len(ASK) - 1):
            client = Client(self.site)
            client.send(ASK[:cut])
            done = self.site.connections.drained(GRACE)
            self.assertFalse(client.closed)
            client.send(ASK[cut:])
            self.assertEqual(client.response().headers["connection"], "close")
            self.assertTrue(client.closed)
            client.drop()
            self.assert_over(done)

    def test_pipelined(self) -> None:
        """Of several requests in a row the first is the last one."""
        client = Client(self.site)
        answer = self.service.answer = Deferred()
        client.send(ASK + ASK)
        self.site.connections.drained(GRACE)
        answer.callback(b"<fine/>")
        self.assertEqual(len(client.responses()), 1)
        self.assertEqual(len(self.service.requests), 1)
        client.drop()

    def test_streaming(self) -> None:
        """An answer whose headers are out already ends as it would have, and the connection with it."""
        requests = []

        class Streaming(Resource):
            isLeaf = True

            def render(self, request: object) -> int:
                requests.append(request)
                request.write(b"be")  # type: ignore[attr-defined]
                return 1  # NOT_DONE_YET

        self.site = site_of(self, Streaming())
        client = Client(self.site)
        client.send(ASK)
        self.site.connections.drained(GRACE)
        requests[0].write(b"gun")
        requests[0].finish()
        self.assertEqual(client.response().body, b"begun")
        self.assertTrue(client.closed)
        client.drop()

    def test_refused(self) -> None:
        """Whoever has been refused is waited for no longer."""
        client = Client(self.site)
        client.send(b"nonsense\r\n\r\n")
        self.site.connections.drained(GRACE)
        self.assertTrue(client.closed)
        client.drop()

    def test_too_slow(self) -> None:
        """What is not over by then is cut off, and what it waited for is cancelled."""
        client = Client(self.site)
        cancelled: list[Deferred[bytes]] = []
        self.service.answer = Deferred(cancelled.append)
        client.send(ASK)
        done = self.site.connections.drained(GRACE)
        self.clock.advance(GRACE)
        self.assertTrue(client.transport.aborting)
        client.drop()
        self.assertEqual(cancelled, [self.service.answer])
        self.assert_over(done)

    def test_twice(self) -> None:
        """Asking again changes nothing; both are told."""
        client = Client(self.site)
        both = [self.site.connections.drained(GRACE), self.site.connections.drained(GRACE)]
        client.drop()
        for done in both:
            self.assert_over(done)

    def test_connected_meanwhile(self) -> None:
        """A connection that was made while others were waited for is waited for as well, until the grace is over."""
        first, second = Client(self.site), None
        done = self.site.connections.drained(GRACE)
        second = Client(self.site)
        first.drop()
        self.assertNoResult(done)
        self.clock.advance(GRACE)
        self.assertTrue(second.transport.aborting)
        second.drop()
        self.assert_over(done)


class IdleTests(LogWatchingTestCase):
    """What a connection says of itself, so that the longest idle one can be closed for another's sake."""

    def test_since_when(self) -> None:
        """It is idle from its beginning or from its last answer on, and not while a request arrives or is under way."""
        service = Service()
        site = site_of(self, EC2Resource(service, self.access))
        client = Client(site)
        (connection,) = site.connections
        began = self.clock.seconds()
        self.clock.advance(1)
        self.assertEqual(connection.idle_since(), began)
        client.send(ASK[:30])
        self.assertIsNone(connection.idle_since())
        service.answer = answer = Deferred()
        client.send(ASK[30:])
        self.assertIsNone(connection.idle_since())
        self.clock.advance(1)
        answer.callback(b"<fine/>")
        self.clock.advance(1)
        self.assertEqual(connection.idle_since(), began + 2)
        connection.leave()
        self.assertIsNone(connection.idle_since())
        client.drop()


globals().update(over_twisted(globals()))
