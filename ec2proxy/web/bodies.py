"""Room for bodies that arrive bit by bit, of whoever it may be."""

MOST = 64 * 1024 * 1024
"""Bytes that all of them may have together: nobody has proved yet who sends them."""

SMALL = 16 * 1024
"""Bytes of a body that count for nothing: few requests have as many, and a connection may wait with as many anyway."""


class Bodies:
    """How much has arrived of bodies that are not whole yet.

    :param most: bytes that all may have together.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: dict[object, int] = {}
        self.bytes = 0

    def hold(self, owner: object, size: int) -> bool:
        """Note how much has arrived for somebody; False if there is no room for it, which then is not noted.

        :param size: bytes, all of them so far.
        """
        if size <= SMALL:
            return True
        more = size - self._held.get(owner, 0)
        if self.bytes + more > self._most:
            return False
        self._held[owner] = size
        self.bytes += more
        return True

    def let_go(self, owner: object) -> None:
        """Note that it is whole, or not wanted any more."""
        self.bytes -= self._held.pop(owner, 0)
