"""DescribeInstanceAttribute, ModifyInstanceAttribute, and what they lead to."""

from base64 import b64encode
from typing import Any

from twisted.internet.defer import Deferred

from ec2proxy.cloud.ledger import Ledger
from tests.actions.support import ActionTestCase

SECRET = b"#!/bin/sh\necho 3.14159\n"
ENCODED = b64encode(SECRET).decode()


class AttributeTestCase(ActionTestCase):
    def attribute(self, name: str, instance_id: str = "inst0") -> Any:
        """An attribute as boto3 gives it, out of its wrapping."""
        answer = self.call("DescribeInstanceAttribute", InstanceId=instance_id, Attribute=name)
        self.assertEqual(answer.pop("InstanceId"), instance_id)
        ((_, value),) = answer.items()
        return value

    def modify(self, **params: Any) -> None:
        """ModifyInstanceAttribute of inst0."""
        self.assertEqual(self.call("ModifyInstanceAttribute", InstanceId="inst0", **params), {})


class DescribeTests(AttributeTestCase):
    def test_all(self) -> None:
        """Each of EC2's attributes has an answer; Terraform dereferences two of them without a look."""
        for name, value in {
            "blockDeviceMapping": [],
            "disableApiStop": {"Value": False},
            "disableApiTermination": {"Value": False},
            "ebsOptimized": {"Value": False},
            "enaSupport": {"Value": False},
            "enclaveOptions": {"Enabled": False},
            "groupSet": [{"GroupId": "sg-11111111", "GroupName": "default"}],
            "instanceInitiatedShutdownBehavior": {"Value": "stop"},
            "instanceType": {"Value": "m1-small"},
            "kernel": {},
            "productCodes": [],
            "ramdisk": {},
            "rootDeviceName": {},
            "sourceDestCheck": {"Value": True},
            "sriovNetSupport": {},
            "userData": {},
        }.items():
            self.assertEqual(self.attribute(name, "inst1"), value, name)

    def test_groups(self) -> None:
        """Groups are the cloud's firewalls, by name, where it has any."""
        self.make(features=["firewalls"])
        self.assertEqual(self.attribute("groupSet"), self.instances(InstanceIds=["inst0"])[0]["SecurityGroups"])

    def test_refusals(self) -> None:
        """An instance or an attribute that is not there."""
        named = {"InstanceId": "inst0", "Attribute": "kernel"}
        self.refused("InvalidInstanceID.NotFound", "DescribeInstanceAttribute", **{**named, "InstanceId": "no"})
        self.refused("InvalidParameterValue", "DescribeInstanceAttribute", **{**named, "Attribute": "no"})
        self.refused("DryRunOperation", "DescribeInstanceAttribute", status=412, **named, DryRun=True)

    def test_groups_not_told(self) -> None:
        """Where the backend fails to tell its firewalls, an instance's groups are told by their ids, not changed."""
        self.make(features=["firewalls"])
        instance_id = self.run_one(SecurityGroupIds=["default"])["InstanceId"]
        self.later(70)
        self.mock.trouble.backtrace(502, path="/api/firewalls", times=None)
        (group,) = self.call("DescribeInstanceAttribute", InstanceId=instance_id, Attribute="groupSet")["Groups"]
        self.assertEqual(group, {"GroupId": "default", "GroupName": "default"})
        self.refused("Unavailable", "ModifyInstanceAttribute", status=503, InstanceId=instance_id, Groups=["default"])


class UserDataTests(AttributeTestCase):
    def setUp(self) -> None:
        self.make(features=["user_data"])
        self.instance_id = self.run_one(UserData=ENCODED)["InstanceId"]

    def test_returned(self) -> None:
        """What RunInstances sent comes back, also after a restart."""
        for _ in range(2):
            value = self.attribute("userData", self.instance_id)
            self.assertEqual(value, {"Value": ENCODED})
            self.restart()

    def test_secret(self) -> None:
        """It is nowhere in the store but sealed, and goes with the instance."""
        kept = repr(vars(self.store))
        self.assertIn("user_data", kept)
        self.assertNotIn(ENCODED, kept)
        self.call("TerminateInstances", InstanceIds=[self.instance_id])
        self.later(8000, step=60)
        self.call("DescribeInstances")
        for kind in ("user_data", "attributes"):
            items = self.successResultOf(self._items(kind))
            self.assertEqual(items, {})

    def test_lost_key(self) -> None:
        """With another key the store's secret cannot be read: the client is told so, and no more."""
        ledger = Ledger(self.store, "deltacloud/mockuser")
        sealed = self.store.seal.seal(b"x", "elsewhere")
        self.successResultOf(
            self._deferred(self.store.put(ledger.scope, "user_data", self.instance_id, {"sealed": sealed}))
        )
        message = self.refused(
            "InternalError", "DescribeInstanceAttribute", status=500, InstanceId=self.instance_id, Attribute="userData"
        )
        self.assertEqual(message, "The user data cannot be read any more.")

    def test_not_modified(self) -> None:
        """The cloud cannot be given other user data, and the refusal does not show it."""
        for params in ({"UserData": {"Value": SECRET}}, {"Attribute": "userData", "Value": "c2VjcmV0"}):
            message = self.refused(
                "UnsupportedOperation", "ModifyInstanceAttribute", InstanceId=self.instance_id, **params
            )
            self.assertEqual(message, "This cloud cannot change the attribute userData of an instance.")

    def _items(self, kind: str) -> Any:
        return self._deferred(self.store.items("deltacloud/mockuser", kind))

    def _deferred(self, coroutine: Any) -> Any:
        return Deferred.fromCoroutine(coroutine)


class ModifyTests(AttributeTestCase):
    def test_kept(self) -> None:
        """What ec2proxy keeps is told again, in either style, one beside the other, also after a restart."""
        self.modify(DisableApiStop={"Value": True})
        self.modify(Attribute="disableApiTermination", Value="TRUE")
        self.modify(InstanceInitiatedShutdownBehavior={"Value": "terminate"})
        self.restart()
        self.assertEqual(self.attribute("disableApiStop"), {"Value": True})
        self.assertEqual(self.attribute("disableApiTermination"), {"Value": True})
        self.assertEqual(self.attribute("instanceInitiatedShutdownBehavior"), {"Value": "terminate"})
        self.modify(DisableApiStop={"Value": False})
        self.modify(Attribute="instanceInitiatedShutdownBehavior", Value="stop")
        self.assertEqual(self.attribute("disableApiStop"), {"Value": False})
        self.assertEqual(self.attribute("disableApiTermination"), {"Value": True})
        self.assertEqual(self.attribute("instanceInitiatedShutdownBehavior"), {"Value": "stop"})

    def test_so_already(self) -> None:
        """What cannot be changed can be set to what it is, and to nothing else."""
        kind = self.instances(InstanceIds=["inst0"])[0]["InstanceType"]
        for same, other in (
            ({"InstanceType": {"Value": kind}}, {"InstanceType": {"Value": "m1-xlarge"}}),
            ({"Attribute": "instanceType", "Value": kind}, {"Attribute": "instanceType", "Value": "m1-xlarge"}),
            ({"SourceDestCheck": {"Value": True}}, {"SourceDestCheck": {"Value": False}}),
            ({"EbsOptimized": {"Value": False}}, {"EbsOptimized": {"Value": True}}),
            ({"EnaSupport": {"Value": False}}, {"EnaSupport": {"Value": True}}),
            ({"Attribute": "sourceDestCheck", "Value": "true"}, {"SriovNetSupport": {"Value": "simple"}}),
            ({"Groups": ["sg-11111111"]}, {"Groups": ["sg-1"]}),
            ({"Attribute": "groupSet", "Value": "sg-11111111"}, {"Kernel": {"Value": "aki-1"}}),
            ({"Attribute": "groupSet", "Groups": ["sg-11111111"]}, {"Ramdisk": {"Value": "ari-1"}}),
            ({"EnclaveOptions": {"Enabled": False}}, {"BlockDeviceMappings": [{"DeviceName": "/dev/sda"}]}),
        ):
            self.modify(**same)
            self.refused("UnsupportedOperation", "ModifyInstanceAttribute", InstanceId="inst0", **other)
        self.assertEqual(self.changes(), [])

    def test_refusals(self) -> None:
        """Not exactly one attribute, one that nobody knows, or a value that it cannot have."""
        on = {"Value": True}
        for code, params in (
            ("InvalidParameterCombination", {}),
            ("InvalidParameterCombination", {"DisableApiStop": on, "DisableApiTermination": on}),
            ("InvalidParameterCombination", {"DisableApiStop": on, "Attribute": "disableApiStop", "Value": "true"}),
            ("InvalidParameterCombination", {"DisableApiStop": on, "Attribute": "kernel", "Value": "x"}),
            ("MissingParameter", {"Value": "true"}),
            ("MissingParameter", {"Attribute": "kernel"}),
            ("InvalidParameterValue", {"Attribute": "nosuch", "Value": "x"}),
            ("InvalidParameterValue", {"Attribute": "disableApiStop", "Value": "maybe"}),
            ("InvalidParameterValue", {"InstanceInitiatedShutdownBehavior": {"Value": "explode"}}),
            ("InvalidInstanceID.NotFound", {"DisableApiStop": on, "InstanceId": "i-1"}),
        ):
            self.refused(code, "ModifyInstanceAttribute", **{"InstanceId": "inst0", **params})
        self.refused(
            "DryRunOperation", "ModifyInstanceAttribute", status=412, InstanceId="inst0", DisableApiStop=on, DryRun=True
        )
        self.assertEqual(self.attribute("disableApiStop"), {"Value": False})


class ProtectionTests(AttributeTestCase):
    def refused_protected(self, action: str, attribute: str, instance_id: str = "inst0") -> None:
        """An action has to be refused, all or nothing, and to name the attribute to change."""
        message = self.refused("OperationNotPermitted", action, InstanceIds=["inst1", instance_id])
        done = "terminated" if action.startswith("Term") else "stopped"
        expected = f"The instance '{instance_id}' may not be {done}. Modify its '{attribute}' instance attribute"
        self.assertEqual(message, f"{expected} and try again.")
        self.assertEqual([line for line in self.changes() if line != "POST /api/instances"], [])

    def test_termination(self) -> None:
        """A protected instance is not terminated, nor is any with it; it can be stopped."""
        self.modify(DisableApiTermination={"Value": True})
        self.refused_protected("TerminateInstances", "disableApiTermination")
        self.call("StopInstances", InstanceIds=["inst0"])
        self.modify(DisableApiTermination={"Value": False})
        self.call("TerminateInstances", InstanceIds=["inst0"])

    def test_stop(self) -> None:
        """Stop protection also keeps an instance from being terminated; it can be rebooted."""
        self.modify(DisableApiStop={"Value": True})
        self.refused_protected("StopInstances", "disableApiStop")
        self.refused_protected("TerminateInstances", "disableApiStop")
        self.call("RebootInstances", InstanceIds=["inst0"])

    def test_dry_run(self) -> None:
        """A dry run tells of the protection."""
        self.modify(DisableApiStop={"Value": True})
        self.refused("OperationNotPermitted", "StopInstances", InstanceIds=["inst0"], DryRun=True)

    def test_from_launch(self) -> None:
        """RunInstances sets them for each instance."""
        reservation = self.call(
            "RunInstances",
            ImageId="img1",
            MinCount=2,
            MaxCount=2,
            DisableApiStop=True,
            DisableApiTermination=True,
            InstanceInitiatedShutdownBehavior="terminate",
        )
        self.later(5)
        for instance in reservation["Instances"]:
            self.assertEqual(self.attribute("disableApiStop", instance["InstanceId"]), {"Value": True})
            behavior = self.attribute("instanceInitiatedShutdownBehavior", instance["InstanceId"])
            self.assertEqual(behavior, {"Value": "terminate"})
            self.refused_protected("TerminateInstances", "disableApiTermination", instance["InstanceId"])
        self.refused(
            "InvalidParameterValue",
            "RunInstances",
            ImageId="img1",
            MinCount=1,
            MaxCount=1,
            InstanceInitiatedShutdownBehavior="x",
        )
