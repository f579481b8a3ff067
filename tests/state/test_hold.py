"""One daemon at a time uses a state."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.state.databases import postgresql, sqlite
from ec2proxy.state.errors import StateError
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.sql import SqlStateStore
from tests.state.postgres import postgresql_store, server
from tests.state.support import store_in


class HoldTests(SynchronousTestCase):
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

    def test_postgresql(self) -> None:
        """A database of PostgreSQL, from wherever it is reached."""
        url, key = server().database(), Path(self.mktemp())
        self.assert_exclusive(*(store_in(postgresql(url), key) for _ in range(2)))

    def test_postgresql_down(self) -> None:
        """A server that does not answer is one line."""
        store = postgresql_store(self)
        store._database = postgresql(store._database.engine.url.set(database="nowhere"))
        told = str(self.assertRaises(StateError, store.hold))
        self.assertNotIn("\n", told)

    def test_memory(self) -> None:
        """Memory is nobody else's."""
        self.assertIsNone(MemoryStateStore().hold())

    def test_no_place(self) -> None:
        """A folder where no lock can be made."""
        store = store_in(sqlite(Path(self.mktemp()) / "state.sqlite"), Path(self.mktemp()))
        self.assertIn("No such file", str(self.assertRaises(StateError, store.hold)))
