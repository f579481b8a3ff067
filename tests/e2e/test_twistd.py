"""twistd's side of it: what it lists, the .tac file, mistakes, and the end."""

import os
import signal
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.cases import client
from tests.e2e.daemons import LISTENS, ORDERLY, TWISTD, Process, run, start, until


class TwistdTests(SynchronousTestCase):
    """Commands that end by themselves."""

    def assert_one_line(self, *arguments: str, says: str) -> None:
        """The command fails with one line on standard error."""
        done = run([TWISTD, "-n", "--pidfile=", *arguments], directory=self.directory())
        self.assertNotEqual(done.returncode, 0)
        (line,) = done.stderr.splitlines()
        self.assertIn(says, line)
        self.assertNotIn("Traceback", done.stdout)

    def directory(self) -> str:
        """An empty directory."""
        path = Path(self.mktemp())
        path.mkdir()
        return str(path)

    def test_help(self) -> None:
        """Both plugins are listed."""
        listed = run([TWISTD, "--help"], directory=self.directory()).stdout
        self.assertRegex(listed, r"(?m)^ +ec2proxy +A real EC2 API")
        self.assertRegex(listed, r"(?m)^ +deltacloud-mock +A Deltacloud server")

    def test_options_help(self) -> None:
        """The options are explained."""
        done = run([TWISTD, "ec2proxy", "--help"], directory=self.directory())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--backend", "--listen", "--frontends", "--accounts", "--freshness", "--timeout", "--drain"):
            self.assertIn(option, done.stdout)

    def test_unknown_option(self) -> None:
        """An option that is not there."""
        self.assert_one_line("ec2proxy", "--bogus", says="--bogus")

    def test_wrong_value(self) -> None:
        """An option's value that is wrong."""
        self.assert_one_line("ec2proxy", "--frontends=ec3", says="--frontends: 'ec3'")

    def test_taken(self) -> None:
        """A port that somebody else listens at."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            options = ["ec2proxy", f"--listen=tcp:{port}:interface=127.0.0.1"]
            here = run([TWISTD, "-n", "--pidfile=", *options])
            directory = self.directory()
            there = run([TWISTD, *options], directory=directory)
        self.assertEqual((here.returncode, there.returncode), (1, 1))
        log = Path(directory, "twistd.log")
        # The one in the foreground is told before the one in the background has written why.
        until(lambda: "cannot listen" in log.read_text(), "the log says why")
        for written in (here.stdout, log.read_text()):
            (line,) = [line for line in written.splitlines() if "error]" in line]
            self.assertIn(f"cannot listen at tcp:{port}:interface=127.0.0.1: [Errno", line)
        self.assertIn("cannot listen", there.stdout + there.stderr)
        self.assertFalse(Path(directory, "twistd.pid").exists())

    def test_mock_wrong_value(self) -> None:
        """A mistake about the mock cloud is one line on standard error."""
        done = run([TWISTD, "-n", "--pidfile=", "deltacloud-mock", "--port=http"], directory=self.directory())
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.rstrip("\n"), "deltacloud-mock: --port: 'http' is not a port")


class LifeTests(SynchronousTestCase):
    """Daemons that are told to end."""

    def test_end(self) -> None:
        """SIGTERM ends the daemon, and nothing went wrong meanwhile."""
        daemon = start()
        self.addCleanup(daemon.stop)
        ec2 = client(daemon.url)
        self.addCleanup(ec2.close)
        ec2.describe_instances()
        self.assertEqual(daemon.stop(), ORDERLY)
        self.assertIn("Server Shut Down", daemon.log)
        self.assertNotIn("Traceback", daemon.log)
        self.assertNotIn("Unhandled", daemon.log)

    def test_background(self) -> None:
        """Without ``-n`` it goes to the background, logs to a file, and ends when its pid is told to."""
        directory = Path(self.mktemp())
        directory.mkdir()
        begun = run([TWISTD, "ec2proxy", "--listen=tcp:0:interface=127.0.0.1"], directory=str(directory))
        self.assertEqual((begun.returncode, begun.stdout, begun.stderr), (0, "", ""))
        pid = int(directory.joinpath("twistd.pid").read_text())
        log = directory / "twistd.log"
        try:
            until(lambda: LISTENS.search(log.read_text()), "the daemon listens")
        finally:
            os.kill(pid, signal.SIGTERM)
        until(lambda: "Server Shut Down" in log.read_text(), "the daemon ends")
        until(lambda: not directory.joinpath("twistd.pid").exists(), "the pid file is gone")

    def test_unix_socket(self) -> None:
        """An endpoint may be a Unix socket."""
        path = Path(self.mktemp())
        daemon = Process([TWISTD, "-n", "--pidfile=", "ec2proxy", f"--listen=unix:{path.resolve()}"])
        self.addCleanup(daemon.stop)
        daemon.wait_for(LISTENS)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(path.resolve()))
            connection.sendall(b"GET /ec2 HTTP/1.1\r\nHost: localhost:3001\r\nConnection: close\r\n\r\n")
            self.assertTrue(connection.makefile("rb").readline().startswith(b"HTTP/1.1 301 "))

    def test_tac(self) -> None:
        """``twistd -ny ec2proxy.tac`` is the same daemon, with its options in a file."""
        source = Path(__file__).resolve().parents[2].joinpath("ec2proxy.tac").read_text()
        tac = Path(self.mktemp())
        tac.write_text(source.replace("parseOptions([])", 'parseOptions(["--listen=tcp:0:interface=127.0.0.1"])'))
        self.assertNotEqual(tac.read_text(), source)
        daemon = Process([TWISTD, "--pidfile=", "-noy", str(tac.resolve())])
        self.addCleanup(daemon.stop)
        daemon.wait_for(LISTENS)
        self.assertEqual(daemon.stop(), ORDERLY)
        self.assertNotIn("Traceback", daemon.log)
