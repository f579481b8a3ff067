"""Who uses a state: a process shows that it lives by a lock, of which the system lets go however the process ends."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from sqlalchemy import URL, Connection, NullPool, create_engine

from ec2proxy.state.errors import StateError

ADVISORY_LOCK = 0x65633270726F7879  # "ec2proxy" in ASCII

_ADVISORY_HOLD = ADVISORY_LOCK + 1


@frozen
class Hold:
    """A process's right to use a state.

    :param let_go: gives it back.
    :param session: PostgreSQL's connection that it rests on.
    """

    let_go: Callable[[], None]
    session: Any = None


def hold_file(path: Path, owner: str, *, join: bool) -> Hold:
    """Be the only daemon that uses a file of SQLite, by a lock beside it, or a worker of that daemon.

    :param owner: names this process.
    :raises StateError: another daemon uses it; or there is none to join.
    """
    beside = _open(path.with_name(path.name + ".lock"))
    try:
        fcntl.flock(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except BlockingIOError:
        alone = False
    if join or not alone:
        os.close(beside)
    if alone and join:
        raise StateError(f"{path}: no daemon uses it, whose worker this could be")
    if not alone and not join:
        raise StateError(f"{path}: another ec2proxy uses it, and each needs one of its own")
    if alone:
        _sweep(path)
    mark = _mark(path, owner)
    own = _open(mark)
    fcntl.flock(own, fcntl.LOCK_EX)

    def let_go() -> None:
        mark.unlink(missing_ok=True)
        os.close(own)
        if alone:
            os.close(beside)

    return Hold(let_go)


def lives_by_file(path: Path, owner: str) -> bool:
    """Whether another process of that name holds the state with its file at ``path``."""
    mark = _mark(path, owner)
    if not mark.exists():
        return False
    descriptor = _open(mark)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _mark(path: Path, owner: str) -> Path:
    return path.with_name(f"{path.name}.{owner}.lock")


def _sweep(path: Path) -> None:
    """Remove the marks of processes that were killed: nobody uses the file but who calls this."""
    for mark in path.parent.glob(f"{path.name}.*.lock"):
        mark.unlink(missing_ok=True)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror}") from None


def hold_session(url: URL, name: str, owner: str) -> Hold:
    """Use a database of PostgreSQL beside other daemons, by locks on a connection of its own.

    :param name: what to call the database in a message.
    :param owner: names this process.
    :raises StateError: an ec2proxy of a version that shares with nobody uses it.
    """
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, isolation_level="AUTOCOMMIT")
    connection = engine.connect()
    # Earlier versions take this lock for themselves alone.
    if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock_shared({_ADVISORY_HOLD})").scalar():
        connection.close()
        raise StateError(f"{name}: an older ec2proxy uses it, which shares it with nobody")
    # It waits: who looks whether this process lives holds the lock for a moment.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({_number(owner)})")
    return Hold(connection.close, connection.connection.driver_connection)


def lives_by_session(connection: Connection, owner: str) -> bool:
    """Whether a process of that name, on whatever machine, holds the database."""
    # Got, it is given back at the end of the transaction.
    got = connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_number(owner)})").scalar()
    return not got


def _number(owner: str) -> int:
    """The owner as PostgreSQL's locks are named: 64 bits with a sign."""
    return int.from_bytes(bytes.fromhex(owner), "big", signed=True)
