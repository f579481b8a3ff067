"""Several coroutines at once, and one that must not be cut off."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.deferring import settle, shielded


async def waiting_for(deferred):
    """Wait for it."""
    return await deferred


class SettleTests(SynchronousTestCase):
    def test_in_order_when_all_have_ended(self):
        one, two, three = Deferred(), Deferred(), Deferred()
        settled = Deferred.fromCoroutine(settle(waiting_for(each) for each in (one, two, three)))
        three.callback(3)
        two.errback(ZeroDivisionError())
        self.assertNoResult(settled)
        one.callback(1)
        first, second, third = self.successResultOf(settled)
        self.assertEqual((first, third), (1, 3))
        second.trap(ZeroDivisionError)

    def test_none(self):
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(settle([]))), [])


class ShieldedTests(SynchronousTestCase):
    def test_result(self):
        work = Deferred()
        shield = shielded(waiting_for(work))
        work.callback(1)
        self.assertEqual(self.successResultOf(shield), 1)

    def test_failure(self):
        work = Deferred()
        shield = shielded(waiting_for(work))
        work.errback(ZeroDivisionError())
        self.failureResultOf(shield, ZeroDivisionError)

    def test_leaving(self):
        work, ended = Deferred(), []

        async def working():
            ended.append(await work)

        shield = shielded(working())
        shield.cancel()
        self.failureResultOf(shield, CancelledError)
        work.callback(1)
        self.assertEqual(ended, [1])

    def test_a_failure_that_nobody_waits_for(self):
        work = Deferred()
        shield = shielded(waiting_for(work))
        shield.cancel()
        self.failureResultOf(shield, CancelledError)
        work.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
