"""systemd's side of it, as far as it can be had without systemd: its tools, and sockets such as it gives."""

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from urllib.request import Request

from tests.e2e.backends import BASIC, HTTP, BackendTestCase
from tests.e2e.daemons import ORDERLY, ROOT, TWISTD, Process, run, until

CONTRIB = ROOT / "contrib"

#: What docs/operations.rst says of the unit.
EXPOSURE = 1.1


class UnitTests(BackendTestCase):
    """The units, judged by systemd's own tools."""

    def setUp(self) -> None:
        if shutil.which("systemd-analyze") is None:
            self.skipTest("there is no systemd-analyze (Debian: systemd)")

    def test_verify(self) -> None:
        """systemd understands every line."""
        directory = Path(self.mktemp()).resolve()
        directory.mkdir()
        for name in ("ec2proxy.service", "ec2proxy.socket"):
            # Where it would be installed there is nothing here.
            unit = (CONTRIB / name).read_text().replace("/opt/ec2proxy/bin/twistd", TWISTD)
            (directory / name).write_text(unit)
        done = run(["systemd-analyze", "verify", *(str(path) for path in sorted(directory.iterdir()))])
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_security(self) -> None:
        """It is exposed as little as the documentation says."""
        threshold = f"--threshold={EXPOSURE * 10:.0f}"
        done = run(["systemd-analyze", "security", "--offline=yes", threshold, str(CONTRIB / "ec2proxy.service")])
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"exposure level for ec2proxy.service: {EXPOSURE}", done.stdout)
        self.assertIn(f"**{EXPOSURE} (OK)**", (ROOT / "docs" / "operations.rst").read_text())


class NotifiedTests(BackendTestCase):
    """A daemon that tells what it is told to tell."""

    def test_life(self) -> None:
        """It is ready when it answers, lives, reloads, and stops; each is told, in that order."""
        directory = self.enterContext(tempfile.TemporaryDirectory())
        manager = self.enterContext(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        manager.settimeout(30)
        manager.bind(f"{directory}/notify")
        told: list[str] = []

        def wait_for(assignment: str) -> None:
            while not told or assignment not in told[-1].split("\n"):
                told.append(manager.recv(65536).decode())

        daemon = Process(
            [TWISTD, "-n", "--pidfile=", "ec2proxy", f"--listen=unix:{directory}/socket"],
            NOTIFY_SOCKET=f"{directory}/notify",
            WATCHDOG_USEC="400000",
        )
        self.started(daemon)
        wait_for("READY=1")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{directory}/socket")
            connection.sendall(f"GET /ec2?Action=DescribeRegions HTTP/1.0\r\nAuthorization: {BASIC}\r\n\r\n".encode())
            self.assertIn(b" 200 ", connection.makefile("rb").readline())
        for _ in range(3):
            told.clear()
            wait_for("WATCHDOG=1")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_for("RELOADING=1")
        self.assertIn("MONOTONIC_USEC=", told[-1])
        wait_for("READY=1")
        daemon.tell_to_stop()
        wait_for("STOPPING=1")
        self.assertEqual(daemon.exit_code(), ORDERLY)


class ActivatedTests(BackendTestCase):
    """A daemon that is given its socket."""

    def test_alone(self) -> None:
        """The first connection starts the daemon, on the socket that it came by."""
        self.activated()

    def test_workers(self) -> None:
        """So it does with workers, who are given the socket in their turn."""
        self.activated("--workers=2")

    def activated(self, *options: str) -> None:
        """Start it by a connection."""
        if shutil.which("systemd-socket-activate") is None:
            self.skipTest("there is no systemd-socket-activate (Debian: systemd)")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = [f"--setenv={name}" for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ]
        listen = "--listen=systemd:domain=INET:name=ec2"
        command = [TWISTD, "-n", "--pidfile=", "ec2proxy", listen, *options]
        daemon = Process(
            ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", "--fdname=ec2", *environment, *command]
        )
        self.started(daemon)
        until(lambda: "Listening on" in daemon.log, "systemd-socket-activate listens")
        self.assertNotIn("ec2proxy listens", daemon.log)
        url = f"http://127.0.0.1:{port}/ec2?Action=DescribeRegions"
        with HTTP.open(Request(url, headers={"Authorization": BASIC}), timeout=30) as answer:
            self.assertEqual(answer.status, 200)
        until(lambda: f"port={port}" in daemon.log, "it says where it listens")
