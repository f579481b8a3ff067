"""What is kept of lists, and whose it is; and long work in slices."""

import tracemalloc

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.drivers.deltacloud import parse
from ec2proxy.drivers.deltacloud.list_of import ListOf
from ec2proxy.drivers.deltacloud.lists import Lists
from ec2proxy.drivers.deltacloud.segments import reading
from ec2proxy.drivers.deltacloud.slices import SLICE, Slices
from ec2proxy.drivers.deltacloud.transport import Answer
from ec2proxy.errors import BackendError
from ec2proxy.model import Credentials
from tests.drivers.support import MINE, OTHER, DriverTestCase, recording
from tests.drivers.test_segments import digest

SAME_USER = Credentials(MINE.user, "another")


class Turning:
    """A reactor as far as calls go that are due at once."""

    def __init__(self):
        self.calls = []

    def callLater(self, delay, call):  # noqa: N802
        """Call it in the next turn."""
        assert delay == 0
        self.calls.append(call)

    def turn(self):
        """One turn of the reactor."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()


def answer(body):
    """As the transport gives it."""
    return Answer(200, None, body, digest(body))


def realms(*ids):
    """A list of realms."""
    return b"<realms>" + b"".join(b"<realm id='%s'></realm>" % one.encode() for one in ids) + b"</realms>"


class ListsTests(SynchronousTestCase):
    def setUp(self):
        self.asked = []
        self.form = ListOf("realms", "realm", self.item)
        self.reactor = Turning()
        self.make(100_000)

    def item(self, element):
        """Note what is read."""
        self.asked.append(element.get("id"))
        return parse.realm(element)

    def make(self, most_bytes):
        """Make new ones."""
        self.lists = Lists(self.reactor, most_bytes)

    def begin(self, body, credentials=MINE, form=None):
        """Begin to read."""
        return Deferred.fromCoroutine(self.lists.read(credentials, form or self.form, answer(body)))

    def read(self, *args, **how):
        """Read a list; gives it, and what of it had to be read."""
        self.asked.clear()
        items = self.successResultOf(self.begin(*args, **how))
        return items, list(self.asked)

    def test_unchanged(self):
        first, asked = self.read(realms("a", "b"))
        self.assertEqual((["a", "b"], ["a", "b"]), ([one.id for one in first], asked))
        again, asked = self.read(realms("a", "b"))
        self.assertIs(first, again)
        self.assertEqual([], asked)

    def test_changed_and_back(self):
        self.read(realms("a", "b"))
        self.assertEqual(["c"], self.read(realms("a", "b", "c"))[1])
        self.assertEqual([], self.read(realms("b", "c"))[1])
        self.assertEqual(["a"], self.read(realms("a", "b", "c"))[1])

    def test_nothing_is_shared(self):
        """Not even between passwords of one user."""
        first, _ = self.read(realms("a"))
        for credentials in (OTHER, SAME_USER):
            items, asked = self.read(realms("a"), credentials)
            self.assertEqual((first, ["a"]), (items, asked))
            self.assertIsNot(first, items)
            self.assertIsNot(first[0], items[0])
        self.assertEqual([], self.read(realms("a"), MINE)[1])

    def test_another_meaning(self):
        """What one reader made of a list is not another's."""
        self.read(realms("a"))
        other = ListOf("realms", "realm", lambda element: parse.realm(element))
        self.assertIsNot(self.read(realms("a"))[0], self.read(realms("a"), form=other)[0])

    def test_failure(self):
        """What cannot be read changes nothing."""
        first, _ = self.read(realms("a"))
        self.failureResultOf(self.begin(b"<realms>"), BackendError)
        again, asked = self.read(realms("a"))
        self.assertIs(first, again)
        self.assertEqual([], asked)

    def test_bounded(self):
        """The list that was not asked for for longest goes first."""
        self.make(700)
        for credentials in (MINE, OTHER):
            self.read(realms("a"), credentials)
        self.assertEqual([], self.read(realms("a"), MINE)[1])
        self.read(realms("a"), SAME_USER)
        self.assertEqual([], self.read(realms("a"), MINE)[1])
        self.assertEqual(["a"], self.read(realms("a"), OTHER)[1])

    def test_too_large(self):
        """What is larger than all that may be kept is not kept, nor is anything lost of the count."""
        self.make(100)
        for _ in range(3):
            self.assertEqual(["a"], self.read(realms("a"))[1])
        self.make(300)
        for _ in range(3):
            self.read(realms("a", "b"))
            self.assertEqual(["a"], self.read(realms("a"))[1])
            self.assertEqual([], self.read(realms("a"))[1])

    def test_slices(self):
        """A long list is read in many turns, two of them in turns of their own."""
        many = [str(number) for number in range(1000)]
        body = realms(*many)
        reads = [self.begin(body), self.begin(body, OTHER)]
        turns, most = 0, 0
        while self.reactor.calls:
            before = len(self.asked)
            self.assertEqual(1, len(self.reactor.calls))
            self.reactor.turn()
            turns += 1
            most = max(most, len(self.asked) - before)
        self.assertEqual(2000, len(self.asked))
        self.assertLessEqual(most, SLICE / 4000 + 1)
        self.assertGreater(turns, 5)
        for read in reads:
            self.assertEqual(many, [one.id for one in self.successResultOf(read)])


class SlicesTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = Turning()
        self.slices = Slices(self.reactor)
        self.done = []

    def work(self, name, steps, cost=SLICE):
        """Some work."""
        for _ in range(steps):
            self.done.append(name)
            yield cost
        return name

    def begin(self, *work):
        """Begin work."""
        return Deferred.fromCoroutine(self.slices.run(self.work(*work)))

    def test_short(self):
        """What fits into one slice is done at once."""
        self.assertEqual("a", self.successResultOf(self.begin("a", 3, SLICE // 4)))
        self.assertEqual([], self.reactor.calls)

    def test_in_a_circle(self):
        """In each turn one goes on, in order."""
        works = [self.begin("a", 3), self.begin("b", 2)]
        self.assertEqual(["a", "b"], self.done)
        for expected in ("a", "b", "a", ""):
            del self.done[:]
            self.reactor.turn()
            self.assertEqual([expected] if expected else [], self.done)
        self.reactor.turn()
        self.assertEqual(["a", "b"], [self.successResultOf(work) for work in works])
        self.assertEqual([], self.reactor.calls)

    def test_cancelled(self):
        """One that is cancelled holds up nobody."""
        works = [self.begin(name, 2) for name in "abc"]
        works[0].cancel()
        self.failureResultOf(works[0], CancelledError)
        works[1].cancel()
        self.failureResultOf(works[1], CancelledError)
        for _ in range(3):
            self.reactor.turn()
        self.assertEqual("c", self.successResultOf(works[2]))
        self.assertEqual([], self.reactor.calls)
        self.assertEqual(["a", "b", "c", "c"], self.done)

    def test_all_cancelled(self):
        work = self.begin("a", 2)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.reactor.turn()
        self.assertEqual(["a"], self.done)
        self.begin("b", 2)
        self.reactor.turn()
        self.assertEqual(["a", "b", "b"], self.done)

    def test_error(self):
        """An error ends the work and nothing else."""

        def bad():
            yield SLICE
            raise BackendError("no")

        good = self.begin("a", 2)
        failing = Deferred.fromCoroutine(self.slices.run(bad()))
        for _ in range(3):
            self.reactor.turn()
        self.failureResultOf(failing, BackendError)
        self.assertEqual("a", self.successResultOf(good))


class DriverTests(DriverTestCase):
    """The whole way through the driver."""

    def test_same_objects(self):
        """Every collection is the same tuple as before while nothing changes."""
        self.make(machine="mock")
        collections = ("realms", "images", "instances", "keys", "hardware_profiles", "storage_volumes", "addresses")
        for name in (*collections, "networks", "subnets", "network_interfaces"):
            collection = getattr(self.driver, name)
            first = self.done(collection.list(MINE))
            self.assertIs(first, self.done(collection.list(MINE)), name)
        self.done(self.driver.instances.stop(MINE, "inst1"))
        before = self.done(self.driver.instances.list(MINE))
        self.done(self.driver.instances.start(MINE, "inst1"))
        after = self.done(self.driver.instances.list(MINE))
        self.assertEqual([one.id != "inst1" for one in after], [a is b for a, b in zip(before, after, strict=True)])

    def test_memory(self):
        """What is kept is about what the limit takes it for, and no body is kept."""
        one = b"<instance " + recording("28")[1].split(b"<instance ")[1]
        body = b"<instances>%b</instances>" % b"".join(one.replace(b"inst0", b"i%d" % n) for n in range(1000))
        work = reading(parse.instances, body, digest(body), None)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            known = None
            while known is None:
                try:
                    next(work)
                except StopIteration as end:
                    known = end.value
            del work
            kept = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        self.assertEqual(1000, len(known.items))
        self.assertLess(known.weight / 2, kept)
        self.assertLess(kept, known.weight * 2)
