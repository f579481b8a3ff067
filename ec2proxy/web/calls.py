"""Plain requests under way, on a fast channel."""

from typing import TYPE_CHECKING

from twisted.web.http import RESPONSES

from ec2proxy.web.access import CLIENT_GONE
from ec2proxy.web.answers import SERVER, Answer
from ec2proxy.web.exchange import BaseExchange
from ec2proxy.web.plain import Plain

if TYPE_CHECKING:
    from ec2proxy.web.fast import FastChannel

_ID = b"\r\nX-Amzn-Requestid: "


class Call(BaseExchange):
    """One plain request under way."""

    __slots__ = ("_channel", "_plain")

    def __init__(self, channel: "FastChannel", plain: Plain) -> None:
        super().__init__(channel.site.access)
        self._channel = channel
        self._plain = plain

    def succeed(self, body: bytes) -> None:
        """Send what it came to."""
        channel = self._channel
        if self._gone:
            return
        if channel.closes(self._plain):
            self.send(Answer(200, body))
            return
        self._note(200)
        length = b"%d" % len(body)
        channel.answered(
            (channel.site.success(), length, _ID, self.trace.request_id.encode(), b"\r\n\r\n", body), False
        )

    def send(self, answer: Answer) -> None:
        """Write a whole answer, unless there is nobody left to read it."""
        if self._gone:
            return
        self.error = answer.code
        self._note(answer.status)
        channel = self._channel
        closes = channel.closes(self._plain)
        head = [b"HTTP/1.1 %d %s" % (answer.status, RESPONSES.get(answer.status, b"-"))]
        if closes:
            head.append(b"Connection: close")
        head += (b"Server: " + SERVER, b"Date: " + channel.site.date(), b"Content-Type: " + answer.kind)
        head += (b"Content-Length: %d" % len(answer.body), b"X-Amzn-Requestid: " + self.trace.request_id.encode())
        head += (b"%s: %s" % header for header in answer.headers)
        channel.answered((b"\r\n".join((*head, b"", b"")), answer.body), closes)

    def lost(self) -> None:
        """Stop: the client has gone away."""
        self._abandon()
        self._note(CLIENT_GONE)

    def _note(self, status: int) -> None:
        plain = self._plain
        self._access.write(
            self.trace,
            self.began,
            client=self._channel.peer,
            method=plain.method.encode(),
            target=plain.path,
            status=status,
            error=self.error,
        )
