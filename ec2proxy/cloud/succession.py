"""Unfinished work whose process has died: another one takes it over."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.interfaces import IStateStore
from ec2proxy.model import Credentials

SUCCESSION_SECONDS = 30.0
"""How often it is looked whether those who have something unfinished still live."""

NOTICED_SECONDS = 1.0
"""Within how many seconds a database notices that a process has died whose connection it had."""

Resume = Callable[[Credentials, Ledger], None]
"""Takes up what is this process's in a ledger, and that it is not at."""


class Succession:
    """Looks for what nobody goes on with, at the start and from time to time.

    :param unfinished: gives the ledgers that have anything unfinished.
    :param resumes: what takes up the different kinds of it.
    """

    _log = Logger()

    def __init__(
        self,
        unfinished: Callable[[], Awaitable[list[Ledger]]],
        store: IStateStore,
        clock: IReactorTime,
        *resumes: Resume,
    ) -> None:
        self._unfinished = unfinished
        self._store = store
        self._resumes = resumes
        self._clock = clock
        self._again: IDelayedCall | None = None
        self._looking: Deferred[None] | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    async def begin(self) -> None:
        """Look now, and from now on.

        :raises StateUnavailable: the first look failed; others follow.
        """
        self._loop.start(SUCCESSION_SECONDS, now=False)
        self._looking = looking = Deferred.fromCoroutine(self.look())
        # One that is stopped as soon as it was started has nothing to complain of.
        with suppress(CancelledError):
            await looking

    async def soon(self) -> None:
        """Look now, since somebody has died, and once more: a database may take a moment to notice.

        :raises StateUnavailable: as :meth:`look`.
        """
        if self._again is None or not self._again.active():
            self._again = self._clock.callLater(NOTICED_SECONDS, self._look)
        await self.look()

    def stop(self) -> None:
        """Look no more."""
        if self._again is not None and self._again.active():
            self._again.cancel()
        if self._loop.running:
            self._loop.stop()
        if self._looking is not None:
            self._looking.cancel()

    async def look(self) -> None:
        """Take over what the dead have left, and take up what is not under way.

        :raises StateUnavailable: what there is cannot be read.
        """
        for ledger in await self._unfinished():
            try:
                dead = {owner for owner in ledger.owners() if not await self._store.lives(owner)}
                if dead:
                    await ledger.take_over(dead)
                credentials = ledger.credentials()
            except ValueError as error:
                self._log.error("{scope} has work that cannot be gone on with: {why}", scope=ledger.scope, why=error)
                continue
            if credentials is not None:
                for resume in self._resumes:
                    resume(credentials, ledger)

    def _look(self) -> "Deferred[None]":
        self._looking = Deferred.fromCoroutine(self.look()).addErrback(self._failed)
        return self._looking

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Unfinished work of others could not be looked for", failure)
