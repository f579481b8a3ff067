"""A directory of several processes, which is gone when the last of them is."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress

#: Where files are in memory, on Linux.
_IN_MEMORY = "/dev/shm"


class Scratch:
    """This process's use of such a directory.

    However the others end, the last one that ends in good order removes it.

    :param path: the directory.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @classmethod
    def make(cls, path: str) -> "Scratch":
        """Make it, for its owner's eyes only."""
        os.mkdir(path, 0o700)
        return cls(path)

    def leave(self) -> None:
        """Use it no more."""
        with suppress(BlockingIOError):
            # If this is refused, it has let go of the shared lock all the same (flock(2)).
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._descriptor)


def new_path() -> str:
    """Where one can be made, in memory if the system has such a place; nobody can know the name before."""
    where = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else tempfile.gettempdir()
    return os.path.join(where, f"ec2proxy-{os.urandom(12).hex()}")
