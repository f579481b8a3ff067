"""What a ledger puts into a store is what another gets out of it."""

from datetime import UTC, datetime

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.ledger import Launch, Ledger, Work
from ec2proxy.errors import BackendError
from ec2proxy.model import Instance
from ec2proxy.state.memory import MemoryStateStore
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
        self.done(ledger.load())
        return ledger

    def stored(self):
        """What the store holds, by kind."""
        return {kind: set(self.done(self.store.items("scope", kind))) for kind in KINDS}

    def test_round_trip(self):
        for instance in (PLAIN, TIMED):
            work = Work("terminate", instance, 1.5)
            self.done(self.ledger.promise(work, MINE))
            self.done(self.ledger.bury(work, 2.5))
            self.done(self.ledger.launched(instance.id + "l", Launch("r-1", 1, "token", 3.5)))
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
        self.done(self.ledger.launched("i-1", Launch("r-1", 0, "", 1.0)))
        self.assertEqual(self.stored(), {kind: {"i-1"} if kind == "launch" else set() for kind in KINDS})
        self.done(self.ledger.forget("i-1"))
        self.assertEqual(self.stored(), {kind: set() for kind in KINDS})

    def test_seen_is_when_it_was_first(self):
        self.done(self.ledger.first_seen(["i-1"], 1.0))
        self.done(self.ledger.first_seen(["i-1", "i-2"], 2.0))
        self.assertEqual(self.loaded().seen, {"i-1": 1.0, "i-2": 2.0})

    def test_a_promise_that_is_not_stored(self):
        before = Work("run", PLAIN, 1.0)
        self.done(self.ledger.promise(before, MINE))

        async def put(*_):
            raise BackendError

        self.store.put = put
        promise = Deferred.fromCoroutine(self.ledger.promise(Work("stop", PLAIN, 2.0), MINE))
        self.failureResultOf(promise, BackendError)
        self.assertEqual(self.ledger.work, {"i-1": before})

    def test_a_promise_that_is_not_stored_and_has_been_superseded(self):
        answers = []

        async def put(*_):
            answers.append(Deferred())
            await answers[-1]

        self.store.put = put
        old, new = Work("stop", PLAIN, 1.0), Work("terminate", PLAIN, 2.0)
        first, _ = (Deferred.fromCoroutine(self.ledger.promise(each, MINE)) for each in (old, new))
        answers[0].errback(BackendError())
        self.failureResultOf(first, BackendError)
        self.assertEqual(self.ledger.work, {"i-1": new})

    def test_credentials_stay_when_new_work_crosses_the_end_of_old_work(self):
        """Else the new work could not be taken up after a crash."""
        old, new = Work("run", PLAIN, 1.0), Work("terminate", TIMED, 2.0)
        self.done(self.ledger.promise(old, MINE))
        put, slow = self.store.put, Deferred()

        async def late(scope, kind, *rest):
            await put(scope, kind, *rest)
            if kind == "credentials":
                await slow

        self.store.put = late
        promise = Deferred.fromCoroutine(self.ledger.promise(new, OTHER))
        self.done(self.ledger.finish(old))
        slow.callback(None)
        self.successResultOf(promise)
        self.assertEqual(self.done(self.loaded().credentials()), OTHER)
        self.done(self.ledger.finish(new))
        self.assertIsNone(self.done(self.loaded().credentials()))

    def test_an_order_that_is_not_stored(self):
        async def put(*_):
            raise BackendError

        self.store.put = put
        ordered = Deferred.fromCoroutine(self.ledger.ordered("r-1", {}, MINE))
        self.failureResultOf(ordered, BackendError)
        self.assertEqual(self.ledger.orders, {})
