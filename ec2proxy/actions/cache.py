"""A memory of bounded size."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD = 512
"""About how many bytes it costs to keep anything at all."""


class Cache(Generic[K, V]):
    """Values by their keys; what was not used for longest goes first.

    :param most: bytes that may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """A value, which is thereby used; None where there is none."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, unless there is no room for it even without any other.

        :param size: about how many bytes it takes.
        """
        size += OVERHEAD
        _, before = self._kept.pop(key, (None, 0))
        self.bytes -= before
        if size <= self._most:
            self._kept[key] = value, size
            self.bytes += size
        while self.bytes > self._most:
            _, (_, freed) = self._kept.popitem(last=False)
            self.bytes -= freed
