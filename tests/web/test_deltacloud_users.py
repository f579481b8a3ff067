"""The Deltacloud frontend and its users: what they change is seen, and everybody has a turn at the backend."""

# Twisted's names.
# ruff: noqa: N802

from base64 import b64decode, b64encode
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers

from tests.web.test_deltacloud import OK, DeltacloudTestCase
from tests.web.wires import Client, over_twisted, site_of


def request(method: bytes = b"GET", who: bytes = b"me:pw", path: bytes = b"/api/instances") -> bytes:
    """A request of a cloud user's."""
    head = b"%s %s HTTP/1.1\r\nHost: a\r\nAuthorization: Basic %s\r\n" % (method, path, b64encode(who))
    return head + b"\r\n"


class ChangingTests(DeltacloudTestCase):
    """Whoever changes the cloud past the EC2 API is to find that there."""

    def test_changes(self) -> None:
        """What may change something is noted, whatever came of it; what only asks is not."""
        for method in (b"GET", b"HEAD", b"OPTIONS"):
            self.ask(request(method))
            self.wire.send(OK if method == b"HEAD" else OK + b"1234567890")
        self.assertEqual(self.changed, [])
        for method in (b"POST", b"PUT", b"DELETE"):
            self.ask(request(method))
            self.wire.send(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.changed, ["me"] * 3)

    def test_before_the_answer(self) -> None:
        """The client hears nothing before all who answer have heard of the change."""
        self.settled = Deferred()
        self.ask(request(b"POST"))
        self.assertEqual(self.changed, [])
        self.wire.send(OK + b"1234567890")
        self.assertEqual((self.changed, self.client.responses()), (["me"], []))
        self.settled.callback(None)
        self.assertEqual(self.client.response().body, b"1234567890")

    def test_no_answer(self) -> None:
        """What was not answered may have been done: in time or not, with the client still there or not."""
        self.ask(request(b"POST"))
        self.wire.drop(ConnectionLost())
        self.client.response()
        self.ask(request(b"POST"))
        self.clock.advance(20)
        self.wire.drop(ConnectionDone())
        self.client.response()
        self.ask(request(b"POST"))
        self.client.drop()
        self.wire.drop(ConnectionDone())
        self.assertEqual(self.changed, ["me"] * 3)


class TurnsTests(DeltacloudTestCase):
    """Only so many requests are passed on at a time, and everybody has a turn."""

    def setUp(self) -> None:
        super().setUp()
        self.clients: list[Client] = []
        self.backend_asked: list[tuple[bytes, Deferred[Any]]] = []
        self.site = site_of(self, self.resource(self, calls=4))

    def request(self, method: bytes, url: bytes, headers: Headers, body: object) -> "Deferred[Any]":
        """As an agent: note who asks."""
        (who,) = headers.getRawHeaders(b"Authorization", [b""])
        answer: Deferred[Any] = Deferred()
        self.backend_asked.append((b64decode(who.removeprefix(b"Basic ")), answer))
        return answer

    def begin(self, who: bytes, path: bytes = b"/api/instances") -> Client:
        client = Client(self.site)
        client.send(request(b"GET", who, path))
        self.clients.append(client)
        return client

    def end(self, status: int = 500) -> None:
        """Have the backend answer what it was asked first."""
        _, answer = self.backend_asked.pop(0)
        answer.callback(Empty(status))

    def asked(self) -> list[bytes]:
        return [who for who, _ in self.backend_asked]

    def test_limit(self) -> None:
        """A user alone has three quarters of the turns, and the next who asks is served."""
        mine = [self.begin(b"a:pw") for _ in range(6)]
        self.assertEqual(self.asked(), [b"a:pw"] * 3)
        self.begin(b"b:pw")
        self.begin(b"b:pw")
        self.assertEqual(self.asked(), [b"a:pw"] * 3 + [b"b:pw"])
        self.end()
        self.assertEqual(mine[0].response().status, 500)
        self.assertEqual(self.asked(), [b"a:pw"] * 2 + [b"b:pw", b"a:pw"])
        self.end()
        self.assertEqual(self.asked(), [b"a:pw", b"b:pw", b"a:pw", b"b:pw"])

    def test_known(self) -> None:
        """Who was shown something of his is not kept waiting by names that somebody makes up."""
        for status, path, known in (
            (200, b"/api/instances", True),
            (200, b"/api", False),
            (200, b"/api/hardware_profiles/x", False),
            (401, b"/api/instances", False),
        ):
            self.begin(b"me:pw", path)
            self.end(status)
            for number in range(7):
                self.begin(b"made-up-%d:pw" % number)
            self.begin(b"me:pw")
            self.end()
            self.end()
            self.assertEqual(known, b"me:pw" in self.asked(), (status, path))
            while self.backend_asked:
                self.end(401)

    def test_too_busy(self) -> None:
        """Who waits for half the time that a request may take is told so; a client that leaves gives up its place."""
        for _ in range(3):
            self.begin(b"a:pw")
        gone, late = self.begin(b"a:pw"), self.begin(b"a:pw")
        gone.drop()
        self.clock.advance(10)
        self.client = late
        self.assert_error(503, "The backend is too busy to be asked.")
        self.assertEqual(self.asked(), [b"a:pw"] * 3)
        self.begin(b"a:pw")
        self.end()
        self.assertEqual(self.asked(), [b"a:pw"] * 3)


class Empty:
    """An answer without a body."""

    length = 0
    phrase = b"-"

    def __init__(self, code: int) -> None:
        self.code = code
        self.headers = Headers()

    def deliverBody(self, protocol: Any) -> None:
        protocol.makeConnection(StringTransport())
        protocol.connectionLost(Failure(ResponseDone()))


globals().update(over_twisted(globals()))
