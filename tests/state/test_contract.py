"""The stores that do what every store does."""

from ec2proxy.state.memory import MemoryStateStore
from tests.state.contract import make_store_tests
from tests.state.postgres import postgresql_store
from tests.state.support import sqlite_store


class MemoryStoreTests(make_store_tests(lambda test: MemoryStateStore())):
    """The store in memory."""


class SqliteStoreTests(make_store_tests(sqlite_store)):
    """The store in a file of SQLite."""


class PostgresqlStoreTests(make_store_tests(postgresql_store)):
    """The store in a real PostgreSQL."""
