"""DescribeInstanceStatus, DescribeInstanceCreditSpecifications, MonitorInstances and UnmonitorInstances."""

from typing import Any

from tests.actions.support import ActionTestCase


class StatusTests(ActionTestCase):
    def status(self, **params: Any) -> dict[str, Any]:
        """What DescribeInstanceStatus tells, by instance."""
        found = self.call("DescribeInstanceStatus", **params)["InstanceStatuses"]
        return {one.pop("InstanceId"): one for one in found}

    def test_running(self) -> None:
        """A running instance is well, as far as is known."""
        well = {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}
        self.assertEqual(
            self.status(InstanceIds=["inst0"]),
            {
                "inst0": {
                    "AvailabilityZone": "us",
                    "AvailabilityZoneId": "us",
                    "Events": [],
                    "InstanceState": {"Code": 16, "Name": "running"},
                    "InstanceStatus": well,
                    "SystemStatus": well,
                }
            },
        )

    def test_others(self) -> None:
        """Others are told of only if asked for, and of them nothing is known."""
        self.call("StopInstances", InstanceIds=["inst0"])
        self.later(20)
        self.assertNotIn("inst0", self.status())
        self.assertEqual(self.status(InstanceIds=["inst0"]), {})
        everything = self.status(IncludeAllInstances=True)
        self.assertEqual(set(everything), set(self.states()))
        self.assertEqual(everything["inst0"]["InstanceState"], {"Code": 80, "Name": "stopped"})
        self.assertEqual(everything["inst0"]["InstanceStatus"], {"Status": "not-applicable"})

    def test_filters(self) -> None:
        """Each of the documented ones that there is data for."""
        self.call("StopInstances", InstanceIds=["inst0"])
        self.later(20)
        for name, value, found in (
            ("instance-state-name", "stopped", ["inst0"]),
            ("instance-state-code", "80", ["inst0"]),
            ("instance-status.status", "not-applicable", ["inst0"]),
            ("system-status.status", "not-*", ["inst0"]),
            ("event.code", "*", []),
        ):
            filters = [{"Name": name, "Values": [value]}]
            self.assertEqual(list(self.status(IncludeAllInstances=True, Filters=filters)), found, name)
        for name, value in (
            ("instance-status.reachability", "passed"),
            ("system-status.reachability", "passed"),
            ("availability-zone", "us"),
            ("availability-zone-id", "us"),
        ):
            found = self.status(IncludeAllInstances=True, Filters=[{"Name": name, "Values": [value]}])
            self.assertIn("inst1", found)
            self.assertEqual("inst0" in found, value == "us")
        self.refused("InvalidParameterValue", "DescribeInstanceStatus", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_pages(self) -> None:
        """Pages show each instance once; ids and pages exclude each other."""
        self.call("RunInstances", ImageId="img1", MinCount=12, MaxCount=12)
        self.later(5)
        everything = self.status(IncludeAllInstances=True)
        first = self.call("DescribeInstanceStatus", IncludeAllInstances=True, MaxResults=8)
        rest = self.call("DescribeInstanceStatus", IncludeAllInstances=True, NextToken=first["NextToken"])
        self.assertNotIn("NextToken", rest)
        pages = [one["InstanceId"] for page in (first, rest) for one in page["InstanceStatuses"]]
        self.assertEqual(len(first["InstanceStatuses"]), 8)
        self.assertEqual(sorted(pages), sorted(everything))
        self.refused("InvalidParameterValue", "DescribeInstanceStatus", NextToken=first["NextToken"])
        self.refused("InvalidParameterValue", "DescribeInstanceStatus", MaxResults=4)
        self.refused("InvalidParameterCombination", "DescribeInstanceStatus", InstanceIds=["inst0"], MaxResults=5)
        self.refused("InvalidInstanceID.NotFound", "DescribeInstanceStatus", InstanceIds=["inst0", "no"])
        self.refused("DryRunOperation", "DescribeInstanceStatus", status=412, DryRun=True)


class CreditTests(ActionTestCase):
    def test_none(self) -> None:
        """There are none; asking for those of an instance that has none is an error, which Terraform overlooks."""
        action = "DescribeInstanceCreditSpecifications"
        self.assertEqual(self.call(action), {"InstanceCreditSpecifications": []})
        self.assertEqual(
            self.call(action, MaxResults=5, Filters=[{"Name": "instance-id", "Values": ["*"]}]),
            {"InstanceCreditSpecifications": []},
        )
        self.refused("UnsupportedOperation", action, InstanceIds=["inst0"])
        self.refused("InvalidInstanceID.NotFound", action, InstanceIds=["no"])
        self.refused("InvalidParameterValue", action, Filters=[{"Name": "x", "Values": ["*"]}])
        self.refused("InvalidParameterValue", action, NextToken="x")
        self.refused("InvalidParameterCombination", action, InstanceIds=["inst0"], MaxResults=5)
        self.refused("DryRunOperation", action, status=412, DryRun=True)


class MonitoringTests(ActionTestCase):
    def state(self, action: str, instance_id: str) -> str:
        """The state that an action answers with."""
        (found,) = self.call(action, InstanceIds=[instance_id])["InstanceMonitorings"]
        self.assertEqual(found["InstanceId"], instance_id)
        return str(found["Monitoring"]["State"])

    def test_from_launch(self) -> None:
        """Where the cloud has it, it is on from the launch, or never."""
        instance = self.run_one(Monitoring={"Enabled": True})
        self.assertEqual(instance["Monitoring"], {"State": "enabled"})
        sent = [request for request in self.mock.requests if request.method == "POST"]
        self.assertIn(("metrics", "true"), list(sent[-1].form.items()))
        self.restart()
        self.assertEqual(self.state("MonitorInstances", instance["InstanceId"]), "enabled")
        self.refused("UnsupportedOperation", "UnmonitorInstances", InstanceIds=[instance["InstanceId"]])
        found = self.instances(Filters=[{"Name": "monitoring-state", "Values": ["enabled"]}])
        self.assertEqual([one["InstanceId"] for one in found], [instance["InstanceId"]])

    def test_not_monitored(self) -> None:
        """It cannot be switched on later; switching it off is done already."""
        self.refused("UnsupportedOperation", "MonitorInstances", InstanceIds=["inst0"])
        self.assertEqual(self.state("UnmonitorInstances", "inst0"), "disabled")
        self.refused("InvalidInstanceID.NotFound", "MonitorInstances", InstanceIds=["no"])
        self.refused("InvalidInstanceID.NotFound", "UnmonitorInstances", InstanceIds=["no"])
        self.refused("InvalidInstanceID.Malformed", "MonitorInstances", InstanceIds=["n o"])
        self.refused("InvalidInstanceID.Malformed", "UnmonitorInstances", InstanceIds=["n o"])
        self.refused("DryRunOperation", "UnmonitorInstances", status=412, InstanceIds=["inst0"], DryRun=True)

    def test_lacking(self) -> None:
        """A cloud without it does not start an instance that is to have it."""
        self.make(without=["metrics"])
        self.refused(
            "UnsupportedOperation", "RunInstances", ImageId="img1", MinCount=1, MaxCount=1, Monitoring={"Enabled": True}
        )
        self.assertEqual(self.changes(), [])
