"""The faults: a backend with bad moments, and a daemon that is killed."""

import os
import random
import signal
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from tests.e2e.backends import Troubled
from tests.e2e.cases import PASSWORD, USER
from tests.e2e.daemons import DEADLINE, Daemon, start
from tests.e2e.processes import children
from tests.soak.account import Account

_KINDS = ("slow", "cut", "garbage", "html", "late", "hold", "silent", "lost")
_WHERE = (("GET", "/api/instances*"), ("POST", "/api/instances*"), ("DELETE", "/api/instances*"), ("*", "/api/*"))


class Daemons:
    """One daemon after the other, at the same port and on the same state."""

    def __init__(self, backend: Troubled, account: Account, *options: str) -> None:
        self._account = account
        self._directory = tempfile.TemporaryDirectory(prefix="ec2proxy-soak-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        state, accounts = (Path(self._directory.name, name) for name in ("state.sqlite", "accounts.toml"))
        accounts.touch(0o600)
        who = {"access_key": USER, "secret_key": PASSWORD, "user": USER, "password": PASSWORD}
        accounts.write_text("\n".join(["[[account]]", *(f'{name} = "{value}"' for name, value in who.items()), ""]))
        named = (f"--backend={backend.base}/api", f"--state=sqlite:///{state}", f"--accounts={accounts}")
        self._options = (*named, "--timeout=3", *options)
        self.now = self._start()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._port}/ec2"

    def _start(self) -> Daemon:
        return start(*self._options, listen=f"--listen=tcp:{self._port}:interface=127.0.0.1")

    def kill(self) -> None:
        """Kill it, and start the next."""
        self._account.count("fault: the daemon is killed")
        self.now.kill()
        self._look_at_log()
        self.now = self._start()

    def kill_worker(self) -> None:
        """Kill one of its workers, if it has any: the first process replaces it."""
        if workers := children(self.now.pid):
            self._account.count("fault: a worker is killed")
            os.kill(workers[0], signal.SIGKILL)

    def restart(self) -> None:
        """Tell it to stop, wait until it has, and start the next."""
        self._account.count("fault: the daemon is restarted")
        self.now.tell_to_stop()
        self.now.exit_code()
        self._look_at_log()
        self.now = self._start()

    def close(self) -> None:
        """End the last one."""
        self.now.stop()
        self._look_at_log()

    def _look_at_log(self) -> None:
        log = self.now.log
        for text in ("Traceback", "Unhandled", "mockpassword"):
            if (at := log.find(text)) >= 0:
                self._account.wrong.append(f"the log has: {log[max(0, at - 300) : at + 1500]}")


class Trouble(threading.Thread):
    """Makes trouble, now and then, until it is told to stop."""

    def __init__(
        self, backend: Troubled, daemons: Daemons, account: Account, enough: threading.Event, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._backend = backend
        self._daemons = daemons
        self._account = account
        self._enough = enough
        self._chance = random.Random(seed)

    def run(self) -> None:
        """Make trouble."""
        try:
            while not self._enough.wait(self._chance.uniform(0.3, 2.0)):
                self._once()
        except Exception as error:
            self._account.wrong.append(f"Trouble: {error!r}")
            raise

    def _once(self) -> None:
        dice = self._chance.random()
        if dice < 0.08:
            self._daemons.kill()
        elif dice < 0.12:
            self._daemons.restart()
        elif dice < 0.2:
            self._daemons.kill_worker()
        elif dice < 0.3:
            self._backend.make("release")
        else:
            kind, (method, path) = self._chance.choice(_KINDS), self._chance.choice(_WHERE)
            self._account.count(f"fault: {kind} {method} {path}")
            self._backend.make(kind, method=method, path=path, times=str(self._chance.randint(1, 2)))

    def end(self) -> None:
        """Make no more."""
        self.join(DEADLINE)
        with suppress(OSError):
            self._backend.make("release")
