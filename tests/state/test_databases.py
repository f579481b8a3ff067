"""What can happen to a database, at the start and while it is used."""

import contextlib
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.errors import StateUnavailable
from ec2proxy.state import records
from ec2proxy.state.changes import change, read
from ec2proxy.state.databases import postgresql, sqlite
from ec2proxy.state.errors import StateError
from ec2proxy.state.migrating import VERSION_TABLE
from ec2proxy.state.sql import SqlStateStore
from ec2proxy.state.stamps import following
from ec2proxy.state.text import row
from tests.state.postgres import postgresql_store, server
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


class PostgresqlTests(StoreTestCase):
    """A real server."""

    def in_threads(self, *functions: Callable[[], Any]) -> list[Any]:
        """Call all at once, and wait for what they return or raise."""
        results: list[Any] = []
        pool = ThreadPool(len(functions), len(functions))
        pool.start()
        for function in functions:
            pool.callInThreadWithCallback(lambda ok, result: results.append(result), function)
        pool.stop()
        return results

    def test_safe(self) -> None:
        """Commits wait for the disk, also where the database's default is not to."""
        store = postgresql_store(self)
        self.assertEqual(store._transact([lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar()]), ["on"])

    def test_url_wins(self) -> None:
        """What the URL says goes before what is usual."""
        url = server().database().update_query_dict({"application_name": "mine"})
        store = postgresql_store(self, url)
        self.assertEqual(store._transact([lambda c: c.exec_driver_sql("SHOW application_name").scalar()]), ["mine"])

    def test_schema(self) -> None:
        """The migrations lead to the table that the code works with."""
        with postgresql_store(self)._database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            self.assertEqual(compare_metadata(context, records.records.metadata), [])

    def test_opened_at_once(self) -> None:
        """Several machines can start at the same time on an empty database, with the same key."""
        url, key_file = server().database(), Path(self.mktemp())
        stores = [store_in(postgresql(url), key_file) for _ in range(4)]
        self.assertEqual(self.in_threads(*(store.open for store in stores)), [None] * 4)
        for store in stores:
            self.result_of(store.close())

    def test_one_claim(self) -> None:
        """Of several machines that put a new value at once, one does, and the others are told which it was."""
        url = server().database()
        stores = [postgresql_store(self, url)]
        stores += [store_in(postgresql(url), stores[0]._key_file) for _ in range(3)]
        for number in range(20):
            names, start = row("k", "s", str(number)), Barrier(4)

            def claim(store: SqlStateStore, at: int, names: records.Row = names, start: Barrier = start) -> Any:
                start.wait(5)
                return store._transact([lambda connection: records.put_new(connection, names, str(at), 0.0)])

            told = self.in_threads(*(lambda at=at, store=store: claim(store, at) for at, store in enumerate(stores)))
            self.assertEqual(sum(each == [None] for each in told), 1)
            self.assertEqual(len({str(each) for each in told}), 2)
        for store in stores:
            self.result_of(store.close())

    def test_changed_at_once(self) -> None:
        """Of several machines that change a scope at once each rests on the one before; nothing is lost."""
        url = server().database()
        stores = [postgresql_store(self, url)]
        stores += [store_in(postgresql(url), stores[0]._key_file) for _ in range(2)]

        def add(store: SqlStateStore, at: int) -> int:
            refused, done = 0, 0
            while done < 10:
                (found,) = store._transact([lambda connection: read(connection, "s", None, ["k"])])
                before, value = found.stamp, found.values.get(("k", "n")) or ""
                rows = {("k", "s", "n"): f"{value}{at}"}
                arguments = "s", before, following(before), rows, 0.0
                (made,) = store._transact([lambda connection, told=arguments: change(connection, *told)])
                done, refused = done + made, refused + (not made)
            return refused

        told = self.in_threads(*(lambda at=at, store=store: add(store, at) for at, store in enumerate(stores)))
        self.assertTrue(all(isinstance(each, int) for each in told), told)
        (found,) = stores[0]._transact([lambda connection: read(connection, "s", None, ["k"])])
        self.assertEqual(sorted(str(found.values["k", "n"])), sorted("012" * 10))
        for store in stores:
            self.result_of(store.close())

    def test_deadlock(self) -> None:
        """Of two transactions that wait for each other one is tried again."""
        store, tries, both = postgresql_store(self), [], Barrier(2)
        rows = row("k", "s", "a"), row("k", "s", "b")

        def work(connection: Connection, first: records.Row, second: records.Row) -> None:
            tries.append(first)
            records.apply(connection, {first: "{}"}, 0.0)
            with contextlib.suppress(BrokenBarrierError):
                both.wait(5 if len(tries) <= 2 else 0)
            records.apply(connection, {second: "{}"}, 0.0)

        transact = store._transact
        results = self.in_threads(
            lambda: transact([lambda connection: work(connection, *rows)]),
            lambda: transact([lambda connection: work(connection, *reversed(rows))]),
        )
        self.assertEqual(results, [[None], [None]])
        # Under load the server gives up both.
        self.assertGreater(len(tries), 2)

    def test_restarted(self) -> None:
        """While the server is down writes fail; when it is back they go on, without a restart of ours."""
        store = postgresql_store(self)
        self.result_of(store.put("s", "k", "key", {"n": 1}))
        with server().stopped():
            self.assert_unavailable(store.put("s", "k", "key", {"secret": "hunter2"}), "connection")
        self.assertEqual(self.result_of(store.get("s", "k", "key")), {"n": 1})
        self.result_of(store.put("s", "k", "key", {"n": 2}))

    def test_cut_off(self) -> None:
        """A connection that the server ended while it was idle fails nobody."""
        store = postgresql_store(self)
        server().execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ec2proxy'")
        self.result_of(store.put("s", "k", "key", {}))

    def test_cut_off_midway(self) -> None:
        """A connection that ends within a transaction fails it, and the next has another."""
        store = postgresql_store(self)

        def cut(connection: Connection) -> None:
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

        with capturedLogs() as logs:
            self.assertRaises(StateUnavailable, store._transact, [cut])
        self.assertEqual(len(logs), 1)
        self.result_of(store.put("s", "k", "key", {}))

    def test_read_only(self) -> None:
        """A standby is told of at the start."""
        url = server().database().update_query_dict({"options": "-c default_transaction_read_only=on"})
        self.assert_refused(store_in(postgresql(url), Path(self.mktemp())), "read-only transaction")

    def test_failed_over(self) -> None:
        """A server that has become a standby is left for the one that has taken its place."""
        store = postgresql_store(self)
        store._transact([lambda c: c.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")])
        self.assert_unavailable(store.put("s", "k", "key", {"secret": "hunter2"}), "read-only transaction")
        self.result_of(store.put("s", "k", "key", {}))

    def test_other_key(self) -> None:
        """A machine with another key is not let in."""
        url = server().database()
        postgresql_store(self, url)
        self.assert_refused(store_in(postgresql(url), Path(self.mktemp())), "another key")
