"""Header lines that come again mean what they meant before."""

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.headerlines import HeaderLines, count
from ec2proxy.web.site import EC2Site
from ec2proxy.web.wire import MAX_HEADERS
from tests.web.test_differential import Side, pieces
from tests.web.wires import SECRET, Client, LogWatchingTestCase, Service

ASK = b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n"


def told(lines: HeaderLines, line: bytes) -> list[tuple[bytes, list[bytes]]] | None:
    """What a line is known to say; None if it is not known."""
    headers = Headers()
    known = lines.put(line, headers)
    found = [(name, [*values]) for name, values in headers.getAllRawHeaders()]
    return found if known else None


class LinesTests(SynchronousTestCase):
    def learn(self, lines: HeaderLines, name: bytes, value: bytes, headers: Headers | None = None) -> bytes:
        """Have a line learnt, read the way Twisted reads it."""
        headers = headers or Headers()
        before = count(headers)
        headers.addRawHeader(name, value)
        line = name + b": " + value
        lines.learn(line, headers, before)
        return line

    def test_learnt(self) -> None:
        """A line is known with the name as Twisted writes it."""
        lines = HeaderLines()
        self.assertIsNone(told(lines, b"x-a: b"))
        self.assertEqual(told(lines, self.learn(lines, b"x-a", b"b")), [(b"X-A", [b"b"])])

    def test_put(self) -> None:
        """What is known is put where Twisted puts it, repeats too."""
        lines = HeaderLines()
        ours, theirs = Headers(), Headers()
        for name, value in ((b"X-A", b"b"), (b"Host", b"h"), (b"X-A", b"c")):
            self.assertTrue(lines.put(self.learn(lines, name, value), ours))
            theirs.addRawHeader(name, value)
        self.assertEqual([*ours.getAllRawHeaders()], [*theirs.getAllRawHeaders()])

    def test_not_learnt(self) -> None:
        """What tells where a body ends, what proves who asks, and what is long is not; nor a repeat."""
        lines, headers = HeaderLines(), Headers({b"X-A": [b"b"]})
        for name in (b"content-length", b"Transfer-Encoding", b"authorization", b"Cookie", b"proxy-authorization"):
            self.assertIsNone(told(lines, self.learn(lines, name, b"1")))
        self.assertIsNone(told(lines, self.learn(lines, b"x-b", b"x" * 600)))
        self.assertIsNone(told(lines, self.learn(lines, b"x-a", b"c", headers)))
        self.assertEqual(len(lines), 0)

    def test_bounded(self) -> None:
        """There are so many and no more."""
        lines = HeaderLines(most=3)
        for number in range(10):
            line = self.learn(lines, b"X-%d" % number, b"y")
            self.assertLessEqual(len(lines), 3)
            self.assertIsNotNone(told(lines, line))


class WireTests(LogWatchingTestCase):
    site_type = EC2Site

    def setUp(self) -> None:
        super().setUp()
        self.service = Service()
        self.site = EC2Site(EC2Resource(self.service, self.access), self.clock, self.access)
        self.client = Client(self.site)

    def ask(self, lines: bytes) -> list[tuple[bytes, bytes]]:
        """The headers that the service is told of."""
        self.client.send(ASK + lines + b"\r\n")
        self.assertEqual(self.client.response().status, 200)
        return [*self.service.requests.pop().headers]

    def test_known(self) -> None:
        """The second request is told of as the first, whose lines are known by then, whatever stands between."""
        odd = b"x-odd:  b\t \r\nX-Two: 1\r\nX-Two: 2\r\n"
        first = self.ask(odd)
        self.assertEqual(told(self.site.header_lines, b"x-odd:  b\t "), [(b"X-Odd", [b"b"])])
        self.assertIsNone(told(self.site.header_lines, b"X-Two: 2"))
        self.assertEqual(self.ask(odd), first)
        self.assertEqual(self.ask(b"X-Two: 2\r\nX-Two: 1\r\n")[1:], [(b"x-two", b"2"), (b"x-two", b"1")])

    def test_no_secrets(self) -> None:
        """What proves who asks is not kept."""
        self.ask(b"Authorization: Basic " + SECRET.encode() + b"\r\n")
        self.assertNotIn(SECRET.encode(), b"".join(self.site.header_lines._known))

    def test_too_many(self) -> None:
        """Known lines count like others."""
        self.ask(b"X: y\r\n" * (MAX_HEADERS - 1))
        self.client.send(ASK + b"X: y\r\n" * MAX_HEADERS + b"\r\n")
        self.assertEqual(self.client.response().status, 400)
        self.assertEqual(self.service.requests, [])


class AnythingTests(LogWatchingTestCase):
    @settings(max_examples=300, deadline=None)
    @given(pieces())
    def test_again(self, some: list[bytes | None]) -> None:
        """Whatever was sent once does the same a second time, on another connection, with its lines known."""
        self.events.clear()
        cold, warm = Side(self, EC2Site), Side(self, EC2Site)
        warm.client.protocol.site.header_lines = cold.client.protocol.site.header_lines
        for side in (cold, warm):
            for piece in [*some, None, None]:
                if piece is None:
                    side.answer()
                else:
                    side.send(piece)
            side.client.drop()
        self.assertEqual(cold.seen(), warm.seen())
