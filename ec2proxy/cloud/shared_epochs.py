"""How far the writes of several processes of one machine have come, in memory that they share."""

import mmap
import os
from functools import lru_cache
from struct import Struct
from zlib import crc32

from zope.interface import implementer

from ec2proxy.interfaces import IEpochs
from ec2proxy.sharing import shared_memory

ROWS = 8192
"""Scopes are spread over that many rows. Two in one row cost each other's pictures a refresh, nothing more."""

_COUNTER = 8
"""Bytes of one counter: what a processor stores and loads in one go, where it is aligned."""


def memory_of_epochs(columns: int, rows: int = ROWS) -> int:
    """Memory for :class:`SharedEpochs`; its descriptor.

    :param columns: how many processes write to it at a time.
    """
    # Two rows more than asked for: writes to everything, and all writes to anything.
    return shared_memory("ec2proxy-epochs", (rows + 2) * columns * _COUNTER)


@implementer(IEpochs)
class SharedEpochs:
    """The epochs of processes that serve the same clouds.

    A scope has a row of counters, one for each process, and its epoch is their sum. A process counts in its own column
    only, so that no lock is needed: a counter never goes back, hence two sums differ if a write ended between them,
    even where one was read while others were counting. A process that takes a dead one's place goes on in its column.

    :param descriptor: of what :func:`memory_of_epochs` gave; not needed any more afterwards.
    :param columns: as it was made for.
    :param column: this process's own, from 0.
    """

    def __init__(self, descriptor: int, columns: int, column: int) -> None:
        size = os.fstat(descriptor).st_size
        rows = size // (columns * _COUNTER) - 2
        if not 0 <= column < columns or rows < 1:
            raise ValueError(f"no column {column} of {columns} in {size} bytes")
        self._memory = mmap.mmap(descriptor, size)
        # Storing to an item of such a view is one store of eight aligned bytes.
        self._counters = memoryview(self._memory).cast("Q")
        self._row = Struct(f"={columns}Q").unpack_from
        self._column = column
        self._everything = rows * columns * _COUNTER
        self._anything = (rows + 1) * columns * _COUNTER

        def place(scope: str) -> int:
            # Not hash(): each process has its own.
            return crc32(scope.encode("utf-8", "surrogatepass")) % rows * columns * _COUNTER

        self._place = lru_cache(4096)(place)

    def of(self, scope: str) -> int:
        """The number of writes to all scopes of its row, so far."""
        memory = self._memory
        total: int = sum(self._row(memory, self._place(scope))) + sum(self._row(memory, self._everything))
        return total

    def of_all(self) -> int:
        """The number of writes so far."""
        total: int = sum(self._row(self._memory, self._anything))
        return total

    def bump(self, scope: str) -> None:
        """Count a write."""
        self._count(self._place(scope))

    def bump_all(self) -> None:
        """Count a write to everything: somebody has died who may have written and could not say so any more."""
        self._count(self._everything)

    def _count(self, place: int) -> None:
        for row in (place, self._anything):
            self._counters[row // _COUNTER + self._column] += 1

    async def settled(self) -> None:
        """What is stored in shared memory can be seen at once."""
