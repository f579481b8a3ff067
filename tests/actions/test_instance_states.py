"""StopInstances, StartInstances, RebootInstances and TerminateInstances."""

from tests.actions.support import ActionTestCase, Heard


class VerbTestCase(ActionTestCase):
    def change(self, action: str, *instance_ids: str) -> list[tuple[str, str, str]]:
        """Each instance with its previous and its current state, as the answer has them."""
        heard = self.successResultOf(self.begin(action, InstanceIds=list(instance_ids)))
        self.in_order(heard)
        key = {"StopInstances": "Stopping", "StartInstances": "Starting", "TerminateInstances": "Terminating"}[action]
        answer = self.understood(action, heard)[f"{key}Instances"]
        return [(one["InstanceId"], one["PreviousState"]["Name"], one["CurrentState"]["Name"]) for one in answer]

    def in_order(self, heard: Heard) -> None:
        """requestId, then instancesSet; in it instanceId, currentState, previousState, each with code and name."""
        root = heard.xml
        names = [child.tag.rpartition("}")[2] for child in root]
        self.assertEqual(names, ["requestId", "instancesSet"])
        for item in root[1]:
            self.assertEqual(
                [each.tag.rpartition("}")[2] for each in item.iter()],
                ["item", "instanceId", "currentState", "code", "name", "previousState", "code", "name"],
            )


class ChangeTests(VerbTestCase):
    def test_stop_and_start(self) -> None:
        """EC2's immediate answers, though the backend is faster; the order is that of the request."""
        answer = self.change("StopInstances", "inst2", "inst0")
        self.assertEqual(answer, [("inst2", "running", "stopping"), ("inst0", "running", "stopping")])
        self.assertEqual(self.states()["inst0"], "stopped")
        self.assertEqual(self.change("StopInstances", "inst0"), [("inst0", "stopped", "stopped")])
        answer = self.change("StartInstances", "inst0", "inst1")
        self.assertEqual(answer, [("inst0", "stopped", "pending"), ("inst1", "running", "running")])
        self.assertEqual(self.states()["inst0"], "running")
        self.assertEqual(
            sorted(self.changes()),
            [f"POST /api/instances/{each}" for each in ("inst0/start", "inst0/stop", "inst2/stop")],
        )

    def test_terminate(self) -> None:
        """From running and from stopped; again is no mistake; repeats in one request count once."""
        self.change("StopInstances", "inst1")
        answer = self.change("TerminateInstances", "inst0", "inst1", "inst0")
        self.assertEqual(answer, [("inst0", "running", "shutting-down"), ("inst1", "stopped", "shutting-down")])
        self.later(10)
        self.assertEqual(self.change("TerminateInstances", "inst0"), [("inst0", "terminated", "terminated")])
        self.assertNotIn("inst0", self.mock.instances)
        self.assertNotIn("inst1", self.mock.instances)

    def test_meanwhile(self) -> None:
        """A slow backend: what was promised is shown until it is so."""
        self.make(machine="ec2", stopping=20)
        self.change("StopInstances", "inst0")
        self.change("TerminateInstances", "inst1")
        self.later(5)
        states = self.states()
        self.assertEqual((states["inst0"], states["inst1"]), ("stopping", "shutting-down"))
        self.assertEqual(self.change("StopInstances", "inst0"), [("inst0", "stopping", "stopping")])
        self.refused("IncorrectInstanceState", "StartInstances", InstanceIds=["inst0"])
        self.refused("IncorrectInstanceState", "StopInstances", InstanceIds=["inst1"])
        self.later(60)
        states = self.states()
        self.assertEqual((states["inst0"], states["inst1"]), ("stopped", "terminated"))

    def test_many(self) -> None:
        """Any number at once."""
        self.mock.seed(60)
        ids = [one["InstanceId"] for one in self.instances()]
        self.assertEqual(len(self.change("TerminateInstances", *ids)), 64)
        self.later(30)
        self.assertEqual(set(self.states().values()), {"terminated"})

    def test_reboot(self) -> None:
        """Nothing but true."""
        heard = self.successResultOf(self.begin("RebootInstances", InstanceIds=["inst0", "inst1"]))
        self.assertEqual(self.understood("RebootInstances", heard), {})
        self.assertIn(b"<return>true</return>", heard.body)
        self.assertEqual(sorted(self.changes()), [f"POST /api/instances/{each}/reboot" for each in ("inst0", "inst1")])

    def test_accepted(self) -> None:
        """How hard a stop is, is the cloud's own affair."""
        self.call("StopInstances", InstanceIds=["inst0"], Force=True, Hibernate=False, SkipOsShutdown=True)
        self.call("StartInstances", InstanceIds=["inst0"], AdditionalInfo="x")
        self.call("TerminateInstances", InstanceIds=["inst0"], Force=True, SkipOsShutdown=False)

    def test_spellings(self) -> None:
        """A list in any spelling stops the right instance and no other."""
        for number, name in enumerate(("InstanceId", "InstanceId.0", "InstanceId.1", "InstanceId.17")):
            heard = self.ask(("Action", "StopInstances"), (name, f"inst{number}"))
            (change,) = self.understood("StopInstances", heard)["StoppingInstances"]
            self.assertEqual(change["InstanceId"], f"inst{number}")
            self.assertEqual(self.changes()[number:], [f"POST /api/instances/inst{number}/stop"])


class RefusedTests(VerbTestCase):
    VERBS = ("StopInstances", "StartInstances", "RebootInstances", "TerminateInstances")

    def test_missing(self) -> None:
        """All missing ids are named, and nothing is done to the others."""
        for action in self.VERBS:
            message = self.refused("InvalidInstanceID.NotFound", action, InstanceIds=["x", "inst0", "y"])
            self.assertEqual(message, "The instance IDs 'x, y' do not exist")
        self.assertEqual(self.changes(), [])

    def test_malformed(self) -> None:
        """Without ids, with empty, blank or endless ones."""
        for action in self.VERBS:
            self.told("MissingParameter", self.ask(("Action", action)))
            self.told("InvalidParameterValue", self.ask(("Action", action), ("InstanceId.1", "")))
            for bad in ("inst0 inst1", "inst0\n", "i" * 256):
                self.refused("InvalidInstanceID.Malformed", action, InstanceIds=["inst0", bad])
            self.told("UnknownParameter", self.ask(("Action", action), ("InstanceId.1", "inst0"), ("Instance.2", "x")))
            mixed = (("InstanceId", "inst0"), ("InstanceId.1", "inst1"))
            self.told("InvalidParameterCombination", self.ask(("Action", action), *mixed))
        self.assertEqual(self.changes(), [])

    def test_wrong_state(self) -> None:
        """A terminated instance stays so, and only a running one is rebooted."""
        self.change("TerminateInstances", "inst0")
        self.change("StopInstances", "inst1")
        self.later(10)
        for action, instance in (
            ("StopInstances", "inst0"),
            ("StartInstances", "inst0"),
            ("RebootInstances", "inst0"),
            ("RebootInstances", "inst1"),
        ):
            message = self.refused("IncorrectInstanceState", action, InstanceIds=[instance])
            self.assertIn(f"'{instance}'", message)

    def test_hibernate(self) -> None:
        """No instance hibernates."""
        self.refused("UnsupportedOperation", "StopInstances", InstanceIds=["inst0"], Hibernate=True)
        self.assertEqual(self.changes(), [])

    def test_stop_destroys(self) -> None:
        """Where a stop destroys, StopInstances is refused, as a DryRun too, and nothing is sent."""
        for machine in ("openstack", "rackspace", "rimuhosting"):
            self.make(machine=machine)
            for dry_run in (False, True):
                self.refused("UnsupportedOperation", "StopInstances", InstanceIds=["inst0"], DryRun=dry_run)
            self.assertEqual(self.change("StartInstances", "inst0"), [("inst0", "running", "running")])
            self.assertEqual(self.changes(), [], machine)
            self.change("TerminateInstances", "inst0")
            self.later(60)
            self.assertEqual(self.states()["inst0"], "terminated")

    def test_lacking(self) -> None:
        """What no state of the backend's allows is unsupported."""
        for machine, action in (
            ("condor", "StopInstances"),
            ("sbc", "StopInstances"),
            ("fgcp", "RebootInstances"),
        ):
            self.make(machine=machine)
            self.refused("UnsupportedOperation", action, InstanceIds=["inst0"])
            self.assertEqual(self.changes(), [], machine)

    def test_one_of_several(self) -> None:
        """When the backend refuses one, that is told, and the others are done."""
        self.mock.trouble.answer(403, b"", method="POST", path="/api/instances/inst1/stop")
        ids = ["inst0", "inst1", "inst2"]
        self.refused("UnauthorizedOperation", "StopInstances", status=403, InstanceIds=ids)
        self.mock.trouble.answer(403, b"", method="POST", path="/api/instances/inst3/reboot")
        self.refused("UnauthorizedOperation", "RebootInstances", status=403, InstanceIds=["inst3"])
        states = self.states()
        self.assertEqual([states[each] for each in ids], ["stopped", "running", "stopped"])
