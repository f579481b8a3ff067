"""Where lines are written: a file or a stream whose failures stop nobody."""

import os
from collections.abc import Callable
from typing import Protocol

STDOUT = "-"


class Lines(Protocol):
    """What takes lines of a log, be it in another process.

    :ivar lost: how many it could not write.
    """

    lost: int

    def write(self, text: str) -> None:
        """Take whole lines; never fails."""

    def reopen(self) -> None:
        """Go on in a new file, if it is one."""


class Sink:
    """Appends text to a file, each time with one call of the system, so that lines of several workers do not mix.

    What cannot be written is lost and counted: a full disk or a broken pipe is no reason to answer no requests.

    :param path: made if it is not there, readable by its owner's group at most; ``-`` is standard output.
    :param write: as :func:`os.write`.
    :raises OSError: the file cannot be opened.
    """

    def __init__(self, path: str, write: Callable[[int, bytes], int] = os.write) -> None:
        self._path = path if path == STDOUT else os.path.abspath(path)
        self._write = write
        self._torn = False
        self.lost = 0
        """Lines that could not be written."""
        self._descriptor = self._open()
        self._file = self._found()

    def write(self, text: str) -> None:
        """Append whole lines, the last one's end included; to a new file where the old one was moved away."""
        if self._file is not None and self._found() != self._file:
            self.reopen()
        data = text.encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        written = 0
        try:
            while written < len(data):
                written += self._write(self._descriptor, data[written:])
        except OSError:
            self.lost += data[written:].count(b"\n")
            self._torn = self._torn if written == 0 else data[written - 1 : written] != b"\n"
        else:
            self._torn = False

    def reopen(self) -> None:
        """Go on in the file that has the name now (logrotate has moved the old one away), in the old one if that fails.

        It comes by itself with the next line; in every worker, which SIGHUP does not reach.
        """
        if self._path == STDOUT:
            return
        try:
            fresh = self._open()
        except OSError:
            return
        os.close(self._descriptor)
        self._descriptor = fresh
        self._file = self._found()
        self._torn = False

    def close(self) -> None:
        """Let go of the file."""
        if self._path != STDOUT:
            os.close(self._descriptor)

    def _found(self) -> tuple[int, int] | None:
        """Which file has the name now; None for none, and for standard output."""
        if self._path == STDOUT:
            return None
        try:
            about = os.stat(self._path)
        except OSError:
            return None
        return about.st_dev, about.st_ino

    def _open(self) -> int:
        if self._path == STDOUT:
            return 1
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
