"""Ledgers of several processes, their stores answering in any order and failing at any moment: nothing is lost."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.ledger import Ledger
from ec2proxy.errors import StateUnavailable
from ec2proxy.state.memory import MemoryStateStore

MACHINES, RESOURCES = st.integers(0, 1), st.sampled_from("ab")


class SlowStore:
    """A store that does what it is asked for in order, when it is told to."""

    def __init__(self, store):
        self._store = store
        self.asked = []
        self.owner, self.shared, self.seal = store.owner, True, store.seal

    async def _later(self, method, *arguments):
        answer = Deferred()
        self.asked.append((answer, getattr(self._store, method), arguments))
        return await answer

    async def change(self, *arguments):
        return await self._later("change", *arguments)

    async def read(self, *arguments):
        return await self._later("read", *arguments)

    def go_on(self, *, do=True, fail=False):
        """Do what was asked for first, or not, and tell of it, or fail."""
        answer, method, arguments = self.asked.pop(0)
        results = []
        if do:
            Deferred.fromCoroutine(method(*arguments)).addCallback(results.append)
        if fail:
            answer.errback(StateUnavailable())
        else:
            answer.callback(*results)


class Replicas(RuleBasedStateMachine):
    """Two machines that mark resources, each mark unlike all others."""

    def __init__(self):
        super().__init__()
        first = MemoryStateStore()
        self.stores = [SlowStore(first), SlowStore(MemoryStateStore(first))]
        epochs = LocalEpochs()
        self.ledgers = [Ledger(store, "scope", epochs) for store in self.stores]
        self.store = first
        self.marks = 0
        self.made, self.doubtful = set(), set()
        self.waiting, self.wrong = [], []

    def begun(self, coroutine, good, bad):
        outcome = Deferred.fromCoroutine(coroutine)
        outcome.addCallbacks(lambda _: good(), lambda failure: bad(failure.trap(StateUnavailable)))
        outcome.addErrback(self.wrong.append)
        self.waiting.append(outcome)

    @rule(machine=MACHINES, resources=st.sets(RESOURCES, min_size=1))
    def mark(self, machine, resources):
        """Add a mark to what a resource has, as each machine knows it."""
        self.marks += 1
        mark = str(self.marks)
        added = {(each, mark) for each in resources}
        change = self.ledgers[machine].change_tags({each: {} for each in resources}, lambda old: {**old, mark: ""})
        self.begun(change, lambda: self.made.update(added), lambda _: self.doubtful.update(added))

    @rule(machine=MACHINES)
    def look(self, machine):
        """Who looks sees all that was answered before."""
        answered = set(self.made)
        check = lambda: self.assert_sees(machine, answered)  # noqa: E731
        self.begun(self.ledgers[machine].refresh(), check, lambda _: None)

    def assert_sees(self, machine, marks):
        assert marks <= self.known(machine), (marks, self.known(machine))

    def known(self, machine):
        return {(each, mark) for each, marks in self.ledgers[machine].tags.items() for mark in marks}

    def asked(self, machine):
        return self.stores[machine].asked

    @precondition(lambda self: any(self.asked(machine) for machine in (0, 1)))
    @rule(machine=MACHINES, how=st.sampled_from(["done", "done", "lost", "refused"]))
    def answer(self, machine, how):
        """A store does what it was asked for; or fails, before or after."""
        if self.asked(machine):
            self.stores[machine].go_on(do=how != "refused", fail=how != "done")

    @rule()
    def settle(self):
        """For a while nothing goes wrong."""
        self.finish()

    @invariant()
    def kept(self):
        """What was answered is stored, and nothing went otherwise than it may."""
        assert self.made <= self.stored()
        assert self.wrong == []

    def stored(self):
        found = []
        Deferred.fromCoroutine(self.store.items("scope", "tags")).addCallback(found.append)
        return {(each, mark) for each, marks in found[0].items() for mark in marks}

    def teardown(self):
        """In the end all agree, and what is there was asked for and answered, or its outcome not known."""
        self.finish()
        for machine in (0, 1):
            self.look(machine)
            self.look(machine)
        self.finish()
        assert all(outcome.called for outcome in self.waiting)
        assert self.wrong == [], self.wrong[0].getTraceback()
        assert self.known(0) == self.known(1) == self.stored()
        assert self.made <= self.stored() <= self.made | self.doubtful

    def finish(self):
        while any(self.asked(machine) for machine in (0, 1)):
            for machine in (0, 1):
                if self.asked(machine):
                    self.stores[machine].go_on()


class ReplicaTests(SynchronousTestCase):
    def test_nothing_is_lost(self):
        """Whatever two machines do at once, all that was answered is there in the end, and both know it."""
        some = settings(max_examples=300, stateful_step_count=30, deadline=None)
        run_state_machine_as_test(Replicas, settings=some)

    def test_lost(self):
        """A change that was made, and of which nobody was told so, is found by all."""
        machine = Replicas()
        for number in (0, 1):
            machine.look(number)
        machine.settle()
        machine.mark(0, {"a"})
        machine.answer(0, "lost")
        machine.teardown()
        self.assertEqual(machine.known(1), {("a", "1")})

    def test_given_up(self):
        """A change that was given up with another one, and was made after all, is here when it is answered."""
        store = SlowStore(MemoryStateStore())
        store.shared = False
        ledger = Ledger(store, "scope")
        for each in "ab":
            outcome = Deferred.fromCoroutine(ledger.tag(each, {}))
            if each == "a":
                outcome.addErrback(lambda failure: failure.trap(StateUnavailable))
                # What is there is read before the first change.
                store.go_on()
        store.go_on(fail=True)
        looking = Deferred.fromCoroutine(ledger.refresh())
        # A reading may overtake a change.
        store.asked.reverse()
        store.go_on()
        self.successResultOf(looking)
        while store.asked:
            store.go_on()
        self.successResultOf(outcome)
        self.assertEqual(ledger.tags, {"a": {}, "b": {}})

    def test_changed_by_both(self):
        """Changes on their way at both machines, several at each."""
        machine = Replicas()
        for _ in range(3):
            machine.mark(0, {"a", "b"})
            machine.mark(1, {"a"})
        machine.teardown()
        self.assertEqual(len(machine.made), 9)
