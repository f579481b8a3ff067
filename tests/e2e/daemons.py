"""Daemons as users start them: processes of their own, with a log that is read, and real sockets.

Trial has no class fixtures, so the daemon that most tests share lives until the process ends; each test looks at
what was logged meanwhile. What a daemon does at its end has tests of its own, with daemons of their own.
"""

import atexit
import functools
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import ec2proxy

#: Seconds within which anything has to happen; generous, since nobody waits for them but when something is broken.
DEADLINE = 30.0

#: What is looked for again and again is looked for this often, in seconds.
TICK = 0.02

#: How twistd ends after SIGTERM: orderly, and then by the signal, so that whoever started it knows why (systemd takes
#: that for a success).
ORDERLY = -signal.SIGTERM

#: Where the package is, be it installed or a checkout.
ROOT = Path(ec2proxy.__file__).resolve().parent.parent

#: What a user calls: the script beside the interpreter.
TWISTD = str(Path(sys.executable).with_name("twistd"))

#: What no log may hold: what went wrong unexpectedly, and secrets.
FORBIDDEN = ("Traceback", "Unhandled", "mockpassword", "PRIVATE KEY", "Signature=", "AWS4-HMAC", "Basic ")

#: What a daemon logs once it can be asked, and the port, if there is one.
LISTENS = re.compile(r"ec2proxy listens at \S*Address\((?:.*port=(\d+)\))?")
_MOCK_LISTENS = re.compile(r"Site starting on (\d+)")


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would lead clients astray, and with ours on the path."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true", **more}


def until(condition: object, what: str, deadline: float = DEADLINE) -> object:
    """Wait until ``condition()`` is true, and give what it gave.

    :raises AssertionError: it was not by the deadline.
    """
    assert callable(condition)
    end = time.monotonic() + deadline
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline} s")
        time.sleep(TICK)
    return result


class Process:
    """A command under way, in a new directory, its output in a file.

    :param arguments: the command and its arguments.
    :param directory: where it runs; a temporary directory if not given.
    :param more: what its environment has besides.
    """

    def __init__(self, arguments: Sequence[str], directory: str | None = None, **more: str) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="ec2proxy-e2e-")
        self._output = Path(self._temporary.name, "output")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                arguments,
                cwd=directory or self._temporary.name,
                env=environment(PYTHONUNBUFFERED="1", **more),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._output.read_text("utf-8", "replace")

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until it has written what ``pattern`` finds.

        :raises AssertionError: it ended, or the deadline passed.
        """
        end = time.monotonic() + DEADLINE
        while (found := pattern.search(self.log)) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"no {pattern.pattern!r} in:\n{self.log}")
            time.sleep(TICK)
        return found

    def tell_to_stop(self) -> None:
        """Send SIGTERM, as init systems do."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Make an end of it that it cannot see coming, SIGKILL."""
        self._process.kill()
        self._process.wait()

    def exit_code(self) -> int:
        """Wait until it has ended."""
        return self._process.wait(DEADLINE)

    def stop(self) -> int:
        """Make sure that it ends, and give its exit code."""
        if self._process.poll() is None:
            self.tell_to_stop()
            try:
                return self.exit_code()
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()


class Daemon(Process):
    """A daemon that listens on a port of its own choice.

    :param listens: finds the port in what it writes.
    :param more: what its environment has besides.
    """

    def __init__(
        self, arguments: Sequence[str], listens: re.Pattern[str], directory: str | None = None, **more: str
    ) -> None:
        super().__init__(arguments, directory, **more)
        try:
            self.port = int(self.wait_for(listens)[1])
        except AssertionError:
            self.stop()
            raise
        self.base = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.base}/ec2"


def start(*options: str, listen: str = "--listen=tcp:0:interface=127.0.0.1", **more: str) -> Daemon:
    """``twistd -n ec2proxy``, on a free port.

    :param more: what its environment has besides.
    """
    return Daemon([TWISTD, "-n", "--pidfile=", "ec2proxy", listen, *options], LISTENS, **more)


def start_mock(*options: str) -> Daemon:
    """``twistd -n deltacloud-mock``, on a free port."""
    return Daemon([TWISTD, "-n", "--pidfile=", "deltacloud-mock", "--port=0", *options], _MOCK_LISTENS)


@functools.cache
def shared() -> Daemon:
    """The daemon on its embedded cloud that tests share; it is stopped when this process ends."""
    daemon = start()
    atexit.register(daemon.stop)
    return daemon


def run(
    arguments: Sequence[str], *, more: Mapping[str, str] | None = None, directory: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, and give all that it wrote."""
    return subprocess.run(
        arguments,
        cwd=directory,
        env=environment(**(more or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
