"""The Deltacloud frontend: the backend's own API, passed through."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N815

from typing import BinaryIO

from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.http import NO_BODY_CODES
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IRequest, IResponse
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ec2proxy.ec2.xml import text
from ec2proxy.model import Backend
from ec2proxy.web import passage
from ec2proxy.web.access import AccessLog
from ec2proxy.web.answers import Answer
from ec2proxy.web.exchange import Exchange
from ec2proxy.web.streams import PassedOn, Stalled, WholeBody

_METHODS = (b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT")

_LATE = (ConnectTimeout, Stalled)
_BROKEN = (ConnectError, ConnectionClosed, DNSLookupError, RequestTransmissionFailed, ResponseFailed)


class DeltacloudResource(Resource):
    """The API of one backend, below whatever segment this stands at; bodies of answers are never gathered.

    :param agent: talks to the backend; it must not follow redirects, nor decode bodies.
    :param clock: what ``backend.timeout`` is measured by: until an answer begins, and then while nothing moves.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, agent: IAgent, backend: Backend, clock: IReactorTime, access: AccessLog) -> None:
        super().__init__()
        self._agent = agent
        self._backend = backend
        self._clock = clock
        self._access = access

    def render(self, request: IRequest) -> int:
        """Take a request on; the answer follows."""
        assert isinstance(request, Request)
        exchange = Exchange(request, self._access, lambda failure, _: self._explained(failure, exchange))
        url = passage.backend_url(self._backend, request.uri)
        if request.method not in _METHODS:
            allow = ((b"Allow", b", ".join(_METHODS)),)
            exchange.send(self._refusal(exchange, 405, "The method is not allowed.", allow))
        elif url is None:
            exchange.send(self._refusal(exchange, 400, "The path is not one of the Deltacloud API."))
        else:
            exchange.follow(Deferred.fromCoroutine(self._pass_through(exchange, url)))
        return NOT_DONE_YET

    async def _pass_through(self, exchange: Exchange, url: bytes) -> None:
        request = exchange.request
        content: BinaryIO = request.content  # type: ignore[assignment]  # it is there once the request is
        content.seek(0)
        body = content.read()
        response = await self._agent.request(
            request.method,
            url,
            passage.request_headers(self._backend, request.requestHeaders),
            WholeBody(body) if body else None,
        ).addTimeout(self._backend.timeout, self._clock, _too_late)
        self._begin(request, response)
        passed_on = PassedOn(exchange, self._clock, self._backend.timeout)
        response.deliverBody(passed_on)
        await passed_on.done
        request.finish()

    def _begin(self, request: Request, response: IResponse) -> None:
        """Set the status and the headers of an answer; they go out with the first bytes of its body."""
        request.setResponseCode(response.code, response.phrase)
        host = b"".join(request.requestHeaders.getRawHeaders(b"Host", []))
        mount = passage.mount_point(request.uri)
        for name, values in passage.response_headers(self._backend, response.headers, host, mount).getAllRawHeaders():
            request.responseHeaders.setRawHeaders(name, values)
        # Where there is no body, the client half of twisted.web tells no length.
        bodiless = request.method == b"HEAD" or response.code in NO_BODY_CODES
        if response.length is not UNKNOWN_LENGTH and not bodiless:
            request.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % response.length])

    def _explained(self, failure: Failure, exchange: Exchange) -> Answer:
        """The answer to what could not be passed through, in Deltacloud's words (recordings 10 and 11)."""
        if failure.check(*_LATE):
            return self._refusal(exchange, 504, "The backend did not answer in time.")
        if failure.check(*_BROKEN):
            self._log.warn(
                "The Deltacloud backend {url} failed: {reason}",
                url=self._backend.url,
                reason=type(failure.value).__name__,
                request_id=exchange.trace.request_id,
            )
            return self._refusal(exchange, 502, "The backend cannot be reached, or broke off.")
        self._log.failure("Request {request_id} failed", failure, request_id=exchange.trace.request_id)
        return self._refusal(exchange, 500, "An internal error has occurred.")

    def _refusal(
        self, exchange: Exchange, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> Answer:
        path = text(exchange.request.path.decode("ascii", "backslashreplace"))
        root = etree.Element("error", status=str(status), url=path)
        named = {"driver": self._backend.driver, "provider": self._backend.provider}
        etree.SubElement(root, "backend", {name: value for name, value in named.items() if value is not None})
        etree.SubElement(root, "code").text = str(status)
        etree.SubElement(root, "message").text = message
        body = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        return Answer(status, body, b"application/xml", headers, str(status))


def _too_late(_: object, seconds: float) -> IResponse:
    # What a cancelled request comes to depends on how far it had got; this is what it means.
    raise Stalled
