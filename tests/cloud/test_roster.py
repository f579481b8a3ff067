"""Rosters: what has not changed is not made again, and looking up finds what looking through would."""

import sys

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.entries import Work
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.cloud.picture import Snapshot
from ec2proxy.cloud.roster import Roster, Rosters
from ec2proxy.cloud.slices import SLICE, in_slices
from ec2proxy.cloud.view import views
from ec2proxy.model import Credentials, Instance, StateMachine
from ec2proxy.state.memory import MemoryStateStore

ME, YOU = Credentials("me", "x"), Credentials("you", "x")
MACHINE = StateMachine({})
IDS = [f"i{number}" for number in range(8)]
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("tag"), st.sampled_from(IDS), st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))),
        st.tuples(st.just("state"), st.sampled_from(IDS), st.sampled_from(["RUNNING", "STOPPED"])),
        st.tuples(st.just("come"), st.sampled_from(IDS), st.none()),
        st.tuples(st.just("go"), st.sampled_from(IDS), st.none()),
        st.tuples(st.just("forget"), st.sampled_from(IDS), st.none()),
        st.tuples(st.just("promise"), st.sampled_from(IDS), st.none()),
        st.tuples(st.just("bury"), st.sampled_from(IDS), st.none()),
    )
)


class TickingClock(Clock):
    """On which time passes whenever somebody looks."""

    def seconds(self) -> float:
        self.rightNow += SLICE / 3
        return self.rightNow


class RosterTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.make(Clock())

    def make(self, clock: Clock, most: int = 1000) -> None:
        self.clock = clock
        self.clock.rightNow = 1000.0
        self.ledger = Ledger(MemoryStateStore(), "here/me", LocalEpochs())
        self.rosters = Rosters(self.clock, most)
        self.show(*(Instance(each, "RUNNING", name=each) for each in IDS[:6]))

    def work(self, key: str) -> Work:
        """A promise of this process to terminate an instance."""
        return Work("terminate", Instance(key, "RUNNING"), 600.0, self.ledger.owner)

    def done(self, work: object) -> object:
        return self.successResultOf(Deferred.fromCoroutine(work))  # type: ignore[arg-type]

    def show(self, *instances: Instance) -> None:
        self.snapshot = Snapshot(instances, {one.id: one for one in instances}, 0.0, 0, 0)
        self.done(self.ledger.first_seen([one.id for one in instances], 500.0))

    def begin(self, who: Credentials = ME) -> "Deferred[Roster]":
        return Deferred.fromCoroutine(self.rosters.of(who, self.snapshot, self.ledger, MACHINE))

    def roster(self, who: Credentials = ME) -> Roster:
        return self.successResultOf(self.begin(who))

    def made(self, beginning: "Deferred[Roster]") -> Roster:
        """What was begun, after as many pauses as any takes here; it may be what never ends that is tested."""
        for _ in range(100):
            self.clock.advance(0)
        return self.successResultOf(beginning)

    def check(self, roster: Roster) -> None:
        """See that a roster is what it would be if it were made from nothing."""
        plain = list(views(self.snapshot, self.ledger, MACHINE, self.clock.rightNow))
        fields = ("instance", "state", "reservation_id", "launch_time", "tags", "attributes", "client_token")

        def shown(view: object) -> list[object]:
            return [getattr(view, name) for name in fields]

        self.assertEqual([shown(view) for view in roster.views], [shown(view) for view in plain])
        self.assertEqual(list(roster.by_id), [view.instance.id for view in plain])
        for name, values in (
            ("state", lambda view: (view.state.name,)),
            ("tags", lambda view: view.tags.items()),
        ):
            found: dict[object, list[int]] = {}
            for place, view in enumerate(plain):
                for value in values(view):
                    found.setdefault(value, []).append(place)
            self.assertEqual(roster.index(name, values), found)
        ids, ordered = roster.in_order()
        self.assertEqual(list(ids), sorted(roster.by_id))
        self.assertEqual([view.instance.id for view in ordered], list(ids))
        for view in ordered:
            self.assertIs(view, roster.by_id[view.instance.id])


class RosterTests(RosterTestCase):
    def test_same(self) -> None:
        """Where nothing has changed it is the same, and after a change all but what has changed."""
        first = self.roster()
        self.assertIs(self.roster(), first)
        self.done(self.ledger.tag("i1", {"a": "b"}))
        second = self.roster()
        self.assertEqual([old is new for old, new in zip(first.views, second.views, strict=True)].count(False), 1)
        self.assertEqual(second.by_id["i1"].tags, {"a": "b"})
        self.assertNotEqual(first.by_id["i1"].tags, {"a": "b"})

    @given(CHANGES)
    def test_any_change(self, changes: list[tuple[str, str, object]]) -> None:
        """However it came to be, it is what it would be from nothing, its indexes and order too."""
        self.make(Clock())
        self.check(self.roster())
        for what, key, how in changes:
            there = dict(self.snapshot.by_id)
            if what == "tag":
                self.done(self.ledger.tag(key, how))  # type: ignore[arg-type]
            elif what == "forget":
                self.done(self.ledger.forget(key))
                self.done(self.ledger.first_seen(there, 600.0))
            elif what == "promise":
                self.done(self.ledger.promise(self.work(key), ME))
            elif what == "bury":
                work = self.work(key)
                self.done(self.ledger.promise(work, ME))
                self.done(self.ledger.bury(work, 700.0))
            elif what == "go":
                there.pop(key, None)
                self.show(*there.values())
            elif what == "come":
                self.show(*{key: Instance(key, "PENDING"), **there}.values())
            elif key in there:
                self.show(*{**there, key: evolve(there[key], state=how)}.values())
            self.check(self.roster())

    def test_few_of_many(self) -> None:
        """Where one has changed only that is looked at, so that it takes no pauses."""
        self.make(TickingClock())
        first = self.begin()
        self.assertNoResult(first)
        self.made(first)
        self.done(self.ledger.tag("i1", {"a": "b"}))
        there = dict(self.snapshot.by_id)
        self.show(*{**there, "i1": evolve(there["i1"], state="STOPPED")}.values())
        self.check(self.roster())

    def test_listed_twice(self) -> None:
        """A backend that lists an instance twice: it is shown once, and what is forgotten goes."""
        one, work = Instance("i1", "RUNNING"), self.work("i9")
        self.show(one, one, Instance("i2", "RUNNING"))
        self.done(self.ledger.first_seen(["i9"], 500.0))
        self.done(self.ledger.promise(work, ME))
        self.done(self.ledger.bury(work, 700.0))
        self.assertEqual(list(self.roster().by_id), ["i1", "i2", "i9"])
        self.done(self.ledger.forget("i9"))
        self.assertEqual(list(self.roster().by_id), ["i1", "i2"])

    def test_slices(self) -> None:
        """A long one takes pauses, is made once for all who wait, and shows what was changed meanwhile."""
        self.make(TickingClock())
        waiting = [self.begin(), self.begin()]
        self.assertNoResult(waiting[0])
        self.done(self.ledger.tag("i0", {"a": "b"}))
        first, second = (self.made(each) for each in waiting)
        self.assertIs(first, second)
        self.assertEqual(first.by_id["i0"].tags, {"a": "b"})
        self.check(first)

    def test_crowd(self) -> None:
        """A thousand may wait: each is told on its own, not from within the call of another."""
        self.make(TickingClock())
        waiting = [self.begin() for _ in range(sys.getrecursionlimit())]
        leaving = waiting.pop(5)
        leaving.addErrback(lambda failure: failure.trap(CancelledError))
        # The first to be told makes another leave.
        waiting[0].addCallback(lambda roster: leaving.cancel() or roster)
        first = self.made(waiting[0])
        self.assertEqual({self.successResultOf(each) for each in waiting[1:]}, {first})

    def test_maker_leaves(self) -> None:
        """When who has it made goes away, it is made for the others; when all have, nobody makes it."""
        self.make(TickingClock())
        first, second = self.begin(), self.begin()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.check(self.made(second))
        self.done(self.ledger.forget("i0"))
        third, fourth = self.begin(), self.begin()
        for each in (third, fourth):
            self.assertTrue(self.clock.getDelayedCalls())
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_changing(self) -> None:
        """One that tells the present moment is made anew each time."""
        self.snapshot = Snapshot((one := Instance("new", "RUNNING"),), {"new": one}, 0.0, 0, 0)
        first = self.roster()
        self.assertTrue(first.changing)
        self.clock.advance(5)
        self.assertNotEqual(self.roster().views[0].launch_time, first.views[0].launch_time)

    def test_bounded(self) -> None:
        """The roster unused for longest is forgotten; the only one never is."""
        self.make(Clock(), most=8)
        mine = self.roster(ME)
        self.assertIs(self.roster(ME), mine)
        yours = self.roster(YOU)
        self.assertIs(self.roster(YOU), yours)
        self.assertIsNot(self.roster(ME), mine)


class SlicesTests(SynchronousTestCase):
    def test_all_in_order(self) -> None:
        """All steps are taken in their order, but not all in one turn."""
        clock = TickingClock()
        working = Deferred.fromCoroutine(in_slices(clock, iter(range(10))))
        self.assertNoResult(working)
        clock.advance(0)
        self.assertEqual(self.successResultOf(working), list(range(10)))

    def test_short(self) -> None:
        """What is short is done at once; what fails, fails."""
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(in_slices(Clock(), [1, 2]))), [1, 2])
        failing = Deferred.fromCoroutine(in_slices(Clock(), (1 // each for each in [0])))
        self.failureResultOf(failing, ZeroDivisionError)
