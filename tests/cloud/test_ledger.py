"""What a ledger puts into a store is what another gets out of it."""

from datetime import UTC, datetime

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.entries import Launch, Work
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.errors import BackendError
from ec2proxy.model import Instance
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.seal import Seal
from tests.cloud.support import MINE, OTHER

PLAIN = Instance("i-1", "RUNNING", "name", "me", "img1", "us", "small", keyname="key")
TIMED = evolve(PLAIN, id="i-2", launch_time=datetime(2026, 11, 23, 20, 25, tzinfo=UTC))
KINDS = ("work", "tombstone", "launch", "seen", "tags")


class LedgerTests(SynchronousTestCase):
    def setUp(self):
        self.store = MemoryStateStore()
        self.ledger = Ledger(self.store, "scope")

    def done(self, coroutine):
        """What a call gave."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def loaded(self, scope="scope"):
        """Another ledger, out of the store."""
        ledger = Ledger(self.store, scope)
        self.done(ledger.refresh())
        return ledger

    def stored(self):
        """What the store holds, by kind."""
        return {kind: set(self.done(self.store.items("scope", kind))) for kind in KINDS}

    def test_round_trip(self):
        for instance in (PLAIN, TIMED):
            work = Work("terminate", instance, 1.5)
            self.done(self.ledger.promise(work, MINE))
            self.done(self.ledger.bury(work, 2.5))
            launched = Work("run", evolve(instance, id=instance.id + "l"), 3.5)
            self.assertTrue(self.done(self.ledger.launched(launched, Launch("r-1", 1, "token", 3.5), MINE)))
            self.done(self.ledger.finish(launched))
            self.done(self.ledger.tag(instance.id, {"k": "v"}))
            self.done(self.ledger.promise(Work("stop", instance, 4.5), MINE))
        self.done(self.ledger.first_seen(["i-1", "i-2"], 5.5))
        loaded = self.loaded()
        for name in ("tombstones", "launches", "seen", "tags"):
            self.assertEqual(getattr(loaded, name), getattr(self.ledger, name), name)
        work = {key: (each.verb, each.instance, each.since) for key, each in loaded.work.items()}
        self.assertEqual(work, {one.id: ("stop", one, 4.5) for one in (PLAIN, TIMED)})
        self.assertEqual(self.loaded("other").work, {})

    def test_finish_is_for_the_latest(self):
        old, new = Work("stop", PLAIN, 1.0), Work("terminate", PLAIN, 2.0)
        self.done(self.ledger.promise(old, MINE))
        self.done(self.ledger.promise(new, MINE))
        self.done(self.ledger.finish(old))
        self.done(self.ledger.bury(old, 3.0))
        self.assertEqual((self.ledger.work, self.ledger.tombstones), ({"i-1": new}, {}))
        self.done(self.ledger.finish(new))
        self.assertEqual((self.ledger.work, self.loaded().work), ({}, {}))

    def test_forget(self):
        self.done(self.ledger.promise(Work("terminate", PLAIN, 1.0), MINE))
        self.done(self.ledger.first_seen(["i-1"], 1.0))
        self.done(self.ledger.tag("i-1", {"k": "v"}))
        self.done(self.ledger.launched(Work("run", PLAIN, 1.0), Launch("r-1", 0, "", 1.0), MINE))
        self.assertEqual(self.stored(), {kind: {"i-1"} if kind in ("launch", "work") else set() for kind in KINDS})
        self.done(self.ledger.forget("i-1"))
        self.assertEqual(self.stored(), {kind: set() for kind in KINDS})

    def test_seen_is_when_it_was_first(self):
        self.done(self.ledger.first_seen(["i-1"], 1.0))
        self.done(self.ledger.first_seen(["i-1", "i-2"], 2.0))
        self.assertEqual(self.loaded().seen, {"i-1": 1.0, "i-2": 2.0})

    def test_a_promise_that_is_not_stored(self):
        before = Work("run", PLAIN, 1.0)
        self.done(self.ledger.promise(before, MINE))

        async def change(*_):
            raise BackendError

        self.store.change = change
        promise = Deferred.fromCoroutine(self.ledger.promise(Work("stop", PLAIN, 2.0), MINE))
        self.failureResultOf(promise, BackendError)
        self.assertEqual(self.ledger.work, {"i-1": before})

    def slow(self):
        """Let changes wait; gives what makes the next one be stored, or fail."""
        change, waiting = self.store.change, []

        async def late(*arguments):
            waiting.append(Deferred())
            await waiting[-1]
            return await change(*arguments)

        self.store.change = late

        def go_on(error=None):
            waiting.pop(0).callback(None) if error is None else waiting.pop(0).errback(error)

        return go_on

    def test_changes_on_their_way_rest_on_one_another(self):
        """Where the first fails, those after it are worked out anew, and nothing of it stays."""
        self.done(self.ledger.refresh())
        go_on = self.slow()
        old, new = Work("stop", PLAIN, 1.0), Work("terminate", PLAIN, 2.0)
        first, second = (Deferred.fromCoroutine(self.ledger.promise(each, MINE)) for each in (old, new))
        self.assertEqual(self.ledger.work, {"i-1": new})
        go_on(BackendError())
        self.failureResultOf(first, BackendError)
        self.assertEqual(self.ledger.work, {})
        go_on()
        self.assertNoResult(second)
        go_on()
        self.successResultOf(second)
        self.assertEqual((self.ledger.work, self.loaded().work), ({"i-1": new}, {"i-1": new}))

    def test_a_change_is_made_also_when_nobody_waits(self):
        go_on = self.slow()
        waiting = Deferred.fromCoroutine(self.ledger.tag("i-1", {"k": "v"}))
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        go_on()
        self.assertEqual(self.loaded().tags, {"i-1": {"k": "v"}})

    def test_credentials_stay_when_new_work_crosses_the_end_of_old_work(self):
        """Else the new work could not be taken up after a crash."""
        old, new = Work("run", PLAIN, 1.0), Work("terminate", TIMED, 2.0)
        self.done(self.ledger.promise(old, MINE))
        go_on = self.slow()
        promise = Deferred.fromCoroutine(self.ledger.promise(new, OTHER))
        finish = Deferred.fromCoroutine(self.ledger.finish(old))
        go_on()
        go_on()
        self.successResultOf(promise)
        self.successResultOf(finish)
        self.assertEqual(self.loaded().credentials(), OTHER)
        finish = Deferred.fromCoroutine(self.ledger.finish(new))
        go_on()
        self.successResultOf(finish)
        self.assertIsNone(self.loaded().credentials())

    def test_credentials_of_another_key(self):
        """What nobody can open is of no use: new work brings its own."""
        self.done(self.ledger.promise(Work("run", PLAIN, 1.0), MINE))
        self.store.seal = Seal(bytes(32))
        other = self.loaded()
        self.assertRaises(ValueError, other.credentials)
        self.done(other.promise(Work("stop", PLAIN, 2.0), OTHER))
        self.assertEqual(other.credentials(), OTHER)

    def test_an_order_that_is_not_stored(self):
        async def change(*_):
            raise BackendError

        self.store.change = change
        ordered = Deferred.fromCoroutine(self.ledger.ordered("r-1", {}, MINE))
        self.failureResultOf(ordered, BackendError)
        self.assertEqual(self.ledger.orders, {})
