"""The mock cloud on the web: Deltacloud's REST API over :class:`MockCloud`."""

# Most of twisted.web has no annotations.
# mypy: disable-error-code="no-untyped-call"

import inspect
from collections.abc import Awaitable, Callable
from time import perf_counter
from weakref import WeakKeyDictionary

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from ec2proxy.mockcloud import documents
from ec2proxy.mockcloud.cloud import MockCloud, Received
from ec2proxy.mockcloud.documents import VERSION, Wanted, plain
from ec2proxy.mockcloud.features import COLLECTIONS
from ec2proxy.mockcloud.negotiation import basic_credentials, style_of
from ec2proxy.mockcloud.operations import OPERATIONS, Call, Operation
from ec2proxy.mockcloud.things import Fault, Instance
from ec2proxy.mockcloud.trouble import Answer, Exchange
from ec2proxy.mockcloud.views import Place

_NOT_FOUND = plain(404, "<h1>Not Found</h1>", **{"X-Cascade": "pass"})
_NOT_ACCEPTABLE = Answer(406)
_ENTRY_POINT = "(entry point)"
_UNKNOWN = "(unknown)"


def api_root(cloud: MockCloud) -> IResource:
    """A root resource whose child ``api`` is the Deltacloud API of ``cloud``."""
    root = Resource()
    root.putChild(b"api", Api(cloud))
    return root


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _form(request: Request) -> dict[str, str]:
    """The fields of query and body, the last of each name."""
    return {_text(name): _text(values[-1]) for name, values in request.args.items()}


def _route(method: str, parts: list[str]) -> tuple[str, tuple[str, ...]]:
    """The name of an operation, and the ids in its path; :data:`_UNKNOWN` where there is none."""
    if not parts:
        return (_ENTRY_POINT if method == "GET" else _UNKNOWN), ()
    patterns: dict[int, list[list[str]]] = {1: [[]], 2: [[":id"]], 3: [[":id", parts[-1]], [":id", ":rule"]]}
    for pattern in patterns.get(len(parts), []):
        name = f"{method} {'/'.join((parts[0], *pattern))}"
        if name in OPERATIONS:
            return name, tuple(one for one, sign in zip(parts[1:], pattern, strict=True) if sign.startswith(":"))
    return _UNKNOWN, ()


class Api(Resource):
    """Everything at and under ``/api``.

    :param cloud: the cloud that it lets in to.
    """

    isLeaf = True  # noqa: N815  # twisted.web's name
    _log = Logger()

    def __init__(self, cloud: MockCloud) -> None:
        super().__init__()
        self.cloud = cloud
        self._kept: WeakKeyDictionary[Instance, tuple[str, str]] = WeakKeyDictionary()

    def render(self, request: IRequest) -> int:
        """Answer a request, or make the trouble that it is due."""
        assert isinstance(request, Request)
        answering = Deferred.fromCoroutine(self._perform(request))
        if not answering.called:
            request.notifyFinish().addErrback(lambda _gone: answering.cancel())
        answering.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _failed(self, failure: Failure, request: Request) -> None:
        if failure.check(CancelledError):
            return
        self._log.failure(
            "The mock cloud broke over {method} {path}", failure, method=request.method, path=request.path
        )
        if request.startedWriting:
            request.loseConnection()
        else:
            _send(request, plain(500, "<h1>Internal Server Error</h1>"))

    async def _perform(self, request: Request) -> None:
        method = request.method.decode("ascii", "replace")
        method = "GET" if method == "HEAD" else method
        path = _text(request.path)
        form = _form(request)
        name, ids = _route(method, _parts(request))
        cloud = self.cloud
        cloud.counts[name] += 1
        if cloud.requests.maxlen:
            cloud.requests.append(Received(method, path, form, _headers(request)))

        async def carry_out() -> Answer:
            answer = await self._answer(request, name, ids, form)
            return answer if answer is _NOT_ACCEPTABLE else self._signed(request, answer)

        rule = cloud.trouble.find(method, path)
        if rule is None:
            _send(request, await carry_out())
        else:
            await rule.play(_exchange(cloud, request, carry_out))

    def _signed(self, request: Request, answer: Answer) -> Answer:
        """The answer with the headers that the server puts on each."""
        headers = {**answer.headers, "Server": f"Apache-Deltacloud/{VERSION}"}
        headers["X-Deltacloud-Driver"] = self.cloud.machine.name
        provider = request.getHeader("X-Deltacloud-Provider")
        if provider is not None:
            headers["X-Deltacloud-Provider"] = provider
        return evolve(answer, headers=headers)

    async def _answer(self, request: Request, name: str, ids: tuple[str, ...], form: dict[str, str]) -> Answer:
        style = form.get("format") or style_of(request.getHeader("Accept"))
        collection = "".join(_parts(request)[:1])
        if collection in COLLECTIONS and collection not in self.cloud.features.collections:
            return plain(412, "The required capability to execute this operation is missing", Expect=collection)
        if name == _UNKNOWN:
            return _NOT_FOUND
        if style not in ("xml", "json"):
            return _NOT_ACCEPTABLE
        wanted = self._wanted(request, style, {**form, **({"id": ids[0]} if ids else {})})
        driver = request.getHeader("X-Deltacloud-Driver")
        try:
            if driver not in (None, self.cloud.machine.name):
                raise Fault(400, f"Driver '{driver}' is not available here")
            if name == _ENTRY_POINT:
                if form.get("force_auth"):
                    self._user(request)
                return documents.entry_point(wanted)
            return await self._operate(request, OPERATIONS[name], wanted, form, ids)
        except _NoCredentials as fault:
            challenge = f'Basic realm="{self.cloud.machine.name}-deltacloud@"'
            return documents.fault(wanted, fault, {"WWW-Authenticate": challenge})
        except Fault as fault:
            return documents.fault(wanted, fault)

    def _wanted(self, request: Request, style: str, parameters: dict[str, str]) -> Wanted:
        host = request.getHeader("Host") or "localhost"
        base = f"{'https' if request.isSecure() else 'http'}://{host}/api"
        provider = request.getHeader("X-Deltacloud-Provider")
        place = Place(self.cloud, base, self._kept)
        return Wanted(place, parameters, style, provider, _text(request.uri))

    async def _operate(
        self, request: Request, operation: Operation, wanted: Wanted, form: dict[str, str], ids: tuple[str, ...]
    ) -> Answer:
        for field in operation.required:
            if field not in form:
                return plain(400, f"Required parameter '{field}' not found in [{', '.join(form)}]")
        user = self._user(request) if operation.private else ""
        begun = perf_counter()
        try:
            answer = operation.handler(Call(self.cloud, wanted, user, form, ids))
        except Fault as fault:
            answer = documents.fault(wanted, fault)
        if inspect.isawaitable(answer):
            answer = await answer
        if operation.timed and (answer.status < 400 or answer.status == 404):
            answer = evolve(answer, headers={**answer.headers, "X-Backend-Runtime": str(perf_counter() - begun)})
        return answer

    def _user(self, request: Request) -> str:
        """Whose request it is.

        :raises Fault: 401; there are no credentials (recording 32), or wrong ones (31).
        """
        given = basic_credentials(request.getHeader("Authorization"))
        if given is None:
            raise _NoCredentials(401)
        if not self.cloud.knows(*given):
            raise Fault(401)
        return given[0]


class _NoCredentials(Fault):
    """A request bears no credentials."""


def _parts(request: Request) -> list[str]:
    return [_text(part) for part in request.postpath or () if part]


def _headers(request: Request) -> dict[str, str]:
    return {
        name.decode("latin-1"): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }


def _begin(request: Request, answer: Answer, length: int | None) -> None:
    """Set status and headers of a response; they leave with the first piece of the body."""
    request.setResponseCode(answer.status)
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    if not answer.body and "Content-Type" not in answer.headers:
        request.defaultContentType = None
        request.responseHeaders.removeHeader(b"Content-Type")
    if length is not None and answer.status not in NO_BODY_CODES:
        request.setHeader("Content-Length", str(length))


def _send(request: Request, answer: Answer) -> None:
    etag = answer.headers.get("ETag")
    if etag is not None and answer.status == 200 and request.getHeader("If-None-Match") == etag:
        answer = Answer(304, {name: value for name, value in answer.headers.items() if name != "Content-Type"})
    _begin(request, answer, len(answer.body))
    if answer.body:
        request.write(answer.body)
    request.finish()


def _exchange(cloud: MockCloud, request: Request, carry_out: Callable[[], Awaitable[Answer]]) -> Exchange:
    return Exchange(
        cloud.clock,
        carry_out,
        send=lambda answer: _send(request, answer),
        begin=lambda answer, length: _begin(request, answer, length),
        push=request.write,
        end=request.finish,
        lose=request.loseConnection,
    )
