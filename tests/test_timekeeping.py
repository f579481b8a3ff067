"""Tests of what becomes of waiting when the clock is put back."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.timekeeping import Timekeeper


class Reactor(Clock):
    """A clock that can be set, and lends an ear to threads."""

    def callFromThread(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: N802  # Twisted's name
        """Call it now."""
        function(*arguments)


class TimekeeperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.reactor.advance(1_000_000)
        self.steady = 50.0
        self.keeper = Timekeeper(self.reactor, self.reactor.seconds, lambda: self.steady)
        self.done: list[str] = []

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.steady += seconds
        self.reactor.advance(seconds)
        self.keeper.look()

    def after(self, seconds: float, what: str) -> None:
        """Have something done later."""
        self.reactor.callLater(seconds, self.done.append, what)

    def test_put_back(self) -> None:
        """What waits is done when it would have been; what begins to wait afterwards, too."""
        self.after(2, "before")
        self.after(100, "long before")
        self.reactor.rightNow -= 3600
        self.after(3, "between")
        with capturedLogs() as logged:
            self.wait(1)
        self.assertAlmostEqual(logged[0]["seconds"], 3600)
        self.after(3, "after")
        self.assertEqual(self.done, [])
        self.wait(1)
        self.assertEqual(self.done, ["before"])
        self.wait(1)
        self.assertEqual(self.done, ["before", "between"])
        self.wait(1)
        self.assertEqual(self.done, ["before", "between", "after"])
        self.wait(96)
        self.assertEqual(self.done[3:], ["long before"])

    def test_put_back_a_little(self) -> None:
        """Corrections such as NTP makes are nobody's business."""
        self.after(2, "before")
        self.reactor.rightNow -= 0.9
        with capturedLogs() as logged:
            self.wait(2)
        self.assertEqual((self.done, logged), ([], []))
        self.wait(1)
        self.assertEqual(self.done, ["before"])

    def test_put_forward(self) -> None:
        """What waits is done early, and nothing that begins to wait afterwards late."""
        self.after(2, "before")
        self.reactor.rightNow += 3600
        self.wait(1)
        self.assertEqual(self.done, ["before"])
        self.after(2, "after")
        self.wait(2)
        self.assertEqual(self.done, ["before", "after"])

    def test_service(self) -> None:
        """It watches in a thread, which ends with the service."""
        self.keeper.startService()
        self.assertTrue(self.keeper.running)
        self.keeper.stopService()
        self.assertTrue(self.keeper._ended.is_set())
