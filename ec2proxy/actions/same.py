"""What is made of the same things is made once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SameOf(Generic[T]):
    """Remembers what a function made last for somebody, by the very objects that it was made of.

    :param make: gives the same for the same arguments.
    :param most: for how many it is remembered; the one who has not asked for longest goes first.
    """

    def __init__(self, make: Callable[..., T], most: int = 200) -> None:
        self._make = make
        self._most = most
        self._made: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def of(self, owner: Hashable, *arguments: object) -> T:
        """What is made of ``arguments``, for ``owner``."""
        made = self._made.get(owner)
        if made is None or any(one is not other for one, other in zip(made[0], arguments, strict=True)):
            made = self._made[owner] = arguments, self._make(*arguments)
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        self._made.move_to_end(owner)
        return made[1]
