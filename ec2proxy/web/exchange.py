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

from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.interfaces import IEC2Service
from ec2proxy.web.access import CLIENT_GONE, AccessLog
from ec2proxy.web.answers import Answer, request_id
from ec2proxy.web.errors import explained

# What work may come to once nobody waits for it. An Agent that is cancelled says that its request has failed.
_QUIET = (
    CancelledError,
    ConnectError,
    ConnectingCancelledError,
    EC2Error,
    RequestTransmissionFailed,
    ResponseFailed,
)


class Exchange:
    """Ties a request to the work that answers it. Made by a resource's ``render``, which then returns NOT_DONE_YET.

    :param request: the request; whoever made it delivers ``notifyFinish``.
    :param access: where its line goes once it is over, however it ends.
    :param explain: makes the answer of a failure and the request's trace.
    """

    def __init__(
        self, request: Request, access: AccessLog, explain: Callable[[Failure, Trace], Answer] = explained
    ) -> None:
        self.request = request
        self.trace = Trace(request_id())
        self.error = ""
        self._access = access
        self._explain = explain
        self._began = access.now()
        self._work: Deferred[None] | None = None
        self._gone = False
        request.notifyFinish().addCallbacks(self._finished, self._lost)

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
            self.send(Answer(200, body))
        else:
            self.answer_with(Deferred.fromCoroutine(body).addCallback(_success))

    def answer_with(self, work: Deferred[Answer]) -> None:
        """Send what ``work`` comes to, an error included. A client that goes away cancels it."""
        self.follow(work.addCallback(self.send))

    def follow(self, work: Deferred[None]) -> None:
        """Cancel ``work`` if the client goes away; that it was cancelled is then nobody's business."""
        self._work = work
        work.addErrback(self._failed)

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

    def _failed(self, failure: Failure) -> None:
        # What a cancelled call comes to is as a rule its cancellation, but a bug on that way is still a bug.
        if self._gone and failure.check(*_QUIET):
            return
        answer = self._explain(failure, self.trace)
        if self.request.startedWriting:
            # Half of an answer must not look like the whole of it.
            self.error = answer.code
            transport: Any = self.request.transport
            transport.abortConnection()
        else:
            self.send(answer)

    def _finished(self, _: None) -> None:
        self._note(int(self.request.code))

    def _lost(self, _: Failure) -> None:
        self._gone = True
        if self._work is not None:
            self._work.cancel()
        self._note(int(self.request.code) if self.error else CLIENT_GONE)

    def _note(self, status: int) -> None:
        request = self.request
        self._access.write(
            self.trace,
            self._began,
            client=request.getClientAddress(),
            method=request.method,
            target=request.path,
            status=status,
            error=self.error,
        )


def _success(body: bytes) -> Answer:
    return Answer(200, body)
