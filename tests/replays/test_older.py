"""fog-aws and boto2: old spellings that are still about.

As in fog/fog-aws, lib/fog/aws/requests/compute, and boto 2.49, boto/ec2/connection.py; see tests/captures/boto2.jsonl.
"""

from base64 import encodebytes

from tests.replays.support import ReplayTestCase


class FogTests(ReplayTestCase):
    #: What fog-aws has named since 2016.
    version = "2016-11-15"

    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20, features=["user_data"])

    def test_life(self) -> None:
        """servers.create, wait_for, tags, stop, start, reboot and destroy."""
        user_data = encodebytes(b"#!/bin/sh\n" + b"echo hello from fog\n" * 5).decode()
        self.assertTrue(user_data.endswith("\n"))
        (instance,) = self.told_of(
            "RunInstances",
            ("ImageId", "img1"),
            ("InstanceType", "m1-small"),
            ("MaxCount", "1"),
            ("MinCount", "1"),
            ("SecurityGroup.1", "default"),
            ("UserData", user_data),
        )["Instances"]
        instance_id = instance["InstanceId"]
        asked = (("Filter.1.Name", "instance-id"), ("Filter.1.Value.1", instance_id))
        (found,) = self.told_of("DescribeInstances", *asked)["Reservations"]
        self.assertEqual([group["GroupName"] for group in found["Groups"]], ["default"])
        self.told_of("CreateTags", ("ResourceId.1", instance_id), ("Tag.1.Key", "Name"), ("Tag.1.Value", "fog"))
        self.later(30)
        for action, key in (("StopInstances", "StoppingInstances"), ("StartInstances", "StartingInstances")):
            (change,) = self.told_of(action, ("InstanceId.0", instance_id))[key]
            self.assertEqual(change["InstanceId"], instance_id)
            self.later(30)
        self.told_of("RebootInstances", ("InstanceId.0", instance_id))
        (change,) = self.told_of("TerminateInstances", ("InstanceId.0", instance_id))["TerminatingInstances"]
        self.assertEqual(change["PreviousState"]["Name"], "running")
        self.assertEqual({line for line in self.changes() if "inst0" in line}, set(), "another one was touched")

    def test_user_data(self) -> None:
        """What arrives is what was meant, without the ends of fog's lines."""
        self.told_of("RunInstances", ("ImageId", "img1"), ("MaxCount", "1"), ("MinCount", "1"), ("UserData", "aGk=\n"))
        (form,) = [one.form for one in self.mock.requests if (one.method, one.path) == ("POST", "/api/instances")]
        self.assertEqual(form["user_data"], "aGk=")

    def test_keys(self) -> None:
        """key_pairs.get by a filter, create and destroy."""
        asked = (("Filter.1.Name", "key-name"), ("Filter.1.Value.1", "fog_default"))
        self.assertEqual(self.told_of("DescribeKeyPairs", *asked)["KeyPairs"], [])
        made = self.told_of("CreateKeyPair", ("KeyName", "fog_default"))
        self.assertTrue(made["KeyMaterial"])
        (key,) = self.told_of("DescribeKeyPairs", *asked)["KeyPairs"]
        self.assertEqual(key["KeyFingerprint"], made["KeyFingerprint"])
        self.told_of("DeleteKeyPair", ("KeyName", "fog_default"))

    def test_group(self) -> None:
        """Bootstrapping looks whether port 22 is open in the group, and cannot open it itself."""
        asked = (("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default"))
        (group,) = self.told_of("DescribeSecurityGroups", *asked)["SecurityGroups"]
        self.assertIn("IpPermissions", group)
        rule = (("GroupName", "default"), ("IpPermissions.0.IpProtocol", "tcp"), ("IpPermissions.0.FromPort", "22"))
        self.turned_down("UnsupportedOperation", "AuthorizeSecurityGroupIngress", *rule)


class Boto2Tests(ReplayTestCase):
    version = "2014-10-01"

    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20)

    def test_console_output(self) -> None:
        """What it asks in a list of one, and what Deltacloud does not have: no misunderstanding, a plain refusal."""
        self.turned_down("UnsupportedOperation", "GetConsoleOutput", ("InstanceId.1", "inst1"))

    def test_reboot(self) -> None:
        """By GET, unlike all else."""
        self.method = "GET"
        heard = self.send("RebootInstances", ("InstanceId.1", "inst1"))
        self.assertIn(b"<return>true</return>", heard.body)
        self.assertEqual(self.changes(), ["POST /api/instances/inst1/reboot"])

    def test_run(self) -> None:
        """reservation.instances[0].update() until it runs, in the namespace of its own version."""
        asked = (("ImageId", "img1"), ("InstanceType", "m1-small"), ("KeyName", "test-key"))
        made = self.told_of("RunInstances", *asked, ("MaxCount", "1"), ("MinCount", "1"))
        self.assertTrue(made["ReservationId"])
        (instance,) = made["Instances"]
        self.assertEqual(self.seen_until("running", instance["InstanceId"]), ["pending", "running"])
        answer = self.told_of("DescribeInstanceStatus", ("InstanceId.1", instance["InstanceId"]))
        (status,) = answer["InstanceStatuses"]
        self.assertEqual((status["InstanceStatus"]["Status"], status["SystemStatus"]["Status"]), ("ok", "ok"))

    def test_attributes(self) -> None:
        """get_attribute and modify_attribute, in the older style of naming one and its value."""
        asked = (("Attribute", "instanceInitiatedShutdownBehavior"), ("InstanceId", "inst1"))
        self.told_of("ModifyInstanceAttribute", *asked, ("Value", "terminate"))
        found = self.told_of("DescribeInstanceAttribute", *asked)
        self.assertEqual(found["InstanceInitiatedShutdownBehavior"], {"Value": "terminate"})
