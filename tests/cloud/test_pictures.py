"""The pictures of several callers, who read and write in several workers before a backend that may be down.

A machine does what it likes in any order; a simple model says what each reader may be shown.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.errors import BackendError, BackendTimeout, BackendUnavailable, Unauthenticated
from ec2proxy.model import Credentials, Realm
from tests.ec2.properties import unhurried

ME = Credentials("me", "one")
ME_TOO = Credentials("me", "two")
YOU = Credentials("you", "one")
FRESHNESS = 2.0
MOST_PICTURES = 4
#: Enough for about three pictures.
MEMORY = 4500
#: The shortest first wait and the longest wait for a backend that is down, in seconds.
SHORTEST, LONGEST = 0.125, 4.0
DOWN = (BackendUnavailable, BackendTimeout)

#: Mostly the same, or too little happens to one picture.
who = st.sampled_from([ME] * 5 + [ME_TOO, YOU])
collections = st.sampled_from(["realms"] * 5 + ["keys"])


class Fetch:
    """A list under way: what it will show, and what had been answered when it began."""

    def __init__(self, key, machine):
        self.key = key
        self.shown = machine.written[machine.place(key)]
        self.epoch = machine.answered[machine.place(key)]
        self.era = machine.era
        self.began = machine.clock.seconds()
        self.answer = Deferred()


class Reader:
    """Somebody who waits, and what had been answered when they asked."""

    def __init__(self, key, machine, deferred):
        self.key = key
        self.epoch = machine.answered[machine.place(key)]
        self.asked = machine.clock.seconds()
        self.deferred = deferred


class Collection:
    """One collection of the driver."""

    def __init__(self, name, machine):
        self._name = name
        self._machine = machine

    async def list(self, credentials):
        return await self._machine.fetched((credentials, self._name)).answer


class PicturesMachine(RuleBasedStateMachine):
    """Readers of three callers, writes in two workers, a backend that answers, refuses or is down."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.epochs = LocalEpochs()
        self.realms, self.keys = Collection("realms", self), Collection("keys", self)
        self.inventory = Inventory(
            "here", self, self.epochs, self.clock, FRESHNESS, MOST_PICTURES, memory=MEMORY, jitter=lambda: 0.0
        )
        self.ahead = []
        self.inventory.tell_ahead(lambda *key: self.ahead.append(key))
        places = [(user, name) for user in ("me", "you") for name in ("realms", "keys")]
        # By user and collection: how often the backend has changed, of which so often that was answered to somebody.
        self.written = dict.fromkeys(places, 0)
        self.answered = dict.fromkeys(places, 0)
        self.versions = dict.fromkeys(places, (0,))
        self.lists = {}
        self.fetches = []
        self.spans = []
        self.readers = []
        # When the backend was last found to be down; rises with each thing that is learnt of it.
        self.down = None
        self.era = 0

    @staticmethod
    def place(key):
        """Whose writes a picture has to show."""
        return key[0].user, key[1]

    def fetched(self, key):
        """The inventory asks the backend."""
        assert all(fetch.key != key for fetch in self.fetches), "a second refresh of one picture"
        if self.down is not None:
            assert self.clock.seconds() >= self.down + SHORTEST, "the backend was not left alone"
            assert all(fetch.era != self.era for fetch in self.fetches), "more than one tries a backend that is down"
        fetch = Fetch(key, self)
        self.fetches.append(fetch)
        return fetch

    def check(self, key, epoch, asked, snapshot, joined):
        """A reader was shown what it may be shown."""
        credentials, _ = key
        (item,) = snapshot.items
        user, number = item.id.split()
        assert (user, item.name) == (credentials.user, credentials.password), "somebody else's picture"
        assert int(number) >= self.versions[self.place(key)][epoch], "older than a write that was answered before"
        spans = [began for each, began, ended in self.spans if each == key and began <= asked <= ended]
        assert snapshot.taken > asked - FRESHNESS or (joined and snapshot.taken in spans), "too old"
        assert snapshot.by_id == {item.id: item}

    def settle(self, failed=None, error=None):
        """Look at every reader that has been answered.

        :param failed: the fetch that has just failed.
        """
        waiting = []
        for reader in self.readers:
            results = []
            if not reader.deferred.called:
                waiting.append(reader)
                continue
            reader.deferred.addBoth(results.append)
            (result,) = results
            if not hasattr(result, "value"):
                self.check(reader.key, reader.epoch, reader.asked, result, joined=True)
            elif failed is not None and reader.key == failed.key and reader.epoch <= failed.epoch:
                assert result.value is error, "not what the backend said"
            else:
                self.check_refused(result.value)
        self.readers = waiting
        if failed is not None:
            stuck = [reader for reader in waiting if reader.key == failed.key and reader.epoch <= failed.epoch]
            assert not stuck, "not told"

    def check_refused(self, error):
        """Somebody was refused without asking the backend: only where it is down, and not for long."""
        assert type(error) is BackendUnavailable
        assert self.down is not None, "failed by a refresh that it cannot have joined"
        trying = any(fetch.era == self.era for fetch in self.fetches)
        assert trying or self.clock.seconds() < self.down + LONGEST, "the backend was left alone too long"

    @rule(credentials=who, collection=collections)
    def read(self, credentials, collection):
        """Somebody asks, and is answered at once or waits."""
        key = (credentials, collection)
        reader = Deferred.fromCoroutine(getattr(self.inventory, collection)(credentials))
        self.readers.append(Reader(key, self, reader))
        self.settle()

    @rule(credentials=who, collection=collections)
    def look(self, credentials, collection):
        """A look without waiting shows what a read would be answered with at once.

        It starts nothing but a refresh that has to begin now, if nobody is to wait for it.
        """
        key = (credentials, collection)
        before = len(self.fetches)
        snapshot = self.inventory.current(credentials, collection)
        if snapshot is not None:
            self.check(key, self.answered[self.place(key)], self.clock.seconds(), snapshot, joined=False)
        assert len(self.fetches) == before or (snapshot is not None and self.is_due(snapshot))

    @rule(credentials=who, collection=collections)
    def change(self, credentials, collection):
        """The backend changes, and nobody has been told yet."""
        self.written[self.place((credentials, collection))] += 1

    @rule(credentials=who, collection=collections, elsewhere=st.booleans())
    def write(self, credentials, collection, elsewhere):
        """A write is carried out, and answered at once; maybe by another worker."""
        place = self.place((credentials, collection))
        self.written[place] += 1
        self.answered[place] += 1
        self.versions[place] = (*self.versions[place], self.written[place])
        if elsewhere:
            self.epochs.bump(f"here/{credentials.user}/{collection}")
        else:
            self.inventory.wrote(credentials, collection)

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 5.0]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    def is_due(self, snapshot):
        """Whether the next refresh may begin before this one is too old."""
        return snapshot.took > 0 and snapshot.due(FRESHNESS) <= self.clock.seconds()

    def learnt(self, down=None):
        """Something was learnt of the backend."""
        self.down = down
        self.era += 1

    def land(self, data):
        """Take a fetch that is about to end."""
        fetch = self.fetches.pop(data.draw(st.integers(0, len(self.fetches) - 1)))
        self.spans.append((fetch.key, fetch.began, self.clock.seconds()))
        return fetch

    @precondition(lambda self: self.fetches)
    @rule(data=st.data())
    def answer(self, data):
        """The same list is the same tuple, as drivers give it."""
        fetch = self.land(data)
        self.learnt()
        (credentials, _) = fetch.key
        new = (Realm(f"{credentials.user} {fetch.shown}", credentials.password, ""),)
        last = self.lists.get(fetch.key)
        if last != new:
            self.lists[fetch.key] = new
        before = dict(self.inventory.held(fetch.key[1])).get(credentials)
        busy = len(self.fetches) + 1
        awaited = any(reader.key == fetch.key and reader.epoch <= fetch.epoch for reader in self.readers)
        self.ahead.clear()
        fetch.answer.callback(self.lists[fetch.key])
        assert self.ahead == ([] if awaited else [fetch.key])
        after = dict(self.inventory.held(fetch.key[1]))[credentials]
        assert (after.taken, after.items) == (fetch.began, new)
        assert len(self.inventory) <= max(MOST_PICTURES, busy)
        if before is not None and before.items is after.items:
            assert before.by_id is after.by_id
            assert before.weight == after.weight
        self.settle()

    @precondition(lambda self: self.fetches)
    @rule(data=st.data(), kind=st.sampled_from([*DOWN, BackendError, Unauthenticated]))
    def fail(self, data, kind):
        """A failed refresh fails those who joined it, and no one else."""
        fetch = self.land(data)
        if kind not in DOWN:
            self.learnt()
        elif fetch.era == self.era:
            self.learnt(self.clock.seconds())
        error = kind("no")
        fetch.answer.errback(error)
        self.settle(fetch, error)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data):
        """A reader that leaves disturbs nobody; the last one takes its fetch along."""
        reader = self.readers.pop(data.draw(st.integers(0, len(self.readers) - 1)))
        fetch = next(fetch for fetch in self.fetches if fetch.key == reader.key)
        others = [each for each in self.readers if each.key == reader.key and each.epoch <= fetch.epoch]
        alone = reader.epoch <= fetch.epoch and not others
        index = self.fetches.index(fetch)
        if alone:
            # Somebody may be waiting for the next, which begins when this one is given up.
            del self.fetches[index]
        left = []
        reader.deferred.addErrback(lambda failure: left.append(failure.trap(CancelledError)))
        reader.deferred.cancel()
        assert left == [CancelledError]
        assert fetch.answer.called == alone, "cut off for others" if fetch.answer.called else "nobody waits for it"
        self.settle()

    @invariant()
    def nobody_waits_for_nothing(self):
        fetched, waiting = ({each.key for each in both} for both in (self.fetches, self.readers))
        assert waiting <= fetched
        for credentials, collection in fetched - waiting:
            assert self.is_due(dict(self.inventory.held(collection))[credentials])

    @invariant()
    def bounded(self):
        held = [snapshot for name in ("realms", "keys") for _, snapshot in self.inventory.held(name)]
        assert self.inventory.memory == sum(snapshot.weight for snapshot in held)
        if not self.fetches:
            assert self.inventory.memory <= MEMORY or len(held) == 1


class PicturesTests(SynchronousTestCase):
    def test_against_the_model(self):
        run_state_machine_as_test(
            PicturesMachine, settings=settings(unhurried, max_examples=100, stateful_step_count=40, database=None)
        )
