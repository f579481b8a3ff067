"""How connections are shared out among processes that take them from one socket."""

import mmap

from ec2proxy.sharing import shared_memory

_COUNT = 8
"""Bytes of one number: what a processor stores and loads in one go, where it is aligned."""

LEAD = 4
"""How many connections more than the least busy of the others a process may have, beside a part of theirs."""

_PART = 16


def memory_of_shares(processes: int) -> int:
    """Memory for the :class:`Shares` of so many processes; its descriptor."""
    return shared_memory("ec2proxy-shares", processes * _COUNT)


class Shares:
    """Who has how many connections.

    The system wakes all who wait for a socket, or any one of them, and who is quick takes most: of 64 connections one
    of two processes took up to 63. Clients stay for hours, so one process would do all the work.

    Each writes its own number only, so no lock is needed; a number may be old for a moment, which does no harm.

    :param descriptor: of :func:`memory_of_shares`; not needed any more afterwards.
    :param processes: as it was made for.
    :param place: this process's own, from 0.
    """

    def __init__(self, descriptor: int, processes: int, place: int) -> None:
        self._memory = mmap.mmap(descriptor, processes * _COUNT)
        # Storing to an item of such a view is one store of eight aligned bytes.
        self._counts = memoryview(self._memory).cast("Q")
        self._place = place
        # What a process had that was here before has ended with it.
        self.tell(0)

    def tell(self, count: int) -> None:
        """Say how many connections this process has."""
        self._counts[self._place] = count

    def is_ahead(self) -> bool:
        """Whether another process should have the next connection."""
        counts = self._counts.tolist()
        least = min(counts)
        return counts[self._place] - least > LEAD + least // _PART
