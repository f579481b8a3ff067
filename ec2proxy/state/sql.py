"""A state store in an SQL database: what was answered is on the disk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from ec2proxy.errors import StateUnavailable
from ec2proxy.interfaces import IStateStore
from ec2proxy.state import records
from ec2proxy.state.databases import Database
from ec2proxy.state.errors import StateError
from ec2proxy.state.lanes import InThread, Lane, Work
from ec2proxy.state.migrating import migrate
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
    ) -> None:
        self._database = database
        self._key_file = key_file
        self._seconds = seconds
        self._let_go = let_go
        self._lanes = [Lane(self._transact, in_thread) for _ in range(database.lanes)]
        self._closed = False
        self._held: Callable[[], None] | None = None

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
            raise StateError(f"{database.name}: {_reason(error)}") from None
        except StateError:
            database.engine.dispose()
            raise

    def hold(self) -> None:
        """See :meth:`IStateStore.hold`."""
        try:
            self._held = self._database.hold()
        except SQLAlchemyError as error:
            raise StateError(f"{self._database.name}: {_reason(error)}") from None
        if self._held is None:
            raise StateError(f"{self._database.name}: another ec2proxy uses it, and each needs one of its own")

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
        for lane in self._lanes:
            await lane.close()
        self._let_go()
        if self._held is not None:
            self._held()
        self._database.engine.dispose()

    async def apply(self, scope: str, changes: Mapping[tuple[str, str], Mapping[str, object] | None]) -> None:
        """See :meth:`IStateStore.apply`."""
        rows = {
            row(kind, scope, key): None if value is None else encode(value) for (kind, key), value in changes.items()
        }
        if rows:
            now = self._seconds()
            await self._run(scope, lambda connection: records.apply(connection, rows, now))

    async def put(self, scope: str, kind: str, key: str, value: Mapping[str, object]) -> None:
        """See :meth:`IStateStore.put`."""
        await self.apply(scope, {(kind, key): value})

    async def put_all(self, scope: str, kind: str, values: Mapping[str, Mapping[str, object]]) -> None:
        """See :meth:`IStateStore.put_all`."""
        await self.apply(scope, {(kind, key): value for key, value in values.items()})

    async def put_new(
        self, scope: str, kind: str, key: str, value: Mapping[str, object]
    ) -> Mapping[str, object] | None:
        """See :meth:`IStateStore.put_new`."""
        names, text, now = row(kind, scope, key), encode(value), self._seconds()
        earlier = await self._run(scope, lambda connection: records.put_new(connection, names, text, now))
        return None if earlier is None else decode(earlier)

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
        return self._lanes[crc32(scope.encode("utf-8", "replace")) % len(self._lanes)].run(work)

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
            self._log.error("The state store {name} failed: {reason}", name=database.name, reason=_reason(error))
            if _sqlstate(error) == _READ_ONLY:
                # Another connection may lead to the server that has taken its place.
                database.engine.dispose()
            # Its cause is logged, and is not for others' eyes.
            raise StateUnavailable from None


def _sqlstate(error: SQLAlchemyError) -> str | None:
    """PostgreSQL's code of what went wrong, if it is PostgreSQL's and has come this far."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def _reason(error: SQLAlchemyError) -> str:
    """What the database said, in one line; further lines can hold values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
