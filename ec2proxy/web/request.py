"""A request of twisted.web's, read and answered without what nobody here needs."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

import re
from io import BytesIO
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_to_bytes

from twisted.python.failure import Failure
from twisted.web.server import Request

from ec2proxy.web.answers import SERVER
from ec2proxy.web.headerlines import put
from ec2proxy.web.wire import MAX_BODY, Channel

if TYPE_CHECKING:
    from ec2proxy.web.site import EC2Site

# RFC 9112, 3.2.2: a server takes the form that is meant for proxies too.
_ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)


class Ending(Protocol):
    """What wants to know how a request ends."""

    def finished(self) -> None:
        """The answer is written."""

    def lost(self) -> None:
        """The client went away before."""


class ProxyRequest(Request):
    """A request whose query and body are left as they came: whoever answers it parses them once, itself.

    :ivar ending: is told how it ends; ``notifyFinish`` does as well, with a Deferred, which takes longer.
    """

    defaultContentType = None
    channel: Channel
    content: BytesIO
    site: "EC2Site"
    ending: Ending | None = None
    _received = 0

    def parseCookies(self) -> None:
        """Do nothing: nobody here reads a cookie."""

    def handleContentChunk(self, data: bytes) -> None:
        """Take in a part of the body, up to the limit; a chunked one does not tell its size before."""
        self._received += len(data)
        if self._received > MAX_BODY:
            self.channel.refuse_body()
        elif self.channel.site.bodies.hold(self, self._received):
            self.content.write(data)
        else:
            self.channel.refuse(503, "Unavailable", "Too many large requests are arriving. Try again later.")

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Go on to the resource tree, with all of the request there."""
        self.channel.site.bodies.let_go(self)
        self.method, self.uri, self.clientproto = command, _origin_form(path), version
        self.path = self.uri.partition(b"?")[0]
        self.args = {}
        self.content.seek(0)
        self.process()

    def process(self) -> None:
        """Find the resource and have it answer."""
        site = self.site = self.channel.site
        if self.channel.in_the_clear:
            site.passwords.look(self.getHeader(b"Authorization"), self.channel.getPeer())
        put(self.responseHeaders, b"Server", SERVER)
        put(self.responseHeaders, b"Date", site.date())
        self.prepath = []
        self.postpath = self.path[1:].split(b"/")
        if b"%" in self.path:
            self.postpath = [unquote_to_bytes(segment) for segment in self.postpath]
        try:
            self.render(site.getResourceFor(self))
        except Exception:
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer what should not have happened through the one funnel."""
        self.site.explain(self, reason)
        return reason

    @property
    def answers_plainly(self) -> bool:
        """Whether the connection goes on after the answer, which then needs no header that says otherwise."""
        return bool(self.channel.persistent)

    def send_whole(self, answer: bytes) -> None:
        """Write an answer and finish.

        :param answer: all of it, its status and headers included; the request must not be a HEAD.
        """
        # For finish, which writes headers where nothing is written yet.
        self.startedWriting = 1
        self.channel.send(answer)
        self.finish()

    def finish(self) -> None:
        """The answer is written."""
        super().finish()
        ending, self.ending = self.ending, None
        if ending is not None:
            ending.finished()

    def connectionLost(self, reason: Failure) -> None:
        """The client has gone."""
        if self.channel is not None:
            self.channel.site.bodies.let_go(self)
        super().connectionLost(reason)
        ending, self.ending = self.ending, None
        if ending is not None:
            ending.lost()

    def __repr__(self) -> str:
        """The request without its query, which holds signatures."""
        return f"<{type(self).__name__} {self.method!r} {self.path!r}>"


def _origin_form(target: bytes) -> bytes:
    """A request target without scheme and host, if it had them."""
    if target[:1] == b"/":
        return target
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return target
    rest = target[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest
