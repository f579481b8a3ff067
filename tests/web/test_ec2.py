"""The EC2 frontend, from the first byte of a request to the last of its answer."""

# Twisted's names.
# ruff: noqa: N815

import re
from html import unescape

from treq.testing import StubTreq
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.resource import Resource

from ec2proxy import __version__
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.web.ec2 import EC2Resource
from tests.web.wires import SECRET, Client, LogWatchingTestCase, Response, Service, over_twisted, site_of


class EC2TestCase(LogWatchingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.resource = EC2Resource(self.service, self.access)
        self.site = site_of(self, self.resource)
        self.client = Client(self.site)

    def ask(self, request: bytes, method: str = "GET") -> Response:
        self.client.send(request)
        return self.client.response(method)


class PerformingTests(EC2TestCase):
    def test_get(self) -> None:
        """A GET with an Action is performed, and answered in EC2's way with the id of its trace."""
        response = self.ask(b"GET /ec2?Action=DescribeInstances HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual((response.status, response.body), (200, b"<fine/>"))
        self.assertEqual(response.headers["content-type"], "text/xml;charset=UTF-8")
        self.assertEqual(response.headers["content-length"], "7")
        self.assertEqual(response.headers["server"], f"ec2proxy/{__version__}")
        self.assertEqual(response.headers["date"], "Thu, 01 Jan 1970 00:00:00 GMT")
        self.assertEqual(response.headers["x-amzn-requestid"], self.service.traces[0].request_id)
        self.assertFalse(self.client.closed)

    def test_request_ids(self) -> None:
        """Ids have the shape of a version 4 UUID, and do not repeat."""
        self.client.send(b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        ids = {trace.request_id for trace in self.service.traces}
        self.assertEqual(len(ids), 50)
        for each in ids:
            self.assertRegex(each, r"\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}\Z")

    def test_verbatim(self) -> None:
        """Path, query, headers and body reach the service byte for byte: a signature covers them."""
        self.ask(
            b"POST /services/compute//%7e?b=%41&a=+ HTTP/1.1\r\nHOST: h:1\r\nX-Two: 1\r\nx-Amz-Date: d  d\r\n"
            b"X-Two: 2\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nAction=%41"[:-1]
        )
        (raw,) = self.service.requests
        self.assertEqual((raw.method, raw.path, raw.query), ("POST", b"/services/compute//%7e", b"b=%41&a=+"))
        self.assertEqual(raw.body, b"Action=%4")
        self.assertEqual(
            raw.headers,
            (
                (b"host", b"h:1"),
                (b"x-two", b"1"),
                (b"x-two", b"2"),
                (b"x-amz-date", b"d  d"),
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"content-length", b"9"),
            ),
        )

    def test_absolute_form(self) -> None:
        """A target with scheme and host, as for a proxy, means the same as one without."""
        for target, path in [
            (b"http://other/ec2?Action=A", b"/ec2"),
            (b"HTTPS://other?Action=A", b"/"),
            (b"http://other/?Action=A", b"/"),
        ]:
            self.ask(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual((self.service.requests[-1].path, self.service.requests[-1].query), (path, b"Action=A"))

    def test_over_treq(self) -> None:
        """The resource works in any tree of twisted.web, whatever makes its requests."""
        treq = StubTreq(self.resource)
        asked = treq.post("http://x/ec2", data={"Action": "A"})
        treq.flush()
        response = self.successResultOf(asked)
        self.assertEqual(self.successResultOf(response.content()), b"<fine/>")
        self.assertEqual(self.service.requests[0].body, b"Action=A")

    def test_post_without_action(self) -> None:
        """A POST goes to the service in any case: only it knows what is in the form."""
        self.service.answer = EC2Error("MissingAction", "The request must contain the parameter Action.")
        response = self.ask(b"POST /ec2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(response.status, 400)
        self.assertIn(b"<Code>MissingAction</Code>", response.body)


class FailingTests(EC2TestCase):
    ASK = b"GET /?Action=A&Signature=" + SECRET.encode() + b" HTTP/1.1\r\nHost: a\r\n\r\n"

    def test_ec2_error(self) -> None:
        """An EC2Error is answered with its status, code and message, and is no event for the log but its line."""
        self.service.answer = EC2Error("InvalidInstanceID.NotFound", "i-1 & <i-2>")
        response = self.ask(self.ASK)
        request_id = self.service.traces[0].request_id
        self.assertEqual(response.status, 400)
        self.assertEqual(
            response.body.decode(),
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>'
            "<Message>i-1 &amp; &lt;i-2&gt;</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>",
        )
        self.assertEqual(response.headers["x-amzn-requestid"], request_id)
        self.assertEqual(len(self.events), 1)

    def test_in_time(self) -> None:
        """An answer that takes its time is the same, a success or an error."""
        for result, status in ((b"<slow/>", 200), (EC2Error("AuthFailure", "no"), 401)):
            self.service.answer = Deferred()
            self.client.send(self.ASK)
            self.assertEqual(self.client.transport.value(), b"")
            if status == 200:
                self.service.answer.callback(result)
            else:
                self.service.answer.errback(result)
            self.assertEqual(self.client.response().status, status)

    def test_challenge(self) -> None:
        """A 401 says that Basic is taken; nothing else does."""
        self.service.answer = EC2Error("AuthFailure", "no")
        response = self.ask(self.ASK)
        self.assertEqual(response.status, 401)
        self.assertEqual(response.headers["www-authenticate"], 'Basic realm="ec2proxy", charset="UTF-8"')
        self.service.answer = EC2Error("SignatureDoesNotMatch", "no")
        self.assertNotIn("www-authenticate", self.ask(self.ASK).headers)

    def test_retry_after(self) -> None:
        """A 503 says when to come back."""
        self.service.answer = EC2Error("RequestLimitExceeded", "no")
        response = self.ask(self.ASK)
        self.assertEqual((response.status, response.headers["retry-after"]), (503, "1"))

    def test_mistake_of_ours(self) -> None:
        """What nobody expected is logged once, with the request's id, and its text is told to nobody."""
        self.service.answer = ZeroDivisionError("inner workings")
        response = self.ask(self.ASK)
        request_id = self.service.traces[0].request_id
        self.assertEqual(response.status, 500)
        self.assertIn(b"<Code>InternalError</Code>", response.body)
        self.assertIn(request_id.encode(), response.body)
        self.assertNotIn(b"inner", response.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        (event,) = [event for event in self.events if "log_failure" in event]
        self.assertEqual(event["request_id"], request_id)

    def test_mistake_before_the_work(self) -> None:
        """A resource tree that fails is answered through the same funnel."""

        class Broken(Resource):
            isLeaf = True

            def render(self, request: object) -> int:
                raise ZeroDivisionError("inner workings")

        client = Client(site_of(self, Broken()))
        client.send(self.ASK)
        response = client.response()
        self.assertEqual(response.status, 500)
        self.assertIn(b"<Code>InternalError</Code>", response.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.lines()[0]["status"], 500)

    def test_mistake_after_the_answer(self) -> None:
        """A resource that fails once its answer has begun cuts the connection off: nothing sane can follow."""

        class Broken(Resource):
            isLeaf = True

            def render(self, request: object) -> int:
                request.write(b"half")  # type: ignore[attr-defined]
                raise ZeroDivisionError

        client = Client(site_of(self, Broken()))
        client.send(self.ASK)
        self.assertTrue(client.closed)
        self.assertNotIn(b"InternalError", client.transport.value())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class MethodTests(EC2TestCase):
    def test_others(self) -> None:
        """Methods that EC2 does not have are an EC2 error 405 that names those it has."""
        for method in (b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"get", b"!#$"):
            response = self.ask(method + b" /ec2?Action=A HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual(response.status, 405, method)
            self.assertEqual(response.headers["allow"], "GET, POST")
            self.assertIn(b"<Code>MethodNotAllowed</Code>", response.body)
        self.assertEqual(self.service.requests, [])

    def test_options_of_everything(self) -> None:
        """``OPTIONS *`` and ``CONNECT host:port`` have no path, and are refused alike."""
        for line in (b"OPTIONS *", b"CONNECT a:443"):
            response = self.ask(line + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertEqual((response.status, response.headers["allow"]), (405, "GET, HEAD, POST"))

    def test_head(self) -> None:
        """HEAD is like GET where nothing is performed, and refused where something would be."""
        response = self.ask(b"HEAD /ec2?Action=TerminateInstances HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        self.assertEqual((response.status, response.body), (405, b""))
        self.assertNotEqual(response.headers["content-length"], "0")
        response = self.ask(b"HEAD /ec2 HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n", "HEAD")
        self.assertEqual(response.status, 200)
        self.assertEqual(self.service.requests, [])


class LandingTests(EC2TestCase):
    def test_redirect(self) -> None:
        """A GET without an Action is sent to /ec2 on its own host (recording 90)."""
        response = self.ask(b"GET /what/ever?Version=1 HTTP/1.1\r\nHost: localhost:3001\r\n\r\n")
        self.assertEqual((response.status, response.body), (301, b""))
        self.assertEqual(response.headers["location"], "http://localhost:3001/ec2")

    def test_hosts(self) -> None:
        """A Host that is none is not repeated: the Location is relative then."""
        for host, location in [
            (b"[::1]:80", "http://[::1]:80/ec2"),
            (b"", "/ec2"),
            (b"evil.example/path?", "/ec2"),
            (b"a b", "/ec2"),
            (b"user@host", "/ec2"),
            (b"a:123456", "/ec2"),
            (b'"><script>', "/ec2"),
        ]:
            response = self.ask(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            self.assertEqual(response.headers["location"], location, host)

    def test_no_host(self) -> None:
        """HTTP/1.0 has no Host, and closes."""
        response = self.ask(b"GET /ec2 HTTP/1.0\r\n\r\n")
        self.assertEqual(response.headers["location"], "/ec2")
        self.assertTrue(self.client.closed)

    def test_page(self) -> None:
        """A browser gets a page that says what this is and how to use it, and nothing of the client's raw."""
        response = self.ask(b"GET /ec2 HTTP/1.1\r\nHost: cloud:3001\r\nAccept: Text/HTML,*/*;q=0.8\r\n\r\n")
        self.assertEqual((response.status, response.headers["content-type"]), (200, "text/html;charset=UTF-8"))
        page = unescape(response.body.decode())
        self.assertIn("AWS_ENDPOINT_URL_EC2=http://cloud:3001/ec2\n", page)
        self.assertIn('endpoint_url="http://cloud:3001/ec2"', page)
        self.assertIn("default-src 'none'", response.headers["content-security-policy"])
        hostile = b"GET /ec2 HTTP/1.1\r\nHost: <script>\r\nAccept: text/html\r\n\r\n"
        self.assertNotIn(b"<script", self.ask(hostile).body)


class LeavingTests(EC2TestCase):
    ASK = b"POST /ec2 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nAction=A"

    def setUp(self) -> None:
        super().setUp()
        self.cancelled: list[Deferred[bytes]] = []
        self.service.answer = Deferred(self.cancelled.append)

    def test_cancelled(self) -> None:
        """A client that goes away cancels the call; that is no error, and nothing is written any more."""
        self.client.send(self.ASK)
        self.client.drop()
        self.assertEqual(self.cancelled, [self.service.answer])
        self.assertEqual(self.client.transport.value(), b"")
        (line,) = self.lines()
        self.assertEqual((line["status"], self.events), (499, [line]))

    def test_late_answer(self) -> None:
        """An answer that comes although the call was cancelled is thrown away."""
        self.service.answer = Deferred(lambda it: it.callback(b"<late/>"))
        self.client.send(self.ASK)
        self.client.drop()
        self.assertEqual(self.client.transport.value(), b"")

    def test_late_ec2_error(self) -> None:
        """So is what the service makes of the cancellation."""
        self.service.answer = Deferred(lambda it: it.errback(EC2Error("Unavailable", "")))
        self.client.send(self.ASK)
        self.client.drop()
        self.assertEqual(len(self.events), 1)

    def test_late_mistake(self) -> None:
        """A mistake of ours on the way out is still logged."""
        self.service.answer = Deferred(lambda it: it.errback(ZeroDivisionError()))
        self.client.send(self.ASK)
        self.client.drop()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.client.transport.value(), b"")

    def test_cancelled_by_ourselves(self) -> None:
        """A call that is cancelled though its client is there, is a mistake of ours."""
        self.client.send(self.ASK)
        self.service.answer.cancel()
        self.assertEqual(self.client.response().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_while_sending(self) -> None:
        """A client that goes away in the middle of its own request leaves nothing behind."""
        self.client.send(self.ASK[:-3])
        self.client.drop()
        self.assertEqual((self.service.requests, self.events), ([], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AccessLogTests(EC2TestCase):
    def test_line(self) -> None:
        """One line a request, with what is known of it by then."""
        self.service.answer = Deferred()
        self.client.send(
            b"GET /ec2?Action=A&Signature=tOpSeCrEt HTTP/1.1\r\nHost: a\r\nAuthorization: Basic tOpSeCrEt\r\n\r\n"
        )
        trace = self.service.traces[0]
        trace.action, trace.principal, trace.region = "A", "mockuser", "deltacloud"
        self.clock.advance(0.25)
        self.assertEqual(self.events, [])
        self.service.answer.callback(b"<fine/>")
        (line,) = self.events
        wanted = {
            "client": "192.0.2.7",
            "method": "GET",
            "path": "/ec2",
            "status": 200,
            "milliseconds": 250,
            "request_id": trace.request_id,
            "action": "A",
            "principal": "mockuser",
            "region": "deltacloud",
            "error": "",
        }
        self.assertEqual({name: line[name] for name in wanted}, wanted)

    def test_body_and_error(self) -> None:
        """Neither bodies nor messages are logged; the code is."""
        self.service.answer = EC2Error("AuthFailure", SECRET)
        self.client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\ntOpSeCrEt")
        (line,) = self.events
        self.assertEqual((line["status"], line["error"]), (401, "AuthFailure"))

    def test_hostile_path(self) -> None:
        """What a path holds beyond ASCII is escaped, and a long one is cut."""
        self.client.send(b"GET /\x80\x7f\x9b HTTP/1.1\r\nHost: a\r\n\r\n")
        self.client.send(b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        first, second = self.events
        self.assertEqual(first["path"], "/\\x80\\x7f\\x9b")
        self.assertEqual(len(second["path"]), 203)

    def test_repr(self) -> None:
        """A request's repr, which other code may log, has no query."""
        seen = []

        class Looking(Resource):
            isLeaf = True

            def render(self, request: object) -> bytes:
                seen.append(repr(request))
                return b""

        Client(site_of(self, Looking())).send(b"GET /ec2?Action=A&Signature=tOpSeCrEt HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(re.fullmatch(r"<ProxyRequest b'GET' b'/ec2'>", seen[0]), seen)


globals().update(over_twisted(globals()))
