"""EC2's verbs through the Deltacloud driver, in every life cycle that Deltacloud's drivers give their instances."""

from twisted.logger import LogLevel, capturedLogs

from ec2proxy.cloud.pursuit import PATIENCE
from ec2proxy.errors import (
    BackendError,
    BackendUnavailable,
    Forbidden,
    NotFound,
    Unauthenticated,
    Unsupported,
    WrongState,
)
from ec2proxy.mockcloud.machines import MACHINES
from ec2proxy.mockcloud.trouble import Answer
from tests.cloud.support import MINE, OTHER, WRONG, CloudTestCase
from tests.cloud.test_planner import NO_STOP, STOP_DESTROYS

STOPPABLE = sorted(MACHINES.keys() - STOP_DESTROYS - NO_STOP)
NO_REBOOT = {
    name for name, machine in MACHINES.items() if not any("reboot" in machine.actions(s) for s in machine.states)
}


async def refuse_late(exchange):
    """Trouble that takes longer than any pause between two looks."""
    await exchange.sleep(12)
    exchange.send(Answer(403))


class ShapeTests(CloudTestCase):
    """Every verb, in every machine, slow and fast."""

    def each(self, names=tuple(MACHINES), pauses=(0, 3)):
        """Make a cloud of each shape."""
        for name in names:
            for pause in pauses:
                self.make(machine=name, pending=pause, stopping=pause)
                yield name

    def test_run(self):
        for name in self.each():
            instance_id = self.one()
            on_the_way = self.until(instance_id, "running")
            self.assertLessEqual(set(on_the_way), {"pending", "running"}, name)
            self.later(5)
            self.assertEqual(self.ledger().work, {}, name)

    def test_terminate(self):
        for name in self.each():
            instance_id = self.running()
            self.assertEqual(self.do("terminate", instance_id), [("running", "shutting-down")])
            on_the_way = self.until(instance_id, "terminated")
            self.assertLessEqual(set(on_the_way), {"shutting-down", "terminated"}, name)
            self.later(15)
            self.assertEqual(list(self.backend.instances), [], name)
            self.assertEqual(self.states(), {instance_id: "terminated"}, name)
            self.assertEqual(self.ledger().work, {}, name)

    def test_terminate_pending(self):
        for name in self.each(pauses=(8,)):
            instance_id = self.one()
            self.assertEqual(self.do("terminate", instance_id), [("pending", "shutting-down")], name)
            on_the_way = self.until(instance_id, "terminated", 120)
            self.assertLessEqual(set(on_the_way), {"shutting-down", "terminated"}, name)
            self.assertEqual(list(self.backend.instances), [], name)

    def test_stop_and_start(self):
        for name in self.each(STOPPABLE):
            instance_id = self.running()
            self.assertEqual(self.do("stop", instance_id), [("running", "stopping")], name)
            on_the_way = self.until(instance_id, "stopped")
            self.assertLessEqual(set(on_the_way), {"stopping", "stopped"}, name)
            self.later(15)
            self.assertEqual(self.do("start", instance_id), [("stopped", "pending")], name)
            on_the_way = self.until(instance_id, "running")
            self.assertLessEqual(set(on_the_way), {"pending", "running"}, name)
            self.later(15)
            self.assertEqual(self.states(), {instance_id: "running"}, name)
            self.assertEqual(self.ledger().work, {}, name)

    def test_terminate_stopped(self):
        for name in self.each(STOPPABLE):
            instance_id = self.running()
            self.do("stop", instance_id)
            self.until(instance_id, "stopped")
            self.assertEqual(self.do("terminate", instance_id), [("stopped", "shutting-down")], name)
            self.assertLessEqual(set(self.until(instance_id, "terminated")), {"shutting-down", "terminated"}, name)
            self.assertEqual(list(self.backend.instances), [], name)

    def test_terminate_what_is_being_stopped(self):
        for name in self.each(STOPPABLE, pauses=(3,)):
            instance_id = self.running()
            self.do("stop", instance_id)
            now = self.states()[instance_id]
            self.assertEqual(self.do("terminate", instance_id), [(now, "shutting-down")], name)
            self.until(instance_id, "terminated")
            self.assertEqual(list(self.backend.instances), [], name)

    def test_a_stop_that_would_destroy_is_refused(self):
        for name in self.each(sorted(STOP_DESTROYS | NO_STOP)):
            instance_id = self.running()
            self.sent()
            self.refused(Unsupported, self.lifecycle.plan(MINE, "stop", [instance_id]))
            self.later(30)
            self.assertEqual(self.sent(), [], name)
            self.assertEqual(self.states(), {instance_id: "running"}, name)

    def test_start_of_what_cannot_be_started(self):
        for _ in self.each(sorted(NO_STOP)):
            instance_id = self.running()
            self.assertEqual(self.do("start", instance_id), [("running", "running")])
            self.backend.instances.change(instance_id, state="STOPPED")
            self.later(2)
            self.refused(Unsupported, self.lifecycle.plan(MINE, "start", [instance_id]))

    def test_reboot(self):
        for name in self.each():
            instance_id = self.running()
            self.sent()
            reboot = self.lifecycle.reboot(MINE, [instance_id], only_plan=False)
            if name in NO_REBOOT:
                self.refused(Unsupported, reboot)
                self.assertEqual(self.sent(), [], name)
            else:
                self.done(reboot)
                self.assertEqual(self.sent(), [("POST", f"/api/instances/{instance_id}/reboot")], name)


class StateTests(CloudTestCase):
    """What is asked for in odd states, and what becomes of the terminated."""

    def test_terminated_for_an_hour(self):
        instance_id = self.running(tags={"k": "v"})
        self.do("terminate", instance_id)
        self.until(instance_id, "terminated")
        view = self.views()[instance_id]
        self.assertEqual((view.instance.public_addresses, view.tags), ((), {"k": "v"}))
        self.later(3500, step=100)
        self.assertEqual(self.states(), {instance_id: "terminated"})
        self.later(300, step=100)
        self.assertEqual(self.states(), {})
        for kind in ("work", "tombstone", "launch", "seen", "tags"):
            self.assertEqual(self.done(self.store.items("here/mockuser", kind)), {}, kind)

    def test_terminate_what_is_terminated(self):
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.until(instance_id, "terminated")
        self.sent()
        self.assertEqual(self.do("terminate", instance_id), [("terminated", "terminated")])
        self.later(30)
        self.assertEqual(self.sent(), [])

    def test_terminate_twice(self):
        self.make(machine="ec2", stopping=10)
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.later(3)
        self.sent()
        self.assertEqual(self.do("terminate", instance_id), [("shutting-down", "shutting-down")])
        self.assertEqual(self.sent(), [])
        self.until(instance_id, "terminated")

    def test_two_terminate_at_once(self):
        instance_id = self.running()
        plans = [self.done(self.lifecycle.plan(MINE, "terminate", [instance_id])) for _ in range(2)]
        both = [self.begin(self.lifecycle.carry_out(MINE, plan)) for plan in plans]
        self.agent.flush()
        for each in both:
            self.successResultOf(each)
        self.until(instance_id, "terminated")

    def test_terminate_what_goes_down_by_itself(self):
        self.make(machine="openstack", stopping=10)
        instance_id = self.running()
        self.backend.instances.act("mockuser", instance_id, "stop")
        self.later(2)
        self.assertEqual(self.do("terminate", instance_id), [("shutting-down", "shutting-down")])
        self.later(30)
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_stop_of_stopped_and_start_of_running(self):
        instance_id = self.running()
        self.sent()
        self.assertEqual(self.do("start", instance_id), [("running", "running")])
        self.assertEqual(self.sent(), [])
        self.do("stop", instance_id)
        self.until(instance_id, "stopped")
        self.later(10)
        self.sent()
        self.assertEqual(self.do("stop", instance_id), [("stopped", "stopped")])
        self.assertEqual(self.sent(), [])

    def test_wrong_states(self):
        self.make(machine="ec2", pending=5, stopping=5)
        instance_id = self.one()
        self.refused(WrongState, self.lifecycle.plan(MINE, "stop", [instance_id]))
        self.refused(WrongState, self.lifecycle.reboot(MINE, [instance_id], only_plan=False))
        self.until(instance_id, "running")
        self.do("stop", instance_id)
        self.refused(WrongState, self.lifecycle.plan(MINE, "start", [instance_id]))
        self.do("terminate", instance_id)
        for verb in ("stop", "start"):
            self.refused(WrongState, self.lifecycle.plan(MINE, verb, [instance_id]))

    def test_missing_ids_are_all_named_and_none_is_touched(self):
        instance_id = self.running()
        self.sent()
        for verb in ("stop", "start", "terminate"):
            error = self.refused(NotFound, self.lifecycle.plan(MINE, verb, ["nix", instance_id, "nax"]))
            self.assertEqual((error.kind, error.ids), ("instances", ("nix", "nax")))
        error = self.refused(NotFound, self.lifecycle.reboot(MINE, [instance_id, "nix"], only_plan=False))
        self.assertEqual(error.ids, ("nix",))
        self.later(10)
        self.assertEqual(self.sent(), [])

    def test_several_in_the_order_asked_for_and_each_once(self):
        one, two = self.launch(least=2, most=2).instance_ids
        self.later(2)
        plan = self.done(self.lifecycle.plan(MINE, "stop", [two, one, two]))
        self.assertEqual([change.instance_id for change in plan.changes], [two, one])

    def test_reboot_only_planned(self):
        instance_id = self.running()
        self.sent()
        self.done(self.lifecycle.reboot(MINE, [instance_id], only_plan=True))
        self.assertEqual(self.sent(), [])

    def test_reboot_refused(self):
        instance_id = self.running()
        self.backend.trouble.backtrace(403, path="*/reboot")
        self.refused(Forbidden, self.lifecycle.reboot(MINE, [instance_id], only_plan=False))

    def test_an_error_is_stopped_and_can_be_terminated(self):
        self.make(machine="digitalocean")
        instance_id = self.running()
        self.backend.instances.change(instance_id, state="ERROR")
        self.later(2)
        self.assertEqual(self.states(), {instance_id: "stopped"})
        plan = self.done(self.lifecycle.plan(MINE, "start", [instance_id]))
        self.refused(WrongState, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual(self.states(), {instance_id: "stopped"})

    def test_a_wrong_password_sees_nothing(self):
        instance_id = self.running()
        self.refused(Unauthenticated, self.lifecycle.instances(WRONG))
        self.refused(Unauthenticated, self.lifecycle.plan(WRONG, "terminate", [instance_id]))
        self.refused(Unauthenticated, self.lifecycle.reboot(WRONG, [instance_id], only_plan=False))

    def test_another_user_sees_nothing(self):
        instance_id = self.running()
        self.assertEqual(self.states(OTHER), {})
        self.refused(NotFound, self.lifecycle.plan(OTHER, "terminate", [instance_id]))

    def test_an_id_used_again_is_another_instance(self):
        instance_id = self.running(tags={"old": "1"})
        self.do("terminate", instance_id)
        self.until(instance_id, "terminated")
        old = self.views()[instance_id]
        self.backend.create_instances("mockuser", {"image_id": "img1"})
        self.later(2)
        new = self.views()[instance_id]
        self.assertEqual((new.state.name, "old" in new.tags), ("running", False))
        self.assertNotEqual(new.reservation_id, old.reservation_id)
        self.later(60)
        self.assertEqual(self.states(), {instance_id: "running"})

    def test_an_id_used_again_before_anyone_looked(self):
        """The work on the old instance does not fall upon the new one."""
        self.make(machine="gogrid")
        instance_id = self.running(tags={"old": "1"})
        self.do("stop", instance_id)
        self.until(instance_id, "stopped")
        self.do("terminate", instance_id)
        self.assertEqual(list(self.backend.instances), [])
        self.backend.create_instances("mockuser", {"image_id": "img1"})
        self.later(120)
        self.assertEqual(self.states(), {instance_id: "running"})
        self.assertNotIn("old", self.views()[instance_id].tags)

    def test_what_was_destroyed_is_not_destroyed_again(self):
        """Two cannot be told apart that run: then nothing is done, rather than harm to another's instance."""
        self.make(machine="gogrid")
        instance_id = self.running()
        self.do("terminate", instance_id)
        self.backend.create_instances("mockuser", {"image_id": "img1"})
        self.later(600)
        self.assertEqual(list(self.backend.instances), [instance_id])
        self.later(PATIENCE["terminate"], step=10)
        self.assertEqual(self.states(), {instance_id: "running"})

    def test_launched_into_a_used_id_at_once(self):
        self.make(machine="gogrid")
        instance_id = self.running(tags={"old": "1"})
        self.do("terminate", instance_id)
        self.assertEqual(self.one(tags={"new": "1"}), instance_id)
        self.later(60)
        view = self.views()[instance_id]
        self.assertEqual((view.state.name, view.tags), ("running", {"new": "1"}))

    def test_records_of_what_vanished_go(self):
        kept, gone = self.launch(least=2, most=2, tags={"k": "v"}).instance_ids
        self.later(20)
        self.states()
        self.backend.instances.remove(gone)
        for _ in range(80):
            self.later(60, step=60)
            self.states()
        ledger = self.ledger()
        for records in (ledger.seen, ledger.launches, ledger.tags):
            self.assertEqual(set(records), {kept})
        self.assertEqual(ledger.missing, {})
        self.assertEqual(set(self.done(self.store.items("here/mockuser", "launch"))), {kept})

    def test_what_vanished_while_it_was_worked_on_is_terminated(self):
        self.make(machine="ec2", stopping=20)
        instance_id = self.running()
        self.do("stop", instance_id)
        self.backend.instances.remove(instance_id)
        self.later(30)
        self.assertEqual(self.states(), {instance_id: "terminated"})


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

        async def put(*_):
            raise BackendError("no store")

        self.store.put = put
        self.refused(BackendError, self.lifecycle.carry_out(MINE, plan))
        self.assertEqual((self.ledger().work, self.sent()), ({}, []))

    def test_a_fault_of_ours_is_logged_and_does_not_end_the_work(self):
        self.make(machine="ec2", stopping=5)
        instance_id = self.running()
        self.do("terminate", instance_id)
        put = self.store.put

        async def broken(*_):
            raise ZeroDivisionError

        self.store.put = broken
        self.later(12)
        self.store.put = put
        self.until(instance_id, "terminated")
        self.later(30)
        self.assertEqual(self.ledger().work, {})
        self.flushLoggedErrors(ZeroDivisionError)

    def test_down_from_the_start(self):
        self.backend.trouble.backtrace(502, times=None)
        self.refused(BackendUnavailable, self.lifecycle.instances(MINE))
