"""Taking turns: so many at a time, and nobody's flood holds up the others."""

from collections import OrderedDict

from twisted.internet.defer import Deferred, succeed


class Turns:
    """A fair limit on what is under way, for several users.

    Those who wait are served in a circle, one turn for each, and for one of them in the order of asking. One alone may
    have three quarters of the turns: else what it began before the others came would keep them waiting, for as long as
    a slow backend takes.

    Twisted's DeferredSemaphore calls each waiter from within the call of the one before it: a few hundred that
    end at once exceed Python's stack. Here they are called one after the other.

    :param limit: how many may have a turn at the same time, at least 1.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._share = limit - limit // 4
        self._held: dict[str, int] = {}
        # The next in the circle first; for each, in order, and fast to leave from the middle.
        self._waiting: OrderedDict[str, dict[Deferred[None], None]] = OrderedDict()
        self._calling = False

    def take(self, user: str) -> Deferred[None]:
        """Wait for a turn; it has to be given back. Cancelling gives up the place in the queue."""
        if self._free and user not in self._waiting and self._may(user):
            self._begin(user)
            return succeed(None)
        turn: Deferred[None] = Deferred(lambda turn: self._leave(user, turn))
        self._waiting.setdefault(user, {})[turn] = None
        return turn

    def give_back(self, user: str) -> None:
        """End a turn: the next who waits has it."""
        self._free += 1
        self._held[user] -= 1
        if not self._held[user]:
            del self._held[user]
        if self._calling:
            return
        self._calling = True
        try:
            while self._free and (next_user := self._next()) is not None:
                turn = next(iter(self._waiting[next_user]))
                self._leave(next_user, turn)
                if next_user in self._waiting:
                    self._waiting.move_to_end(next_user)
                self._begin(next_user)
                turn.callback(None)
        finally:
            self._calling = False

    def _may(self, user: str) -> bool:
        return self._held.get(user, 0) < self._share

    def _next(self) -> str | None:
        return next(filter(self._may, self._waiting), None)

    def _begin(self, user: str) -> None:
        self._free -= 1
        self._held[user] = self._held.get(user, 0) + 1

    def _leave(self, user: str, turn: Deferred[None]) -> None:
        waiting = self._waiting[user]
        del waiting[turn]
        if not waiting:
            del self._waiting[user]
