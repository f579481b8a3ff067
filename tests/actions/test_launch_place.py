"""Where RunInstances starts instances when it is told a subnet, a network interface or block devices."""

from typing import Any

from tests.actions.support import ActionTestCase


class SubnetTests(ActionTestCase):
    def setUp(self) -> None:
        # Without networks of its own: a default VPC is made up, with a subnet for each zone.
        self.make(without=["networks", "subnets", "network_interfaces"])

    def subnets(self) -> dict[str, str]:
        """The default subnet of each zone."""
        found = self.call("DescribeSubnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        return {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}

    def test_zone_of_subnet(self) -> None:
        """The instance is in the subnet's zone, however the subnet is named, and in that subnet then."""
        subnet = self.subnets()["eu"]
        asked: tuple[dict[str, Any], ...] = (
            {"SubnetId": subnet},
            {"SubnetId": subnet, "Placement": {"AvailabilityZone": "eu"}},
            {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": subnet, "Groups": ["default"]}]},
            {
                "NetworkInterfaces": [
                    {"SubnetId": subnet, "AssociatePublicIpAddress": True, "DeleteOnTermination": True}
                ]
            },
        )
        for params in asked:
            instance = self.run_one(**params)
            self.assertEqual(instance["Placement"]["AvailabilityZone"], "eu", params)
            (shown,) = self.instances(InstanceIds=[instance["InstanceId"]])
            self.assertEqual(shown["SubnetId"], subnet)

    def test_refused(self) -> None:
        """A subnet that is not there, or in another zone than the one named."""
        one = {"ImageId": "img1", "MinCount": 1, "MaxCount": 1}
        self.refused("InvalidSubnetID.NotFound", "RunInstances", **one, SubnetId="subnet-1")
        zoned = {"SubnetId": self.subnets()["eu"], "Placement": {"AvailabilityZone": "us"}}
        self.refused("InvalidParameterValue", "RunInstances", **one, **zoned)
        self.assertEqual(self.changes(), [])

    def test_other_subnet(self) -> None:
        """Deltacloud cannot start an instance in a subnet that is not its zone's default."""
        self.make()
        for subnet in self.call("DescribeSubnets")["Subnets"]:
            one = {"ImageId": "img1", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet["SubnetId"]}
            if subnet["DefaultForAz"]:
                self.call("RunInstances", **one)
            else:
                self.refused("UnsupportedOperation", "RunInstances", **one)


class BlockDeviceTests(ActionTestCase):
    def test_as_it_comes(self) -> None:
        """What an instance gets anyway can be asked for."""
        for device in ({"DeviceName": "/dev/sda1"}, {"DeviceName": "/dev/sda1", "Ebs": {"DeleteOnTermination": True}}):
            self.run_one(BlockDeviceMappings=[device])
