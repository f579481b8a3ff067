"""What can happen to a database of PostgreSQL, at the start and while it is used."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from twisted.logger import capturedLogs
from twisted.python.threadpool import ThreadPool

from ec2proxy.errors import StateUnavailable
from ec2proxy.state import records
from ec2proxy.state.changes import change, read
from ec2proxy.state.databases import postgresql
from ec2proxy.state.migrating import VERSION_TABLE
from ec2proxy.state.sql import SqlStateStore
from ec2proxy.state.stamps import following
from ec2proxy.state.text import row
from tests.state.postgres import postgresql_store, server
from tests.state.support import store_in
from tests.state.test_databases import StoreTestCase


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
