"""Whether the daemon can do its work: the state store answers and the backends are reached."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent

from ec2proxy.interfaces import IStateStore
from ec2proxy.model import Backend

PATIENCE = 5.0
"""Seconds that one check may take."""

KEPT_SECONDS = 5.0
"""For how long an answer is told again, so that who asks for it does not burden the backends."""

OK = "ok"

Checks = Callable[[], Mapping[str, Callable[[], Awaitable[None]]]]


class NotReady(Exception):
    """Something does not answer as it should; the message says how."""


class _Enough(Protocol):
    """Reads nothing of an answer's body: it may be endless."""

    def connectionMade(self) -> None:  # noqa: N802  # Twisted's name
        """Hang up."""
        transport: Any = self.transport
        transport.loseConnection()


async def backend_answers(agent: IAgent, backend: Backend) -> None:
    """Ask a backend for its entry point, without credentials: any answer will do that is no failure of its own.

    :raises NotReady: it answers with such a failure.
    """
    response: Any = await agent.request(b"GET", backend.url.encode())
    response.deliverBody(_Enough())
    if response.code >= 500:
        raise NotReady(f"it answers {response.code}")


async def store_answers(store: IStateStore) -> None:
    """Ask a state store for something that is soon told.

    :raises StateUnavailable: it does not answer.
    """
    await store.scopes("work")


@frozen
class Readiness:
    """What is ready, by name, with the reason for what is not."""

    parts: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Whether everything is."""
        return all(told == OK for told in self.parts.values())


class Health:
    """Makes the checks, at most once in :data:`KEPT_SECONDS` and once at a time.

    :param checks: what there is to check now, by name: ``state``, ``region eu``. One that raises is not ready.
    """

    def __init__(self, clock: IReactorTime, checks: Checks) -> None:
        self._clock = clock
        self._checks = checks
        self._last: Readiness | None = None
        self._at = 0.0
        self._waiting: list[Deferred[Readiness]] = []

    async def readiness(self) -> Readiness:
        """What is ready, as it was found a few seconds ago at most."""
        if self._last is not None and 0 <= self._clock.seconds() - self._at < KEPT_SECONDS:
            return self._last
        waiter: Deferred[Readiness] = Deferred()
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            # By itself: whoever asked first may leave, and the others want to know.
            Deferred.fromCoroutine(self._look()).addBoth(self._tell)
        return await waiter

    def _tell(self, found: Readiness | Failure) -> None:
        if isinstance(found, Readiness):
            self._last, self._at = found, self._clock.seconds()
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            # One that was cancelled takes no notice.
            waiter.callback(found)

    async def _look(self) -> Readiness:
        checks = self._checks()
        told = await gatherResults([Deferred.fromCoroutine(self._told(check)) for check in checks.values()])
        return Readiness(dict(zip(checks, told, strict=True)))

    async def _told(self, check: Callable[[], Awaitable[None]]) -> str:
        async def checked() -> None:
            await check()

        limited = Deferred.fromCoroutine(checked()).addTimeout(PATIENCE, self._clock)
        try:
            await limited
        except Exception as error:
            # The first line will do, and no URL: it may be shown to who may not see the configuration.
            return f"{type(error).__name__}: {str(error).splitlines()[0][:200]}" if str(error) else type(error).__name__
        return OK
