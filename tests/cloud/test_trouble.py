"""A backend, a store or a client that fails on the way."""

from twisted.logger import LogLevel, capturedLogs

from ec2proxy.cloud.pursuit import PATIENCE
from ec2proxy.errors import (
    BackendError,
    BackendUnavailable,
    Forbidden,
    NotFound,
    WrongState,
)
from ec2proxy.mockcloud.trouble import Answer
from tests.cloud.support import MINE, CloudTestCase


async def refuse_late(exchange):
    """Trouble that takes longer than any pause between two looks."""
    await exchange.sleep(12)
    exchange.send(Answer(403))


class TroubleTests(CloudTestCase):
    """A backend that fails on the way."""

    def test_a_definite_failure_takes_the_promise_back(self):
        instance_id = self.running()
        self.backend.trouble.backtrace(403, path="*/stop")
        plan = self.done(self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.refused(Forbidden, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual(self.states(), {instance_id: "running"})
        self.assertEqual(self.ledger().work, {})
        self.sent()
        self.later(60)
        self.assertEqual(self.sent(), [])

    def test_one_failure_leaves_the_others_alone(self):
        one, two = self.launch(least=2, most=2).instance_ids
        self.later(3)
        self.backend.trouble.backtrace(403, path=f"*/{one}/stop")
        plan = self.done(self.lifecycle.plan(MINE, "stop", [one, two]))
        self.refused(Forbidden, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual(self.states(), {one: "running", two: "stopped"})

    def test_the_promise_before_comes_back_and_goes_on(self):
        """fgcp's instance has to be started; a terminate that is refused does not make that forgotten."""
        self.make(machine="fgcp", pending=5)
        instance_id = self.one()
        self.later(5)
        self.backend.trouble.backtrace(403, method="DELETE")
        plan = self.done(self.lifecycle.plan(MINE, "terminate", [instance_id]))
        self.refused(Forbidden, self.lifecycle.carry_out(MINE, plan))
        self.until(instance_id, "running")

    def test_the_promise_before_is_pursued_anew_when_its_pursuit_has_ended(self):
        self.make(machine="fgcp", pending=4.5)
        instance_id = self.one()
        self.later(4.6, step=0.1)
        self.assertEqual(self.backend.instances[instance_id].state, "STOPPED")
        self.backend.trouble.add(refuse_late, method="DELETE")
        plan = self.done(self.lifecycle.plan(MINE, "terminate", [instance_id]))
        doing = self.begin(self.lifecycle.carry_out(MINE, plan))
        self.later(13)
        self.failureResultOf(doing, Forbidden)
        self.until(instance_id, "running")

    def test_an_ambiguous_failure_goes_on(self):
        for lost in (True, False):
            self.make()
            instance_id = self.running()
            if lost:
                self.backend.trouble.lose_answer(path="*/stop")
            else:
                self.backend.trouble.backtrace(502, path="*/stop")
            self.assertEqual(self.do("stop", instance_id), [("running", "stopping")])
            self.until(instance_id, "stopped")

    def test_stop_on_a_stale_picture(self):
        self.make(freshness=30)
        instance_id = self.running()
        self.states()
        self.backend.instances.act("mockuser", instance_id, "stop")
        self.assertEqual(self.do("stop", instance_id), [("running", "stopping")])
        self.assertEqual(self.until(instance_id, "stopped")[-1], "stopped")
        self.later(40)
        self.assertEqual(self.ledger().work, {})

    def test_start_on_a_stale_picture(self):
        self.make(freshness=30)
        instance_id = self.running()
        self.do("stop", instance_id)
        self.later(60)
        self.assertEqual(self.states(), {instance_id: "stopped"})
        self.backend.instances.act("mockuser", instance_id, "start")
        self.assertEqual(self.do("start", instance_id), [("stopped", "pending")])
        self.until(instance_id, "running")

    def test_terminate_on_a_stale_picture(self):
        for happened in ("stop", "destroy"):
            self.make(freshness=30)
            instance_id = self.running()
            self.states()
            self.backend.instances.act("mockuser", instance_id, "stop")
            if happened == "destroy":
                self.backend.instances.act("mockuser", instance_id, "destroy")
            self.assertEqual(self.do("terminate", instance_id), [("running", "shutting-down")])
            self.until(instance_id, "terminated", 120)
            self.assertEqual(list(self.backend.instances), [])

    def test_stop_of_what_is_gone(self):
        self.make(freshness=30)
        instance_id = self.running()
        self.states()
        self.backend.instances.remove(instance_id)
        plan = self.done(self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.refused(NotFound, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual(self.ledger().work, {})

    def test_a_refusal_that_cannot_be_looked_into_stands(self):
        instance_id = self.running()
        plan = self.done(self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.backend.trouble.backtrace(405, path="*/stop")
        self.backend.trouble.backtrace(502, method="GET", path="/api/instances")
        self.refused(WrongState, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual(self.ledger().work, {})

    def test_a_terminate_planned_on_is_not_undone_by_a_stop(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        plans = {verb: self.done(self.lifecycle.plan(MINE, verb, [instance_id])) for verb in ("stop", "terminate")}
        self.done(self.lifecycle.carry_out(MINE, plans["terminate"]))
        self.refused(WrongState, self.lifecycle.carry_out(MINE, plans["stop"]))
        self.until(instance_id, "terminated")

    def test_down_in_the_middle(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        rule = self.backend.trouble.backtrace(502, times=None)
        self.later(120)
        self.assertGreater(rule.befell, 5)
        self.backend.trouble.clear()
        self.until(instance_id, "terminated")
        self.assertEqual(list(self.backend.instances), [])

    def test_a_step_that_is_lost_in_the_background_is_taken_again(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.backend.trouble.backtrace(502, method="DELETE", times=2)
        self.until(instance_id, "terminated")

    def test_a_stop_without_effect_is_repeated_after_a_while(self):
        instance_id = self.running()
        self.backend.trouble.answer(204, method="POST", path="*/stop")
        self.do("stop", instance_id)
        self.later(30)
        self.assertEqual(self.states(), {instance_id: "stopping"})
        self.until(instance_id, "stopped", 60)

    def test_refused_in_the_background(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.backend.trouble.backtrace(403, method="DELETE", times=None)
        with capturedLogs() as logs:
            self.later(30)
        self.assertEqual(self.states(), {instance_id: "stopped"})
        (told,) = [event for event in logs if event["log_level"] is LogLevel.error]
        self.assertEqual((told["verb"], told["instance"]), ("terminate", instance_id))

    def test_never_finished(self):
        instance_id = self.running()
        self.backend.trouble.answer(204, method="POST", path="*/stop", times=None)
        self.do("stop", instance_id)
        with capturedLogs() as logs:
            self.later(PATIENCE["stop"] + 20)
        self.assertEqual(self.states(), {instance_id: "running"})
        (told,) = [event for event in logs if event["log_level"] is LogLevel.error]
        self.assertEqual((told["verb"], told["instance"]), ("stop", instance_id))
        self.assertEqual(self.ledger().work, {})

    def test_asleep(self):
        """Time in which the machine slept is not time in which anything was tried."""
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.backend.trouble.answer(503, b"", path="/api/instances", times=1)
        self.clock.advance(PATIENCE["terminate"] * 2)
        self.later(30)
        self.assertEqual(self.sent(reads=False)[-1:], [("DELETE", f"/api/instances/{instance_id}")])
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_the_end_leaves_the_ledger(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.done(self.lifecycle.stop())
        self.sent(reads=True)
        self.later(60)
        self.assertEqual(self.sent(reads=True), [])
        self.assertEqual(list(self.ledger().work), [instance_id])
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(list(self.done(self.store.items("here/mockuser", "work"))), [instance_id])

    def test_what_is_promised_after_the_end_is_left_to_the_successor(self):
        """As by a request that began before its region was replaced: two must not go on with it."""
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.done(self.lifecycle.stop())
        self.do("terminate", instance_id)
        self.sent(reads=True)
        self.later(60)
        self.assertEqual(self.sent(reads=True), [])
        self.restart()
        self.done(self.cloud.resume())
        self.addCleanup(self.cloud.succession.stop)
        self.until(instance_id, "terminated")
        self.assertEqual(self.sent(), [("DELETE", f"/api/instances/{instance_id}")])

    def test_the_end_while_it_looks(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.backend.trouble.delay(30, method="GET", path="/api/instances", times=None)
        self.later(3)
        self.done(self.lifecycle.stop())
        self.sent(reads=True)
        self.later(60)
        self.assertEqual(self.sent(reads=True), [])
        self.assertEqual(list(self.ledger().work), [instance_id])

    def test_work_superseded_while_it_looks_does_nothing_more(self):
        """An fgcp instance that is about to be started is terminated meanwhile: the start is not sent."""
        self.make(machine="fgcp", pending=4.5)
        instance_id = self.one()
        self.later(4.6, step=0.1)
        plan = self.done(self.lifecycle.plan(MINE, "terminate", [instance_id]))
        self.later(0.1, step=0.1)
        self.cloud.inventory.wrote(MINE, "instances")
        self.backend.trouble.delay(3, method="GET", path="/api/instances")
        self.backend.trouble.delay(8, method="DELETE")
        self.sent(reads=True)
        while ("GET", "/api/instances") not in self.sent(reads=True):
            self.later(0.1, step=0.1)
        doing = self.begin(self.lifecycle.carry_out(MINE, plan))
        self.later(6)
        self.assertEqual(self.sent(), [("DELETE", f"/api/instances/{instance_id}")])
        self.later(5)
        self.successResultOf(doing)
        self.until(instance_id, "terminated")

    def test_after_a_restart_terminate_can_be_asked_for_again(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.done(self.lifecycle.stop())
        self.restart()
        self.assertEqual(self.states(), {instance_id: "shutting-down"})
        self.do("terminate", instance_id)
        self.until(instance_id, "terminated")

    def test_a_client_that_leaves_does_not_cut_it_off(self):
        one, two = self.launch(least=2, most=2).instance_ids
        self.later(3)
        self.backend.trouble.delay(2, path="*/stop", times=2)
        plan = self.done(self.lifecycle.plan(MINE, "stop", [one, two]))
        doing = self.begin(self.lifecycle.carry_out(MINE, plan))
        doing.cancel()
        self.failureResultOf(doing)
        self.until(one, "stopped")
        self.until(two, "stopped")

    def test_a_store_that_fails_is_a_promise_not_made(self):
        instance_id = self.running()
        self.later(10)
        plan = self.done(self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.sent()

        async def change(*_):
            raise BackendError("no store")

        self.store.change = change
        self.refused(BackendError, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual((self.ledger().work, self.sent()), ({}, []))

    def test_a_fault_of_ours_is_logged_and_does_not_end_the_work(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        change = self.store.change

        async def broken(*_):
            raise ZeroDivisionError

        self.store.change = broken
        self.later(12)
        self.store.change = change
        self.until(instance_id, "terminated")
        self.later(30)
        self.assertEqual(self.ledger().work, {})
        self.flushLoggedErrors(ZeroDivisionError)

    def test_down_from_the_start(self):
        self.backend.trouble.backtrace(502, times=None)
        self.refused(BackendUnavailable, self.lifecycle.instances(MINE))
