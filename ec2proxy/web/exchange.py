"""One request under way: whether its client is still there, its one answer, its one log line."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.server import Request

from ec2proxy.asking import IEC2Service
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.web.access import CLIENT_GONE, AccessLog
from ec2proxy.web.answers import Answer, request_id
from ec2proxy.web.errors import explained
from ec2proxy.web.request import ProxyRequest

_ID = b"\r\nX-Amzn-Requestid: "

# What work may come to once nobody waits for it. An Agent that is cancelled says that its request has failed.
_QUIET = (
    CancelledError,
    ConnectError,
    ConnectingCancelledError,
    EC2Error,
    RequestTransmissionFailed,
    ResponseFailed,
)


class BaseExchange:
    """Ties a request, in whatever shape, to the work that answers it: one answer, one log line.

    :param access: where its line goes once it is over, however it ends.
    :param explain: makes the answer of a failure and the request's trace.
    """

    __slots__ = ("_access", "_explain", "_gone", "_work", "began", "error", "trace")

    def __init__(self, access: AccessLog, explain: Callable[[Failure, Trace], Answer] = explained) -> None:
        self.trace = Trace(request_id())
        self.error = ""
        self._access = access
        self._explain = explain
        self.began = access.now()
        self._work: Deferred[None] | None = None
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether the client has gone away before the answer was whole. Nothing must be written then."""
        return self._gone

    def perform(self, service: IEC2Service, raw: RawRequest) -> None:
        """Have an EC2 request performed, and send what it comes to, in this same turn if that is known at once."""
        try:
            body = service.perform(raw, self.trace)
        except Exception:
            self._failed(Failure())
            return
        if isinstance(body, bytes):
            self.succeed(body)
        else:
            self.follow(Deferred.fromCoroutine(body).addCallback(self.succeed))

    def follow(self, work: Deferred[None]) -> None:
        """Cancel ``work`` if the client goes away; that it was cancelled is then nobody's business."""
        self._work = work
        work.addErrback(self._failed)

    def succeed(self, body: bytes) -> None:
        """Send what an EC2 request came to."""
        self.send(Answer(200, body))

    def send(self, answer: Answer) -> None:
        """Write a whole answer, unless there is nobody left to read it."""
        raise NotImplementedError

    def _failed(self, failure: Failure) -> None:
        # What a cancelled call comes to is as a rule its cancellation, but a bug on that way is still a bug.
        if self._gone and failure.check(*_QUIET):
            return
        self._explained(self._explain(failure, self.trace))

    def _explained(self, answer: Answer) -> None:
        """Send the answer to a failure."""
        self.send(answer)

    def _abandon(self) -> None:
        """Note that the client has gone away, and stop the work."""
        self._gone = True
        if self._work is not None:
            self._work.cancel()


class Exchange(BaseExchange):
    """An exchange by way of twisted.web. Made by a resource's ``render``, which then returns NOT_DONE_YET.

    :param request: the request; whoever made it delivers ``notifyFinish``.
    """

    def __init__(
        self, request: Request, access: AccessLog, explain: Callable[[Failure, Trace], Answer] = explained
    ) -> None:
        super().__init__(access, explain)
        self.request = request
        if isinstance(request, ProxyRequest):
            request.ending = self
        else:
            request.notifyFinish().addCallbacks(lambda _: self.finished(), lambda _: self.lost())

    def succeed(self, body: bytes) -> None:
        """Send what an EC2 request came to."""
        request = self.request
        if self._gone or not isinstance(request, ProxyRequest) or not request.answers_plainly:
            super().succeed(body)
            return
        parts = (request.site.success(), b"%d" % len(body), _ID, self.trace.request_id.encode(), b"\r\n\r\n", body)
        request.send_whole(b"".join(parts))

    def send(self, answer: Answer) -> None:
        """Write a whole answer, unless there is nobody left to read it."""
        if self._gone:
            return
        self.error = answer.code
        request = self.request
        request.setResponseCode(answer.status)
        headers = request.responseHeaders
        headers.setRawHeaders(b"Content-Type", [answer.kind])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(answer.body)])
        headers.setRawHeaders(b"X-Amzn-RequestId", [self.trace.request_id.encode()])
        for name, value in answer.headers:
            headers.setRawHeaders(name, [value])
        request.write(answer.body)
        request.finish()

    def _explained(self, answer: Answer) -> None:
        if self.request.startedWriting:
            # Half of an answer must not look like the whole of it.
            self.error = answer.code
            transport: Any = self.request.transport
            transport.abortConnection()
        else:
            self.send(answer)

    def finished(self) -> None:
        """Note that the answer is written."""
        self._note(int(self.request.code))

    def lost(self) -> None:
        """Stop: the client has gone away."""
        self._abandon()
        self._note(int(self.request.code) if self.error else CLIENT_GONE)

    def _note(self, status: int) -> None:
        request = self.request
        self._access.write(
            self.trace,
            self.began,
            client=request.getClientAddress(),
            method=request.method,
            target=request.path,
            status=status,
            error=self.error,
        )
