"""The pages of the admin endpoint."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

import json
from collections.abc import Coroutine
from functools import cache
from importlib.resources import files
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from ec2proxy.admin.health import Health
from ec2proxy.admin.monitor import Monitor
from ec2proxy.admin.page import page
from ec2proxy.observing import exporting

HTML, TEXT, JSON = b"text/html;charset=utf-8", b"text/plain;charset=utf-8", b"application/json"
EVENTS = b"text/event-stream"

#: How many may watch the console at once.
MOST_WATCHERS = 20

_HEADERS = (
    (b"Cache-Control", b"no-store"),
    (
        b"Content-Security-Policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:;"
        b" base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
)

_log = Logger()


class Page(Resource):
    """A resource that answers GET and HEAD with something that has to be found out."""

    isLeaf = True

    def render(self, request: IRequest) -> int:
        """Answer, in time."""
        assert isinstance(request, Request)
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            send(request, 405, TEXT, b"Only GET is understood here.\n")
            return NOT_DONE_YET
        work = Deferred.fromCoroutine(self.answer(request))
        request.notifyFinish().addErrback(lambda _: work.cancel())
        work.addErrback(_failed, request)
        return NOT_DONE_YET

    def answer(self, request: Request) -> Coroutine[Deferred[Any], Any, None]:
        """Find out and send it."""
        raise NotImplementedError


class Console(Page):
    """The console itself."""

    def __init__(self, monitor: Monitor, seconds: Any) -> None:
        super().__init__()
        self._monitor = monitor
        self._seconds = seconds

    async def answer(self, request: Request) -> None:
        """Send the page as it is now."""
        report = await self._monitor.report()
        send(request, 200, HTML, page(report, self._monitor.history, self._seconds()).encode())


class Events(Page):
    """The console's parts as they change: server-sent events."""

    def __init__(self, monitor: Monitor) -> None:
        super().__init__()
        self._monitor = monitor

    async def answer(self, request: Request) -> None:
        """Send events until the client goes."""
        if request.method == b"HEAD":
            send(request, 200, EVENTS, b"")
            return
        if self._monitor.watched >= MOST_WATCHERS:
            send(request, 503, TEXT, b"Too many watch already.\n")
            return
        _prepare(request, 200, EVENTS)
        stream = EventStream(request)
        self._monitor.add(stream)
        request.notifyFinish().addBoth(lambda _: self._monitor.remove(stream))
        stream.show(self._monitor.parts(await self._monitor.report()))


@implementer(IPushProducer)
class EventStream:
    """One client's stream of events. Who does not read is sent nothing meanwhile, so that nothing piles up."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._shown: dict[str, str] = {}
        self._paused = False
        request.registerProducer(self, True)

    def show(self, fresh: dict[str, str]) -> None:
        """Send the parts that are not as the client has them."""
        if self._paused:
            return
        changed = {name: html for name, html in fresh.items() if self._shown.get(name) != html}
        self._shown = fresh
        self._request.write(b"event: parts\ndata: " + json.dumps(changed).encode() + b"\n\n")

    def end(self) -> None:
        """End the answer; nothing more is shown."""
        self._paused = True
        self._request.unregisterProducer()
        self._request.finish()

    def pauseProducing(self) -> None:
        """Send nothing for the time being."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Send again, from the next time on."""
        self._paused = False

    def stopProducing(self) -> None:
        """Send nothing any more."""
        self._paused = True


class Alive(Page):
    """``/healthz``: the process answers."""

    async def answer(self, request: Request) -> None:
        """Say so."""
        send(request, 200, TEXT, b"ok\n")


class Ready(Page):
    """``/readyz``: everything that requests need answers, or 503 and what does not."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self._health = health

    async def answer(self, request: Request) -> None:
        """Tell each part."""
        found = await self._health.readiness()
        told = {"ready": found.ready, "checks": dict(found.parts)}
        send(request, 200 if found.ready else 503, JSON, json.dumps(told).encode() + b"\n")


class Metrics(Page):
    """``/metrics``: the numbers of all processes, for Prometheus."""

    def __init__(self, monitor: Monitor) -> None:
        super().__init__()
        self._monitor = monitor

    async def answer(self, request: Request) -> None:
        """Tell them."""
        report = await self._monitor.report()
        try:
            body, kind = exporting.exported(report["metrics"])
        except ImportError:
            send(request, 501, TEXT, exporting.NEEDED.encode() + b"\n")
        else:
            send(request, 200, kind, body)


class Asset(Page):
    """A file that comes with the package."""

    def __init__(self, name: str, kind: bytes) -> None:
        super().__init__()
        self._name = name
        self._kind = kind

    async def answer(self, request: Request) -> None:
        """Send it."""
        send(request, 200, self._kind, _asset(self._name))


class Nothing(Page):
    """All other paths."""

    async def answer(self, request: Request) -> None:
        """Say what there is."""
        send(request, 404, TEXT, b"Here are /, /healthz, /readyz and /metrics.\n")


def tree(monitor: Monitor, health: Health, seconds: Any) -> IResource:
    """All that the admin endpoint serves.

    :param seconds: tells the time, in epoch seconds.
    """
    pages = {
        b"": Console(monitor, seconds),
        b"events": Events(monitor),
        b"healthz": Alive(),
        b"readyz": Ready(health),
        b"metrics": Metrics(monitor),
        b"console.css": Asset("console.css", b"text/css;charset=utf-8"),
        b"console.js": Asset("console.js", b"text/javascript;charset=utf-8"),
    }
    return _Tree(pages)


class _Tree(Resource):
    def __init__(self, pages: dict[bytes, Page]) -> None:
        super().__init__()
        self._pages = pages

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """The page of a path with one segment."""
        return Nothing() if request.postpath else self._pages.get(path, Nothing())


def send(request: Request, status: int, kind: bytes, body: bytes) -> None:
    """Send a whole answer."""
    _prepare(request, status, kind)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    if request.method != b"HEAD":
        request.write(body)
    request.finish()


def _prepare(request: Request, status: int, kind: bytes) -> None:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", kind)
    for name, value in _HEADERS:
        request.setHeader(name, value)


def _failed(failure: Failure, request: Request) -> None:
    if failure.check(CancelledError):
        return
    _log.failure("The admin endpoint failed at {path}", failure, path=request.path)
    if request.startedWriting:
        request.loseConnection()
    else:
        send(request, 500, TEXT, b"Something went wrong; the log tells what.\n")


@cache
def _asset(name: str) -> bytes:
    return (files("ec2proxy.admin") / name).read_bytes()
