"""DescribeVolumes."""

from datetime import datetime
from typing import Any

from tests.actions.support import ActionTestCase


class VolumeTests(ActionTestCase):
    def ids(self, **params: Any) -> list[str]:
        """The volumes that are described."""
        return [each["VolumeId"] for each in self.call("DescribeVolumes", **params)["Volumes"]]

    def served(self, inside: str) -> dict[str, Any]:
        """What is told of a volume of which the backend says this."""
        body = f"<storage_volumes><storage_volume id='v'>{inside}</storage_volume></storage_volumes>"
        self.mock.trouble.clear()
        self.mock.trouble.answer(200, body.encode(), path="/api/storage_volumes", times=None)
        self.later(2)
        (volume,) = self.call("DescribeVolumes")["Volumes"]
        found: dict[str, Any] = volume
        return found

    def test_volumes(self) -> None:
        """One that is free and one that is attached, though only the volume says so."""
        free, _, used = self.call("DescribeVolumes")["Volumes"]
        self.assertEqual(free.pop("CreateTime").replace(tzinfo=None), datetime(2009, 7, 30, 14, 35, 11))
        self.assertEqual(
            free,
            {
                "VolumeId": "vol1",
                "Size": 1,
                "SnapshotId": "",
                "AvailabilityZone": "us",
                "AvailabilityZoneId": "us",
                "State": "available",
                "Attachments": [],
                "VolumeType": "standard",
                "Encrypted": False,
                "MultiAttachEnabled": False,
                "Tags": [],
            },
        )
        self.assertEqual(used["State"], "in-use")
        self.assertEqual(
            used["Attachments"],
            [
                {
                    "VolumeId": "vol3",
                    "InstanceId": "inst1",
                    "Device": "/dev/sda1",
                    "State": "attached",
                    "DeleteOnTermination": False,
                }
            ],
        )

    def test_none(self) -> None:
        """A cloud without volumes has none, and is not asked for any."""
        self.make(without=["storage_volumes"])
        heard = self.ask(("Action", "DescribeVolumes"))
        self.assertEqual(self.understood("DescribeVolumes", heard), {"Volumes": []})
        self.assertIn(b"<volumeSet/>", heard.body)
        self.assertNotIn("GET /api/storage_volumes", self.sent())

    def test_as_the_instance_says(self) -> None:
        """What an instance's block devices are, its volumes say too."""
        self.mock.storage.attach("mockuser", "vol1", "inst0", "/dev/sdc")
        (instance,) = self.instances(InstanceIds=["inst0"])
        (mapping,) = instance["BlockDeviceMappings"]
        (volume,) = self.call("DescribeVolumes", VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
        (attached,) = volume["Attachments"]
        self.assertEqual((attached["InstanceId"], attached["Device"]), ("inst0", mapping["DeviceName"]))
        # Where the volume itself says nothing.
        told = self.served("<state>IN-USE</state>")
        self.assertEqual(told["Attachments"], [])
        self.mock.instances.change("inst0", volumes=(("v", "/dev/sdd"),))
        (attached,) = self.served("<state>IN-USE</state>")["Attachments"]
        self.assertEqual((attached["InstanceId"], attached["Device"]), ("inst0", "/dev/sdd"))
        (attached,) = self.served("<mount><instance id='inst3'/></mount>")["Attachments"]
        self.assertEqual(attached["InstanceId"], "inst3")

    def test_states(self) -> None:
        """The backend's words in EC2's; where it has none, the volume's use tells."""
        mounted = "<mount><instance id='inst0'/></mount>"
        for inside, expected in (
            ("<state>CREATING</state>", "creating"),
            ("<state>error</state>", "error"),
            ("<state>odd</state>", "available"),
            ("", "available"),
            (f"<state>odd</state>{mounted}", "in-use"),
        ):
            self.assertEqual(self.served(inside)["State"], expected, inside)

    def test_sparse(self) -> None:
        """What a backend does not say is left out: there are no empty numbers and dates."""
        found = self.served("")
        self.assertEqual((found.get("Size"), found.get("CreateTime"), found["AvailabilityZone"]), (None, None, ""))

    def test_filters(self) -> None:
        """Terraform's and Packer's, and the others."""
        self.call("CreateTags", Resources=["vol2"], Tags=[{"Key": "Name", "Value": "mine"}])
        for name, value, wanted in (
            ("attachment.instance-id", "inst1", ["vol3"]),
            ("attachment.device", "/dev/sda1", ["vol3"]),
            ("attachment.status", "attached", ["vol3"]),
            ("attachment.delete-on-termination", "true", []),
            ("availability-zone", "us", ["vol1", "vol2", "vol3"]),
            ("create-time", "2009-07-30T14:35:11.000Z", ["vol1", "vol2", "vol3"]),
            ("encrypted", "false", ["vol1", "vol2", "vol3"]),
            ("size", "2", []),
            ("status", "available", ["vol1", "vol2"]),
            ("volume-id", "vol2", ["vol2"]),
            ("volume-type", "gp2", []),
            ("tag:Name", "mine", ["vol2"]),
        ):
            self.assertEqual(self.ids(Filters=[{"Name": name, "Values": [value]}]), wanted, name)

    def test_missing(self) -> None:
        """Each id that is not there is named."""
        message = self.refused("InvalidVolume.NotFound", "DescribeVolumes", VolumeIds=["vol-1", "vol1", "vol-2"])
        self.assertEqual(message, "The volumes 'vol-1, vol-2' do not exist")

    def test_pages(self) -> None:
        """A page of more than EC2 gives is as much as it gives; one of fewer than five is an error."""
        self.assertEqual(self.ids(MaxResults=5000), ["vol1", "vol2", "vol3"])
        self.refused("InvalidParameterValue", "DescribeVolumes", MaxResults=4)
        self.refused("DryRunOperation", "DescribeVolumes", status=412, DryRun=True)
