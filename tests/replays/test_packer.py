"""Packer's amazon-ebs builder, step by step.

As in hashicorp/packer-plugin-amazon, builder/common/step_*.go and builder/ebs. Its Go SDK sends empty texts too.
There is no CreateSecurityGroup here: a template has to name one, ``security_group_ids = ["sg-…"]``.
"""

from attrs import evolve

from tests.replays.support import Boto3, Pair, ReplayTestCase

_NAME = "packer_6564a1b2-0000-4000-8000-000000000001"


def tagged(kind: str, number: int = 1) -> tuple[Pair, ...]:
    """A TagSpecification as ``run_tags`` becomes one."""
    prefix = f"TagSpecification.{number}"
    return (
        (f"{prefix}.ResourceType", kind),
        (f"{prefix}.Tag.1.Key", "Name"),
        (f"{prefix}.Tag.1.Value", "Packer Builder"),
    )


class EbsTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(
            machine="arubacloud", pending=25, stopping=20, features=["user_data", "image_name"], without=["firewalls"]
        )

    def prepared(self, name: str = "golden") -> str:
        """What is asked before anything is made; the group that is to be used."""
        self.assertIn("us-east-1", [each["RegionName"] for each in self.told_of("DescribeRegions")["Regions"]])
        asked = (("Filter.1.Name", "name"), ("Filter.1.Value.1", name), ("Owner.1", "self"))
        self.assertEqual(self.told_of("DescribeImages", *asked)["Images"], [])
        (image,) = self.told_of("DescribeImages", ("ImageId.1", "img1"))["Images"]
        self.assertEqual(image["RootDeviceType"], "ebs", "amazon-ebs takes no other image")
        (group,) = self.told_of(
            "DescribeSecurityGroups", ("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default")
        )["SecurityGroups"]
        group_id = str(group["GroupId"])
        self.told_of("DescribeSecurityGroups", ("GroupId.1", group_id))
        return group_id

    def launched(self, group_id: str) -> str:
        """The id of the instance that is built on, once it runs."""
        (instance,) = self.told_of(
            "RunInstances",
            ("EbsOptimized", "false"),
            ("IamInstanceProfile.Name", ""),
            ("ImageId", "img1"),
            ("InstanceInitiatedShutdownBehavior", "stop"),
            ("InstanceType", "m1-small"),
            ("KeyName", _NAME),
            ("MaxCount", "1"),
            ("MinCount", "1"),
            ("Placement.AvailabilityZone", ""),
            ("SecurityGroupId.1", group_id),
            ("SubnetId", ""),
            *tagged("instance"),
            ("UserData", ""),
        )["Instances"]
        instance_id = str(instance["InstanceId"])
        Boto3(self).wait("InstanceRunning", InstanceIds=[instance_id])
        return instance_id

    def test_build(self) -> None:
        """From the key pair to the image, and everything that was only lent is gone afterwards."""
        group_id = self.prepared()
        made = self.told_of("CreateKeyPair", ("KeyName", _NAME), *tagged("key-pair"))
        self.assertIn("PRIVATE KEY", made["KeyMaterial"])
        instance_id = self.launched(group_id)
        # In a VPC it connects to PublicIpAddress, which is no host name's: ``ssh_interface = "public_dns"`` then.
        instance = self.one(instance_id)
        self.assertTrue(instance.get("PublicIpAddress") or instance["PublicDnsName"])
        self.told_of("StopInstances", ("InstanceId.1", instance_id))
        Boto3(self).wait("InstanceStopped", InstanceIds=[instance_id])
        image_id = self.told_of(
            "CreateImage", ("InstanceId", instance_id), ("Name", "golden"), *tagged("image"), *tagged("snapshot", 2)
        )["ImageId"]
        Boto3(self).wait("ImageAvailable", ImageIds=[image_id])
        (image,) = self.told_of("DescribeImages", ("ImageId.1", image_id))["Images"]
        self.assertEqual(image["Tags"], [{"Key": "Name", "Value": "Packer Builder"}])
        for mapping in image["BlockDeviceMappings"]:
            self.assertNotIn("Ebs", mapping)
        # What is cleaned up: the volumes of the instance by a filter, the instance, the key.
        asked = (("Filter.1.Name", "attachment.instance-id"), ("Filter.1.Value.1", instance_id))
        self.assertEqual(self.told_of("DescribeVolumes", *asked)["Volumes"], [])
        self.told_of("TerminateInstances", ("InstanceId.1", instance_id))
        Boto3(self).wait("InstanceTerminated", InstanceIds=[instance_id])
        self.told_of("DeleteKeyPair", ("KeyName", _NAME))
        self.assertNotIn(_NAME, self.mock.keys)
        self.assertIn(image_id, self.mock.images)

    def test_image_tags(self) -> None:
        """``tags`` of the template are set on the image once more, by itself."""
        self.told_of("CreateTags", ("ResourceId.1", "img3"), ("Tag.1.Key", "os"), ("Tag.1.Value", "linux"))
        (image,) = self.told_of("DescribeImages", ("ImageId.1", "img3"))["Images"]
        self.assertEqual(image["Tags"], [{"Key": "os", "Value": "linux"}])

    def test_cancelled(self) -> None:
        """A build that fails takes its image back."""
        image_id = self.told_of("CreateImage", ("InstanceId", "inst1"), ("Name", "golden"))["ImageId"]
        self.told_of("DescribeImages", ("ImageId.1", image_id))
        self.send("DeregisterImage", ("ImageId", image_id))
        self.turned_down("InvalidAMIID.NotFound", "DescribeImages", ("ImageId.1", image_id))

    def test_force_deregister(self) -> None:
        """``force_deregister`` finds what has the name already, among one's own."""
        image_id = self.told_of("CreateImage", ("InstanceId", "inst1"), ("Name", "golden"))["ImageId"]
        # Deltacloud's mock driver gives new images to root (recording 47); no other driver does.
        self.mock.images[image_id] = evolve(self.mock.images[image_id], owner_id="mockuser")
        self.later(2)
        asked = (("Filter.1.Name", "name"), ("Filter.1.Value.1", "golden"), ("Owner.1", "self"))
        found = [image["ImageId"] for image in self.told_of("DescribeImages", *asked)["Images"]]
        self.assertEqual(found, [image_id])

    def test_no_group_of_its_own(self) -> None:
        """Without ``security_group_ids`` it makes a group for itself, and is told plainly that it cannot."""
        asked = (("GroupDescription", "Temporary group for Packer"), ("GroupName", _NAME), ("VpcId", ""))
        self.turned_down("UnsupportedOperation", "CreateSecurityGroup", *asked, *tagged("security-group"))
