"""Tests of work that is done once for all who wait for it."""

import gc
import sys
import traceback
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.flights import Flight, Flights

#: More than can be called each from within the call of the one before.
CROWD = 3 * sys.getrecursionlimit()

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


class FlightTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.flight: Flight[str] = Flight()
        self.work: Deferred[str] = Deferred()
        self.landed: list[Any] = []

    def start(self) -> None:
        """Begin work that the test ends."""
        self.flight.start(self.working(), self.landed.append)

    async def working(self) -> str:
        return await self.work

    def test_all_are_told(self) -> None:
        """In the order of joining, whether before the work began or since; and the owner before them."""
        told: list[str] = []

        def join(who: str) -> None:
            self.flight.join().addCallback(lambda outcome: told.append(f"{who} {outcome} {self.landed}"))

        join("early")
        self.start()
        join("late")
        self.assertEqual(told, [])
        self.work.callback("done")
        self.assertEqual(told, ["early done ['done']", "late done ['done']"])
        self.assertFalse(self.flight.open or self.flight.awaited)

    def test_ended_at_once(self) -> None:
        """Who joined before it began is told even where the work ends at once, well or badly."""
        for work, check in ((succeed("done"), self.successResultOf), (fail(KeyError()), self.failureResultOf)):
            self.flight, self.work = Flight(), work
            joined = self.flight.join()
            self.start()
            check(joined)
            self.assertFalse(self.flight.open)

    def test_owner_may_do_without(self) -> None:
        """Nobody has to be told that it has landed."""
        joined = self.flight.join()
        self.flight.start(self.working())
        self.work.callback("done")
        self.assertEqual(self.successResultOf(joined), "done")

    def test_one_leaves(self) -> None:
        """Who leaves is told that, and the work goes on for the others."""
        first, second, third = (self.flight.join() for _ in range(3))
        self.start()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertTrue(self.flight.open)
        self.work.callback("done")
        self.assertEqual([self.successResultOf(each) for each in (first, third)], ["done", "done"])

    def test_all_leave(self) -> None:
        """The last who leaves takes the work along; its owner is told, once."""
        waiters = [self.flight.join(), self.flight.join()]
        self.start()
        for waiter in waiters:
            self.assertEqual(self.landed, [])
            waiter.cancel()
            self.failureResultOf(waiter, CancelledError)
        (outcome,) = self.landed
        outcome.trap(CancelledError)
        self.assertFalse(self.flight.open)

    def test_given_up_slowly(self) -> None:
        """What is being given up is closed, and lands when it has ended, whatever it then comes to."""

        async def stubborn() -> str:
            try:
                return await Deferred()
            except CancelledError:
                return await self.work

        waiter = self.flight.join()
        self.flight.start(stubborn(), self.landed.append)
        waiter.cancel()
        self.failureResultOf(waiter, CancelledError)
        self.assertFalse(self.flight.open)
        self.assertEqual(self.landed, [])
        self.work.callback("done all the same")
        self.assertEqual(self.landed, ["done all the same"])

    def test_nobody_waits(self) -> None:
        """What was begun with nobody waiting goes on; so does what began when all who had joined before had left."""
        joined = self.flight.join()
        joined.cancel()
        self.failureResultOf(joined, CancelledError)
        self.assertTrue(self.flight.open)
        self.assertFalse(self.flight.awaited)
        self.start()
        self.work.callback("done")
        self.assertEqual(self.landed, ["done"])

    def test_never_begun(self) -> None:
        """Those who wait for what is not to begin can be told why."""
        waiters = [self.flight.join(), self.flight.join()]
        self.flight.tell(Failure(KeyError()))
        for waiter in waiters:
            self.failureResultOf(waiter, KeyError)
        self.assertFalse(self.flight.open)

    def test_told_to_leave(self) -> None:
        """Who is told may make another leave, who is then told only that; the outcome stays what it was."""
        first, second, third = (self.flight.join() for _ in range(3))
        self.start()
        first.addCallback(lambda outcome: second.cancel() or outcome)
        self.work.callback("done")
        self.failureResultOf(second, CancelledError)
        self.assertEqual([self.successResultOf(each) for each in (first, third)], ["done", "done"])

    def test_wrong_callback(self) -> None:
        """What one waiter does wrong with it is nobody else's business."""
        first, second = self.flight.join(), self.flight.join()
        first.addCallback(lambda _: 1 // 0)
        self.start()
        self.work.callback("done")
        self.failureResultOf(first, ZeroDivisionError)
        self.assertEqual(self.successResultOf(second), "done")

    def test_failure(self) -> None:
        """All are told where it failed: no way that it took to another of them is told as well. Nothing is logged."""

        async def failing() -> str:
            await self.work
            return {}["nothing"]

        async def one() -> str:
            return await self.flight.join()

        waiters = [Deferred.fromCoroutine(one()) for _ in range(100)]
        self.flight.start(failing())
        self.work.callback("go on")
        for waiter in waiters:
            failure = self.failureResultOf(waiter, KeyError)
            names = [frame.name for frame in traceback.extract_tb(failure.getTracebackObject())]
            self.assertEqual([names.count("one"), names.count("failing")], [1, 1])
        del waiters, waiter, failure
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_wrong_owner(self) -> None:
        """What the owner does wrong is logged, and keeps nobody waiting."""
        joined = self.flight.join()
        self.flight.start(self.working(), lambda _: self.landed[0])
        self.work.callback("done")
        self.assertEqual(self.successResultOf(joined), "done")
        del self.flight
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)

    def test_failure_that_nobody_hears(self) -> None:
        """Work that fails when nobody waits, or while it is given up, leaves no unhandled error."""

        async def clumsy() -> str:
            try:
                return await Deferred()
            except CancelledError:
                return {}["nothing"]

        joined = self.flight.join()
        self.flight.start(clumsy(), self.landed.append)
        joined.cancel()
        self.failureResultOf(joined, CancelledError)
        self.flight, self.work = Flight(), fail(KeyError())
        self.start()
        self.assertEqual([outcome.check(KeyError) for outcome in self.landed], [KeyError, KeyError])
        self.landed.clear()
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_over(self) -> None:
        """Who waits for the end only is told of it however it came, keeps the work going, and may leave."""
        for outcome in ("done", KeyError()):
            self.flight, self.work = Flight(), Deferred()
            first, second, third = self.flight.join(), *(Deferred.fromCoroutine(self.flight.over()) for _ in range(2))
            self.start()
            first.cancel()
            self.failureResultOf(first, CancelledError)
            second.cancel()
            self.failureResultOf(second, CancelledError)
            self.assertNoResult(third)
            if isinstance(outcome, str):
                self.work.callback(outcome)
            else:
                self.work.errback(outcome)
            self.assertIsNone(self.successResultOf(third))

    def test_contexts(self) -> None:
        """The work has a copy of the context of who began it, and those who wait have each their own."""
        seen: list[str] = []

        async def working() -> str:
            seen.append(f"work for {WHO.get()}")
            WHO.set("the work")
            await self.work
            seen.append(f"still {WHO.get()}")
            return "done"

        async def one(who: str) -> None:
            WHO.set(who)
            joined = self.flight.join()
            if who == "first":
                self.flight.start(working())
            await joined
            seen.append(f"{who} is {WHO.get()}")

        waiters = [Deferred.fromCoroutine(one(who)) for who in ("first", "second")]
        self.work.callback("go on")
        for waiter in waiters:
            self.successResultOf(waiter)
        self.assertEqual(seen, ["work for first", "still the work", "first is first", "second is second"])
        self.assertEqual(WHO.get(), "nobody")

    def test_crowd(self) -> None:
        """Thousands may wait: each is told on its own, not from within the call of another."""

        async def one() -> tuple[str, int]:
            outcome = await self.flight.join()
            return outcome, len(traceback.extract_stack())

        waiters = [Deferred.fromCoroutine(one()) for _ in range(CROWD)]
        self.start()
        self.work.callback("done")
        self.assertEqual(len({self.successResultOf(each) for each in waiters}), 1)

    def test_crowd_leaves(self) -> None:
        """Thousands may leave, in whatever order."""
        waiters = [self.flight.join() for _ in range(CROWD)]
        self.start()
        for waiter in reversed(waiters):
            self.assertFalse(self.work.called)
            waiter.cancel()
            self.failureResultOf(waiter, CancelledError)
        self.assertTrue(self.work.called)


class FlightsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.flights: Flights[str, str] = Flights()
        self.working: list[Deferred[str]] = []
        self.held: str | None = None
        self.cancelled = 0

    def ask(self, key: str = "key") -> "Deferred[str]":
        async def work() -> str:
            self.working.append(Deferred())
            try:
                return await self.working[-1]
            except CancelledError:
                self.cancelled += 1
                raise

        return Deferred.fromCoroutine(self.flights.of(key, work, lambda: self.held))

    def test_keys(self) -> None:
        """What is about something else is work of its own."""
        one, other = self.ask("one"), self.ask("other")
        self.assertEqual(len(self.flights), 2)
        self.working[1].callback("of the other")
        self.assertEqual(self.successResultOf(other), "of the other")
        self.assertNoResult(one)
        self.assertEqual(len(self.flights), 1)
        self.working[0].callback("of the one")
        self.assertEqual(self.successResultOf(one), "of the one")

    def test_second_flight(self) -> None:
        """Who came later waits, and has the outcome of work that began after it asked, all of them the same."""
        first, second, third = self.ask(), self.ask(), self.ask()
        self.assertEqual(len(self.working), 1)
        self.working[0].callback("one")
        self.assertEqual(self.successResultOf(first), "one")
        self.assertNoResult(second)
        self.assertEqual(len(self.working), 2)
        self.working[1].callback("two")
        self.assertEqual([self.successResultOf(each) for each in (second, third)], ["two", "two"])
        self.assertEqual(len(self.flights), 0)

    def test_what_holds(self) -> None:
        """Nothing more is done where the outcome holds for who came later."""
        first, second = self.ask(), self.ask()
        self.held = "one"
        self.working[0].callback("one")
        self.assertEqual([self.successResultOf(each) for each in (first, second)], ["one", "one"])
        self.assertEqual(len(self.working), 1)

    def test_failure(self) -> None:
        """A failure is told to who began the work; the others try for themselves, and are told theirs."""
        first, second, third = self.ask(), self.ask(), self.ask()
        self.working[0].errback(ZeroDivisionError())
        self.failureResultOf(first, ZeroDivisionError)
        self.working[1].errback(KeyError())
        self.failureResultOf(second, KeyError)
        self.failureResultOf(third, KeyError)

    def test_leaving(self) -> None:
        """Who leaves leaves the others alone; when all have, the work is cancelled."""
        first, second = self.ask(), self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.cancelled, 0)
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertEqual((self.cancelled, len(self.flights)), (1, 0))
        third = self.ask()
        self.working[-1].callback("three")
        self.assertEqual(self.successResultOf(third), "three")

    def test_nobody_joins_what_is_given_up(self) -> None:
        """Who asks meanwhile has work of its own, which stays when the other lands."""
        given_up: Deferred[str] = Deferred()

        async def stubborn() -> str:
            try:
                return await Deferred()
            except CancelledError:
                return await given_up

        first = self.flights.begin("key", stubborn())
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertIsNone(self.flights.under_way("key"))
        second = self.ask()
        mine = self.flights.under_way("key")
        given_up.callback("late")
        self.assertIs(self.flights.under_way("key"), mine)
        self.working[0].callback("in time")
        self.assertEqual(self.successResultOf(second), "in time")
        self.assertEqual(len(self.flights), 0)

    def test_asked_again_when_told(self) -> None:
        """Who asks again when it is told has the outcome of work that began since then."""
        again: list[Deferred[str]] = []
        for each in [self.ask() for _ in range(3)]:
            each.addCallback(lambda _: again.append(self.ask()))
        self.held = "one"
        for outcome in ("one", "two", "three"):
            self.working[-1].callback(outcome)
            self.held = None
        # The first began it, the others asked while it was under way.
        self.assertEqual([self.successResultOf(each) for each in again], ["two", "three", "three"])
        self.assertEqual(len(self.flights), 0)

    async def outcome(self, outcome: str) -> str:
        """Work that ends at once."""
        return outcome

    def test_ended_at_once(self) -> None:
        """Work that ends at once leaves nothing behind."""
        self.assertEqual(self.successResultOf(self.flights.begin("key", self.outcome("one"))), "one")
        self.assertEqual(len(self.flights), 0)

    def test_crowd(self) -> None:
        """Of thousands who ask, those who came later share the second work, and none is called from within another."""
        waiters = [self.ask() for _ in range(CROWD)]
        self.working[0].callback("one")
        self.working[1].callback("two")
        self.assertEqual([self.successResultOf(each) for each in waiters], ["one"] + ["two"] * (CROWD - 1))
        self.assertEqual(len(self.working), 2)
