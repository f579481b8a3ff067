"""A state store in an SQL database: what was answered is on the disk."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ec2proxy.errors import StateUnavailable
from ec2proxy.interfaces import IEpochs, IStateStore
from ec2proxy.state import records
from ec2proxy.state.changes import change, read
from ec2proxy.state.databases import Database
from ec2proxy.state.errors import StateError
from ec2proxy.state.holds import Hold
from ec2proxy.state.lanes import InThread, Lane, Work
from ec2proxy.state.migrating import migrate
from ec2proxy.state.notices import Notices, listen, scope_of_ledger, tell
from ec2proxy.state.seal import Seal, key_in
from ec2proxy.state.text import decode, encode, row, unescape

T = TypeVar("T")

_TRIES = 5
_DEADLOCKS = frozenset({"40P01", "40001"})
"""PostgreSQL's SQLSTATEs for a transaction that it gave up in favour of another."""
_READ_ONLY = "25006"
"""Its SQLSTATE where nothing may be written: the server has become a standby."""

_CHECK = row("seal", "", "check")
"""Where something sealed is kept that is no secret: who has another key cannot unseal it."""


@implementer(IStateStore)
class SqlStateStore:
    """An :class:`IStateStore` in a database.

    :param key_file: the file with the key of :attr:`seal`; made if it is not there.
    :param seconds: the clock.
    :param in_thread: what calls the functions that block.
    :param let_go: what to do when the store is closed: end the threads.
    :param reactor: what listens to other machines; None to listen to none.
    """

    _log = Logger()
    seal: Seal

    def __init__(
        self,
        database: Database,
        key_file: Path,
        seconds: Callable[[], float],
        in_thread: InThread,
        let_go: Callable[[], None] = lambda: None,
        reactor: Any = None,
    ) -> None:
        self._database = database
        self._in_thread = in_thread
        self._reactor = reactor
        self._key_file = key_file
        self._seconds = seconds
        self._let_go = let_go
        self._lanes = [Lane(self._transact, in_thread) for _ in range(database.lanes)]
        self._closed = False
        self._held: Hold | None = None
        self._notices: Notices | None = None
        self.owner = os.urandom(8).hex()
        self.shared = database.shared

    def open(self) -> None:
        """See :meth:`IStateStore.open`: makes the database and its key, runs migrations, compares the key."""
        database = self._database
        try:
            database.prepare()
            self.seal = Seal(key_in(self._key_file))
            with database.engine.begin() as connection:
                database.lock(connection)
                migrate(connection)
                self._compare_key(connection)
        except SQLAlchemyError as error:
            database.engine.dispose()
            raise StateError(f"{database.name}: {reason(error)}") from None
        except StateError:
            database.engine.dispose()
            raise

    def epochs(self, inner: IEpochs, machine: str = "") -> IEpochs:
        """See :meth:`IStateStore.epochs`."""
        if not self._database.shared or self._reactor is None:
            return inner
        self._notices = Notices(inner, self._connect, self._tell, self._reactor, machine or self.owner)
        return self._notices

    def hold(self) -> None:
        """See :meth:`IStateStore.hold`."""
        self._hold(join=False)

    def join(self) -> None:
        """See :meth:`IStateStore.join`."""
        self._hold(join=True)
        self.shared = True

    def _hold(self, *, join: bool) -> None:
        try:
            self._held = self._database.hold(self.owner, join)
            if self._notices is not None:
                listen(self._held.session)
        except SQLAlchemyError as error:
            raise StateError(f"{self._database.name}: {reason(error)}") from None
        if self._notices is not None:
            self._notices.begin(self._held.session)

    async def lives(self, owner: str) -> bool:
        """See :meth:`IStateStore.lives`."""
        return owner == self.owner or await self._run("", lambda connection: self._database.lives(connection, owner))

    def _compare_key(self, connection: Connection) -> None:
        sealed = encode({"sealed": self.seal.seal(b"", "check")})
        earlier = records.put_new(connection, _CHECK, sealed, self._seconds())
        if earlier is None:
            return
        try:
            self.seal.unseal(str(decode(earlier)["sealed"]), "check")
        except ValueError:
            raise StateError(
                f"{self._database.name}: its secrets were sealed with another key than the one in {self._key_file}"
            ) from None

    async def close(self) -> None:
        """See :meth:`IStateStore.close`."""
        if self._closed:
            return
        self._closed = True
        if self._notices is not None:
            self._notices.stop()
        for lane in self._lanes:
            await lane.close()
        self._let_go()
        if self._held is not None:
            self._held.let_go()
        self._database.engine.dispose()

    async def apply(self, scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> None:
        """See :meth:`IStateStore.apply`."""
        rows = _rows(scope, changes)
        if rows:
            now = self._seconds()
            await self._run(scope, lambda connection: records.apply(connection, rows, now))

    async def put(self, scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """See :meth:`IStateStore.put`."""
        await self.apply(scope, {(kind, key): value})

    async def put_new(
        self, scope: str, kind: str, key: str, value: Mapping[str, object]
    ) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.put_new`."""
        names, text, now = row(kind, scope, key), encode(value), self._seconds()
        earlier = await self._run(scope, lambda connection: records.put_new(connection, names, text, now))
        return None if earlier is None else decode(earlier)

    async def replace(
        self, scope: str, kind: str, key: str, before: Mapping[str, object], after: Mapping[str, object]
    ) -> bool:
        """See :meth:`IStateStore.replace`."""
        names, now = row(kind, scope, key), self._seconds()
        # What came out of a store is encoded as it was.
        texts = encode(before), encode(after)
        return await self._run(scope, lambda connection: records.replace(connection, names, *texts, now))

    async def change(
        self, scope: str, before: str, after: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]
    ) -> bool:
        """See :meth:`IStateStore.change`; the other machines are told in the same transaction."""
        rows, now = _rows(scope, changes), self._seconds()
        _, escaped, _ = row("", scope, "")
        notices = self._notices

        def work(connection: Connection) -> bool:
            changed = change(connection, escaped, before, after, rows, now)
            if changed and notices is not None:
                tell(connection, notices.notice(scope_of_ledger(scope)))
            return changed

        return await self._run(scope, work)

    async def read(
        self, scope: str, since: str | None, kinds: Sequence[str]
    ) -> tuple[str, bool, Mapping[tuple[str, str], Mapping[str, object] | None]]:
        """See :meth:`IStateStore.read`."""
        _, escaped, _ = row("", scope, "")

        def work(connection: Connection) -> tuple[str, bool, Mapping[tuple[str, str], Mapping[str, object] | None]]:
            found = read(connection, escaped, since, kinds)
            values = {
                (kind, unescape(key)): None if text is None else decode(text)
                for (kind, key), text in found.values.items()
            }
            return found.stamp, found.whole, values

        return await self._run(scope, work)

    async def get(self, scope: str, kind: str, key: str) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.get`."""
        names = row(kind, scope, key)
        text = await self._run(scope, lambda connection: records.get(connection, names))
        return None if text is None else decode(text)

    async def delete(self, scope: str, kind: str, key: str) -> None:
        """See :meth:`IStateStore.delete`."""
        await self.apply(scope, {(kind, key): None})

    async def items(self, scope: str, kind: str) -> Mapping[str, Mapping[str, object]]:
        """See :meth:`IStateStore.items`."""
        of_kind, of_scope, _ = row(kind, scope, "")
        found = await self._run(scope, lambda connection: records.items(connection, of_kind, of_scope))
        return {unescape(key): decode(text) for key, text in found.items()}

    async def scopes(self, kind: str) -> Sequence[str]:
        """See :meth:`IStateStore.scopes`."""
        of_kind, _, _ = row(kind, "", "")
        found = await self._run("", lambda connection: records.scopes(connection, of_kind))
        return [unescape(scope) for scope in found]

    def _run(self, scope: str, work: Callable[[Connection], T]) -> "Deferred[T]":
        # What happens in one scope keeps its order, since it goes one way.
        return self._lanes[crc32(scope.encode("utf-8", "replace")) % len(self._lanes)].run(work, scope)

    def _tell(self, notices: Sequence[str]) -> "Deferred[None]":
        """Tell the other machines of something that is no change of a ledger."""

        def work(connection: Connection) -> None:
            for notice in notices:
                tell(connection, notice)

        return self._run("", work)

    def _connect(self) -> "Deferred[Any]":
        """Hold the database again, after the connection was lost that this rested on; gives the new one."""
        lost, self._held = self._held, None

        def connect() -> list[Any]:
            if lost is not None:
                with suppress(SQLAlchemyError):
                    lost.let_go()
            hold = self._database.hold(self.owner, False)
            listen(hold.session)
            return [hold]

        def connected(results: list[Hold]) -> Any:
            (self._held,) = results
            return self._held.session

        return self._in_thread(connect).addCallback(connected)

    def _transact(self, batch: Sequence[Work], tries: int = _TRIES) -> list[Any]:
        """Do a batch in one transaction; called in a thread.

        :raises StateUnavailable: it could not be committed, or that is not known.
        """
        database = self._database
        try:
            with database.engine.begin() as connection:
                return [work(connection) for work in batch]
        except SQLAlchemyError as error:
            if tries > 1 and _sqlstate(error) in _DEADLOCKS:
                return self._transact(batch, tries - 1)
            self._log.error("The state store {name} failed: {reason}", name=database.name, reason=reason(error))
            if _sqlstate(error) == _READ_ONLY:
                # Another connection may lead to the server that has taken its place.
                database.engine.dispose()
            # Its cause is logged, and is not for others' eyes.
            raise StateUnavailable from None


def _rows(scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> dict[records.Row, str | None]:
    return {row(kind, scope, key): None if value is None else encode(value) for (kind, key), value in changes.items()}


def _sqlstate(error: SQLAlchemyError) -> str | None:
    """PostgreSQL's code of what went wrong, if it is PostgreSQL's and has come this far."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def reason(error: SQLAlchemyError) -> str:
    """What the database said, in one line; further lines can hold values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
