"""A process that is killed in the midst of writing loses no write that was answered."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

import ec2proxy
from ec2proxy.state.databases import postgresql, sqlite
from ec2proxy.state.sql import SqlStateStore
from tests.state.postgres import server
from tests.state.support import store_in

ROOT = Path(ec2proxy.__file__).parent.parent


class KilledTests(SynchronousTestCase):
    """A real process, and SIGKILL."""

    def answered_before_kill(self, url: str, key_file: Path, answers: int) -> set[str]:
        command = [sys.executable, "-m", "tests.state.killed", url, str(key_file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(answers)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        # The kill can cut the last line off.
        return {line.decode().strip() for line in lines if line.endswith(b"\n")}

    def assert_kept(self, store: SqlStateStore, answered: set[str]) -> None:
        store.open()
        left, right = (
            set(self.successResultOf(Deferred.fromCoroutine(store.items("scope", kind)))) for kind in ("left", "right")
        )
        self.assertEqual(answered - left, set())
        # Changes that belong together came together, also those that nobody was told of.
        self.assertEqual(left, right)
        self.successResultOf(Deferred.fromCoroutine(store.close()))

    def test_sqlite(self) -> None:
        """In SQLite, several times over."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        path, key_file = folder / "state.sqlite", folder / "key"
        for answers in (1, 40, 300):
            answered = self.answered_before_kill(f"sqlite:///{path}", key_file, answers)
            self.assertGreaterEqual(len(answered), answers)
            self.assert_kept(store_in(sqlite(path), key_file), answered)

    def test_postgresql(self) -> None:
        """In PostgreSQL, and the server crashes, too."""
        url, key_file = server().database(), Path(self.mktemp()).resolve()
        answered = self.answered_before_kill(url.render_as_string(hide_password=False), key_file, 200)
        with server().stopped():
            pass
        self.assert_kept(store_in(postgresql(url), key_file), answered)
