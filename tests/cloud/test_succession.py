"""Whoever looks for what others have left can be stopped at any time."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.succession import SUCCESSION_SECONDS, Succession
from ec2proxy.errors import StateUnavailable
from ec2proxy.state.memory import MemoryStateStore


class StopTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.cancelled = 0
        self.looks: list[Deferred[list[Ledger]]] = []
        self.succession = Succession(self.unfinished, MemoryStateStore(), self.clock)

    async def unfinished(self) -> list[Ledger]:
        """What is unfinished, when the test says so."""

        def cancel(deferred: "Deferred[list[Ledger]]") -> None:
            self.cancelled += 1

        self.looks.append(Deferred(cancel))
        return await self.looks[-1]

    def test_at_once(self) -> None:
        """A first look that is cut off is no failure."""
        begun = Deferred.fromCoroutine(self.succession.begin())
        self.assertNoResult(begun)
        self.succession.stop()
        self.successResultOf(begun)
        self.assertEqual((self.cancelled, self.clock.getDelayedCalls()), (1, []))

    def test_first_look_fails(self) -> None:
        """One that fails is told, and others follow."""
        begun = Deferred.fromCoroutine(self.succession.begin())
        self.looks[0].errback(StateUnavailable())
        self.failureResultOf(begun, StateUnavailable)
        self.clock.advance(SUCCESSION_SECONDS)
        self.assertEqual(len(self.looks), 2)
        with capturedLogs() as logged:
            self.succession.stop()
        self.assertEqual((self.cancelled, logged), (1, []))
