"""What can happen to a database, at the start and while it is used."""

import sqlite3
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.errors import StateUnavailable
from ec2proxy.state import records
from ec2proxy.state.databases import sqlite
from ec2proxy.state.errors import StateError
from ec2proxy.state.migrating import VERSION_TABLE
from ec2proxy.state.sql import SqlStateStore
from ec2proxy.state.stamps import following
from ec2proxy.state.text import row
from tests.state.postgres import postgresql_store
from tests.state.support import sqlite_store, store_in


class StoreTestCase(SynchronousTestCase):
    """Shorthands."""

    def result_of(self, coroutine: Coroutine[Deferred[Any], Any, Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def assert_unavailable(self, coroutine: Coroutine[Deferred[Any], Any, Any], reason: str) -> None:
        """The caller learns nothing but that; the log has the reason, in one line, and no values."""
        with capturedLogs() as logs:
            error = self.failureResultOf(Deferred.fromCoroutine(coroutine), StateUnavailable).value
        self.assertTrue(error.ambiguous)
        # A traceback shows no statement of SQLAlchemy's.
        self.assertTrue(error.__cause__ is None and (error.__suppress_context__ or error.__context__ is None))
        self.assertEqual(str(error), "What ec2proxy remembers cannot be reached.")
        (logged,) = logs
        self.assertIn(reason, logged.get("reason", logged["log_format"]))
        self.assertNotIn("hunter2", repr(logged))

    def assert_refused(self, store: SqlStateStore, reason: str) -> None:
        message = str(self.assertRaises(StateError, store.open))
        self.assertIn(reason, message)
        self.assertNotIn("\n", message)


class SqliteTests(StoreTestCase):
    """A file of SQLite."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.path = self.folder / "state.sqlite"

    def store(self) -> SqlStateStore:
        store = store_in(sqlite(self.path, patience=0.05), self.folder / "key")
        self.addCleanup(store._database.engine.dispose)
        return store

    def opened(self) -> SqlStateStore:
        store = self.store()
        store.open()
        return store

    def foreign(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def test_safe(self) -> None:
        """Commits wait for the disk."""
        with self.opened()._database.engine.connect() as connection:
            self.assertEqual(connection.exec_driver_sql("PRAGMA journal_mode").scalar(), "wal")
            self.assertEqual(connection.exec_driver_sql("PRAGMA synchronous").scalar(), 2)

    def test_modes(self) -> None:
        """All its files are for their owner's eyes only."""
        store = self.opened()
        self.result_of(store.put("s", "k", "key", {}))
        modes = {path.name: path.stat().st_mode & 0o777 for path in self.folder.iterdir()}
        names = ["key", "state.sqlite", "state.sqlite-shm", "state.sqlite-wal"]
        self.assertEqual(modes, dict.fromkeys(names, 0o600))

    def test_kept(self) -> None:
        """Another store on the same file has the values and opens what was sealed."""
        store = self.opened()
        self.result_of(store.put("s", "k", "key", {"sealed": store.seal.seal(b"secret", "place")}))
        self.result_of(store.close())
        again = self.opened()
        value = self.result_of(again.get("s", "k", "key"))
        self.assertEqual(again.seal.unseal(value["sealed"], "place"), b"secret")

    def test_shared(self) -> None:
        """Two processes can use one file, and only one of them puts a new value."""
        one, two = self.opened(), self.opened()
        self.assertIsNone(self.result_of(one.put_new("s", "k", "key", {"of": "one"})))
        self.assertEqual(self.result_of(two.put_new("s", "k", "key", {"of": "two"})), {"of": "one"})

    def test_other_key(self) -> None:
        """Without the key that its secrets were sealed with, it is not used."""
        self.result_of(self.opened().close())
        (self.folder / "key").unlink()
        self.assert_refused(self.store(), "another key")

    def test_readable_key(self) -> None:
        """A key that others can read is not used."""
        self.result_of(self.opened().close())
        (self.folder / "key").chmod(0o644)
        self.assert_refused(self.store(), "others can read the key file")

    def test_locked(self) -> None:
        """A lock that is held for too long fails the write; the next one is stored."""
        store, other = self.opened(), self.foreign()
        other.execute("BEGIN IMMEDIATE")
        self.assert_unavailable(store.put("s", "k", "key", {"secret": "hunter2"}), "database is locked")
        self.assert_refused(self.store(), "database is locked")
        other.execute("ROLLBACK")
        self.result_of(store.put("s", "k", "key", {}))
        self.assertEqual(self.result_of(store.items("s", "k")), {"key": {}})

    def test_locked_first(self) -> None:
        """A transaction that has read can write: nobody else has written meanwhile."""
        store, other = self.opened(), self.opened()
        name = row("k", "s", "key")

        def other_writes(connection: Connection) -> None:
            self.assert_unavailable(other.put("s", "k", "key", {"of": "other"}), "database is locked")

        def read(connection: Connection) -> str | None:
            return records.get(connection, name)

        batch = [read, other_writes, lambda connection: records.apply(connection, {name: "{}"}, 0.0), read]
        self.assertEqual(store._transact(batch), [None, None, None, "{}"])

    def test_full(self) -> None:
        """A write that does not fit fails, whole; smaller ones do not."""
        store = self.opened()
        with store._database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=30")
        changes = {("k", str(n)): {"secret": "hunter2" * 5000} for n in range(10)}
        self.assert_unavailable(store.apply("s", changes), "database or disk is full")
        self.assertEqual(self.result_of(store.items("s", "k")), {})
        self.result_of(store.put("s", "k", "key", {}))

    def test_read_only(self) -> None:
        """A file that cannot be written fails writes."""
        store = self.opened()
        with store._database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=1")
        self.assert_unavailable(store.put("s", "k", "key", {}), "readonly")

    def test_gone(self) -> None:
        """A file that was deleted or replaced takes no more writes, which would be lost."""
        store = self.opened()
        self.path.rename(self.folder / "elsewhere")
        self.assert_unavailable(store.put("s", "k", "key", {}), "was deleted")
        self.path.touch()
        self.assert_unavailable(store.put("s", "k", "key", {}), "was deleted")

    def test_unusable(self) -> None:
        """What is no place for a file, or no file of SQLite, is told in one line."""
        self.path = self.folder / "none" / "state.sqlite"
        self.assert_refused(self.store(), "No such file or directory")
        self.path = self.folder
        self.assert_refused(self.store(), "unable to open database file")
        self.path = self.folder / "text"
        self.path.write_text("Just a text. " * 1000)
        self.assert_refused(self.store(), "file is not a database")

    def test_no_write_ahead_log(self) -> None:
        """Where SQLite cannot keep a write-ahead log (its own memory, some network disks), it is not used."""
        self.path = Path(":memory:")
        store = self.store()
        object.__setattr__(store._database, "prepare", lambda: None)
        self.assert_refused(store, "write-ahead log")

    def test_newer(self) -> None:
        """A database of a newer version is not touched."""
        self.result_of(self.opened().close())
        self.foreign().execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        self.assert_refused(self.store(), "newer version of ec2proxy (schema 9999)")

    def test_schema(self) -> None:
        """The migrations lead to the table that the code works with."""
        with self.opened()._database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            self.assertEqual(compare_metadata(context, records.records.metadata), [])

    def test_upgraded(self) -> None:
        """A database of the first version gets what it lacks, and keeps what it has."""
        store = self.opened()
        self.result_of(store.put("s", "work", "i-1", {"n": 1}))
        self.result_of(store.close())
        earlier = self.foreign()
        for statement in (
            "DROP TABLE ec2proxy_stamps",
            "DROP TABLE ec2proxy_changes",
            f"UPDATE {VERSION_TABLE} SET version_num = '0001'",
        ):
            earlier.execute(statement)
        earlier.close()
        again = self.opened()
        self.assertEqual(self.result_of(again.read("s", None, ["work"])), ("", True, {("work", "i-1"): {"n": 1}}))
        after = following("")
        self.assertTrue(self.result_of(again.change("s", "", after, {("work", "i-1"): None})))
        self.assertEqual(self.result_of(again.read("s", "", ["work"])), (after, False, {("work", "i-1"): None}))

    def test_same_order(self) -> None:
        """Rows are written in one order, whatever the caller's: so no two transactions wait for each other."""
        store = self.opened()
        written: list[Any] = []

        def execute(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            written.append(parameters)

        event.listen(store._database.engine, "before_cursor_execute", execute)
        changes: list[tuple[tuple[str, str], Any]] = [(("k", "b"), {}), (("k", "c"), None), (("k", "a"), None)]
        self.result_of(store.apply("s", dict(changes)))
        ordered, written[:] = list(written), []
        self.result_of(store.apply("s", dict(reversed(changes))))
        self.assertEqual(written, ordered)

    def test_batch(self) -> None:
        """Work that shares a transaction is undone together."""
        store = self.opened()

        def fails(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT * FROM nowhere")

        batch = [lambda connection: records.apply(connection, {row("k", "s", "key"): "{}"}, 0.0), fails]
        with capturedLogs() as logs:
            self.assertRaises(StateUnavailable, store._transact, batch)
        self.assertEqual([each["reason"] for each in logs], ["no such table: nowhere"])
        self.assertEqual(self.result_of(store.items("s", "k")), {})


class PutNewTests(StoreTestCase):
    """Who comes first, where another deletes meanwhile."""

    def assert_room(self, store: SqlStateStore) -> None:
        self.result_of(store.put("s", "k", "key", {"of": "earlier"}))
        real, looks = records.get, []

        def get(connection: Connection, names: records.Row) -> str | None:
            looks.append(names)
            records.apply(connection, {names: None}, 0.0)
            return real(connection, names)

        self.patch(records, "get", get)
        self.assertIsNone(self.result_of(store.put_new("s", "k", "key", {"of": "new"})))
        self.patch(records, "get", real)
        self.assertEqual(len(looks), 1)
        self.assertEqual(self.result_of(store.get("s", "k", "key")), {"of": "new"})

    def test_sqlite(self) -> None:
        """A value that goes between the refusal and the look at it makes room for the new one."""
        self.assert_room(sqlite_store(self))

    def test_postgresql(self) -> None:
        """The same in PostgreSQL, where another machine can do that."""
        self.assert_room(postgresql_store(self))
