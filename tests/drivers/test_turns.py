"""Turns at the backend: never more than allowed, in a circle of those who wait, and a flood is its owner's trouble."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy import errors
from ec2proxy.drivers.deltacloud.turns import Turns
from ec2proxy.model import Credentials
from tests.drivers.support import MINE, OTHER, DriverTestCase

USER = st.sampled_from(["a", "b", "c"])


class TurnsTests(SynchronousTestCase):
    def setUp(self):
        self.begun = []

    def take(self, turns, user, name=None):
        """Ask for a turn and note when it is had."""
        turn = turns.take(user)
        turn.addCallback(lambda _: self.begun.append(name or user))
        return turn

    def test_in_a_circle(self):
        """However many one asks for, another waits for one turn of each user only."""
        turns = Turns(1)
        self.take(turns, "a")
        for number in range(100):
            self.take(turns, "a", f"a{number}")
        for user in ("b", "b", "c"):
            self.take(turns, user)
        turns.give_back("a")
        for last in ("a", "b", "c", "a", "b"):
            turns.give_back(last)
        self.assertEqual(["a", "a0", "b", "c", "a1", "b", "a2"], self.begun)

    def test_share(self):
        """One alone has three quarters, so that another's first calls do not wait at all."""
        turns = Turns(8)
        for _ in range(20):
            self.take(turns, "a")
        self.assertEqual(["a"] * 6, self.begun)
        self.take(turns, "b")
        self.take(turns, "b")
        self.assertEqual(["a"] * 6 + ["b"] * 2, self.begun)

    def test_one_at_a_time(self):
        """Even a limit of one lets everybody have their turn."""
        turns = Turns(1)
        self.take(turns, "a")
        self.take(turns, "b")
        turns.give_back("a")
        self.assertEqual(["a", "b"], self.begun)

    def test_given_up(self):
        """Who gives up their place is passed over, wherever it was."""
        turns = Turns(1)
        self.take(turns, "a")
        waiting = [self.take(turns, user) for user in ("a", "b", "b", "c")]
        for turn in (waiting[0], waiting[1]):
            turn.cancel()
            self.failureResultOf(turn, CancelledError)
        turns.give_back("a")
        turns.give_back("b")
        self.assertEqual(["a", "b", "c"], self.begun)

    def test_strangers(self):
        """Names that somebody makes up have one place together: who is known waits for one of them only."""
        turns = Turns(1)
        turns.recognize("known", True)
        self.take(turns, "first")
        for number in range(100):
            self.take(turns, f"made up {number}")
        self.take(turns, "known")
        self.take(turns, "known", "again")
        for last in ("first", "made up 0", "known", "made up 1"):
            turns.give_back(last)
        self.assertEqual(["first", "made up 0", "known", "made up 1", "again"], self.begun)

    def test_strangers_among_themselves(self):
        """A stranger's flood does not hold up another stranger, either: each is one until the cloud has answered."""
        turns = Turns(1)
        for user in ("a", "a", "a", "b"):
            self.take(turns, user)
        turns.give_back("a")
        turns.give_back("a")
        self.assertEqual(["a", "a", "b"], self.begun)

    def test_recognized_while_waiting(self):
        """Who gets known, or is refused, meanwhile, has the turns that it waits for all the same."""
        turns = Turns(1)
        for user in ("a", "a", "b"):
            self.take(turns, user)
        turns.recognize("a", True)
        self.take(turns, "a", "as a known one")
        turns.recognize("a", False)
        for last in ("a", "a", "a", "b"):
            turns.give_back(last)
        self.assertEqual(["a", "a", "as a known one", "b"], self.begun)

    def test_most_known(self):
        """How many are known is bounded: who was not answered for longest is a stranger again."""
        turns = Turns(1, most_known=2)
        for user in ("a", "b", "a", "c"):
            turns.recognize(user, True)
        self.take(turns, "first")
        for user in ("x", "y", "b", "a", "c"):
            self.take(turns, user)
        for last in ("first", "x", "a", "c", "y"):
            turns.give_back(last)
        self.assertEqual(["first", "x", "a", "c", "y", "b"], self.begun)

    @given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["take", "take", "end", "leave", "know"]), USER)))
    def test_model(self, limit, steps):
        """Nobody waits who could have a turn, nobody has more than may be, nothing is lost."""
        turns = Turns(limit)
        share = limit - limit // 4
        held, waiting = [], []

        def notice():
            for user, turn in list(waiting):
                if turn.called:
                    waiting.remove((user, turn))
                    held.append(user)

        for step, user in steps:
            if step == "take":
                waiting.append((user, turns.take(user)))
            elif step == "end" and user in held:
                held.remove(user)
                turns.give_back(user)
            elif step == "know":
                turns.recognize(user, len(held) % 2 == 0)
            elif step == "leave":
                mine = [each for each in waiting if each[0] == user]
                for each in mine[:1]:
                    waiting.remove(each)
                    each[1].addErrback(lambda failure: failure.trap(CancelledError))
                    each[1].cancel()
            notice()
            self.assertLessEqual(len(held), limit)
            for each in set(held):
                self.assertLessEqual(held.count(each), share)
            if len(held) < limit:
                self.assertTrue(all(held.count(each) == share for each, _ in waiting))
        while held:
            turns.give_back(held.pop())
            notice()
        self.assertEqual([], waiting)


class FloodTests(DriverTestCase):
    """One user's flood and another's polls, before one backend."""

    def test_flood(self):
        """A thousand slow changes of one user do not keep another's polls waiting."""
        self.done(self.driver.capabilities(MINE))
        self.cloud.trouble.delay(20, times=None, method="POST")
        flood = [self.begin(self.driver.keys.create(MINE, f"k{number}")) for number in range(1000)]
        self.later(1)
        for _ in range(5):
            self.done(self.driver.instances.list(OTHER))
        for change in flood:
            change.cancel()
            self.failureResultOf(change, CancelledError)

    def test_made_up_names(self):
        """Two hundred names that somebody makes up do not keep the polls of a user waiting whom the cloud knows."""
        self.make(most_calls=4)
        self.done(self.driver.instances.list(OTHER))
        self.cloud.trouble.delay(1, times=None)
        strangers = [Credentials(f"made up {number}", "") for number in range(200)]
        flood = [self.begin(self.driver.instances.list(each)) for each in strangers]
        poll = self.begin(self.driver.instances.list(OTHER))
        self.later(1)
        self.later(1)
        self.successResultOf(poll)
        for call in flood:
            call.addErrback(lambda failure: failure.trap(CancelledError, errors.Unauthenticated))
            call.cancel()

    def test_anothers_name(self):
        """Who calls itself another, with passwords that it makes up, does not use up that one's turns."""
        self.make(most_calls=4)
        self.done(self.driver.instances.list(OTHER))
        self.cloud.trouble.delay(1, times=None)
        guesses = [Credentials(OTHER.user, f"guess {number}") for number in range(200)]
        flood = [self.begin(self.driver.instances.list(each)) for each in guesses]
        poll = self.begin(self.driver.instances.list(OTHER))
        self.later(1)
        self.later(1)
        self.successResultOf(poll)
        for call in flood:
            call.addErrback(lambda failure: failure.trap(CancelledError, errors.Unauthenticated))
            call.cancel()

    def overtakes(self, credentials):
        """Whether somebody is known: he then waits for one of two strangers who came before."""
        self.cloud.trouble.delay(1, times=None)
        calls = [self.begin(self.driver.instances.list(Credentials(name, ""))) for name in ("x", "y", "z")]
        calls.append(self.begin(self.driver.realms.list(credentials)))
        self.cloud.requests.clear()
        self.later(1)
        self.later(1)
        known = self.sent()[-1] == ("GET", "/api/realms")
        self.later(1)
        self.later(1)
        for call in calls:
            call.addErrback(lambda failure: failure.trap(errors.Unauthenticated))
            self.successResultOf(call)
        self.cloud.trouble.clear()
        return known

    def test_known(self):
        """The cloud knows whom it has shown anything of theirs, until it refuses them."""
        self.make(most_calls=1)
        for call in (self.driver.capabilities, self.driver.hardware_profiles.list):
            self.done(call(MINE))
        self.assertFalse(self.overtakes(MINE))
        self.done(self.driver.instances.list(OTHER))
        self.assertTrue(self.overtakes(OTHER))
        self.cloud.users[OTHER.user] = "another"
        self.failureResultOf(self.begin(self.driver.instances.list(OTHER)), errors.Unauthenticated)
        self.assertFalse(self.overtakes(OTHER))

    def test_settable(self):
        """How many calls a backend gets at once."""
        self.make(most_calls=4)
        self.cloud.trouble.never_answer(times=None)
        calls = [self.begin(self.driver.instances.list(credentials)) for credentials in (MINE, OTHER) * 5]
        self.assertEqual(4, len(self.cloud.requests))
        for call in calls:
            call.cancel()
            self.failureResultOf(call, CancelledError)

    def test_another_backend(self):
        """A backend that hangs holds up its own calls only."""
        self.cloud.trouble.never_answer(times=None)
        hung = [self.begin(self.driver.instances.list(MINE)) for _ in range(100)]
        self.make()
        self.done(self.driver.instances.list(MINE))
        for call in hung:
            self.assertNoResult(call)
            call.cancel()
            self.failureResultOf(call, CancelledError)

    def test_too_busy(self):
        """Who has waited for half the time is told so; it was not sent."""
        self.make(most_calls=1, timeout=60)
        self.cloud.trouble.never_answer(times=1)
        first = self.begin(self.driver.instances.list(MINE))
        self.later(20)
        second = self.begin(self.driver.instances.list(OTHER))
        self.later(40)
        self.failureResultOf(first, errors.BackendTimeout)
        self.assertIn("too busy", str(self.failureResultOf(second, errors.BackendTimeout).value))
