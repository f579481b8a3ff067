"""What tests of stores share."""

from pathlib import Path

from twisted.internet.defer import execute
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.state.databases import Database, sqlite
from ec2proxy.state.sql import SqlStateStore


def store_in(database: Database, key_file: Path) -> SqlStateStore:
    """A store, not open, that does everything at once, in the thread that asks."""
    return SqlStateStore(database, key_file, lambda: 1000.0, execute)


def sqlite_store(test: SynchronousTestCase) -> SqlStateStore:
    """A new store in SQLite, open, for one test."""
    folder = Path(test.mktemp())
    folder.mkdir()
    store = store_in(sqlite(folder / "state.sqlite", patience=0.05), folder / "state.key")
    store.open()
    test.addCleanup(store._database.engine.dispose)
    return store
