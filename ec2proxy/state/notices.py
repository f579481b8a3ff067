"""What other machines change, heard of through PostgreSQL: NOTIFY by who changes, LISTEN by all others.

A ledger's change is told in the transaction that makes it; that a write to the backend has ended is told in a
transaction of its own, for which :meth:`Notices.settled` waits. Hearing it takes the network's time, some milliseconds;
while nothing can be heard, everything counts as changed.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, text
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ec2proxy.errors import StateUnavailable
from ec2proxy.interfaces import IEpochs
from ec2proxy.state.text import escape

CHANNEL = "ec2proxy"

BEAT = 5.0
"""Seconds between two looks whether the connection that is listened on still answers."""

AGAIN = 1.0
"""Seconds between two attempts to connect, or to tell others what they were not told."""

_SLOTS = 4096
"""How many scopes are told apart at most; two that share a slot are read more often."""

_notify = text("SELECT pg_notify(:channel, :notice)")


def scope_of_ledger(scope: str) -> str:
    """The epochs' scope of what is remembered in a scope of the store."""
    return f"{scope}/ledger"


def tell(connection: Connection, notice: str) -> None:
    """Tell all who listen, once the transaction is committed."""
    connection.execute(_notify, {"channel": CHANNEL, "notice": notice})


def listen(session: Any) -> None:
    """Have what others tell sent to a connection of psycopg's; it blocks."""
    session.execute(f"LISTEN {CHANNEL}")


@implementer(IEpochs)
class Notices:
    """Epochs that count what is written on this machine, as ``inner`` does, and on the others, as is heard.

    :param inner: the epochs of this machine.
    :param connect: gives a new connection to listen on, psycopg's.
    :param tell: sends notices in a transaction.
    :param reactor: watches the connection.
    :param sender: names this machine: its processes know of each other's writes by ``inner``.
    """

    _log = Logger()

    def __init__(
        self,
        inner: IEpochs,
        connect: "Callable[[], Deferred[Any]]",
        tell: "Callable[[Sequence[str]], Deferred[None]]",
        reactor: Any,
        sender: str,
    ) -> None:
        self._inner = inner
        self._connect = connect
        self._tell = tell
        self._reactor = reactor
        self._sender = sender
        self._heard = [0] * _SLOTS
        self._heard_all = 0
        self._missed = 0
        self._ears: _Ears | None = None
        self._untold: set[str] = set()
        # Who waits for what is being told now.
        self._telling: list[Deferred[None]] | None = None
        self._retrying: IDelayedCall | None = None
        self._connecting: IDelayedCall | None = None
        self._stopped = False

    def of(self, scope: str) -> int:
        """See :meth:`IEpochs.of`; always another one while nothing can be heard."""
        if self._ears is None:
            self._missed += 1
        epoch: int = self._inner.of(scope)
        return epoch + self._missed + self._heard[_slot(scope)]

    def of_all(self) -> int:
        """See :meth:`IEpochs.of_all`; always another one while nothing can be heard."""
        if self._ears is None:
            self._missed += 1
        epoch: int = self._inner.of_all()
        return epoch + self._missed + self._heard_all

    def bump(self, scope: str) -> None:
        """See :meth:`IEpochs.bump`."""
        self._inner.bump(scope)
        # A ledger's change was told with itself.
        if not scope.endswith(scope_of_ledger("")):
            self._untold.add(scope)
            self._begin_to_tell()

    async def settled(self) -> None:
        """See :meth:`IEpochs.settled`; where the database is gone, so are the ears of the others."""
        await self._inner.settled()
        if self._telling is not None:
            told: Deferred[None] = Deferred()
            self._telling.append(told)
            await told

    def notice(self, scope: str) -> str:
        """What tells of a write to a scope."""
        return f"{self._sender} {escape(scope)}"

    def begin(self, session: Any) -> None:
        """Hear what comes on a connection that :func:`listen` was called with."""
        self._ears = _Ears(session, self._hear, self._deaf, self._reactor)
        # What was told before nobody heard.
        self._missed += 1

    def stop(self) -> None:
        """Listen no more, and tell nothing more than is on its way."""
        self._stopped = True
        for call in (self._retrying, self._connecting):
            if call is not None and call.active():
                call.cancel()
        if self._ears is not None:
            self._ears.close()

    def _hear(self, notice: str) -> None:
        sender, _, scope = notice.partition(" ")
        if sender != self._sender:
            self._heard[_slot_of_escaped(scope)] += 1
            self._heard_all += 1

    def _deaf(self, reason: str) -> None:
        self._ears = None
        if not self._stopped:
            self._log.warn("Other machines' changes cannot be heard, so nothing is kept: {reason}", reason=reason)
            self._reconnect()

    def _reconnect(self) -> None:
        def connected(session: Any) -> None:
            if not self._stopped:
                self.begin(session)
                self._log.info("Other machines' changes are heard again")

        def failed(failure: Failure) -> None:
            if not self._stopped:
                self._log.debug("No connection to listen on: {reason}", reason=failure.getErrorMessage())
                self._connecting = self._reactor.callLater(AGAIN, self._reconnect)

        self._connect().addCallback(connected).addErrback(failed)

    def _begin_to_tell(self) -> None:
        if self._telling is None:
            self._telling = []
            Deferred.fromCoroutine(self._tell_all())

    async def _tell_all(self) -> None:
        """Tell what is untold, and what comes to be so meanwhile."""
        while self._untold and not self._stopped:
            untold, self._untold = self._untold, set()
            try:
                await self._tell([self.notice(scope) for scope in sorted(untold)])
            except StateUnavailable:
                self._untold |= untold
                if not self._stopped:
                    self._retrying = self._reactor.callLater(AGAIN, self._begin_to_tell)
                break
        waiting, self._telling = self._telling or (), None
        for each in waiting:
            each.callback(None)


@implementer(IReadDescriptor)
class _Ears:
    """A connection that is listened on.

    :param hear: is given each notice.
    :param deaf: is called once when it is lost, with the reason.
    """

    def __init__(self, session: Any, hear: Callable[[str], None], deaf: Callable[[str], None], reactor: Any) -> None:
        self._session = session
        self._connection = session.pgconn
        self._connection.nonblocking = 1
        # libpq closes its own when the connection is lost, and the reactor would be left with the number only.
        self._socket = os.dup(self._connection.socket)
        self._hear = hear
        self._lost = deaf
        self._reactor = reactor
        self._asked = False
        self._open = True
        reactor.addReader(self)
        self._beat = reactor.callLater(BEAT, self._ask)
        # Some may have come with the answer to LISTEN.
        reactor.callLater(0, self.doRead)

    def fileno(self) -> int:
        """The socket."""
        return self._socket

    def logPrefix(self) -> str:  # noqa: N802  # Twisted's name
        """A name for the log."""
        return "ec2proxy listens to PostgreSQL"

    def doRead(self) -> None:  # noqa: N802  # Twisted's name
        """Take what has come."""
        if not self._open:
            return
        try:
            self._connection.consume_input()
            while not self._connection.is_busy() and self._connection.get_result() is not None:
                self._asked = False
            while (notify := self._connection.notifies()) is not None:
                self._hear(notify.extra.decode())
        # psycopg is an extra, so its errors have no name here.
        except Exception as error:
            self._end(str(error))

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802  # Twisted's name
        """The reactor gives it up."""
        self._end(reason.getErrorMessage())

    def close(self) -> None:
        """Listen no more; the connection is left to its owner."""
        if self._open:
            self._open = False
            self._reactor.removeReader(self)
            os.close(self._socket)
            if self._beat.active():
                self._beat.cancel()

    def _end(self, reason: str) -> None:
        if self._open:
            self.close()
            self._lost((reason.strip() or "it was lost").splitlines()[0])

    def _ask(self) -> None:
        """Find out whether the server is there still: a cut network tells nothing by itself."""
        if self._asked:
            self._end(f"no answer within {BEAT:g} s")
            return
        try:
            self._asked = True
            self._connection.send_query(b"SELECT 1")
            self._connection.flush()
        except Exception as error:
            self._end(str(error))
            return
        self._beat = self._reactor.callLater(BEAT, self._ask)


def _slot(scope: str) -> int:
    return _slot_of_escaped(escape(scope))


def _slot_of_escaped(scope: str) -> int:
    return crc32(scope.encode()) % _SLOTS
