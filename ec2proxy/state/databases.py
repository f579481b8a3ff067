"""The databases that a state store can be in, each set up so that a transaction is safe once it is committed."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from twisted.logger import Logger

from ec2proxy.errors import StateUnavailable
from ec2proxy.state.errors import StateError
from ec2proxy.state.holds import ADVISORY_LOCK, Hold, hold_file, hold_session, lives_by_file, lives_by_session
from ec2proxy.state.seal import sync_folder

_log = Logger()

PATIENCE = 10.0
"""Seconds to wait for a lock that another process holds."""

LANES = 4
"""How many connections to PostgreSQL one process uses."""

_SESSION = {
    "application_name": "ec2proxy",
    "connect_timeout": "10",
    "tcp_user_timeout": "15000",
    "keepalives_idle": "30",
    # A role or a database may have been told not to wait for the disk.
    "options": "-c synchronous_commit=on -c lock_timeout=10s -c statement_timeout=15s"
    " -c idle_in_transaction_session_timeout=30s",
}


@frozen
class Database:
    """A database, not connected to.

    :param name: what to call it in messages; holds no password.
    :param engine: makes its connections.
    :param lanes: how many transactions may be under way at once.
    :param prepare: what to do before the first connection.
    :param lock: what keeps other processes out while the schema is migrated, on a connection in a transaction.
    :param hold: takes the right to use it, for the owner of a name; the flag tells whether as a worker of a daemon.
    :param lives: whether the owner of a name holds it, on a connection in a transaction.
    :param shared: whether several daemons can use it at once.
    """

    name: str
    engine: Engine = field(repr=False)
    lanes: int
    prepare: Callable[[], None]
    lock: Callable[[Connection], None]
    hold: Callable[[str, bool], Hold]
    lives: Callable[[Connection, str], bool]
    shared: bool


def sqlite(path: Path, patience: float = PATIENCE) -> Database:
    """A file of SQLite.

    :param patience: seconds to wait for a lock that another process holds.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        # Threads take turns with the one connection.
        connect_args={"timeout": patience, "check_same_thread": False},
    )

    _set_up(engine, path)
    return Database(
        name=str(path),
        engine=engine,
        lanes=1,
        prepare=lambda: _make_file(path),
        lock=lambda connection: None,
        hold=lambda owner, join: hold_file(path, owner, join=join),
        lives=lambda connection, owner: lives_by_file(path, owner),
        shared=False,
    )


def _set_up(engine: Engine, path: Path) -> None:
    """Have each connection to a file of SQLite safe, and each transaction able to write from its beginning."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise StateError(f"{path}: SQLite cannot keep a write-ahead log there")
        # Each commit waits for the disk; WAL's usual NORMAL loses the last ones when the power fails.
        connection.execute("PRAGMA synchronous=FULL")
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # SQLite writes on, to a file without a name, when its file is deleted.
        if connection.info["file"] != _identity(path):
            _log.error("The state store's file {path} was deleted or replaced: start ec2proxy again", path=str(path))
            raise StateUnavailable
        # A transaction that takes the write lock later can find that it came too late.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_file(path: Path) -> None:
    """Make the file if it is not there, for its owner's eyes only; SQLite makes its other files alike."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        sync_folder(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None


def postgresql(url: URL) -> Database:
    """A database of PostgreSQL, through psycopg.

    :param url: what it says in its query goes before what is usual here.
    :raises ImportError: psycopg is not installed.
    """
    with_session = url.set(query={**_SESSION, **url.query})
    engine = create_engine(
        with_session,
        poolclass=QueuePool,
        pool_size=LANES,
        max_overflow=0,
        hide_parameters=True,
        # A server that was restarted is found out before any harm is done.
        pool_pre_ping=True,
    )
    # The query can hold a password, too.
    name = url.set(query={}).render_as_string(hide_password=True)
    return Database(
        name=name,
        engine=engine,
        lanes=LANES,
        prepare=lambda: None,
        lock=_advisory_lock,
        hold=lambda owner, join: hold_session(with_session, name, owner),
        lives=lives_by_session,
        shared=True,
    )


def _advisory_lock(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
