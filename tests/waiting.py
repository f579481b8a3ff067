"""How tests wait for coroutines: on a clock of their own, with data that travels when it is told to."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase


class WaitingTestCase(SynchronousTestCase):
    """A test that has a ``clock``, and ``agents`` that carry data."""

    def flush(self):
        """Let data travel."""
        for agent in self.agents:
            agent.flush()

    def begin(self, coroutine):
        """Begin a call and let data travel."""
        deferred = Deferred.fromCoroutine(coroutine)
        self.flush()
        return deferred

    def done(self, coroutine):
        """What a call gave."""
        return self.successResultOf(self.begin(coroutine))

    def refused(self, kind, coroutine):
        """The error of a call that fails in just that way."""
        error = self.failureResultOf(self.begin(coroutine), kind).value
        self.assertIs(type(error), kind)
        return error

    def later(self, seconds, step=1.0):
        """Let time go by, and data travel."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            self.flush()
            seconds -= step
