"""What is asked for in odd states, and what becomes of the terminated."""

from contextvars import Context

from attrs import evolve

from ec2proxy.cloud.notes import NOTES, Notes
from ec2proxy.cloud.pursuit import PATIENCE
from ec2proxy.errors import (
    Forbidden,
    NotFound,
    Unauthenticated,
    WrongState,
)
from tests.cloud.support import MINE, OTHER, WRONG, CloudTestCase


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
        self.flush()
        for each in both:
            self.successResultOf(each)
        self.assertEqual(sum(path.endswith("/stop") for _, path in self.sent()), 1)
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


class OneAnswerTests(CloudTestCase):
    """What one request is told that takes longer than what others do meanwhile."""

    def destroy_while_looking(self):
        """Have an instance destroyed between a look at the picture and one at what is remembered; give its state."""
        instance_id = self.running()
        self.do("terminate", instance_id)
        rosters, of = self.lifecycle._rosters, self.lifecycle._rosters.of

        async def later(*what):
            rosters.of = of
            Context().run(self.until, instance_id, "terminated")
            return await of(*what)

        rosters.of = later
        return instance_id

    def test_destroyed(self):
        """What has been destroyed since the request looked at the picture is terminated, by what is remembered."""
        instance_id = self.destroy_while_looking()
        self.assertEqual(self.states(), {instance_id: "terminated"})

    def test_destroyed_and_noted(self):
        """So it is where the picture was noted, to be looked at once."""
        instance_id = self.destroy_while_looking()
        self.addCleanup(NOTES.reset, NOTES.set(Notes()))
        self.assertEqual(self.states(), {instance_id: "terminated"})


class AheadTests(CloudTestCase):
    """What is made before anybody asks for it."""

    def test_roster_is_ready(self):
        """Where a picture was refreshed before the last one was too old, its roster is there as well."""
        instance_id = self.running()
        self.views()
        self.backend.trouble.delay(0.25, method="GET", path="/api/instances", times=None)
        # One that takes long says nothing about the next one; two do.
        for _ in range(2):
            self.later(1)
            reading = self.begin(self.lifecycle.roster(MINE))
            self.later(0.25, step=0.125)
            first = self.successResultOf(reading)
        self.later(0.5)
        self.backend.instances.add(evolve(self.backend.instances.get(instance_id), state="STOPPED"))
        self.assertIs(self.done(self.lifecycle.roster(MINE)), first)
        self.later(0.25, step=0.125)
        kept = self.lifecycle._rosters._kept[MINE]
        self.assertEqual(kept.by_id[instance_id].state.name, "stopped")
        self.assertIs(self.done(self.lifecycle.roster(MINE)), kept)

    def test_nobody_looks(self):
        """No roster is made where none is kept: somebody watches something else."""
        self.running()
        self.lifecycle._rosters._kept.clear()
        self.lifecycle._prepare(MINE, "instances")
        self.assertEqual(len(self.lifecycle._rosters._kept), 0)

    def test_failing(self):
        """What goes wrong with it is told to whoever asks next, and to nobody before."""
        self.running()
        self.views()
        self.later(1)
        self.backend.trouble.answer(401, path="/api/instances", times=None)
        self.lifecycle._prepare(MINE, "instances")
        self.flush()
        self.refused(Unauthenticated, self.lifecycle.roster(MINE))
