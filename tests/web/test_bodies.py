"""Bodies that arrive bit by bit: there is room for so many, whoever sends them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.web.bodies import SMALL, Bodies
from ec2proxy.web.wire import MAX_BODY
from tests.web.test_wire import WireTestCase
from tests.web.wires import Client, over_twisted

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % MAX_BODY
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % MAX_BODY


class RoomTests(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.site.bodies = self.bodies = Bodies(3 * MAX_BODY + SMALL)

    def almost(self, how: bytes) -> Client:
        """A client that has sent all but the end of a large body."""
        client = Client(self.site)
        client.send(HEAD + how)
        for _ in range(15):
            client.send(b"x" * (MAX_BODY // 16))
        client.send(b"x" * (MAX_BODY // 16 - 1))
        return client

    def end(self, client: Client, how: bytes) -> None:
        """Send the end of it."""
        client.send(b"x" if how == LENGTH else b"x\r\n0\r\n\r\n")

    def test_refused(self) -> None:
        """Whose body finds no room is told to try again; the others' are answered, and there is room again then."""
        for how in (LENGTH, CHUNKED):
            clients = [self.almost(how) for _ in range(3)]
            late = self.almost(how)
            response = late.response()
            self.assertEqual((response.status, response.headers["connection"]), (503, "close"))
            self.assertIn(b"<Code>Unavailable</Code>", response.body)
            self.assertEqual(self.lines()[-1]["status"], 503)
            self.assertFalse(late.closed)
            for client in clients:
                self.end(client, how)
                self.assertEqual(client.response().status, 200)
            self.assertEqual(len(self.service.requests[-1].body), MAX_BODY)
            late.drop()
            self.assertEqual(self.bodies.bytes, 0)
            again = self.almost(how)
            self.end(again, how)
            self.assertEqual(again.response().status, 200)

    def test_lost(self) -> None:
        """The room of who leaves, or takes too long, is there for others."""
        self.almost(LENGTH).drop()
        self.almost(CHUNKED).drop()
        self.assertEqual(self.bodies.bytes, 0)
        slow = self.almost(LENGTH)
        self.assertGreaterEqual(self.bodies.bytes, MAX_BODY - 1)
        self.clock.pump([10] * 8)
        self.assertTrue(slow.closed)
        slow.drop()
        self.assertEqual(self.bodies.bytes, 0)

    def test_small(self) -> None:
        """A small body is taken all the same."""
        clients = [self.almost(LENGTH) for _ in range(3)]
        self.client.send(HEAD + b"Content-Length: %d\r\n\r\n" % SMALL)
        self.client.send(b"x" * (SMALL // 2))
        self.client.send(b"x" * (SMALL // 2))
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual([client.closed for client in clients], [False] * 3)


globals().update(over_twisted(globals()))


class BodiesTests(SynchronousTestCase):
    @given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 5)), max_size=40))
    def test_model(self, steps: list[tuple[int, int | None]]) -> None:
        """What is held is what was noted last for each, and never more than may be."""
        bodies = Bodies(6 * SMALL)
        held: dict[int, int] = {}
        for owner, size in steps:
            if size is None:
                bodies.let_go(owner)
                held.pop(owner, None)
                continue
            total = sum(held.values()) - held.get(owner, 0) + size * SMALL
            if size <= 1:
                self.assertTrue(bodies.hold(owner, size * SMALL))
            elif size * SMALL >= held.get(owner, 0):
                self.assertEqual(bodies.hold(owner, size * SMALL), total <= 6 * SMALL)
                if total <= 6 * SMALL:
                    held[owner] = size * SMALL
            self.assertEqual(bodies.bytes, sum(held.values()))
