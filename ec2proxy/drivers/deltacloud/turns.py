"""Taking turns: so many at a time, in the order of asking."""

from twisted.internet.defer import Deferred, succeed


class Turns:
    """A fair limit on what is under way.

    Twisted's DeferredSemaphore calls each waiter from within the call of the one before it: a few hundred that
    end at once exceed Python's stack. Here they are called one after the other.

    :param limit: how many may have a turn at the same time.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        # In order, and fast to leave from the middle.
        self._waiting: dict[Deferred[None], None] = {}
        self._calling = False

    def take(self) -> Deferred[None]:
        """Wait for a turn; it has to be given back. Cancelling gives up the place in the queue."""
        if self._free and not self._waiting:
            self._free -= 1
            return succeed(None)
        turn: Deferred[None] = Deferred(self._waiting.pop)
        self._waiting[turn] = None
        return turn

    def give_back(self) -> None:
        """End a turn: the next who waits has it."""
        self._free += 1
        if self._calling:
            return
        self._calling = True
        try:
            while self._free and self._waiting:
                self._free -= 1
                turn = next(iter(self._waiting))
                del self._waiting[turn]
                turn.callback(None)
        finally:
            self._calling = False
