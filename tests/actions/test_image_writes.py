"""CreateImage, DeregisterImage, DescribeImageAttribute, and how images of other clouds are told."""

from attrs import evolve

from tests.actions.support import ActionTestCase

IMAGE = {"InstanceId": "inst0", "Name": "golden", "Description": "as it was"}


class CreateTests(ActionTestCase):
    def test_created(self) -> None:
        """An image with its name, description and tags, found at once, also after a restart."""
        tags = [{"Key": "a", "Value": "1"}]
        specification = [{"ResourceType": "image", "Tags": tags}]
        made = self.call("CreateImage", **IMAGE, NoReboot=True, TagSpecifications=specification)
        self.restart()
        (image,) = self.call("DescribeImages", ImageIds=[made["ImageId"]])["Images"]
        self.assertEqual((image["Name"], image["Description"], image["Tags"]), ("golden", "as it was", tags))
        self.assertEqual(self.changes(), ["POST /api/images"])

    def test_duplicate(self) -> None:
        """A name that is taken, whether we see it or the backend does."""
        self.call("CreateImage", **IMAGE)
        for name in ("golden", "img1"):
            message = self.refused("InvalidAMIName.Duplicate", "CreateImage", InstanceId="inst0", Name=name)
            self.assertEqual(message, f"AMI name {name} is already in use.")
        # What is my own is seen beforehand; whose name somebody else has, only the backend can tell.
        sent = self.changes()
        for params in ({}, {"DryRun": True}):
            self.refused("InvalidAMIName.Duplicate", "CreateImage", InstanceId="inst0", Name="img3", **params)
        self.assertEqual(self.changes(), sent)

    def test_refused(self) -> None:
        """A name that EC2 does not take, or an instance that is not there or lets no image be made."""
        for code, params in (
            ("InvalidAMIName.Malformed", {"Name": "x" * 129}),
            ("InvalidAMIName.Malformed", {"Name": "a*b"}),
            ("InvalidParameterValue", {"Description": "x" * 256}),
            ("InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "instance"}]}),
            ("InvalidInstanceID.NotFound", {"InstanceId": "no"}),
            ("IncorrectInstanceState", {"InstanceId": "inst3"}),
        ):
            self.refused(code, "CreateImage", **{**IMAGE, **params})
        short = (("Action", "CreateImage"), ("InstanceId", "inst0"), ("Name", "ab"))
        self.told("InvalidAMIName.Malformed", self.ask(*short))
        self.assertEqual(self.changes(), [])

    def test_answer_lost(self) -> None:
        """An image whose creation was not answered is found; where it is not, the client is told."""
        self.mock.trouble.lose_answer(method="POST", path="*/images")
        self.assertEqual(self.call("CreateImage", **IMAGE), {"ImageId": "golden"})
        self.mock.trouble.answer(502, b"", method="POST", path="*/images")
        self.refused("Unavailable", "CreateImage", status=503, InstanceId="inst0", Name="other")

    def test_old_tags(self) -> None:
        """An image has no tags of an earlier one of its id, which somebody else destroyed."""
        made = self.call("CreateImage", **IMAGE)["ImageId"]
        self.call("CreateTags", Resources=[made], Tags=[{"Key": "a", "Value": "1"}])
        del self.mock.images[made]
        self.later(2)
        self.assertEqual(self.call("DescribeTags", Filters=[{"Name": "key", "Values": ["a"]}]), {"Tags": []})
        self.call("CreateImage", **IMAGE)
        self.assertEqual(self.call("DescribeImages", ImageIds=[made])["Images"][0]["Tags"], [])


class DeregisterTests(ActionTestCase):
    def test_gone(self) -> None:
        """It is gone at once, and its tags with it."""
        made = self.call("CreateImage", **IMAGE)["ImageId"]
        self.call("CreateTags", Resources=[made], Tags=[{"Key": "a", "Value": "1"}])
        self.assertEqual(self.call("DeregisterImage", ImageId=made), {"Return": True})
        self.refused("InvalidAMIID.NotFound", "DescribeImages", ImageIds=[made])
        self.refused("InvalidAMIID.NotFound", "DeregisterImage", ImageId=made, DryRun=True)
        self.mock.images[made] = evolve(self.mock.images["img3"], id=made)
        self.later(2)
        self.assertEqual(self.call("DescribeTags", Filters=[{"Name": "key", "Values": ["a"]}]), {"Tags": []})

    def test_snapshots(self) -> None:
        """There are none to delete with it."""
        self.call("DeregisterImage", ImageId="img3", DeleteAssociatedSnapshots=True)


class AttributeTests(ActionTestCase):
    def test_all(self) -> None:
        """Each of EC2's attributes has an answer."""
        for name, attribute, value in (
            ("BlockDeviceMappings", "blockDeviceMapping", []),
            ("BootMode", "bootMode", {}),
            ("DeregistrationProtection", "deregistrationProtection", {"Value": "disabled"}),
            ("Description", "description", {"Value": "Fedora 10"}),
            ("ImdsSupport", "imdsSupport", {}),
            ("KernelId", "kernel", {}),
            ("LastLaunchedTime", "lastLaunchedTime", {}),
            ("LaunchPermissions", "launchPermission", [{"Group": "all"}]),
            ("ProductCodes", "productCodes", []),
            ("RamdiskId", "ramdisk", {}),
            ("SriovNetSupport", "sriovNetSupport", {}),
            ("TpmSupport", "tpmSupport", {}),
            ("UefiData", "uefiData", {}),
        ):
            answer = self.call("DescribeImageAttribute", ImageId="img1", Attribute=attribute)
            self.assertEqual(answer, {"ImageId": "img1", name: value})
        mine = self.call("DescribeImageAttribute", ImageId="img3", Attribute="launchPermission")
        self.assertEqual(mine["LaunchPermissions"], [])
        self.refused("InvalidParameterValue", "DescribeImageAttribute", ImageId="img1", Attribute="x")
        self.refused("InvalidAMIID.NotFound", "DescribeImageAttribute", ImageId="x", Attribute="kernel")


class WordsTests(ActionTestCase):
    def test_states(self) -> None:
        """OpenStack's and RHEV-M's words mean that an image can be used."""
        for word, state in (
            ("active", "available"),
            ("OK", "available"),
            ("SAVING", "pending"),
            ("whatever", "pending"),
            ("KILLED", "failed"),
            ("UNAVAILABLE", "invalid"),
            ("deleted", "deregistered"),
        ):
            self.mock.images["img1"] = evolve(self.mock.images["img1"], state=word)
            self.later(2)
            (image,) = self.call("DescribeImages", ImageIds=["img1"])["Images"]
            self.assertEqual(image["State"], state, word)
            found = self.call("DescribeImages", Filters=[{"Name": "state", "Values": [state]}])["Images"]
            self.assertIn("img1", [one["ImageId"] for one in found])

    def test_architectures(self) -> None:
        """Everybody's words for the same thing are EC2's, in images and in instances."""
        for word, architecture in (("x86", "i386"), ("AMD64", "x86_64"), ("aarch64", "arm64"), ("i386", "i386")):
            self.make()
            self.mock.images["img1"] = evolve(self.mock.images["img1"], architecture=word)
            given = [{"Name": "architecture", "Values": [architecture]}]
            found = [one["ImageId"] for one in self.call("DescribeImages", Filters=given)["Images"]]
            self.assertIn("img1", found)
            self.assertEqual(self.run_one()["Architecture"], architecture)
