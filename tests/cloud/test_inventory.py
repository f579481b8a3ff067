"""The shared picture: against a simple model, and by example."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.errors import BackendError, BackendUnavailable
from ec2proxy.model import Credentials, Realm
from tests.ec2.properties import unhurried

ME = Credentials("me", "one")
ME_TOO = Credentials("me", "two")
YOU = Credentials("you", "one")
FRESHNESS = 2.0
COLLECTIONS = ("instances", "images", "realms", "keys", "hardware_profiles")
MANY = settings(unhurried, max_examples=60, stateful_step_count=40, database=None)


class Fetches:
    """A driver's collection whose answers the test gives."""

    def __init__(self, asked, name):
        self._asked = asked
        self._name = name

    async def list(self, credentials):
        answer = Deferred()
        self._asked.append((credentials, self._name, answer))
        return await answer


class Driver:
    """As much of a driver as the inventory needs."""

    def __init__(self):
        self.asked = []
        for name in COLLECTIONS:
            setattr(self, name, Fetches(self.asked, name))


def version(number):
    """What the backend holds after so many writes."""
    return [Realm(str(number), "", "")]


class PictureMachine(RuleBasedStateMachine):
    """Readers, writes and refreshes in any order. The backend counts its writes; a fetch shows it at its beginning."""

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.driver = Driver()
        self.inventory = Inventory("here", self.driver, LocalEpochs(), self.clock, FRESHNESS)
        self.written = 0
        # Fetches under way: what they will show, when they began, and the Deferred.
        self.fetches = []
        # Readers: the writes they must see, when they asked, whether a fetch that failed is theirs, and their Deferred.
        self.readers = []
        self.cancelled = 0
        # Whether the last refresh took so long that the next one may begin before anybody has to wait.
        self.slow = False

    def notice_fetches(self):
        """Take note of what was asked of the driver."""
        for credentials, _, answer in self.driver.asked:
            assert credentials == ME
            self.fetches.append((self.written, self.clock.seconds(), answer))
        self.driver.asked.clear()

    def check(self, must_see, asked_at, reader):
        """A reader that has been answered got what it was promised."""
        results = []
        reader.addBoth(results.append)
        (snapshot,) = results
        (item,) = snapshot.items
        assert int(item.id) >= must_see, "older than a write that was answered before"
        assert snapshot.taken > asked_at - FRESHNESS or snapshot.taken in self.began_before(asked_at), "too old"
        assert snapshot.by_id == {item.id: item}

    def began_before(self, asked_at):
        """When the fetches began that were under way at that time: joining one is always allowed."""
        return [began for began, ended in self.spans if began <= asked_at <= ended]

    spans = ()

    def settle(self):
        """Look at every reader that has been answered."""
        self.notice_fetches()
        waiting = []
        for must_see, asked_at, reader in self.readers:
            if reader.called:
                self.check(must_see, asked_at, reader)
            else:
                waiting.append((must_see, asked_at, reader))
        self.readers = waiting

    @rule()
    def read(self):
        reader = Deferred.fromCoroutine(self.inventory.realms(ME))
        self.readers.append((self.written, self.clock.seconds(), reader))
        self.settle()

    @rule(collection=st.sampled_from(["realms", "realms", "keys"]), who=st.sampled_from([ME, ME_TOO, YOU]))
    def write(self, collection, who):
        """A write is carried out, and answered at once."""
        if collection == "realms" and who.user == ME.user:
            self.written += 1
        self.inventory.wrote(who, collection)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @precondition(lambda self: self.fetches)
    @rule()
    def answer(self):
        shown, began, answer = self.fetches.pop(0)
        self.spans = (*self.spans, (began, self.clock.seconds()))
        self.slow = self.clock.seconds() > began
        answer.callback(version(shown))
        self.settle()

    @precondition(lambda self: self.fetches)
    @rule()
    def fail(self):
        """A failed refresh fails those who joined it, and no one else."""
        self.settle()
        shown, _, answer = self.fetches.pop(0)
        answer.errback(BackendError("down"))
        waiting = []
        for must_see, asked_at, reader in self.readers:
            if reader.called:
                assert must_see <= shown, "failed by a refresh that it cannot have joined"
                errors = []
                reader.addErrback(lambda failure, errors=errors: errors.append(failure.trap(BackendError)))
                assert errors == [BackendError]
            else:
                assert must_see > shown, "not told"
                waiting.append((must_see, asked_at, reader))
        self.readers = waiting
        self.settle()

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data):
        """A reader that leaves disturbs nobody; the last one takes its fetch along."""
        index = data.draw(st.integers(0, len(self.readers) - 1))
        must_see, _, reader = self.readers.pop(index)
        shown = self.fetches[0][0]
        alone = must_see <= shown and not any(other <= shown for other, _, _ in self.readers)
        reader.cancel()
        left = []
        reader.addErrback(lambda failure: left.append(failure.trap(CancelledError)))
        assert left == [CancelledError]
        cancelled = self.fetches[0][2].called
        assert cancelled == alone, "the fetch was cut off for others" if cancelled else "nobody waits for the fetch"
        if cancelled:
            self.fetches.pop(0)
        self.settle()

    @invariant()
    def one_refresh_at_most(self):
        assert len(self.fetches) <= 1

    @invariant()
    def nobody_waits_for_nothing(self):
        assert not self.readers or self.fetches
        assert not self.fetches or self.readers or self.slow


class InventoryTestCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.driver = Driver()
        self.inventory = Inventory("here", self.driver, LocalEpochs(), self.clock, FRESHNESS, most_pictures=3)

    def read(self, collection="realms", credentials=ME, **how):
        """Begin to read."""
        return Deferred.fromCoroutine(getattr(self.inventory, collection)(credentials, **how))

    def answer(self, number=0):
        """Answer the first fetch that is not answered."""
        self.driver.asked.pop(0)[2].callback(version(number))

    def fetched(self, *args, **how):
        """Whether reading makes for a new fetch; it is answered."""
        reader = self.read(*args, **how)
        new = bool(self.driver.asked)
        if new:
            self.answer()
        self.successResultOf(reader)
        return new


class InventoryTests(InventoryTestCase):
    def test_against_the_model(self):
        run_state_machine_as_test(PictureMachine, settings=MANY)

    def test_every_collection(self):
        for collection in COLLECTIONS:
            reader = self.read(collection)
            self.assertEqual(self.driver.asked[0][:2], (ME, collection))
            self.answer()
            self.successResultOf(reader)

    def test_max_age(self):
        self.fetched("images")
        self.clock.advance(10)
        self.assertFalse(self.fetched("images", max_age=11))
        self.assertTrue(self.fetched("images"))
        self.clock.advance(1)
        self.assertFalse(self.fetched("images", max_age=0.5))

    def test_as_old_as_its_refresh(self):
        """A picture is as old as the beginning of the refresh that brought it, also one that brought nothing new."""
        same = tuple(version(1))
        for _ in range(2):
            reader = self.read()
            began = self.clock.seconds()
            self.clock.advance(1.5)
            self.driver.asked.pop()[2].callback(same)
            self.assertEqual(began, self.successResultOf(reader).taken)
            self.clock.advance(1)
            self.assertIsNone(self.inventory.current(ME, "realms"))

    def test_clock_put_back(self):
        """A picture from before the clock was put back is not young until the clock has caught up."""
        self.clock.advance(5000)
        self.fetched()
        self.clock.rightNow -= 3600
        self.assertTrue(self.fetched())
        self.assertFalse(self.fetched())

    def test_principals_share_nothing(self):
        self.assertTrue(self.fetched(credentials=ME))
        self.assertTrue(self.fetched(credentials=YOU))
        self.assertTrue(self.fetched(credentials=ME_TOO))
        self.assertFalse(self.fetched(credentials=ME))

    def test_another_credential_of_the_user_is_told(self):
        for credentials in (ME, ME_TOO, YOU):
            self.fetched(credentials=credentials)
        self.inventory.wrote(ME, "realms")
        self.assertEqual([self.fetched(credentials=each) for each in (ME, ME_TOO, YOU)], [True, True, False])

    def test_bounded(self):
        for collection in ("instances", "images", "realms"):
            self.fetched(collection)
        self.fetched("instances")
        self.fetched("keys")
        self.assertFalse(self.fetched("instances"))
        self.assertFalse(self.fetched("realms"))
        self.assertTrue(self.fetched("images"))

    def test_pictures_that_are_waited_for_stay(self):
        readers = [
            self.read(collection) for collection in ("instances", "images", "realms", "keys", "hardware_profiles")
        ]
        self.inventory.wrote(ME, "instances")
        again = self.read("instances")
        self.assertEqual(len(self.driver.asked), 5, "a second refresh of a picture is under way")
        for _ in range(5):
            self.answer()
        for reader in readers:
            self.successResultOf(reader)
        self.assertNoResult(again)
        self.answer(1)
        self.assertEqual(self.successResultOf(again).items[0].id, "1")

    def test_one_reader_makes_another_leave(self):
        one, two, three = (self.read() for _ in range(3))
        one.addCallback(lambda _: two.cancel())
        two.addErrback(lambda failure: failure.trap(CancelledError))
        self.answer()
        self.successResultOf(three)
        self.assertIs(self.successResultOf(two), CancelledError)

    def test_who_waits_for_the_next_refresh_of_a_backend_that_is_down(self):
        """They are told at once: the backend is left alone for a moment."""
        joined = self.read()
        self.inventory.wrote(ME, "realms")
        waiting = [self.read(), self.read()]
        waiting[0].addErrback(lambda failure: (waiting[1].cancel(), failure)[1])
        self.driver.asked.pop()[2].errback(BackendUnavailable("away"))
        self.failureResultOf(joined, BackendUnavailable)
        self.failureResultOf(waiting[0], BackendUnavailable)
        self.failureResultOf(waiting[1], CancelledError)
        self.assertEqual([], self.driver.asked)
        self.clock.advance(0.25)
        later = [self.read(), self.read()]
        self.answer()
        for each in later:
            self.successResultOf(each)

    def test_nobody_joins_what_is_being_given_up(self):
        """Also where giving up takes its time."""

        class Slow(Deferred):
            def cancel(self):
                """Not yet."""

        slow = Slow()

        class Stubborn:
            async def list(self, _):
                if slow.called:
                    return version(1)
                return await slow

        self.driver.realms = Stubborn()
        self.inventory = Inventory("here", self.driver, LocalEpochs(), self.clock, FRESHNESS)
        first = self.read()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second = self.read()
        slow.errback(CancelledError())
        self.assertEqual(self.successResultOf(second).items[0].id, "1")

    def test_a_list_that_cannot_be_kept_is_a_failure(self):
        reader = self.read()
        self.driver.asked.pop()[2].callback([object()])
        self.failureResultOf(reader, AttributeError)
        self.assertTrue(self.fetched())

    def fails(self, **how):
        """Whether reading makes for a new fetch; it fails."""
        reader = self.read("images", **how)
        new = bool(self.driver.asked)
        if new:
            self.driver.asked.pop()[2].errback(BackendError())
        self.failureResultOf(reader, BackendError)
        return new

    def test_remembered_failure(self):
        """It is told again until it is too old, where that is allowed, or until there was a write, seen or not."""
        self.assertTrue(self.fails(failure_age=60))
        self.clock.advance(59)
        self.assertFalse(self.fails(failure_age=60))
        self.assertTrue(self.fails(failure_age=59))
        self.inventory.wrote(ME, "realms")
        self.assertFalse(self.fails(failure_age=60))
        self.inventory.wrote(ME_TOO, "images")
        self.assertTrue(self.fails(failure_age=60))
        self.clock.advance(60)
        reader = self.read("images", failure_age=60)
        self.inventory.wrote(ME, "images")
        self.driver.asked.pop()[2].errback(BackendError())
        self.failureResultOf(reader, BackendError)
        self.assertTrue(self.fetched("images", failure_age=60))

    def test_nothing_is_remembered_of_a_failure(self):
        reader = self.read()
        self.driver.asked.pop()[2].errback(BackendError())
        self.failureResultOf(reader, BackendError)
        self.assertTrue(self.fetched())
