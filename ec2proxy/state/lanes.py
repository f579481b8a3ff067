"""Work for a database, done in order, a batch to a transaction, while nobody but one thread waits for the disk."""

from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from attrs import define, field
from sqlalchemy import Connection
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.errors import StateUnavailable

T = TypeVar("T")

Work = Callable[[Connection], Any]
"""Something done on a connection that is in a transaction. It may be done again, in another one."""

InThread = Callable[[Callable[[], list[Any]]], Deferred[list[Any]]]
"""Calls something that blocks; the Deferred fires with what it returns or raises."""

MOST_AT_ONCE = 128
"""How much work shares a transaction, so that the first does not wait long for the last."""


@define(eq=False)
class _Job:
    work: Work
    scope: str
    waiting: "Deferred[Any]" = field(init=False)
    left: bool = False

    def __attrs_post_init__(self) -> None:
        self.waiting = Deferred(self._leave)

    def _leave(self, _: "Deferred[Any]") -> None:
        self.left = True


class Lane:
    """Does work in the order in which it comes.

    What comes while a transaction is under way shares the next one (group commit): a crowd waits for one fsync, not
    for one each. Work is done also when who asked for it does not wait any more.

    :param transact: does a batch in one transaction, all or none, and returns the results; it blocks.
    :param in_thread: what calls it.
    """

    _log = Logger()

    def __init__(self, transact: Callable[[Sequence[Work]], list[Any]], in_thread: InThread) -> None:
        self._transact = transact
        self._in_thread = in_thread
        self._jobs: deque[_Job] = deque()
        self._busy = False
        self._closed = False
        self._idle: list[Deferred[None]] = []

    def run(self, work: Callable[[Connection], T], scope: str = "") -> "Deferred[T]":
        """Do some work, some time.

        :param scope: what it is about: the order holds among work about the same.
        :returns: a Deferred with what ``work`` returns or raises, or with StateUnavailable after :meth:`close`.
            Cancelling it cancels only the waiting.
        """
        if self._closed:
            return fail(StateUnavailable())
        job = _Job(work, scope)
        self._jobs.append(job)
        self._next()
        return job.waiting

    async def close(self) -> None:
        """Take no more work, and wait until there is none."""
        self._closed = True
        if self._busy:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle

    def _next(self) -> None:
        if self._busy:
            return
        if not self._jobs:
            waiting, self._idle = self._idle, []
            for idle in waiting:
                idle.callback(None)
            return
        batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), MOST_AT_ONCE))]
        # Always in the same order, or two machines could wait for each other's scopes.
        batch.sort(key=attrgetter("scope"))
        self._busy = True
        self._in_thread(lambda: self._transact([job.work for job in batch])).addBoth(self._ended, batch)

    def _ended(self, outcome: list[Any] | Failure, batch: list[_Job]) -> None:
        # Still busy: what comes of these answers is one batch, too.
        outcomes = [outcome] * len(batch) if isinstance(outcome, Failure) else outcome
        for job, result in zip(batch, outcomes, strict=True):
            if not job.left:
                job.waiting.callback(result)
            elif isinstance(result, Failure):
                self._log.failure("What was to be remembered, and nobody waited for, has failed", result)
        self._busy = False
        self._next()
