"""Long work on the reactor's thread, cut into slices, so that nobody waits long for it."""

from collections.abc import Generator
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

_T = TypeVar("_T")

SLICE = 1_000_000
"""What is done in one go; see :data:`~ec2proxy.drivers.deltacloud.segments.LOOKED_UP`. About three milliseconds."""


class Slices:
    """Pieces of work, of which one goes on for one slice in each turn of the reactor.

    Each begins with a slice at once, so that what is short never waits.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # In order, and fast to leave from the middle.
        self._waiting: dict[Deferred[None], None] = {}
        self._called = False

    async def run(self, work: Generator[int, None, _T]) -> _T:
        """Do ``work`` and give its result; cancelling leaves the rest undone.

        :param work: yields what each of its steps has cost; see :data:`SLICE`.
        """
        spent = 0
        while True:
            try:
                spent += next(work)
            except StopIteration as end:
                result: _T = end.value
                return result
            if spent >= SLICE:
                spent = 0
                await self._turn()

    def _turn(self) -> Deferred[None]:
        turn: Deferred[None] = Deferred(self._waiting.pop)
        self._waiting[turn] = None
        self._call()
        return turn

    def _call(self) -> None:
        if self._waiting and not self._called:
            self._called = True
            self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._called = False
        if self._waiting:
            turn = next(iter(self._waiting))
            del self._waiting[turn]
            self._call()
            turn.callback(None)
