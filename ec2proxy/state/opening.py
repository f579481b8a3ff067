"""From what ``--state`` says to a state store."""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from ec2proxy.interfaces import IStateStore
from ec2proxy.state.databases import Database, postgresql, sqlite
from ec2proxy.state.errors import StateError
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.seal import key_in
from ec2proxy.state.sql import SqlStateStore, reason

FORMS = "memory:, sqlite:///FILE, a FILE, postgresql+psycopg://USER@HOST/DATABASE"
_SCHEME = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9+.-]*):")
_POSTGRESQL = ("postgresql+psycopg", "postgresql")


def make_store(url: str, reactor: Any, key_file: str | None = None) -> IStateStore:
    """A state store, not open yet: no file is touched, nobody is talked to, no thread is started.

    :param url: one of :data:`FORMS`.
    :param key_file: the file with the key that secrets are sealed with; beside the file of SQLite if not given.
    :raises StateError: ``url`` is of no known form, or what it needs is missing; the message shows nothing of it but
        its scheme.
    """
    if url == "memory:":
        return MemoryStateStore()
    scheme = _SCHEME.match(url)
    if scheme is None or scheme["name"] == "sqlite":
        path = _path(url)
        return _store(sqlite(path), Path(key_file) if key_file else path.with_name(path.name + ".key"), reactor)
    if scheme["name"] not in _POSTGRESQL:
        raise StateError(f"{scheme['name']}: is not known; there are {FORMS}")
    if not key_file:
        raise StateError("PostgreSQL needs a key file for secrets, the same on all machines")
    return _store(_postgresql(url), Path(key_file), reactor)


def check_store(url: str, key_file: str | None = None) -> None:
    """Find out whether a state store can be had, without making or changing anything; it may block for seconds.

    :param url: one that :func:`make_store` takes, as ``key_file``.
    :raises StateError: it cannot; the message is one line.
    """
    if url == "memory:":
        return
    scheme = _SCHEME.match(url)
    if scheme is None or scheme["name"] == "sqlite":
        path = _path(url)
        key = Path(key_file) if key_file else path.with_name(path.name + ".key")
        for place in (path if path.exists() else path.parent, key if key.exists() else key.parent):
            if not place.exists():
                raise StateError(f"{place}: No such file or directory")
            if not os.access(place, os.R_OK if place == key else os.R_OK | os.W_OK):
                raise StateError(f"{place}: this user cannot use it")
    else:
        key = Path(key_file or "")
        database = _postgresql(url)
        try:
            with database.engine.connect():
                pass
        except SQLAlchemyError as error:
            raise StateError(f"{database.name}: {reason(error)}") from None
        finally:
            database.engine.dispose()
    if key.exists():
        key_in(key)


def _path(url: str) -> Path:
    path = url.removeprefix("sqlite:///")
    if path == url and url.startswith("sqlite:"):
        raise StateError("SQLite's URL is sqlite:///FILE, or sqlite:////FILE for one from the root")
    if not path or path.endswith("/") or path.startswith(":memory:") or "\0" in path or "?" in path:
        raise StateError("SQLite needs the name of a file, and takes no options")
    return Path(path)


def _postgresql(url: str) -> Database:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StateError("this is not a URL of PostgreSQL: postgresql+psycopg://USER@HOST/DATABASE") from None
    if not parsed.database:
        raise StateError("PostgreSQL's URL lacks the database: postgresql+psycopg://USER@HOST/DATABASE")
    try:
        return postgresql(parsed.set(drivername="postgresql+psycopg"))
    except ImportError:
        raise StateError("PostgreSQL needs psycopg: pip install 'ec2proxy[postgresql]'") from None


def _store(database: Database, key_file: Path, reactor: Any) -> SqlStateStore:
    # A thread is started when it is first needed: twistd forks before. One more than lanes waits for connections.
    threads = ThreadPool(minthreads=0, maxthreads=database.lanes + 1, name="ec2proxy-state")
    # Whoever fails to close the store can end all the same; what was answered is on the disk.
    threads.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
    threads.start()

    def in_thread(work: Callable[[], list[Any]]) -> "Deferred[list[Any]]":
        return deferToThreadPool(reactor, threads, work)

    return SqlStateStore(database, key_file, reactor.seconds, in_thread, threads.stop, reactor)
