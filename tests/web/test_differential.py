"""Both wires give the same answers: whatever comes, in whatever pieces, no client and no proxy can tell them apart.

Same means, after each piece: the same bytes but for request ids; the connection closed by both or by neither; the
same requests performed, byte for byte; the same lines in the access log. Only the order of those may differ: where one
request waits for another, twisted.web begins with it before it tells that the other is over.
"""

# Twisted's names.
# ruff: noqa: N815

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request
from zope.interface import implementer

from ec2proxy.asking import IEC2Service
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.fastsite import FastSite
from ec2proxy.web.site import IDLE, EC2Site
from ec2proxy.web.tree import root
from ec2proxy.web.wire import LINGER
from tests.web.wires import Client, LogWatchingTestCase, PromptLog

_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")


@implementer(IEC2Service)
class Echo:
    """Tells what it was asked: at once, in time, or as an error."""

    def __init__(self) -> None:
        self.seen: list[RawRequest] = []
        self.pending: list[Deferred[bytes]] = []

    def perform(self, request: RawRequest, trace: Trace) -> Any:
        self.seen.append(request)
        trace.action = "Echo"
        asked = request.query + request.body
        if b"Fail" in asked:
            raise EC2Error("AuthFailure", "no")
        if b"Slow" in asked:
            return self.slowly(request)
        return repr([*request.headers]).encode() + request.body

    def repeatable(self, request: RawRequest) -> None:
        """Nothing: each is performed."""

    async def slowly(self, request: RawRequest) -> bytes:
        answer: Deferred[bytes] = Deferred()
        self.pending.append(answer)
        return await answer

    def answer(self) -> None:
        pending, self.pending = self.pending, []
        for each in pending:
            each.callback(b"<slow/>")


class Api(Resource):
    """Stands for the other frontend: in pieces, of no known length."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.write(request.method + b" " + request.uri)
        return b" and %d bytes" % len(request.content.read())


class Side:
    """One of the two, with what can be seen of it."""

    def __init__(self, test: LogWatchingTestCase, site_type: type[EC2Site]) -> None:
        self.test = test
        self.service = Echo()
        tree = root(frozenset({"ec2", "deltacloud"}), EC2Resource(self.service, test.access), Api())
        self.client = Client(site_type(tree, test.clock, test.access))
        self.lines: list[tuple[object, ...]] = []

    def send(self, data: bytes) -> None:
        """Send something, unless the connection is closed."""
        if not self.client.closed:
            self._watched(lambda: self.client.send(data))

    def answer(self) -> None:
        """Have slow answers come."""
        self._watched(self.service.answer)

    def _watched(self, act: Any) -> None:
        before = len(self.test.lines())
        act()
        names = ("method", "path", "status", "error", "action", "client")
        self.lines += [tuple(line[name] for name in names) for line in self.test.lines()[before:]]

    def seen(self) -> tuple[object, ...]:
        """All that can be told of it."""
        performed = [(raw.method, raw.path, raw.query, [*raw.headers], raw.body) for raw in self.service.seen]
        return (_ID.sub(b"-", self.client.transport.value()), self.client.closed, performed, sorted(self.lines))


class DifferentialTestCase(LogWatchingTestCase):
    def assert_same(self, pieces: list[bytes | None]) -> bytes:
        """Both do the same with some pieces; None among them is a slow answer that comes.

        :returns: what both sent, all in all.
        """
        # What one example leaves behind when it fails must not fail the next one.
        self.clock = Clock()
        self.access = PromptLog(self.clock)
        self.events.clear()
        sides = Side(self, FastSite), Side(self, EC2Site)
        for piece in [*pieces, None, None]:
            for side in sides:
                if piece is None:
                    side.answer()
                else:
                    side.send(piece)
            self.assertEqual(sides[0].seen(), sides[1].seen(), pieces)
        # Whoever waits is closed in the end, a refused client sooner.
        for wait in (LINGER, IDLE * 21 / 20):
            self.clock.advance(wait)
            self.assertEqual(sides[0].client.closed, sides[1].client.closed, pieces)
        for side in sides:
            side.client.drop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return sides[0].client.transport.value()


def chosen(often: list[bytes], seldom: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of ``often``, now and then one of ``seldom``, very seldom anything."""
    pick = st.integers(0, 19)
    return pick.flatmap(
        lambda n: st.sampled_from(often) if n < 14 else st.sampled_from(seldom) if n < 19 else st.binary(max_size=9)
    )


METHODS = chosen([b"GET", b"POST"], [b"HEAD", b"PUT", b"get", b"OPTIONS", b"CONNECT", b"PRI", b"\r\nGET", b"\nPOST"])
TARGETS = chosen(
    [b"/?Action=A", b"/ec2?Action=A", b"/ec2", b"/?Action=Slow", b"/?Action=Fail"],
    [
        b"/",
        b"/api/x?Action=A",
        b"/%61pi?Action=A",
        b"/%2fapi",
        b"//api?Action=A",
        b"http://h/ec2?Action=A",
        b"HTTPS://h?Action=A",
        b"*",
        b"/a?Action=A#b",
        b"/a?b?Action=A",
        b"/\xa0?Action=A",
        b"/\xff?Action=A",
        b"/\x7f?Action=A",
        b"/?Action=A\t",
        b"/ ?Action=A",
        b"?Action=A",
        b"a:443",
    ],
)
VERSIONS = chosen([b" HTTP/1.1"], [b" HTTP/1.0", b"  HTTP/1.1", b" HTTP/1.1 ", b" http/1.1", b" HTTP/2.0", b"", b"\t"])
ODD_HEADERS = [
    b"Connection: close",
    b"connection: CLOSE ",
    b"Connection: close, te",
    b"Connection: te, close",
    b"Connection: te close",
    b"Connection: te\r\nConnection: close",
    b"Connection: upgrade\r\nUpgrade: h2c",
    b"Connection: upgrade, http2-settings\r\nUpgrade: websocket",
    b"Upgrade: h2c",
    b"Expect: 100-continue",
    b"Expect: 200-maybe",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: Chunked ",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer_Encoding: chunked",
    b" Transfer-Encoding: chunked",
    b"X: y\n Transfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"X: y\r\n folded",
    b"Host: a\r\n\tfolded",
    b"Content-Length: 3",
    b"content-length:3 ",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: 3, 3",
    b"Content-Length: 3 3",
    b"Content-Length: 0x3",
    b"Content-Length: 003",
    b"Content-Length: 3\r\n 4",
    b"Content-Length:",
    b"Content-Length : 3",
    b"Content-Length: \xb2",
    b"Content-Length: 1048577",
    b"Content-Length: " + b"9" * 30,
    b"Content-Length: " + b"0" * 30 + b"3",
    b"Host: b",
    b"host:",
    b"Host : a",
    b"X: \x00",
    b"X: \x01\x7f\x80\xff",
    b"X\x80: y",
    b"X Y: z",
    b"X-Two: 1\r\nx-two: 2",
    b"X-Two: 1\r\nX-Two: 2",
    b": y",
    b"no colon",
    b"X:y:z",
    b"",
]
HEADERS = chosen(
    [
        b"Host: a",
        b"Host: a",
        b"X-Amz-Date: d  d ",
        b"Authorization: AWS4",
        b"User-Agent:\tb\t",
        b"Connection: Keep-Alive",
    ],
    ODD_HEADERS,
)
BODIES = st.sampled_from(
    [
        b"",
        b"abc",
        b"Action=Slow",
        b"Action=Fail",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;x=y\r\nabc\r\n0\r\nT: r\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3\nabc\n0\n\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0\r\n\r\nGET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"G",
        b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
)
ENDS = st.sampled_from([b"\r\n"] * 20 + [b"\n", b"\r", b"\r\r\n", b" \r\n", b"\n\r"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Something like a request: often one, with a length that is its body's."""
    body = draw(BODIES)
    lines = [draw(METHODS) + b" " + draw(TARGETS) + draw(VERSIONS), b"Host: h", *draw(st.lists(HEADERS, max_size=3))]
    framed = any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines)
    if draw(st.integers(0, 9)) >= (9 if framed else 1):
        lines.append(b"Content-Length: %d" % len(body))
    if not draw(st.integers(0, 5)):
        del lines[1]
    return b"".join(line + draw(ENDS) for line in lines) + draw(ENDS) + body


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes | None]:
    """Some requests, cut up anywhere, with slow answers between the pieces."""
    data = b"".join(draw(st.lists(requests(), min_size=1, max_size=4)))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    found: list[bytes | None] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        found.append(data[start:end])
        if draw(st.booleans()):
            found.append(None)
    return found


class AnythingTests(DifferentialTestCase):
    @given(pieces())
    @settings(max_examples=600, deadline=None)
    def test_requests(self, some: list[bytes | None]) -> None:
        """Valid, odd, malformed and hostile requests, one after the other and in pieces."""
        self.assert_same(some)

    def test_each_header(self) -> None:
        """Each odd header with each sort of body, told of or not."""
        for header in ODD_HEADERS:
            for more in (b"", b"Content-Length: 3\r\n"):
                for line in (b"POST / HTTP/1.1", b"GET /?Action=A HTTP/1.1"):
                    head = line + b"\r\nHost: h\r\n" + more + header + b"\r\n\r\n"
                    for body in (b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n"):
                        self.assert_same([head, body])
                        self.assert_same([head + body])

    def test_cut_anywhere(self) -> None:
        """Two requests in a row, plain or not, cut at each place there is."""
        plain = b"POST /?A HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
        others = [
            plain,
            b"GET /?Action=Slow HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /api/x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ]
        for first in others:
            for second in others:
                data = first + second + plain
                for cut in range(len(data)):
                    self.assert_same([data[:cut], data[cut:]])

    @given(st.lists(st.binary(max_size=60), max_size=4))
    @settings(max_examples=100, deadline=None)
    def test_noise(self, some: list[bytes]) -> None:
        """No requests at all, and such in the middle of one."""
        self.assert_same(list(some))
        self.assert_same([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", *some])
        self.assert_same([b"GET /?Action=A HTTP/1.1\r\nHost: a\r\n", *some, b"\r\n\r\n"])
