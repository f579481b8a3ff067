"""The Deltacloud frontend, between a client's bytes and a backend's."""

# Twisted's names.
# ruff: noqa: N815

from pathlib import Path
from typing import Any

from lxml import etree
from treq.testing import RequestTraversalAgent
from twisted.internet import error
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.web.resource import Resource

from ec2proxy.drivers.deltacloud.turns import Turns
from ec2proxy.model import Backend
from ec2proxy.web.deltacloud import DeltacloudResource
from ec2proxy.web.tree import root
from ec2proxy.web.wire import MAX_BODY
from tests.web.wires import BackendWire, Client, LogWatchingTestCase, Response, over_twisted, site_of

BACKEND = Backend("http://backend:3002/api", timeout=20.0)
GET = b"GET /api/realms?Signature=tOpSeCrEt HTTP/1.1\r\nHost: proxy:3001\r\nAuthorization: Basic tOpSeCrEt\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 10\r\n\r\n"


class DeltacloudTestCase(LogWatchingTestCase):
    backend = BACKEND

    def setUp(self) -> None:
        super().setUp()
        self.wire = BackendWire()
        resource = self.resource(self.wire.agent)
        self.site = site_of(self, root(frozenset({"deltacloud"}), None, resource))
        self.client = Client(self.site)

    def resource(self, agent: Any, calls: int = 8) -> DeltacloudResource:
        """The frontend, by this agent to the backend."""

        async def changed(user: str) -> None:
            self.changed.append(user)
            await self.settled

        self.changed: list[str] = []
        self.settled: Deferred[None] = succeed(None)
        return DeltacloudResource(agent, self.backend, self.clock, self.access, Turns(calls), changed)

    def ask(self, request: bytes = GET) -> None:
        """Send a request, and have the backend accept the connection that is made for it."""
        self.client.send(request)
        self.wire.accept()

    def assert_error(self, status: int, message: str) -> Response:
        """The answer is an error in Deltacloud's words, as in recordings 10 and 11, but for its backtrace."""
        response = self.client.response()
        self.assertEqual((response.status, response.headers["content-type"]), (status, "application/xml"))
        self.assertEqual(self.lines()[-1]["status"], status)
        document = etree.fromstring(response.body)
        self.assertEqual((document.tag, document.get("status")), ("error", str(status)))
        self.assertEqual([child.tag for child in document], ["backend", "code", "message"])
        self.assertEqual((document.findtext("code"), document.findtext("message")), (str(status), message))
        return response


class PassingTests(DeltacloudTestCase):
    def test_request(self) -> None:
        """The backend is asked what we were asked, on its own path, with the client's Host."""
        self.ask(
            b"POST /api/instances?a=%41 HTTP/1.1\r\nHost: proxy:3001\r\nAuthorization: Basic tOpSeCrEt\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"8\r\nimage_id\r\n5\r\n=img1\r\n0\r\n\r\n"
        )
        head, _, body = self.wire.received().partition(b"\r\n\r\n")
        line, *headers = head.split(b"\r\n")
        self.assertEqual((line, body), (b"POST /api/instances?a=%41 HTTP/1.1", b"image_id=img1"))
        self.assertEqual(
            {header for header in headers if not header.startswith(b"Connection")},
            {
                b"Host: proxy:3001",
                b"Authorization: Basic tOpSeCrEt",
                b"Content-Type: application/x-www-form-urlencoded",
                b"Content-Length: 13",
                b"Via: 1.1 ec2proxy",
            },
        )

    def test_methods(self) -> None:
        """All methods of the API are passed on, without a body if they have none."""
        for method in (b"GET", b"DELETE", b"OPTIONS", b"POST", b"PUT"):
            self.ask(method + b" /api/x HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(self.wire.received().startswith(method + b" /api/x HTTP/1.1\r\n"))
            self.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.assertEqual(self.client.response().body, b"ok")

    def test_response(self) -> None:
        """Status, reason, headers and body come back as they were, but for what concerns the connection."""
        self.ask()
        self.wire.send(
            b"HTTP/1.1 412 Odd Reason\r\nServer: Apache-Deltacloud/1.1.3\r\nX-Deltacloud-Driver: mock\r\n"
            b"Set-Cookie: a\r\nSet-Cookie: b\r\nTrailer: X\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody"
        )
        self.assertTrue(self.client.transport.value().startswith(b"HTTP/1.1 412 Odd Reason\r\n"))
        self.assertEqual(self.client.transport.value().count(b"Set-Cookie: "), 2)
        response = self.client.response()
        self.assertEqual((response.status, response.body), (412, b"body"))
        self.assertEqual(response.headers["server"], "Apache-Deltacloud/1.1.3")
        self.assertEqual(response.headers["content-length"], "4")
        self.assertNotIn("trailer", response.headers)
        self.assertNotIn("content-type", response.headers)
        self.assertFalse(self.client.closed)
        (line,) = self.lines()
        self.assertEqual((line["status"], line["path"]), (412, "/api/realms"))

    def test_redirect(self) -> None:
        """A redirect is the client's to follow."""
        self.ask()
        self.wire.send(
            b"HTTP/1.1 302 Found\r\nLocation: http://proxy:3001/api/instances/i\r\nContent-Length: 0\r\n\r\n"
        )
        response = self.client.response()
        self.assertEqual((response.status, response.headers["location"]), (302, "http://proxy:3001/api/instances/i"))
        self.assertEqual(self.wire.connections, 1)

    def test_no_content(self) -> None:
        """A 204 has neither a body nor a length."""
        self.ask(b"DELETE /api/keys/k HTTP/1.1\r\nHost: a\r\n\r\n")
        self.wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        response = self.client.response()
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertNotIn("content-length", response.headers)

    def test_head(self) -> None:
        """The answer to a HEAD does not claim to be empty."""
        self.ask(b"HEAD /api HTTP/1.1\r\nHost: a\r\n\r\n")
        self.wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1498\r\nETag: x\r\n\r\n")
        response = self.client.response("HEAD")
        self.assertEqual((response.status, response.headers["etag"]), (200, "x"))
        self.assertNotIn("content-length", response.headers)
        self.assertFalse(self.client.closed)

    def test_unknown_length(self) -> None:
        """A chunked body, or one that ends with the connection, is sent on as chunks."""
        self.ask()
        self.wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        self.assertEqual(self.client.response().body, b"abc")
        self.ask()
        self.wire.send(b"HTTP/1.0 200 OK\r\n\r\nabc")
        self.wire.drop(ConnectionDone())
        response = self.client.response()
        self.assertEqual((response.body, response.headers["transfer-encoding"]), (b"abc", "chunked"))

    def test_streamed(self) -> None:
        """What the backend sends is passed on as it comes, not gathered."""
        self.ask()
        self.wire.send(OK + b"12345")
        self.assertTrue(self.client.transport.value().endswith(b"\r\n\r\n12345"))
        self.wire.send(b"67890")
        self.assertEqual(self.client.response().body, b"1234567890")

    def test_backpressure(self) -> None:
        """A client that takes nothing stops the backend, and sets it going again."""
        self.ask()
        self.wire.send(OK + b"12345")
        self.client.transport.producer.pauseProducing()
        self.assertEqual(self.wire.transport.producerState, "paused")
        self.client.transport.producer.resumeProducing()
        self.assertEqual(self.wire.transport.producerState, "producing")

    def test_embedded(self) -> None:
        """Any IAgent does: the embedded cloud is asked without a network."""

        class Cloud(Resource):
            isLeaf = True

            def render_GET(self, request: object) -> bytes:
                return b"<api>" + request.getHeader(b"host") + b"</api>"  # type: ignore[attr-defined]

        resource = self.resource(RequestTraversalAgent(Cloud()))
        client = Client(site_of(self, resource))
        client.send(b"GET /api HTTP/1.1\r\nHost: proxy:3001\r\n\r\n")
        self.assertEqual(client.response().body, b"<api>proxy:3001</api>")


class RefusingTests(DeltacloudTestCase):
    backend = Backend("http://backend:3002/api", driver="mock", provider="eu")

    def test_methods(self) -> None:
        """Methods that the API does not have are refused."""
        for method in (b"PATCH", b"TRACE", b"get"):
            self.client.send(method + b" /api HTTP/1.1\r\nHost: a\r\n\r\n")
            response = self.assert_error(405, "The method is not allowed.")
            self.assertEqual(response.headers["allow"], "DELETE, GET, HEAD, OPTIONS, POST, PUT")

    def test_path(self) -> None:
        """A path that could leave the API is refused; the error names path, driver and provider."""
        self.client.send(b"GET /api/%2e%2e/\x80?q HTTP/1.1\r\nHost: a\r\n\r\n")
        response = self.assert_error(400, "The path is not one of the Deltacloud API.")
        document = etree.fromstring(response.body)
        self.assertEqual(document.get("url"), "/api/%2e%2e/\\x80")
        self.assertEqual(dict(document.find("backend").attrib), {"driver": "mock", "provider": "eu"})
        self.assertEqual(self.wire.connections, 0)

    def test_absolute_form(self) -> None:
        """A target with another host's name goes to our backend like any other."""
        self.ask(b"GET http://evil/api/realms HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.wire.received().startswith(b"GET /api/realms HTTP/1.1\r\n"))
        self.assertEqual(self.wire.reactor.tcpClients[0][:2], ("backend", 3002))

    def test_large(self) -> None:
        """A body over the limit is refused without asking the backend."""
        self.client.send(b"POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1))
        self.assertEqual(self.client.response().status, 413)
        self.assertEqual(self.wire.connections, 0)


class BackendTroubleTests(DeltacloudTestCase):
    UNREACHABLE = "The backend cannot be reached, or broke off."
    LATE = "The backend did not answer in time."

    def test_unreachable(self) -> None:
        """A backend that refuses, or is not there, is a 502, and one line of warning."""
        for reason in (error.ConnectionRefusedError(), error.DNSLookupError(), ConnectionLost()):
            self.client.send(GET)
            self.wire.refuse(reason)
            self.assert_error(502, self.UNREACHABLE)
        warnings = [event for event in self.events if event["log_level"].name == "warn"]
        self.assertEqual([event["reason"] for event in warnings][:2], ["ConnectionRefusedError", "DNSLookupError"])
        self.assertEqual(warnings[0]["request_id"], self.lines()[0]["request_id"])

    def test_slow_to_connect(self) -> None:
        """A connection that cannot be made in time is a 504."""
        self.client.send(GET)
        self.wire.refuse(error.TimeoutError())
        self.assert_error(504, self.LATE)

    def test_never_connects(self) -> None:
        """So is one that hangs."""
        self.client.send(GET)
        self.clock.advance(20)
        self.assert_error(504, self.LATE)

    def test_never_answers(self) -> None:
        """So is a backend that takes a request and says nothing; its connection is given up."""
        self.ask()
        self.clock.advance(19)
        self.assertEqual(self.client.responses(), [])
        self.clock.advance(1)
        self.assertTrue(self.wire.transport.aborting)
        self.wire.drop(ConnectionDone())
        self.assert_error(504, self.LATE)

    def test_hangs_up(self) -> None:
        """One that hangs up instead of answering is a 502."""
        self.ask(b"POST /api/instances HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        self.wire.drop(ConnectionLost())
        self.assert_error(502, self.UNREACHABLE)

    def test_no_http(self) -> None:
        """One that does not speak HTTP is a 502."""
        self.ask()
        self.wire.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.wire.drop(ConnectionDone())
        self.assert_error(502, self.UNREACHABLE)

    def test_broken_off(self) -> None:
        """A body that breaks off is not made to look whole: the client's connection is cut."""
        self.ask()
        self.wire.send(OK + b"12345")
        self.wire.drop(ConnectionLost())
        self.assertTrue(self.client.transport.aborting)
        self.assertTrue(self.client.transport.value().endswith(b"\r\n\r\n12345"))
        self.client.drop()
        self.assertEqual((self.lines()[0]["status"], self.lines()[0]["error"]), (200, "502"))

    def test_stalled(self) -> None:
        """So is one on which nothing moves for long enough; what comes later is thrown away."""
        self.ask()
        for _ in range(5):
            self.clock.advance(19)
            self.wire.send(OK[:0] if self.client.transport.value() else OK + b"1")
            self.wire.send(b"2")
        self.assertFalse(self.client.transport.aborting)
        self.clock.advance(20)
        self.assertTrue(self.client.transport.aborting)
        self.assertEqual(self.wire.transport.producerState, "stopped")
        before = self.client.transport.value()
        self.wire.send(b"3")
        self.assertEqual(self.client.transport.value(), before)
        self.client.drop()
        self.wire.drop(ConnectionDone())
        self.assertEqual(self.lines()[0]["error"], "504")

    def test_mistake_of_ours(self) -> None:
        """What nobody expected is logged once, and its text is told to nobody."""

        class Broken:
            def request(self, *_: object) -> None:
                raise ZeroDivisionError("inner workings")

        resource = self.resource(Broken())
        self.client = Client(site_of(self, resource))
        self.client.send(GET)
        self.assert_error(500, "An internal error has occurred.")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LeavingTests(DeltacloudTestCase):
    def assert_quiet(self) -> None:
        (line,) = self.lines()
        self.assertEqual(line["status"], 499)
        self.assertEqual([event for event in self.events if event["log_level"].name not in ("info", "debug")], [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_while_connecting(self) -> None:
        """A client that goes away while the backend is being connected to stops that."""
        self.client.send(GET)
        self.client.drop()
        self.assert_quiet()

    def test_before_the_answer(self) -> None:
        """One that goes away while the backend is at work gives up the connection to it."""
        self.ask()
        self.client.drop()
        self.assertTrue(self.wire.transport.aborting)
        self.wire.drop(ConnectionDone())
        self.assert_quiet()

    def test_amid_the_answer(self) -> None:
        """One that goes away in the middle of a body stops the rest of it."""
        self.ask()
        self.wire.send(OK + b"12345")
        self.client.drop()
        self.assertEqual(self.wire.transport.producerState, "stopped")
        self.wire.send(b"678")
        self.wire.drop(ConnectionDone())
        self.assert_quiet()


class RecordingTests(DeltacloudTestCase):
    def test_recordings(self) -> None:
        """What a real server sent arrives as it was: statuses, content types and bodies, XML or not."""
        folder = Path(__file__).parent.parent / "recordings"
        for name in ("01-entry-point", "24-key-create-without-name", "72-firewalls-not-supported", "31-instances-bad"):
            (path,) = folder.glob(f"{name}*.txt")
            head, _, body = path.read_bytes().partition(b"\n\n")
            received = [line[2:] for line in head.splitlines() if line.startswith(b"< ")]
            headers = [line for line in received[1:] if not line.lower().startswith((b"content-length", b"connection"))]
            headers.append(b"Content-Length: %d" % len(body))
            self.ask()
            self.wire.send(b"\r\n".join([received[0], *headers]) + b"\r\n\r\n" + body)
            response = self.client.response()
            self.assertEqual((b"%d" % response.status, response.body), (received[0].split()[1], body))
            for header in headers:
                key, _, value = header.partition(b": ")
                self.assertEqual(response.headers[key.decode().lower()], value.decode())


globals().update(over_twisted(globals()))
