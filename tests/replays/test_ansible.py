"""Ansible's amazon.aws collection: what its modules sent to a daemon of ours, in their order.

Written down from amazon.aws 10 (of PyPI's ``ansible`` 12.3) running against the daemon, plugins/modules/ec2_instance.py
beside it. Every one of these calls is fatal to its module when it fails.
"""

from typing import Any

from tests.replays.support import Boto3, Pair, ReplayTestCase

_ALIVE = ("pending", "running", "stopping", "stopped")


def filtered(*filters: tuple[str, tuple[str, ...]]) -> tuple[Pair, ...]:
    """Filters, as botocore writes them."""
    found: list[Pair] = []
    for number, (name, values) in enumerate(filters, 1):
        found.append((f"Filter.{number}.Name", name))
        found += [(f"Filter.{number}.Value.{place}", value) for place, value in enumerate(values, 1)]
    return tuple(found)


class AnsibleTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20, features=["import_key"])
        self.boto3 = Boto3(self)

    def default_subnet(self) -> dict[str, Any]:
        """The subnet that an instance is looked for and started in when none is named."""
        vpc = self.told_of("DescribeVpcs", *filtered(("isDefault", ("true",))))["Vpcs"][0]
        wanted = (("vpc-id", (vpc["VpcId"],)), ("state", ("available",)), ("default-for-az", ("true",)))
        subnets = self.told_of("DescribeSubnets", *filtered(*wanted))["Subnets"]
        found: dict[str, Any] = sorted(subnets, key=lambda each: each["AvailabilityZone"])[0]
        return found

    def group(self, subnet_id: str) -> str:
        """The id of the group named ``default``, found as discover_security_groups does."""
        (subnet,) = self.told_of("DescribeSubnets", ("SubnetId.1", subnet_id))["Subnets"]
        groups = self.told_of("DescribeSecurityGroups", *filtered(("vpc-id", (subnet["VpcId"],))))["SecurityGroups"]
        (found,) = [each["GroupId"] for each in groups if each["GroupName"] == "default"]
        return str(found)

    def found(self, *more: tuple[str, tuple[str, ...]]) -> list[dict[str, Any]]:
        """The instances named ``web`` that are alive in the default subnet."""
        wanted = (("subnet-id", (self.default_subnet()["SubnetId"],)), ("tag:Name", ("web",)), *more)
        told = self.told_of("DescribeInstances", *filtered(*wanted, ("instance-state-name", _ALIVE)))
        return [instance for each in told["Reservations"] for instance in each["Instances"]]

    def created(self) -> str:
        """What ``state: running`` does where nothing is found; the id of the new instance."""
        self.assertEqual(self.found(("image-id", ("img1",))), [])
        subnet = self.default_subnet()["SubnetId"]
        (instance,) = self.told_of(
            "RunInstances",
            ("ClientToken", "0c52ec05af394b259ad95ca8c599de05"),
            ("ImageId", "img1"),
            ("KeyName", "test-key"),
            ("MinCount", "1"),
            ("MaxCount", "1"),
            ("NetworkInterface.1.DeviceIndex", "0"),
            ("NetworkInterface.1.SubnetId", subnet),
            ("NetworkInterface.1.DeleteOnTermination", "true"),
            ("NetworkInterface.1.SecurityGroupId.1", self.group(subnet)),
            ("TagSpecification.1.ResourceType", "volume"),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "web"),
            ("TagSpecification.2.ResourceType", "instance"),
            ("TagSpecification.2.Tag.1.Key", "Name"),
            ("TagSpecification.2.Tag.1.Value", "web"),
            ("InstanceType", "m1-small"),
        )["Instances"]
        instance_id = str(instance["InstanceId"])
        self.boto3.wait("InstanceExists", InstanceIds=[instance_id])
        asked = (("InstanceId.1", instance_id), ("IncludeAllInstances", "true"))
        self.assertTrue(self.told_of("DescribeInstanceStatus", *asked)["InstanceStatuses"])
        self.checked(instance_id, subnet)
        self.boto3.wait("InstanceRunning", InstanceIds=[instance_id])
        return instance_id

    def checked(self, instance_id: str, subnet_id: str) -> None:
        """What diff_instance_and_params compares: nothing may differ from what was asked for."""
        asked = ("InstanceId", instance_id)
        told = self.told_of("DescribeInstanceAttribute", asked, ("Attribute", "instanceType"))
        self.assertEqual(told["InstanceType"], {"Value": "m1-small"})
        told = self.told_of("DescribeInstanceAttribute", asked, ("Attribute", "groupSet"))
        self.assertEqual([group["GroupId"] for group in told["Groups"]], [self.group(subnet_id)])
        told = self.told_of("DescribeInstanceAttribute", asked, ("Attribute", "disableApiTermination"))
        self.assertEqual(told["DisableApiTermination"], {"Value": False})

    def test_present(self) -> None:
        """The second run finds what the first has made, and changes nothing."""
        instance_id = self.created()
        (instance,) = self.found(("image-id", ("img1",)))
        self.assertEqual(instance["InstanceId"], instance_id)
        tags = self.told_of("DescribeTags", *filtered(("resource-id", (instance_id,))))["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in tags}, {"Name": "web"})
        self.checked(instance_id, instance["SubnetId"])
        self.assertEqual(len(self.mock.instances), 5)

    def test_states(self) -> None:
        """``stopped``, ``started``, ``rebooted`` (a stop and a start) and ``absent``."""
        instance_id = self.created()
        for action, waiter in (
            ("StopInstances", "InstanceStopped"),
            ("StartInstances", "InstanceRunning"),
            ("StopInstances", "InstanceStopped"),
            ("StartInstances", "InstanceRunning"),
            ("TerminateInstances", "InstanceTerminated"),
        ):
            (instance,) = self.found()
            self.told_of(action, ("InstanceId.1", instance["InstanceId"]))
            self.boto3.wait(waiter, InstanceIds=[instance_id])
        self.assertEqual(self.found(), [])

    def test_started(self) -> None:
        """``started`` waits for the checks of its status."""
        instance_id = self.created()
        self.boto3.wait("InstanceStatusOk", InstanceIds=[instance_id])

    def test_protected(self) -> None:
        """``termination_protection`` is set, seen and taken away again."""
        for wanted in (True, False):
            value = str(wanted).lower()
            self.send("ModifyInstanceAttribute", ("InstanceId", "inst1"), ("DisableApiTermination.Value", value))
            asked = (("InstanceId", "inst1"), ("Attribute", "disableApiTermination"))
            told = self.told_of("DescribeInstanceAttribute", *asked)
            self.assertEqual(told["DisableApiTermination"], {"Value": wanted})

    def test_info(self) -> None:
        """ec2_instance_info with a filter of states and ``include_attributes``."""
        wanted = (("tag:Name", ("MockUserInstance",)), ("instance-state-name", ("running",)))
        (reservation,) = self.told_of("DescribeInstances", *filtered(*wanted))["Reservations"]
        (instance,) = reservation["Instances"]
        # What every template prints.
        self.assertLessEqual({"PrivateDnsName", "PublicDnsName", "SecurityGroups", "Tags", "Placement"}, set(instance))
        for name in ("instanceType", "userData", "kernel", "ramdisk", "rootDeviceName", "blockDeviceMapping"):
            asked = (("Attribute", name), ("InstanceId", instance["InstanceId"]))
            self.assertEqual(self.told_of("DescribeInstanceAttribute", *asked)["InstanceId"], instance["InstanceId"])

    def test_key(self) -> None:
        """ec2_key: looks for the name first, creates it, and takes it away."""
        asked = ("KeyName.1", "ansible")
        self.turned_down("InvalidKeyPair.NotFound", "DescribeKeyPairs", asked)
        made = self.told_of("CreateKeyPair", ("KeyName", "ansible"))
        self.assertTrue(made["KeyMaterial"])
        (key,) = self.told_of("DescribeKeyPairs", asked)["KeyPairs"]
        self.assertEqual(key["KeyPairId"], made["KeyPairId"])
        self.told_of("DeleteKeyPair", ("KeyName", "ansible"))
        self.turned_down("InvalidKeyPair.NotFound", "DescribeKeyPairs", asked)
