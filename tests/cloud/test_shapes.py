"""EC2's verbs in every life cycle that Deltacloud's drivers give their instances."""

from ec2proxy.errors import (
    Unsupported,
)
from ec2proxy.mockcloud.machines import MACHINES
from tests.cloud.support import MINE, CloudTestCase
from tests.cloud.test_planner import NO_STOP, STOP_DESTROYS

STOPPABLE = sorted(MACHINES.keys() - STOP_DESTROYS - NO_STOP)
NO_REBOOT = {
    name for name, machine in MACHINES.items() if not any("reboot" in machine.actions(s) for s in machine.states)
}


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
