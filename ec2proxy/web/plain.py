"""Plain requests: those that every reader of HTTP reads alike, and their heads read by llhttp.

Request smuggling lives on two readers that disagree. So here is no second opinion on what is odd: what two readers
might take differently is not read at all, and goes to twisted.web's parser as it came.
"""

from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from ec2proxy.ec2.request import RawRequest
from ec2proxy.web.wire import MAX_BODY, MAX_HEAD, MAX_HEADERS

# Whatever decides how long a body is or what becomes of the connection, other than a length and Connection.
_ODD = frozenset({b"transfer-encoding", b"expect"})

_LONGEST = len(b"%d" % MAX_BODY)


class Plain(NamedTuple):
    """A request that needs no resource tree, as far as its head tells.

    :param path: still percent-encoded, without the query.
    :param query: still encoded, without the ``?``.
    :param by_name: its headers, the names in lower case.
    :param head: bytes that the head has, the empty line included.
    :param body: bytes that follow it.
    :param last: whether the client wants the connection closed.
    """

    method: str
    path: bytes
    query: bytes
    by_name: dict[bytes, bytes]
    head: int
    body: int
    last: bool

    def with_body(self, body: bytes) -> RawRequest:
        """The whole request."""
        return RawRequest(self.method, self.path, self.query, self.by_name.items(), body)


class _Heard:
    """What llhttp tells of one head, taken down without a line of Python for each header.

    :ivar unended: empty once llhttp has seen the end of the request.
    """

    __slots__ = ("headers", "on_header", "on_message_complete", "on_url", "unended", "url")

    def __init__(self) -> None:
        self.url: list[bytes] = []
        self.headers: dict[bytes, bytes] = {}
        self.unended = [True]
        self.on_url = self.url.append
        self.on_header = self.headers.__setitem__
        self.on_message_complete = self.unended.clear


def read(data: bytes, at: int) -> Plain | None:
    """The head of a plain request that performs an action: a POST, or a GET with one in its query.

    :param at: where in ``data`` it begins.
    :returns: None if it is not all there, not plain, or of another kind.
    """
    if data.startswith(b"POST /", at):
        method, target = "POST", at + 5
    elif data.startswith(b"GET /", at):
        method, target = "GET", at + 4
    else:
        return None
    end = data.find(b"\r\n\r\n", target, at + MAX_HEAD)
    if end < 0:
        return None
    heard = _Heard()
    try:
        # A new parser is made faster than an old one is brought to forget.
        HttpRequestParser(heard).feed_data(data[at : end + 4])
    except (HttpParserError, HttpParserUpgrade):
        return None
    (url,) = heard.url
    path, _, query = url.partition(b"?")
    if method == "GET" and b"Action=" not in query:
        return None
    # llhttp leaves the blanks after a value, and lets no other white space through.
    by_name = {name.lower(): value.rstrip() for name, value in heard.headers.items()}
    # One carriage return for each header: none is there twice, no line is folded, and each ends as it should.
    count = data.count(b"\r", at, end)
    if count != len(by_name) or count > MAX_HEADERS or not data.startswith(b" HTTP/1.1\r\n", target + len(url)):
        return None
    framed = _framed(by_name, not heard.unended)
    if framed is None:
        return None
    return Plain(method, path, query, by_name, end + 4 - at, *framed)


def _framed(by_name: dict[bytes, bytes], ended: bool) -> tuple[int, bool] | None:
    """The length of a request's body, and whether it is the last one; None if either is in any doubt.

    :param ended: whether llhttp takes it to have no body.
    """
    if b"host" not in by_name or not _ODD.isdisjoint(by_name):
        return None
    connection = by_name.get(b"connection", b"keep-alive").lower()
    length = by_name.get(b"content-length", b"0")
    if connection not in (b"keep-alive", b"close") or not length.isdigit() or len(length) > _LONGEST:
        return None
    body = int(length)
    if body > MAX_BODY or ended is not (body == 0):
        return None
    return body, connection == b"close"
