"""Taking turns: so many at a time, and nobody's flood holds up the others."""

from collections import OrderedDict
from collections.abc import Hashable

from twisted.internet.defer import Deferred, succeed

_STRANGERS = "strangers"


class Turns:
    """A fair limit on what is under way, for several callers.

    Those who wait are served in a circle, one turn for each, and for one of them in the order of asking. One alone may
    have three quarters of the turns: else what it began before the others came would keep them waiting, for as long as
    a slow backend takes.

    Whoever the backend has not taken a password from yet may be anybody who makes up names. All such strangers have
    one place in the circle together, and a circle of their own for it.

    Twisted's DeferredSemaphore calls each waiter from within the call of the one before it: a few hundred that
    end at once exceed Python's stack. Here they are called one after the other.

    :param limit: how many may have a turn at the same time, at least 1.
    :param most_known: how many callers are told from strangers; the one who has not been answered for longest goes
        first.
    """

    def __init__(self, limit: int, most_known: int = 10_000) -> None:
        self._free = limit
        self._share = limit - limit // 4
        self._most_known = most_known
        self._known: OrderedDict[Hashable, None] = OrderedDict()
        self._held: dict[Hashable, int] = {}
        # By place in the circle, the next first, and there by caller; for each, in order, and fast to leave from the
        # middle.
        self._waiting: OrderedDict[Hashable, OrderedDict[Hashable, dict[Deferred[None], None]]] = OrderedDict()
        self._calling = False

    def take(self, caller: Hashable) -> Deferred[None]:
        """Wait for a turn; it has to be given back. Cancelling gives up the place in the queue.

        :param caller: who it is, password included: nobody is to wait for what others ask for in its name.
        """
        place = (caller,) if caller in self._known else _STRANGERS
        waiting = self._waiting.get(place)
        queued = waiting is not None and caller in waiting
        if self._free and not queued and self._may(caller):
            self._begin(caller)
            return succeed(None)
        turn: Deferred[None] = Deferred(lambda turn: self._leave(place, caller, turn))
        self._waiting.setdefault(place, OrderedDict()).setdefault(caller, {})[turn] = None
        return turn

    def give_back(self, caller: Hashable) -> None:
        """End a turn: the next who waits has it."""
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        if self._calling:
            return
        self._calling = True
        try:
            while self._free and (found := self._next()) is not None:
                place, one = found
                turn = next(iter(self._waiting[place][one]))
                self._leave(place, one, turn)
                if place in self._waiting:
                    self._waiting.move_to_end(place)
                    if one in self._waiting[place]:
                        self._waiting[place].move_to_end(one)
                self._begin(one)
                turn.callback(None)
        finally:
            self._calling = False

    def recognize(self, caller: Hashable, known: bool) -> None:
        """Note whether the backend has taken a caller's password.

        :param known: False where it has refused it.
        """
        self._known.pop(caller, None)
        if known:
            self._known[caller] = None
            if len(self._known) > self._most_known:
                self._known.popitem(last=False)

    def _may(self, caller: Hashable) -> bool:
        return self._held.get(caller, 0) < self._share

    def _next(self) -> tuple[Hashable, Hashable] | None:
        for place, waiting in self._waiting.items():
            for caller in waiting:
                if self._may(caller):
                    return place, caller
        return None

    def _begin(self, caller: Hashable) -> None:
        self._free -= 1
        self._held[caller] = self._held.get(caller, 0) + 1

    def _leave(self, place: Hashable, caller: Hashable, turn: Deferred[None]) -> None:
        callers = self._waiting[place]
        del callers[caller][turn]
        if not callers[caller]:
            del callers[caller]
            if not callers:
                del self._waiting[place]
