"""A backend that is down is left alone for a while; what is weighed and looked at without asking."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.backoff import Backoff
from ec2proxy.cloud.weight import weigh
from ec2proxy.ec2.trace import CURRENT, Trace
from ec2proxy.errors import BackendError, BackendTimeout, BackendUnavailable, Unauthenticated
from ec2proxy.model import Address, Instance, Realm
from tests.cloud.support import MINE, OTHER, CloudTestCase


class BackoffTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.random = 1.0
        self.backoff = Backoff(self.clock, lambda: self.random)

    def fail(self, error=None, attempt=None):
        """A call that fails."""
        self.backoff.end(attempt or self.backoff.begin(), error or BackendUnavailable("away"))

    def waited(self):
        """How long the backend is left alone from now on."""
        began = self.clock.seconds()
        while self.backoff.refusal() is not None:
            self.clock.advance(1 / 64)
            self.assertLess(self.clock.seconds() - began, 10)
        return self.clock.seconds() - began

    def test_doubled_and_bounded(self):
        waits = []
        for _ in range(7):
            self.fail()
            waits.append(self.waited())
        self.assertEqual([0.25, 0.5, 1, 2, 4, 4, 4], waits)

    def test_for_ever(self):
        """However often it has failed."""
        for _ in range(5000):
            self.fail()
        self.assertEqual(4, self.waited())

    def test_random(self):
        self.random = 0.0
        self.fail()
        self.assertEqual(0.125, self.waited())

    def test_begins_anew_after_an_answer(self):
        """Whatever the answer was."""
        for answer in (None, BackendError("500"), Unauthenticated("no")):
            for _ in range(3):
                self.fail()
                self.waited()
            self.backoff.end(self.backoff.begin(), answer)
            self.assertIsNone(self.backoff.refusal())
            self.fail()
            self.assertEqual(0.25, self.waited())
            self.backoff.end(self.backoff.begin(), None)

    def test_what_is_no_sign(self):
        """An error of the credentials or of one call leaves the backend open to all."""
        for error in (BackendError("500"), Unauthenticated("no"), CancelledError(), ZeroDivisionError()):
            self.fail(error)
            self.assertIsNone(self.backoff.refusal())
        self.fail(BackendTimeout("late"))
        self.assertEqual("late", self.backoff.refusal().message)

    def test_one_tries(self):
        self.fail()
        self.waited()
        attempt = self.backoff.begin()
        self.assertIsNotNone(self.backoff.refusal())
        self.clock.advance(60)
        self.assertIsNotNone(self.backoff.refusal())
        self.backoff.end(attempt, CancelledError())
        self.assertIsNone(self.backoff.refusal())

    def test_many_failures_at_once_are_one(self):
        attempts = [self.backoff.begin() for _ in range(64)]
        for attempt in attempts:
            self.fail(attempt=attempt)
        self.assertEqual(0.25, self.waited())

    def test_a_slow_call_is_no_dead_backend(self):
        """Another was answered meanwhile."""
        slow = self.backoff.begin()
        self.backoff.end(self.backoff.begin(), None)
        self.fail(BackendTimeout("late"), slow)
        self.assertIsNone(self.backoff.refusal())

    def test_an_older_call_that_is_answered_ends_it(self):
        older = self.backoff.begin()
        self.fail()
        self.assertIsNotNone(self.backoff.refusal())
        self.backoff.end(older, None)
        self.assertIsNone(self.backoff.refusal())

    def test_clock_put_back(self):
        self.clock.advance(5000)
        self.fail()
        self.clock.rightNow -= 3600
        self.assertIsNone(self.backoff.refusal())


class DownTests(CloudTestCase):
    """A backend that is down, and all its callers."""

    def down(self):
        """The backend is found to be down, by one of its callers."""
        self.done(self.driver.capabilities(MINE))
        self.backend.trouble.backtrace(502, times=None)
        self.refused(BackendUnavailable, self.cloud.inventory.instances(MINE))
        self.backend.requests.clear()

    def test_left_alone(self):
        """Nobody asks again at once, for whatever picture and as whatever caller."""
        self.down()
        inventory = self.cloud.inventory
        for credentials in (MINE, OTHER):
            for read in (inventory.instances, inventory.images, inventory.keys, inventory.storage_volumes):
                self.refused(BackendUnavailable, read(credentials))
        self.assertEqual([], list(self.backend.requests))
        self.backend.trouble.clear()
        self.clock.advance(0.25)
        self.done(inventory.images(OTHER))
        self.done(inventory.storage_volumes(MINE))

    def test_what_is_kept_is_shown(self):
        """For as long as it is fresh."""
        self.done(self.cloud.inventory.images(MINE))
        self.down()
        self.done(self.cloud.inventory.images(MINE))
        self.assertIsNotNone(self.cloud.inventory.current(MINE, "images"))

    def test_changes_are_never_refused(self):
        """Nor is what has to be looked at for one."""
        self.down()
        self.refused(BackendUnavailable, self.driver.keys.destroy(MINE, "k"))
        self.assertEqual([("DELETE", "/api/keys/k")], self.sent(reads=True)[:1])
        token = CURRENT.set(Trace("r", changes=True))
        try:
            changing = [Deferred.fromCoroutine(self.cloud.inventory.instances(MINE))]
            changing.append(Deferred.fromCoroutine(self.cloud.inventory.storage_volumes(MINE)))
        finally:
            CURRENT.reset(token)
        self.flush()
        for change in changing:
            self.failureResultOf(change, BackendUnavailable)
        self.assertEqual([("GET", "/api/instances"), ("GET", "/api/storage_volumes")], self.sent(reads=True))


class LookTests(CloudTestCase):
    """What there is without asking."""

    def test_current(self):
        inventory = self.cloud.inventory
        self.assertIsNone(inventory.current(MINE, "instances"))
        self.assertEqual(0, len(inventory))
        snapshot = self.done(inventory.instances(MINE))
        self.assertIs(snapshot, inventory.current(MINE, "instances"))
        self.assertIsNone(inventory.current(OTHER, "instances"))
        self.clock.advance(1)
        self.assertIsNone(inventory.current(MINE, "instances"))
        self.assertIs(snapshot, inventory.current(MINE, "instances", 10))
        inventory.wrote(MINE, "instances")
        self.assertIsNone(inventory.current(MINE, "instances", 10))

    def test_the_same_again(self):
        """A refresh that brings nothing new leaves what is kept with the items in its place."""
        first = self.done(self.cloud.inventory.instances(MINE))
        self.clock.advance(5)
        second = self.done(self.cloud.inventory.instances(MINE))
        self.assertIs(first.items, second.items)
        self.assertIs(first.by_id, second.by_id)
        self.assertEqual((first.weight, first.taken + 5), (second.weight, second.taken))

    def test_held(self):
        self.done(self.cloud.inventory.instances(MINE))
        self.done(self.cloud.inventory.images(OTHER))
        self.clock.advance(100)
        ((credentials, snapshot),) = self.cloud.inventory.held("instances")
        self.assertEqual((MINE, ()), (credentials, snapshot.items))
        self.assertEqual(2, len(self.cloud.inventory))
        self.assertGreater(self.cloud.inventory.memory, snapshot.weight)


class WeightTests(SynchronousTestCase):
    def test_grows(self):
        """With the number of items and with what is in them."""
        small = [Realm(str(number), "", "") for number in range(1000)]
        large = [Realm(str(number), "n" * 1000, "") for number in range(1000)]
        self.assertLess(abs(weigh(large) - weigh(small) - 1000 * 1000), 10_000)
        self.assertLess(abs(weigh(small * 2) - 2 * weigh(small)), 0.05 * weigh(small))
        self.assertLess(weigh([]), 2000)

    def test_what_is_inside(self):
        plain = Instance("i", "RUNNING")
        more = Instance("i", "RUNNING", public_addresses=(Address("ipv4", "a" * 500),), actions=frozenset(["b" * 500]))
        self.assertGreater(weigh([more]), weigh([plain]) + 1000)
