"""The Deltacloud frontend: the backend's own API, passed through."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N815

from collections.abc import Awaitable, Callable, Hashable
from typing import BinaryIO, Protocol

from lxml import etree
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.http import NO_BODY_CODES, UNAUTHORIZED
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
_CHANGING = (b"DELETE", b"POST", b"PUT")

# What a Deltacloud server tells anybody, its entry point included.
_OPEN = (b"", b"drivers", b"hardware_profiles", b"instance_states")

_LATE = (ConnectTimeout, Stalled)
_BROKEN = (ConnectError, ConnectionClosed, DNSLookupError, RequestTransmissionFailed, ResponseFailed)


class Turns(Protocol):
    """A fair limit on what is under way at a backend."""

    def take(self, caller: Hashable) -> Deferred[None]:
        """Wait for a turn, which has to be given back."""

    def give_back(self, caller: Hashable) -> None:
        """End a turn."""

    def recognize(self, caller: Hashable, known: bool) -> None:
        """Note whether the backend knows a caller: many names may be made up, and have one place together."""


class _TooBusy(Exception):
    """Others had all turns for too long."""


class DeltacloudResource(Resource):
    """The API of one backend, below whatever segment this stands at; bodies of answers are never gathered.

    :param agent: talks to the backend; it must not follow redirects, nor decode bodies.
    :param clock: what ``backend.timeout`` is measured by: until an answer begins, and then while nothing moves.
    :param turns: those of the requests that are passed on.
    :param changed: is told which cloud user may have changed something; the client hears of it afterwards, so that it
        finds that whatever it asks next, and whomever.
    """

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        agent: IAgent,
        backend: Backend,
        clock: IReactorTime,
        access: AccessLog,
        turns: Turns,
        changed: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._agent = agent
        self._backend = backend
        self._clock = clock
        self._access = access
        self._turns = turns
        self._changed = changed

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
        request, turns = exchange.request, self._turns
        content: BinaryIO = request.content  # type: ignore[assignment]  # it is there once the request is
        content.seek(0)
        body = content.read()
        # With the password: nobody is to wait for what others ask for in its name.
        caller = request.getUser(), request.getPassword()
        await turns.take(caller).addTimeout(self._backend.timeout / 2, self._clock, _too_busy)
        try:
            response = await self._answer(request, url, body)
            if (known := _known_by(response.code, passage.collection(request.uri))) is not None:
                turns.recognize(caller, known)
            self._begin(request, response)
            passed_on = PassedOn(exchange, self._clock, self._backend.timeout)
            response.deliverBody(passed_on)
            await passed_on.done
        finally:
            turns.give_back(caller)
        request.finish()

    async def _answer(self, request: Request, url: bytes, body: bytes) -> IResponse:
        """The backend's answer; its body is yet to come."""
        try:
            return await self._agent.request(
                request.method,
                url,
                passage.request_headers(self._backend, request.requestHeaders),
                WholeBody(body) if body else None,
            ).addTimeout(self._backend.timeout, self._clock, _too_late)
        finally:
            # However it went: also what was not answered may have been done.
            if request.method in _CHANGING:
                await self._changed(request.getUser().decode("utf-8", "replace"))

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
        if failure.check(_TooBusy):
            return self._refusal(exchange, 503, "The backend is too busy to be asked.")
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


def _known_by(status: int, collection: bytes) -> bool | None:
    """Whether an answer shows that the backend knows who asked; None where it shows neither."""
    if status == UNAUTHORIZED:
        return False
    return True if 200 <= status < 300 and collection not in _OPEN else None


def _too_busy(_: object, seconds: float) -> None:
    raise _TooBusy


def _too_late(_: object, seconds: float) -> IResponse:
    # What a cancelled request comes to depends on how far it had got; this is what it means.
    raise Stalled
