"""What is taken in before a request is one: limits, refusals, timeouts, several requests in a row."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.site import IDLE
from ec2proxy.web.wire import LINGER, MAX_BODY, MAX_HEAD, MAX_HEADERS
from tests.web.wires import Client, LogWatchingTestCase, Response, Service, over_twisted, site_of

HEAD = b"POST /ec2?Signature=tOpSeCrEt HTTP/1.1\r\nHost: a\r\nAuthorization: Basic tOpSeCrEt\r\n"


class WireTestCase(LogWatchingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.site = site_of(self, EC2Resource(self.service, self.access))
        self.client = Client(self.site)

    def connect_anew(self) -> None:
        self.client.drop()
        self.client = Client(self.site)

    def assert_refused(self, status: int, code: str) -> Response:
        """The only answer is an EC2 error; it is logged in one line, and the connection ends soon after."""
        response = self.client.response()
        self.assertEqual(response.status, status)
        self.assertIn(f"<Code>{code}</Code>".encode(), response.body)
        self.assertEqual(response.headers["connection"], "close")
        self.assertEqual(response.headers["x-amzn-requestid"], self.lines()[-1]["request_id"])
        self.assertEqual(self.lines()[-1]["status"], status)
        self.client.send(b"x" * 100 + b"\r\n\r\nGET /?Action=A HTTP/1.1\r\n\r\n")
        self.assertEqual(self.client.responses(), [])
        self.clock.advance(LINGER)
        self.assertTrue(self.client.closed)
        self.client.drop()
        self.client = Client(self.site)
        self.assertEqual(self.service.requests, [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)  # the new client's idle timeout
        return response


class BodyLimitTests(WireTestCase):
    def test_largest(self) -> None:
        """A body of exactly the limit is taken, in whatever pieces it comes."""
        self.client.send(HEAD + b"Content-Length: %d\r\n\r\n" % MAX_BODY)
        for _ in range(16):
            self.client.send(b"x" * (MAX_BODY // 16))
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(len(self.service.requests[0].body), MAX_BODY)

    def test_announced(self) -> None:
        """A body that is announced as too large is refused before any of it is read or asked for."""
        self.client.send(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1))
        self.assert_refused(413, "RequestEntityTooLarge")

    def test_ten_megabytes(self) -> None:
        """The rest of a refused body is thrown away, so that the client comes to read the refusal."""
        self.client.send(HEAD + b"Content-Length: 10485760\r\n\r\n" + b"x" * 65536)
        for _ in range(159):
            self.client.send(b"x" * 65536)
        self.assertFalse(self.client.closed)
        self.assert_refused(413, "RequestEntityTooLarge")

    def test_digits(self) -> None:
        """A length of more digits than Python reads is too large like any other, the last header or not."""
        for after in (b"\r\n", b"X: y\r\n\r\n"):
            self.connect_anew()
            self.client.send(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n" + after)
            self.assert_refused(413, "RequestEntityTooLarge")

    def test_chunked(self) -> None:
        """A chunked body is counted, and refused once it is over the limit, in the middle of a chunk even."""
        self.client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY // 1024):
            self.client.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
        self.assertEqual(self.client.responses(), [])
        self.client.send(b"5\r\nx")
        self.assert_refused(413, "RequestEntityTooLarge")

    def test_chunked_whole(self) -> None:
        """A whole chunked body that comes at once, its end included, is refused but once."""
        self.client.send(
            HEAD
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"100000\r\n"
            + b"x" * MAX_BODY
            + b"\r\n1\r\ny\r\n1\r\nz\r\n0\r\n\r\n"
        )
        self.assert_refused(413, "RequestEntityTooLarge")

    def test_chunks(self) -> None:
        """A small chunked body is a body."""
        self.client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: r\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)
        self.assertEqual(self.service.requests[0].body, b"abcde")

    def test_coded_otherwise(self) -> None:
        """A body that is coded otherwise, or said to be in another header, or in HTTP/1.0, has no end that is sure."""
        chunked = b"Transfer-Encoding: chunked\r\n"
        for head in (
            HEAD + chunked + b"Transfer-Encoding: identity\r\n",
            HEAD + b"Transfer-Encoding: identity\r\n" + chunked,
            HEAD + b"Transfer-Encoding: identity\r\n",
            HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
            HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + chunked,
        ):
            self.connect_anew()
            self.client.send(head + b"\r\n0\r\n\r\n")
            self.assert_refused(400, "InvalidRequest")
        self.assertEqual(self.service.requests, [])
        self.connect_anew()
        self.client.send(HEAD + b"Transfer-Encoding:  Chunked \r\n\r\n0\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)

    def test_expected(self) -> None:
        """A client that waits for 100 Continue gets it."""
        self.client.send(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        self.assertEqual(self.client.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.client.transport.clear()
        self.client.send(b"abc")
        self.assertEqual(self.client.response().status, 200)


class HeadLimitTests(WireTestCase):
    def test_user_data_by_get(self) -> None:
        """libcloud's RunInstances with 16 KB of user data in its URL comes through."""
        self.client.send(b"GET /?Action=RunInstances&UserData=" + b"x" * 30000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(self.client.response().status, 200)

    def test_long_url(self) -> None:
        """A URL over the limit is refused, also when its line never ends."""
        self.client.send(b"GET /" + b"x" * MAX_HEAD)
        self.assert_refused(414, "InvalidRequest")

    def test_long_url_at_once(self) -> None:
        """The same if all of the request is there."""
        self.client.send(b"GET /" + b"x" * MAX_HEAD + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assert_refused(414, "InvalidRequest")

    def test_long_header(self) -> None:
        """A header over the limit is refused."""
        self.client.send(HEAD + b"X: " + b"x" * MAX_HEAD + b"\r\n\r\n")
        self.assert_refused(431, "InvalidRequest")

    def test_long_headers(self) -> None:
        """Headers that are too large together are refused."""
        self.client.send(HEAD + (b"X: " + b"x" * 10000 + b"\r\n") * 8 + b"\r\n")
        self.assert_refused(400, "InvalidRequest")

    def test_many_headers(self) -> None:
        """So are too many."""
        self.client.send(HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(MAX_HEADERS)) + b"\r\n")
        self.assert_refused(400, "InvalidRequest")


class MalformedTests(WireTestCase):
    def test_lines(self) -> None:
        """What is no request line is refused, once, and without a traceback."""
        for line in (
            b"nonsense",
            b"GET /",
            b"GET / HTTP/2.0",
            b"GET  / HTTP/1.1",
            b"GET /\xff HTTP/1.1",
            b"G\x00T / HTTP/1.1",
            b"\x16\x03\x01\x02\x00\x01",
            b"\n\n",
        ):
            self.connect_anew()
            self.client.send(line + b"\r\nHost: a\r\n\r\n")
            self.assert_refused(400, "InvalidRequest")

    def test_headers(self) -> None:
        """So are headers that are none, and lengths that leave open where the body ends (request smuggling)."""
        for header in (
            b"no colon",
            b"Space : x",
            b": x",
            b"X: a\x00b",
            b"X: a\rb",
            b"Content-Length: -1",
            b"Content-Length: 1, 1",
            b"Content-Length: 0x1",
            b"Content-Length: 3\r\nContent-Length: 4",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Host: b",
        ):
            for more in (b"", b"X-More: x\r\n"):
                self.connect_anew()
                self.client.send(HEAD + header + b"\r\n" + more + b"\r\nabc")
                self.assert_refused(400, "InvalidRequest")
                self.assertEqual((self.lines()[-1]["method"], self.lines()[-1]["path"]), ("POST", "/ec2"))

    def test_folded(self) -> None:
        """So is a header that goes on in a second line, wherever the bytes are cut."""
        for blank in (b" ", b"\t"):
            data = HEAD + b"X: y\r\n" + blank + b"z\r\nContent-Length: 0\r\n\r\n"
            for cut in range(len(HEAD), len(HEAD) + 9):
                self.connect_anew()
                self.client.send(data[:cut])
                self.client.send(data[cut:])
                self.assert_refused(400, "InvalidRequest")

    def test_blank_in_a_body(self) -> None:
        """What looks like that in a body is none, and what comes after it is read as before."""
        folded = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\na\r\n b "
        self.client.send(folded + folded)
        self.client.send(folded)
        self.assertEqual([each.status for each in self.client.responses()], [200] * 3)
        self.client.send(HEAD + b"X: y\r\n z\r\n\r\n")
        self.assertEqual(self.client.response().status, 400)

    def test_chunks(self) -> None:
        """So are chunks that are none."""
        for body in (b"x\r\n", b"-1\r\n", b"3\r\nabcX\r\n", b"f" * 5000):
            self.connect_anew()
            self.client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
            self.assert_refused(400, "InvalidRequest")

    def test_no_host(self) -> None:
        """So is a request without a Host header, where that has to be there."""
        self.client.send(b"GET /?Action=A HTTP/1.1\r\nX: y\r\n\r\n")
        self.assert_refused(400, "InvalidRequest")

    @given(st.binary(max_size=200), st.binary(max_size=100), st.integers(0, 400))
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def test_anything(self, junk: bytes, more: bytes, cut: int) -> None:
        """No bytes raise, whatever pieces they come in; what is answered is HTTP."""
        for data in (junk, b"GET /" + junk, HEAD + junk, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + junk):
            self.connect_anew()
            data += more + b"\r\n\r\n"
            self.client.send(data[:cut])
            self.client.send(data[cut:])
            if not self.client.transport.value().startswith(b"HTTP/1.1 100"):
                self.client.responses()
        self.client.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.client = Client(self.site)


class TimeoutTests(WireTestCase):
    def test_answered(self) -> None:
        """Each answer gives a connection its time anew, and no more than that."""
        for _ in range(3):
            self.clock.advance(IDLE - 1)
            self.client.send(HEAD + b"Content-Length: 3\r\n\r\nabc")
            self.assertEqual(self.client.response().status, 200)
        self.clock.advance(IDLE - 1)
        self.assertFalse(self.client.closed)
        self.clock.advance(1 + self.late)
        self.assertTrue(self.client.closed)

    def test_idle(self) -> None:
        """A connection on which nothing happens is closed, and not before its time."""
        self.clock.advance(IDLE - 1)
        self.client.send(b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n")
        self.clock.advance(IDLE - 1)
        self.assertFalse(self.client.closed)
        self.clock.advance(1 + self.late)
        self.assertTrue(self.client.closed)

    def test_begun(self) -> None:
        """A request that begins just before that has its own time to arrive, whatever more of it comes meanwhile."""
        self.clock.advance(IDLE - 1)
        self.client.send(HEAD)
        self.clock.advance(IDLE / 2)
        self.client.send(b"X: y\r\n")
        self.clock.advance(IDLE / 2 - 1)
        self.assertFalse(self.client.closed)
        self.clock.advance(1 + self.late)
        self.assertTrue(self.client.closed)

    def test_dribble(self) -> None:
        """A request that comes a byte at a time has to be whole in that time as well."""
        for byte in range(int(IDLE)):
            self.assertFalse(self.client.closed)
            self.client.send(
                b"POST /ec2 HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nxxxxxxxxxxxxxxx"[byte : byte + 1]
            )
            self.clock.advance(1)
        self.assertTrue(self.client.closed)

    def test_slow_answer(self) -> None:
        """The time that we take ourselves is not the client's."""
        self.service.answer = Deferred()
        self.client.send(b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n")
        self.clock.advance(IDLE * 10)
        self.assertFalse(self.client.closed)
        self.service.answer.callback(b"<at-last/>")
        self.assertEqual(self.client.response().body, b"<at-last/>")


class PersistenceTests(WireTestCase):
    ASK = b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n"

    def test_pipelined(self) -> None:
        """Requests that come in a row are answered in their order, one after the other."""
        first: Deferred[bytes] = Deferred()
        self.service.answer = first
        self.client.send(self.ASK + HEAD + b"Content-Length: 3\r\n\r\nabc" + self.ASK[:10])
        self.assertEqual(len(self.service.requests), 1)
        self.service.answer = b"<second/>"
        first.callback(b"<first/>")
        self.assertEqual([each.body for each in self.client.responses()], [b"<first/>", b"<second/>"])
        self.assertEqual(self.service.requests[1].body, b"abc")
        self.client.send(self.ASK[10:])
        self.assertEqual(len(self.client.responses()), 1)

    def test_pipelined_flood(self) -> None:
        """Hundreds of requests in one piece do not nest."""
        self.client.send(self.ASK * 2000)
        self.assertEqual(len(self.client.responses()), 2000)

    def test_bad_one_after_a_good_one(self) -> None:
        """A refusal waits for its turn."""
        self.service.answer = Deferred()
        self.client.send(self.ASK + b"nonsense\r\n\r\n")
        self.assertEqual(self.client.responses(), [])
        self.service.answer.callback(b"<fine/>")
        self.assertEqual([each.status for each in self.client.responses()], [200, 400])

    def test_close(self) -> None:
        """A client that asks for it is the last time answered."""
        self.client.send(b"GET /?Action=A HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + self.ASK)
        self.assertEqual(self.client.response().headers["connection"], "close")
        self.assertTrue(self.client.closed)
        self.assertEqual(len(self.service.requests), 1)

    def test_close_among_others(self) -> None:
        """It may ask for it in a list, and in the second of several headers."""
        for header in (b"Connection: te, close", b"Connection: Close,te", b"Connection: te\r\nConnection: close"):
            self.connect_anew()
            self.client.send(b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n")
            self.assertEqual(self.client.response().headers["connection"], "close")
            self.assertTrue(self.client.closed)

    def test_http_1_0(self) -> None:
        """HTTP/1.0 works, and closes."""
        self.client.send(b"GET /?Action=A HTTP/1.0\r\n\r\n")
        self.assertEqual(self.client.response().body, b"<fine/>")
        self.assertTrue(self.client.closed)

    def test_no_http_2(self) -> None:
        """TLS negotiates what is spoken here, and that alone."""
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])

    def test_factory(self) -> None:
        """A site that listens opens no log, and leaves no call behind."""
        before = self.clock.getDelayedCalls()
        self.site.doStart()
        self.site.doStop()
        self.assertEqual(self.clock.getDelayedCalls(), before)

    def test_date(self) -> None:
        """The Date header moves with the clock."""
        self.client.send(self.ASK)
        self.clock.advance(2)
        self.client.send(self.ASK)
        dates = [each.headers["date"] for each in self.client.responses()]
        self.assertEqual(dates, ["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:02 GMT"])


globals().update(over_twisted(globals()))
