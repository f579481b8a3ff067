"""A worker's process: what it is born with, and how its end is told. The reactor only remembers."""

import os
import signal
import socket
import sys
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.workers.spawning import CHANNEL, EPOCHS, FIRST_SOCKET, SHARES, WorkerProcess, launch

EPOCHS_HERE, SHARES_HERE, SOCKETS_HERE = 70, 71, [80, 81]


@define
class Transport:
    """A process's transport."""

    pid: int = 4711
    stdin: bool = True
    signals: list[str] = field(factory=list)
    ended: bool = False

    def closeStdin(self) -> None:  # noqa: N802  # Twisted's name
        """Close it."""
        self.stdin = False

    def signalProcess(self, name: str) -> None:  # noqa: N802  # Twisted's name
        """Note it."""
        if self.ended:
            raise ProcessExitedAlready
        self.signals.append(name)


@define
class Reactor:
    """Starts nothing."""

    started: dict[str, Any] = field(factory=dict)
    channels: list[tuple[socket.AddressFamily, Any]] = field(factory=list)
    transport: Transport = field(factory=Transport)
    error: OSError | None = None

    def spawnProcess(self, protocol: Any, executable: str, arguments: list[str], **more: Any) -> None:  # noqa: N802
        """Note what was to be started."""
        if self.error is not None:
            raise self.error
        self.started = {"executable": executable, "arguments": arguments, **more}
        protocol.makeConnection(self.transport)

    def adoptStreamConnection(self, descriptor: int, family: Any, factory: Any) -> None:  # noqa: N802
        """Note a channel."""
        assert not os.get_blocking(descriptor)
        self.channels.append((family, factory.buildProtocol(None)))


class LaunchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()

    def launch(self) -> WorkerProcess:
        """Start one."""
        return launch(self.reactor, EPOCHS_HERE, SHARES_HERE, SOCKETS_HERE, 2, {})

    def test_born(self) -> None:
        """It is this interpreter, has the memory, the sockets and a channel, and nothing to read."""
        worker = self.launch()
        started = self.reactor.started
        self.assertEqual(started["executable"], sys.executable)
        self.assertEqual(started["arguments"][1:], ["-P", "-m", "ec2proxy.composition.worker"])
        inherited = started["childFDs"]
        self.assertEqual(inherited.pop(CHANNEL) > 2, True)
        memories = {EPOCHS: EPOCHS_HERE, SHARES: SHARES_HERE}
        self.assertEqual(inherited, {0: "w", 1: 1, 2: "r", **memories, FIRST_SOCKET: 80, FIRST_SOCKET + 1: 81})
        self.assertEqual((worker.pid, self.reactor.transport.stdin), (4711, False))
        self.assertEqual(self.reactor.channels, [(socket.AF_UNIX, worker.channel)])

    def test_environment(self) -> None:
        """It finds the modules where we do, and is told nothing of what is systemd's and ours."""
        self.patch(os, "environ", {"A": "b", "NOTIFY_SOCKET": "@x", "LISTEN_PID": "1", "LISTEN_FDS": "1"})
        self.patch(sys, "path", ["", "/somewhere"])
        self.launch()
        self.assertEqual(self.reactor.started["env"], {"A": "b", "PYTHONPATH": f"{os.getcwd()}:/somewhere"})

    def test_no_process(self) -> None:
        """Where none can be had, that is told, and no descriptor stays behind."""
        self.reactor.error = OSError(11, "Resource temporarily unavailable")
        before = os.listdir("/proc/self/fd")
        self.assertRaises(OSError, self.launch)
        self.assertEqual(os.listdir("/proc/self/fd"), before)

    def test_ends(self) -> None:
        """It is told how it has ended: by which signal, or with which exit code."""
        for error, how in (
            (ProcessTerminated(signal=signal.SIGKILL), "by SIGKILL"),
            (ProcessTerminated(exitCode=3), "with exit code 3"),
            (ProcessDone(0), "with exit code 0"),
        ):
            worker = self.launch()
            self.assertNoResult(worker.ended)
            worker.processEnded(Failure(error))
            self.assertEqual(self.successResultOf(worker.ended), how)

    def test_kill(self) -> None:
        """It can be killed, also when it has just ended."""
        worker = self.launch()
        worker.kill()
        self.reactor.transport.ended = True
        worker.kill()
        self.assertEqual(self.reactor.transport.signals, ["KILL"])

    def test_writes(self) -> None:
        """What it writes is in the log line by line, however it comes, bounded, and so that it forges none."""
        worker = self.launch()
        with capturedLogs() as logged:
            for data in (b"Traceb", b"ack\nand \xff\nso", b" on", b"x" * 20_000, b"\nlast"):
                worker.errReceived(data)
            worker.processEnded(Failure(ProcessDone(0)))
        lines = [event["line"] for event in logged]
        self.assertEqual((lines[:2], lines[3:]), (["Traceback", "and \\xff"], ["", "last"]))
        self.assertEqual(lines[2], "so on" + "x" * 20_000)
        self.assertEqual({event["number"] for event in logged}, {2})
