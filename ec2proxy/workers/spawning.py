"""A worker's process: this interpreter once more, with the sockets, the shared memory and a channel to us."""

# Twisted's names.
# ruff: noqa: N802, N815

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.workers.channel import Channel, Handler, Joining

#: The descriptors that a worker is born with, beside the standard ones; sockets to listen on follow.
CHANNEL, EPOCHS, SHARES, FIRST_SOCKET = 3, 4, 5, 6

MODULE = "ec2proxy.composition.worker"

#: What systemd tells the first process only (sd_notify(3), sd_listen_fds(3)).
_SYSTEMDS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")

_LONGEST_LINE = 16 * 1024


class WorkerProcess(ProcessProtocol):
    """One worker. What it writes to its standard output and error is logged: normally nothing.

    :param number: which one it is.
    :param channel: to speak with it.
    """

    _log = Logger()
    transport: IProcessTransport | None

    def __init__(self, number: int, channel: Channel) -> None:
        self.channel = channel
        self.ended: Deferred[str] = Deferred()
        self.pid = 0
        self._number = number
        self._written = b""

    def connectionMade(self) -> None:
        """Begin: there is nothing for it to read."""
        assert self.transport is not None
        self.pid = self.transport.pid
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Log what it has printed."""
        *lines, self._written = (self._written + data).split(b"\n")
        if len(self._written) > _LONGEST_LINE:
            lines, self._written = [*lines, self._written], b""
        for line in lines:
            self._log.warn(
                "Worker {number} wrote: {line}", number=self._number, line=line.decode("utf-8", "backslashreplace")
            )

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        if self._written:
            self.outReceived(b"\n")
        self.channel.close()
        self.ended.callback(_how(reason.value))

    def kill(self) -> None:
        """Make an end of it that it cannot see coming."""
        assert self.transport is not None
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


def launch(
    reactor: Any, epochs: int, shares: int, sockets: Sequence[int], number: int, handlers: Mapping[str, Handler]
) -> WorkerProcess:
    """Start a worker's process.

    :param epochs: the descriptor of the memory of epochs.
    :param shares: the descriptor of the memory of shares.
    :param sockets: the descriptors of the sockets that it is to listen on.
    :raises OSError: the system has no process or no descriptor left.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        channel = Channel(handlers)
        worker = WorkerProcess(number, channel)
        inherited = {CHANNEL: theirs.fileno(), EPOCHS: epochs, SHARES: shares}
        inherited.update((FIRST_SOCKET + index, descriptor) for index, descriptor in enumerate(sockets))
        reactor.spawnProcess(
            worker,
            sys.executable,
            [sys.executable, "-P", "-m", MODULE],
            env=_environment(os.environ),
            childFDs={0: "w", 1: 1, 2: "r", **inherited},
        )
        reactor.adoptStreamConnection(ours.fileno(), ours.family, Joining(channel))
    return worker


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Ours, with which the same modules are found as here."""
    kept = {name: value for name, value in environment.items() if name not in _SYSTEMDS}
    # The way to a checkout can lead over the working directory, which is '' there.
    return {**kept, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)}


def _how(error: Any) -> str:
    if getattr(error, "signal", None) is not None:
        return f"by {signal.Signals(error.signal).name}"
    return f"with exit code {getattr(error, 'exitCode', None)}"
