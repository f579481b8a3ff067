"""One daemon at a time uses a file, many use a database, and each can see whether another lives."""

import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.state.databases import postgresql, sqlite
from ec2proxy.state.errors import StateError
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.sql import SqlStateStore
from tests.state.postgres import postgresql_store, server
from tests.state.support import store_in


class HoldTests(SynchronousTestCase):
    def result_of(self, coroutine: Coroutine[Deferred[Any], Any, Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def close(self, store: SqlStateStore) -> None:
        self.result_of(store.close())

    def assert_lives(self, store: SqlStateStore, other: SqlStateStore, expected: bool) -> None:
        """What one store knows of another's life. PostgreSQL takes a moment to see that a connection has ended."""
        for _ in range(500):
            if self.result_of(store.lives(other.owner)) is expected:
                return
            time.sleep(0.01)
        self.fail(f"it is not {expected}")

    def assert_exclusive(self, one: SqlStateStore, other: SqlStateStore) -> None:
        """The second gets in when the first has closed, and not before."""
        one.open()
        one.hold()
        other.open()
        told = str(self.assertRaises(StateError, other.hold))
        self.assertIn("another ec2proxy uses it", told)
        self.successResultOf(Deferred.fromCoroutine(one.close()))
        other.hold()
        self.successResultOf(Deferred.fromCoroutine(other.close()))

    def test_sqlite(self) -> None:
        """A file of SQLite, by a lock beside it that only its owner can read."""
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "state.sqlite"
        self.assert_exclusive(*(store_in(sqlite(path), folder / "key") for _ in range(2)))
        self.assertEqual((folder / "state.sqlite.lock").stat().st_mode & 0o777, 0o600)

    def test_sqlite_workers(self) -> None:
        """Workers join the daemon that holds a file, see whether one another live, and leave nothing behind."""
        folder = Path(self.mktemp())
        folder.mkdir()
        daemon, *workers = (store_in(sqlite(folder / "state.sqlite"), folder / "key") for _ in range(3))
        daemon.open()
        self.assertIn("no daemon uses it", str(self.assertRaises(StateError, workers[0].join)))
        daemon.hold()
        self.assertIs(daemon.shared, False)
        for worker in workers:
            worker.open()
            worker.join()
            self.assertIs(worker.shared, True)
        self.assert_lives(workers[0], workers[1], True)
        self.assert_lives(workers[0], daemon, True)
        self.close(workers[1])
        self.assert_lives(workers[0], workers[1], False)
        self.close(workers[0])
        self.close(daemon)
        names = sorted(path.name for path in folder.iterdir())
        self.assertEqual(names, ["key", "state.sqlite", "state.sqlite.lock"])

    def test_sqlite_killed(self) -> None:
        """A process that was killed does not live, though its mark is there; the next daemon removes that."""
        folder = Path(self.mktemp())
        folder.mkdir()
        store = store_in(sqlite(folder / "state.sqlite"), folder / "key")
        dead = "ab" * 8
        mark = folder / f"state.sqlite.{dead}.lock"
        mark.touch()
        store.open()
        self.assertIs(self.result_of(store.lives(dead)), False)
        store.hold()
        self.assertFalse(mark.exists())
        self.close(store)

    def test_postgresql(self) -> None:
        """Several daemons use a database of PostgreSQL at once, and see whether one another live."""
        url, key = server().database(), Path(self.mktemp())
        one, other = (store_in(postgresql(url), key) for _ in range(2))
        for store in (one, other):
            store.open()
            store.hold()
            self.assertIs(store.shared, True)
        self.assert_lives(one, other, True)
        # Who looks does not stand in the way of who looks next.
        self.assert_lives(one, other, True)
        self.close(other)
        self.assert_lives(one, other, False)
        self.close(one)

    def test_postgresql_killed(self) -> None:
        """A process whose connection the server has lost does not live."""
        url, key = server().database(), Path(self.mktemp())
        one, other = (store_in(postgresql(url), key) for _ in range(2))
        for store in (one, other):
            store.open()
            store.hold()
        assert other._held is not None
        server().execute(f"SELECT pg_terminate_backend({other._held.session.info.backend_pid}, 5000)")
        self.assert_lives(one, other, False)
        self.close(other)
        self.close(one)

    def test_postgresql_old(self) -> None:
        """An ec2proxy that shares with nobody keeps others out."""
        url = server().database()
        store = store_in(postgresql(url), Path(self.mktemp()))
        store.open()
        with create_engine(url, poolclass=NullPool).connect() as old:
            old.exec_driver_sql("SELECT pg_advisory_lock(7305738479062710394)")
            self.assertIn("an older ec2proxy uses it", str(self.assertRaises(StateError, store.hold)))
        self.close(store)

    def test_postgresql_down(self) -> None:
        """A server that does not answer is one line."""
        store = postgresql_store(self)
        store._database = postgresql(store._database.engine.url.set(database="nowhere"))
        told = str(self.assertRaises(StateError, store.hold))
        self.assertNotIn("\n", told)

    def test_memory(self) -> None:
        """Memory is nobody else's."""
        self.assertIsNone(MemoryStateStore().hold())
        self.assertIn("one process", str(self.assertRaises(StateError, MemoryStateStore().join)))

    def test_no_place(self) -> None:
        """A folder where no lock can be made."""
        store = store_in(sqlite(Path(self.mktemp()) / "state.sqlite"), Path(self.mktemp()))
        self.assertIn("No such file", str(self.assertRaises(StateError, store.hold)))
