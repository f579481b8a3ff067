"""Deadlines that move often, behind a timer that seldom does."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.web.patience import Patience


class PatienceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.ends: list[float] = []
        self.patience = Patience(self.clock, lambda: self.ends.append(self.clock.seconds()))

    def test_over(self) -> None:
        """It is over in time, and once."""
        self.patience.wait(5)
        self.clock.advance(4.5)
        self.assertEqual(self.ends, [])
        self.clock.advance(100)
        self.assertEqual(len(self.ends), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_later(self) -> None:
        """A deadline that moves on does not move the timer."""
        self.patience.wait(5)
        (timer,) = self.clock.getDelayedCalls()
        for _ in range(4):
            self.clock.advance(1)
            self.patience.wait(5)
            self.assertEqual([(each, each.getTime()) for each in self.clock.getDelayedCalls()], [(timer, 5)])
        self.clock.advance(4.5)
        self.assertEqual(self.ends, [])
        self.clock.advance(0.5)
        self.assertEqual(self.ends, [9])

    def test_sooner(self) -> None:
        """One that comes nearer is kept as well."""
        self.patience.wait(60)
        self.patience.wait(5)
        self.clock.advance(5)
        self.assertEqual(self.ends, [5])

    def test_rest(self) -> None:
        """Nothing ends while there is none, and nothing is left on the clock for long."""
        self.patience.wait(5)
        self.patience.rest()
        self.clock.advance(100)
        self.assertEqual((self.ends, self.clock.getDelayedCalls()), ([], []))
        self.patience.wait(5)
        self.clock.advance(5)
        self.assertEqual(self.ends, [105])

    def test_stop(self) -> None:
        """Nothing is left on the clock once it is stopped, and nobody is told."""
        self.patience.stop()
        self.patience.wait(5)
        self.patience.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.patience.wait(5)
        self.clock.advance(5)
        self.assertEqual(self.ends, [])

    @given(st.lists(st.tuples(st.sampled_from(["wait", "rest", "advance"]), st.floats(0.001, 100)), max_size=30))
    def test_as_a_timer(self, steps: list[tuple[str, float]]) -> None:
        """It ends exactly when a timer would that was moved each time."""
        self.setUp()
        expected: list[float] = []
        deadline: float | None = None
        for what, seconds in [*steps, ("advance", 1000.0)]:
            if what == "wait":
                self.patience.wait(seconds)
                deadline = self.clock.seconds() + seconds
            elif what == "rest":
                self.patience.rest()
                deadline = None
            else:
                self.clock.advance(seconds)
                if deadline is not None and deadline <= self.clock.seconds():
                    expected.append(self.clock.seconds())
                    deadline = None
            self.assertEqual(self.ends, expected)
        self.assertEqual(self.clock.getDelayedCalls(), [])
