"""A memory of bounded size."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD = 512
"""About how many bytes it costs to keep anything at all."""


class Slot(Generic[V]):
    """Where one value is held: who asks for it often finds it here.

    :ivar value: None once it had to go.
    :ivar used: whether it was asked for since anybody looked for what might go; who takes it from here says so.
    """

    __slots__ = ("size", "used", "value")

    def __init__(self) -> None:
        self.value: V | None = None
        self.size = 0
        self.used = False


class Cache(Generic[K, V]):
    """Values by their keys; what was not used for long goes first.

    What was used is not put in order each time it is, but spared once when something has to go.

    :param most: bytes that may be held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0
        self._kept: OrderedDict[K, Slot[V]] = OrderedDict()

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._kept)

    def slot(self, key: K) -> Slot[V] | None:
        """Where a value is held; None where there is none."""
        return self._kept.get(key)

    def get(self, key: K) -> V | None:
        """A value, which is thereby used; None where there is none."""
        slot = self._kept.get(key)
        if slot is None:
            return None
        slot.used = True
        return slot.value

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, unless there is no room for it even without any other.

        :param size: about how many bytes it takes.
        """
        size += OVERHEAD
        if size > self._most:
            self._drop(key)
            return
        slot = self._kept.setdefault(key, Slot())
        self.bytes += size - slot.size
        slot.value, slot.size = value, size
        self._kept.move_to_end(key)
        while self.bytes > self._most:
            first = next(iter(self._kept))
            spared = self._kept[first]
            if spared.used or spared is slot:
                spared.used = False
                self._kept.move_to_end(first)
            else:
                self._drop(first)

    def _drop(self, key: K) -> None:
        slot = self._kept.pop(key, None)
        if slot is not None:
            self.bytes -= slot.size
            slot.value = None
