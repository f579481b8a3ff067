"""How much memory a collection takes, about."""

from collections.abc import Sequence
from sys import getsizeof
from typing import Any

from attrs import fields, has

# Measuring each of 10,000 instances would take as long as reading them.
_MEASURED = 32
# Beside an item itself: its places in the tuple and in the index.
_PLACES = 120
# A picture of nothing.
_LEAST = 1000


def weigh(items: Sequence[object]) -> int:
    """About how many bytes a collection takes, from some of its items, evenly spread.

    What items share (a state's name, say) is counted for each.
    """
    measured = items[:: max(1, len(items) // _MEASURED)]
    return _LEAST + len(items) * (_PLACES + sum(map(_size, measured)) // max(1, len(measured)))


def _size(value: object) -> int:
    size = getsizeof(value)
    kind: type[Any] = type(value)
    if has(kind):
        size += sum(_size(getattr(value, field.name)) for field in fields(kind))
    elif isinstance(value, tuple | frozenset):
        size += sum(map(_size, value))
    return size
