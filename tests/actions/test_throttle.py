"""Throttling, against a bucket that is refilled by hand."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions.action import Action
from ec2proxy.actions.instance_attributes import DescribeInstanceAttribute
from ec2proxy.actions.instance_states import TerminateInstances
from ec2proxy.actions.instances import DescribeInstances
from ec2proxy.actions.key_pairs import CreateKeyPair
from ec2proxy.actions.run_instances import RunInstances
from ec2proxy.actions.throttle import EC2_RATES, RATES, Rate, Throttle, kind_of, rates
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.params import Filter
from ec2proxy.model import Credentials
from tests.actions.support import ActionTestCase

ALICE, BOB = Credentials("alice", "a"), Credentials("bob", "b")
EVERYTHING = DescribeInstances()
KEY = CreateKeyPair(key_name="k")


class ReadingTests(SynchronousTestCase):
    """What an operator may write."""

    def test_numbers(self) -> None:
        """Each class has a bucket and a refill."""
        self.assertEqual(
            rates("mutating=50:5, instances=1000:0.5"), {"mutating": Rate(50, 5), "instances": Rate(1000, 0.5)}
        )

    def test_words(self) -> None:
        """Off is no limit, and ec2 is EC2's."""
        self.assertEqual(rates("off"), {})
        self.assertEqual(rates("ec2"), EC2_RATES)

    def test_wrong(self) -> None:
        """What is wrong is named."""
        for text, said in (
            ("", "''"),
            ("polls=1:1", "'polls' is none of"),
            ("mutating", "'' is not BUCKET:REFILL"),
            ("mutating=0:1", "'0:1'"),
            ("mutating=1:0", "'1:0'"),
            ("mutating=inf:1", "'inf:1'"),
            ("mutating=nan:1", "'nan:1'"),
            ("mutating=1:2:3", "'1:2:3'"),
        ):
            with self.subTest(text):
                self.assertIn(said, str(self.assertRaises(ValueError, rates, text)))


class KindTests(SynchronousTestCase):
    """EC2's classes of requests."""

    def test_kinds(self) -> None:
        """What lists without naming, filtering or paging asks for everything."""
        one = DescribeInstances(instance_ids=("i-1",))
        for action, kind in (
            (EVERYTHING, "unfiltered"),
            (one, "non-mutating"),
            (DescribeInstances(filters=(Filter(name="instance-id", values=("i-1",)),)), "non-mutating"),
            (DescribeInstances(max_results=5), "non-mutating"),
            (DescribeInstances(next_token="t"), "non-mutating"),
            (DescribeInstanceAttribute(instance_id="i-1", attribute="userData"), "non-mutating"),
            (KEY, "mutating"),
        ):
            with self.subTest(repr(action)):
                self.assertEqual(kind_of(action), kind)


class ServiceTests(ActionTestCase):
    """A whole service that throttles."""

    def test_refused(self) -> None:
        """Who asks too often gets EC2's error, the backend hears nothing of it, and others are let in."""
        self.service._throttle = Throttle(rates("mutating=1:1"), self.clock.seconds)
        self.call("CreateKeyPair", KeyName="first")
        before = self.changes()
        self.refused("RequestLimitExceeded", "CreateKeyPair", status=503, KeyName="second")
        self.assertEqual(self.changes(), before)
        self.call("DescribeKeyPairs")
        self.clock.advance(1)
        self.call("CreateKeyPair", KeyName="second")


class ThrottleTests(SynchronousTestCase):
    """Who is let in."""

    def setUp(self) -> None:
        """A clock that stands still."""
        self.clock = Clock()

    def throttle(self, text: str) -> Throttle:
        """Buckets as an operator wrote them."""
        return Throttle(rates(text), self.clock.seconds)

    def admitted(self, throttle: Throttle, action: Action, who: Credentials = ALICE, region: str = "r") -> bool:
        """Whether a request is let in."""
        try:
            throttle.admit(who, region, action)
        except EC2Error as error:
            self.assertEqual((error.code, error.status), ("RequestLimitExceeded", 503))
            return False
        return True

    def test_bucket(self) -> None:
        """So many at once, then as many as come back."""
        throttle = self.throttle("mutating=3:2")
        self.assertEqual([self.admitted(throttle, KEY) for _ in range(5)], [True] * 3 + [False] * 2)
        self.clock.advance(0.5)
        self.assertEqual([self.admitted(throttle, KEY) for _ in range(2)], [True, False])
        self.clock.advance(3600)
        self.assertEqual([self.admitted(throttle, KEY) for _ in range(4)], [True] * 3 + [False])

    def test_clock_put_back(self) -> None:
        """A clock that is put back takes no tokens away."""
        throttle = self.throttle("mutating=3:1")
        self.assertTrue(self.admitted(throttle, KEY))
        self.clock.rightNow -= 3600
        self.assertEqual([self.admitted(throttle, KEY) for _ in range(3)], [True, True, False])

    def test_one_empties_no_others(self) -> None:
        """Accounts, passwords, regions and actions have buckets of their own."""
        throttle = self.throttle("mutating=1:1")
        self.assertTrue(self.admitted(throttle, KEY))
        self.assertFalse(self.admitted(throttle, KEY))
        self.assertTrue(self.admitted(throttle, KEY, BOB))
        self.assertTrue(self.admitted(throttle, KEY, Credentials("alice", "guessed")))
        self.assertTrue(self.admitted(throttle, KEY, region="s"))
        self.assertTrue(self.admitted(throttle, TerminateInstances(instance_ids=("i-1",))))
        self.assertFalse(self.admitted(throttle, KEY))

    def test_everything_needs_two(self) -> None:
        """Who asks for everything at once has a smaller bucket, beside that of all who ask."""
        throttle = self.throttle("unfiltered=1:1,non-mutating=3:1")
        one = DescribeInstances(instance_ids=("i-1",))
        self.assertEqual([self.admitted(throttle, EVERYTHING) for _ in range(2)], [True, False])
        self.assertEqual([self.admitted(throttle, one) for _ in range(3)], [True, True, False])

    def test_instances(self) -> None:
        """Each instance takes a token; more than a bucket holds are let in when it is full."""
        throttle = self.throttle("instances=10:1")
        run = RunInstances(image_id="img1", max_count=8)
        self.assertEqual([self.admitted(throttle, run) for _ in range(2)], [True, False])
        many = TerminateInstances(instance_ids=tuple(map(str, range(20))))
        self.assertEqual([self.admitted(throttle, many) for _ in range(2)], [True, False])
        self.clock.advance(9)
        self.assertFalse(self.admitted(throttle, many))
        self.clock.advance(1)
        self.assertTrue(self.admitted(throttle, many))

    def test_no_limit(self) -> None:
        """Polls have none by default, and nothing has if all is off."""
        self.assertTrue(all(self.admitted(Throttle(RATES, self.clock.seconds), EVERYTHING) for _ in range(1000)))
        self.assertTrue(all(self.admitted(self.throttle("off"), KEY) for _ in range(1000)))

    def test_bounded(self) -> None:
        """Buckets that nobody has used for longest are forgotten."""
        throttle = Throttle(rates("mutating=1:1"), self.clock.seconds, most=2)
        for who in (ALICE, BOB):
            self.assertTrue(self.admitted(throttle, KEY, who))
        self.assertFalse(self.admitted(throttle, KEY, ALICE))
        self.assertTrue(self.admitted(throttle, KEY, Credentials("carol", "c")))
        self.assertFalse(self.admitted(throttle, KEY, ALICE))
        self.assertTrue(self.admitted(throttle, KEY, BOB))

    def test_made_up_names(self) -> None:
        """Who has emptied his bucket has no new one for having made up names that nobody needs to be."""
        throttle = Throttle(rates("mutating=10:1"), self.clock.seconds, most=150)
        for _ in range(10):
            self.assertTrue(self.admitted(throttle, KEY, ALICE))
        for number in range(250):
            self.clock.advance(0.01)
            self.assertTrue(self.admitted(throttle, KEY, Credentials(f"made up {number}", "")))
        # Two tokens have come back.
        self.assertTrue(self.admitted(throttle, KEY, ALICE))
        self.assertTrue(self.admitted(throttle, KEY, ALICE))
        self.assertFalse(self.admitted(throttle, KEY, ALICE))

    @given(st.lists(st.floats(0, 3), max_size=40))
    def test_never_more_than_promised(self, pauses: list[float]) -> None:
        """In any time, no more are let in than a full bucket and what came back meanwhile."""
        clock, let_in = Clock(), 0
        throttle = Throttle(rates("mutating=4:2"), clock.seconds)
        for pause in pauses:
            clock.advance(pause)
            let_in += self.admitted(throttle, KEY)
            self.assertLessEqual(let_in, 4 + 2 * clock.seconds() + 1e-6)
