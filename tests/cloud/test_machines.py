"""Two processes over one state and one backend, each as unaware of the other as machines are."""

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from ec2proxy.cloud.attributes import Attributes
from ec2proxy.cloud.entries import Work
from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.launch import ELSEWHERE, ELSEWHERE_SECONDS, LOOKS_FOR_LOST
from ec2proxy.cloud.orders import Order
from ec2proxy.cloud.succession import SUCCESSION_SECONDS
from ec2proxy.cloud.watch import Watch
from ec2proxy.errors import BackendUnavailable, IdempotencyMismatch, StateUnavailable, WrongState
from ec2proxy.mockcloud.trouble import Answer
from ec2proxy.model import Credentials, Instance
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.state.seal import Seal
from tests.cloud.support import MINE, SPEC, CloudTestCase

CREATE = {"method": "POST", "path": "/api/instances"}
LOOKING = sum(LOOKS_FOR_LOST) + 3


class MachinesTestCase(CloudTestCase):
    """Two clouds, ``here`` and ``there``; ``self.cloud`` is the one that acts."""

    def make(self, **options):
        self.epochs = LocalEpochs()
        super().make(store=MemoryStateStore(), **options)
        self.here = self.cloud, self.store
        self.another()
        self.there = self.cloud, self.store
        self.on(self.here)

    def another(self):
        """Begin another process."""
        self.store = MemoryStateStore(self.store)
        self.restart()

    def restart(self, **options):
        super().restart(**options, epochs=self.epochs)

    def on(self, machine):
        """Act on that machine from now on."""
        self.cloud, self.store = machine
        self.lifecycle = self.cloud.lifecycle

    def kill(self, machine):
        """End a process at once: nothing that it was at goes on."""
        cloud, store = machine
        self.done(cloud.stop())
        self.done(store.close())


class TagTests(MachinesTestCase):
    def test_seen_at_once(self):
        instance_id = self.running()
        self.assertEqual(self.views()[instance_id].tags, {})
        self.on(self.there)
        self.assertEqual(self.states(), {instance_id: "running"})
        self.done(self.ledger().change_tags({instance_id: {}}, lambda old: {**old, "k": "v"}))
        self.on(self.here)
        self.assertEqual(self.views()[instance_id].tags, {"k": "v"})
        self.assertEqual(self.views()[instance_id].reservation_id, self.ledger().launches[instance_id].reservation_id)

    def test_changed_at_once(self):
        """Both work their changes out from the same past; nothing is lost, and limits hold."""
        first, second = self.done(self.here[0].lifecycle.ledger(MINE)), self.done(self.there[0].lifecycle.ledger(MINE))

        def added(number):
            def add(old):
                if len(old) >= 3:
                    raise WrongState("too many")
                return {**old, str(number): ""}

            return add

        self.done(first.change_tags({"i-1": {}}, added(1)))
        # The second has not heard of it, and does not look.
        self.assertEqual(second.tags, {})
        self.done(second.change_tags({"i-1": {}}, added(2)))
        self.done(first.change_tags({"i-1": {}, "i-2": {"shown": ""}}, added(3)))
        self.assertEqual(first.tags, {"i-1": {"1": "", "2": "", "3": ""}, "i-2": {"shown": "", "3": ""}})
        self.refused(WrongState, second.change_tags({"i-1": {}}, added(4)))
        self.assertEqual(second.tags["i-1"], {"1": "", "2": "", "3": ""})
        self.done(first.change_attributes("i-1", lambda now: evolve(now, monitored=True)))
        self.done(second.change_attributes("i-1", lambda now: evolve(now, disable_api_stop=True)))
        self.assertEqual(second.attributes["i-1"], Attributes(monitored=True, disable_api_stop=True))

    def test_what_is_equal_stays_the_same(self):
        """Who keeps what it made of a value need not make it again since something else has changed."""
        self.done(self.ledger().tag("i-1", {"k": "v"}))
        ledger = self.ledger()
        kept, version = ledger.tags["i-1"], ledger.version
        self.done(self.done(self.there[0].lifecycle.ledger(MINE)).tag("i-2", {}))
        self.assertIs(self.ledger(), ledger)
        self.assertIs(ledger.tags["i-1"], kept)
        self.assertIn("i-2", ledger.tags)
        self.assertNotEqual(ledger.version, version)

    def test_read_no_more_than_has_changed(self):
        """A change elsewhere costs its own size, not the ledger's; nothing changed costs nothing."""
        for number in range(20):
            self.done(self.ledger().tag(f"i-{number}", {}))
        self.on(self.there)
        self.ledger()
        read, found = self.store.read, []

        async def counted(*arguments):
            found.append(await read(*arguments))
            return found[-1]

        self.store.read = counted
        self.ledger()
        self.assertEqual(found, [])
        self.on(self.here)
        self.done(self.ledger().tag("i-3", {"k": "v"}))
        self.on(self.there)
        self.ledger()
        ((_, whole, values),) = found
        self.assertEqual((whole, values), (False, {("tags", "i-3"): {"k": "v"}}))


class WorkTests(MachinesTestCase):
    def assert_destroyed_once(self, instance_id, *before):
        """The backend was asked for no more since it was last asked."""
        path = f"/api/instances/{instance_id}"
        self.assertEqual(self.sent(), [*(("POST", f"{path}/{step}") for step in before), ("DELETE", path)])

    def terminating(self, stopping=5):
        """An instance that the first machine is terminating: it must be stopped first."""
        self.make(machine="ec2", stopping=stopping)
        instance_id = self.running()
        self.sent()
        self.assertEqual(self.do("terminate", instance_id), [("running", "shutting-down")])
        return instance_id

    def both_resume(self):
        for machine in (self.here, self.there):
            self.done(machine[0].resume())

    def test_shown_and_left_alone(self):
        """Work of one that lives is shown by the other, who neither does it nor does it over."""
        instance_id = self.terminating(2 * SUCCESSION_SECONDS)
        (work,) = self.ledger().work.values()
        self.on(self.there)
        self.both_resume()
        self.assertEqual(self.states(), {instance_id: "shutting-down"})
        self.assertEqual(self.do("terminate", instance_id), [("shutting-down", "shutting-down")])
        self.refused(WrongState, self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.later(SUCCESSION_SECONDS + 5)
        self.assertTrue(self.ledger().is_current(work))
        self.later(SUCCESSION_SECONDS + 20)
        self.assertEqual(self.states(), {instance_id: "terminated"})
        self.assert_destroyed_once(instance_id, "stop")

    def test_taken_over(self):
        """What a machine was at when it died the other goes on with, soon, and once."""
        instance_id = self.terminating()
        self.another()
        three = self.cloud, self.store
        for machine in (self.there, three):
            self.done(machine[0].resume())
        self.kill(self.here)
        self.later(SUCCESSION_SECONDS + 20)
        for machine in (self.there, three):
            self.on(machine)
            self.assertEqual(self.states(), {instance_id: "terminated"})
            self.assertEqual(self.ledger().work, {})
            self.assertIsNone(self.ledger().credentials())
        self.assert_destroyed_once(instance_id, "stop")

    def test_taken_over_at_once(self):
        """Who knows that another has died need not wait."""
        instance_id = self.terminating()
        self.kill(self.here)
        self.on(self.there)
        self.done(self.cloud.take_over())
        self.until(instance_id, "terminated", 15)

    def test_a_death_that_is_noticed_late(self):
        """Who is told of a death before the database has noticed looks once more."""
        instance_id = self.terminating()
        self.on(self.there)
        self.done(self.cloud.take_over())
        self.done(self.cloud.take_over())
        (work,) = self.ledger().work.values()
        self.assertNotEqual(work.owner, self.store.owner)
        self.kill(self.here)
        self.later(1)
        (work,) = self.ledger().work.values()
        self.assertEqual(work.owner, self.store.owner)
        self.until(instance_id, "terminated", 15)
        self.done(self.cloud.take_over())
        self.done(self.cloud.stop())

    def test_replaced_by_another_machine(self):
        """A termination asked for elsewhere takes the place of a stop; who was at that hands it over."""
        self.make(machine="arubacloud", stopping=5)
        instance_id = self.running()
        self.do("stop", instance_id)
        self.on(self.there)
        self.assertEqual(self.do("terminate", instance_id), [("stopping", "shutting-down")])
        (work,) = self.ledger().work.values()
        self.assertEqual((work.verb, work.owner), ("terminate", self.store.owner))
        self.sent()
        self.later(20)
        self.assert_destroyed_once(instance_id)
        self.on(self.here)
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_both_terminate_at_once(self):
        """Two machines that plan the same: one promises, and the backend is asked once."""
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        plans = [
            self.done(cloud.lifecycle.plan(MINE, "terminate", [instance_id])) for cloud, _ in (self.here, self.there)
        ]
        self.sent()
        for (cloud, _), plan in zip((self.here, self.there), plans, strict=True):
            self.done(cloud.lifecycle.carry_out(MINE, plan))
        self.until(instance_id, "terminated")
        self.assert_destroyed_once(instance_id, "stop")

    def test_one_that_is_not_dead_after_all(self):
        """Who was taken for dead destroys nothing once another has its work."""
        self.make(machine="arubacloud", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.sent()
        # Its connection to the database broke and is there again; it goes on and has not noticed.
        self.on(self.there)
        self.done(self.ledger().take_over({self.here[1].owner}))
        self.done(self.cloud.take_over())
        self.backend.trouble.delay(9, times=None, method="DELETE")
        self.later(40)
        self.assert_destroyed_once(instance_id)


class LaunchTests(MachinesTestCase):
    def begun(self, order):
        """Begin to launch on the first machine, with a backend that does not answer yet."""
        self.backend.trouble.delay(5, **CREATE)
        return self.begin(self.cloud.launcher.launch(MINE, order))

    def test_a_retry_on_another_machine_waits(self):
        """It finds the first one's instance, and makes none."""
        order = Order(SPEC, 1, 1, client_token="t")
        first = self.begun(order)
        self.on(self.there)
        second = self.begin(self.cloud.launcher.launch(MINE, order))
        self.later(4)
        self.assertNoResult(second)
        self.later(1 + ELSEWHERE)
        launched = self.successResultOf(first)
        self.assertEqual(self.successResultOf(second), evolve(launched, views=()))
        self.assertEqual(list(self.states()), list(launched.instance_ids))
        self.refused(IdempotencyMismatch, self.cloud.launcher.launch(MINE, evolve(order, most=2)))
        self.assertEqual(self.sent(), [("POST", "/api/instances")])

    def test_a_retry_does_not_wait_for_ever(self):
        self.backend.trouble.never_answer(**CREATE)
        order = Order(SPEC, 1, 1, client_token="t")
        self.make_slow()
        self.begin(self.cloud.launcher.launch(MINE, order)).addErrback(lambda _: None)
        self.on(self.there)
        second = self.begin(self.cloud.launcher.launch(MINE, order))
        self.later(ELSEWHERE_SECONDS + 2)
        self.failureResultOf(second, BackendUnavailable)

    def make_slow(self):
        """A backend for whose answer one waits for long."""
        self.restart(timeout=1000.0)

    def test_a_retry_after_the_first_has_failed(self):
        """Where the first could not create anything, the token is free; the one that waited launches."""
        order = Order(SPEC, 1, 1, client_token="t")

        async def refused_late(exchange):
            await exchange.sleep(5)
            exchange.send(Answer(400))

        self.backend.trouble.add(refused_late, **CREATE)
        first = self.begin(self.cloud.launcher.launch(MINE, order))
        self.on(self.there)
        second = self.begin(self.cloud.launcher.launch(MINE, order))
        self.later(10)
        self.failureResultOf(first)
        self.successResultOf(second)
        self.assertEqual(len(self.states()), 1)

    def test_a_retry_after_a_death(self):
        """The machine that was at it dies; what it had created is found, and what it had not is created."""
        order = Order(SPEC, 1, 1, client_token="t")
        self.backend.trouble.lose_answer(silent=True, **CREATE)
        self.begin(self.cloud.launcher.launch(MINE, order)).addErrback(lambda _: None)
        (instance_id,) = self.backend.instances
        self.on(self.there)
        waiting = self.begin(self.cloud.launcher.launch(MINE, order))
        self.later(2)
        self.assertNoResult(waiting)
        self.kill(self.here)
        self.later(LOOKING)
        self.assertEqual(self.successResultOf(waiting).instance_ids, (instance_id,))
        self.assertEqual(self.sent(), [("POST", "/api/instances")])
        self.assertEqual(self.ledger().orders, {})

    def test_a_launch_is_taken_over(self):
        """One that nobody asks for again."""
        self.done(self.there[0].resume())
        self.backend.trouble.lose_answer(silent=True, **CREATE)
        self.begin(self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1, tags={"k": "v"}))).addErrback(lambda _: None)
        self.later(1)
        self.kill(self.here)
        self.on(self.there)
        self.later(SUCCESSION_SECONDS + LOOKING)
        (view,) = self.views().values()
        self.assertEqual(view.tags, {"k": "v"})
        self.assertEqual((self.ledger().orders, self.ledger().work), ({}, {}))

    def test_what_others_create_is_not_adopted(self):
        """A lost instance is not looked for among what another machine is just creating."""

        async def late(exchange):
            await exchange.sleep(2)
            answer = await exchange.carry_out()
            await exchange.sleep(28)
            exchange.send(answer)

        self.backend.trouble.add(late, **CREATE)
        first = self.begin(self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1)))
        self.on(self.there)
        self.backend.trouble.backtrace(504, **CREATE)
        second = self.begin(self.cloud.launcher.launch(MINE, Order(SPEC, 1, 1)))
        self.later(20)
        self.failureResultOf(second)
        self.later(20)
        launched = self.successResultOf(first)
        (theirs,) = launched.instance_ids
        self.assertEqual(self.ledger().launches[theirs].reservation_id, launched.reservation_id)


class NothingMovesTests(MachinesTestCase):
    def test_a_store_that_fails(self):
        """Who cannot find out what others have changed answers nothing."""
        self.ledger()
        self.on(self.there)
        self.done(self.ledger().tag("i-1", {"k": "v"}))
        self.on(self.here)
        read = self.store.read

        async def fails(*_):
            raise BackendUnavailable("no store")

        self.store.read = fails
        waiting = [Deferred.fromCoroutine(self.lifecycle.ledger(MINE)) for _ in range(2)]
        for each in waiting:
            self.failureResultOf(each, BackendUnavailable)
        self.store.read = read
        self.assertEqual(self.ledger().tags, {"i-1": {"k": "v"}})

    def test_ledgers_in_memory_are_few(self):
        """Those unused for longest are forgotten, but none with anything unfinished; what they hold is read again."""
        watch = Watch("here", self.cloud.inventory, self.store, self.clock, self.epochs, most_ledgers=3)
        users = [Credentials(f"user{number}", "") for number in range(6)]
        busy = self.done(watch.ledger(users[0]))
        self.done(busy.promise(Work("stop", Instance("i-1", "RUNNING", "", "", "", "", ""), 1.0), users[0]))
        for user in users:
            self.done(self.done(watch.ledger(user)).tag("i-1", {"of": user.user}))
        self.assertEqual(list(watch.ledgers()), ["user0", "user4", "user5"])
        self.assertIs(self.done(watch.ledger(users[0])), busy)
        for user in users:
            self.assertEqual(self.done(watch.ledger(user)).tags, {"i-1": {"of": user.user}})

    def test_work_that_cannot_be_opened(self):
        """What was sealed with another key is told of, and stands in nobody's way; nor does a store that fails."""
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.kill(self.here)
        self.on(self.there)
        seal, self.store.seal = self.store.seal, Seal(bytes(32))
        with capturedLogs() as logs:
            self.done(self.cloud.resume())
        (told,) = [each for each in logs if "cannot be gone on with" in each["log_format"]]
        self.assertEqual(told["scope"], "here/mockuser")
        self.store.seal = seal
        scopes = self.store.scopes

        async def fails(_):
            raise StateUnavailable

        self.store.scopes = fails
        self.later(SUCCESSION_SECONDS + 1)
        self.assertEqual(len(self.flushLoggedErrors(StateUnavailable)), 1)
        self.store.scopes = scopes
        self.later(SUCCESSION_SECONDS + 20)
        self.assertEqual(self.states(), {instance_id: "terminated"})
        self.done(self.cloud.stop())
