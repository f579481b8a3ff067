"""What is told of work that goes on after its request was answered, for the audit log."""

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.pursuit import PATIENCE
from ec2proxy.ec2.trace import CURRENT, Trace
from ec2proxy.observing.counts import Counts
from tests.cloud.support import MINE, CloudTestCase


class ToldTests(CloudTestCase):
    def setUp(self):
        self.told = []
        self.observer = Counts((), lambda: 0.0, kept=self.told.append)
        self.make(machine="arubacloud", stopping=5)

    def restart(self, **options):
        """Make the cloud anew, with somebody who is told."""
        super().restart(**options)
        self.cloud = Cloud.of("here", self.driver, self.store, self.clock, self.entropy, 1.0, observer=self.observer)
        self.lifecycle = self.cloud.lifecycle
        self.addCleanup(lambda lifecycle: self.done(lifecycle.stop()), self.lifecycle)

    def ask(self, verb, instance_id):
        """Carry out a verb for a request."""

        async def requested():
            CURRENT.set(Trace("r-7", principal="AKIA7"))
            plan = await self.lifecycle.plan(MINE, verb, [instance_id])
            await self.lifecycle.carry_out(MINE, plan)

        self.done(requested())

    def steps(self):
        """The steps told of, each with its error."""
        return [(one.action, one.step, one.error) for one in self.told]

    def test_destroyed(self):
        """The stop belongs to the request; the destruction comes later, and is told with who had asked, and how."""
        instance_id = self.running()
        self.told.clear()
        self.ask("terminate", instance_id)
        self.assertEqual(self.told, [])
        self.until(instance_id, "terminated")
        (one,) = self.told
        self.assertEqual(
            (one.region, one.request_id, one.principal, one.instance), ("here", "r-7", "AKIA7", instance_id)
        )
        self.assertEqual((one.action, one.step, one.error), ("TerminateInstances", "destroy", ""))
        self.assertAlmostEqual(one.at, self.clock.seconds(), delta=15)

    def test_after_a_restart(self):
        """Another process that takes the work up tells of it, and knows who had asked."""
        instance_id = self.running()
        self.ask("terminate", instance_id)
        self.done(self.lifecycle.stop())
        self.told.clear()
        self.restart()
        self.done(self.cloud.resume())
        self.addCleanup(self.cloud.succession.stop)
        self.until(instance_id, "terminated")
        self.assertEqual([(one.request_id, one.step) for one in self.told], [("r-7", "destroy")])

    def test_refused(self):
        """What the backend refuses is told, and that it is given up for that."""
        instance_id = self.running()
        self.told.clear()
        self.ask("terminate", instance_id)
        self.backend.trouble.backtrace(403, method="DELETE", times=None)
        self.later(30)
        steps = [("TerminateInstances", "destroy", "Forbidden"), ("TerminateInstances", "give up", "Forbidden")]
        self.assertEqual(self.steps(), steps)

    def test_tried_again(self):
        """Each attempt is told."""
        instance_id = self.running()
        self.told.clear()
        self.ask("terminate", instance_id)
        self.backend.trouble.answer(503, b"", method="DELETE", times=1)
        self.until(instance_id, "terminated")
        self.assertEqual([error for *_, error in self.steps()], ["BackendUnavailable", ""])

    def test_never_finished(self):
        """So is it that nothing more is done about a promise."""
        instance_id = self.running()
        self.told.clear()
        self.backend.trouble.answer(204, method="POST", path="*/stop", times=None)
        self.ask("stop", instance_id)
        self.later(PATIENCE["stop"] + 20)
        self.assertEqual(self.steps()[-1], ("StopInstances", "give up", "NeverFinished"))
