"""DescribeVpcs, DescribeSubnets and DescribeNetworkInterfaces, and where instances say that they are."""

from typing import Any

from ec2proxy.mockcloud.things import Subnet
from tests.actions.support import ActionTestCase

NO_NETWORKS = ["networks", "subnets", "network_interfaces"]


def one(name: str, *values: str) -> list[dict[str, Any]]:
    """One filter, as boto3 takes it."""
    return [{"Name": name, "Values": list(values)}]


class VpcTests(ActionTestCase):
    def ids(self, **params: Any) -> list[str]:
        """The VPCs that are described."""
        return [each["VpcId"] for each in self.call("DescribeVpcs", **params)["Vpcs"]]

    def test_networks(self) -> None:
        """Each network is a VPC; one is the default."""
        first, second = self.call("DescribeVpcs")["Vpcs"]
        (block,) = first.pop("CidrBlockAssociationSet")
        self.assertTrue(block.pop("AssociationId"))
        self.assertEqual(block, {"CidrBlock": "192.168.0.0/16", "CidrBlockState": {"State": "associated"}})
        self.assertEqual(
            first,
            {
                "OwnerId": "mockuser",
                "InstanceTenancy": "default",
                "IsDefault": True,
                "VpcId": "net1",
                "State": "available",
                "CidrBlock": "192.168.0.0/16",
                "DhcpOptionsId": "default",
                "Tags": [],
            },
        )
        self.assertEqual((second["VpcId"], second["IsDefault"]), ("net2", False))

    def test_made_up(self) -> None:
        """A cloud without networks has EC2's default VPC, and is asked for none."""
        self.make(without=NO_NETWORKS)
        (vpc,) = self.call("DescribeVpcs", Filters=one("is-default", "true"))["Vpcs"]
        self.assertEqual((vpc["VpcId"], vpc["CidrBlock"]), ("vpc-11111111", "172.31.0.0/16"))
        self.assertFalse([line for line in self.sent() if "network" in line or "subnet" in line])
        self.assertEqual(self.ids(region="eu-west-7", VpcIds=["vpc-11111111"]), ["vpc-11111111"])

    def test_made_up_for_nobody(self) -> None:
        """What is made up is not told to those whom the cloud does not know, their tags least of all."""
        self.make(without=NO_NETWORKS)
        # There are clouds that tell their realms to anyone.
        self.mock.trouble.answer(200, b"<realms><realm id='us'/></realms>", path="/api/realms", times=None)
        for action in ("DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeVolumes"):
            self.told("AuthFailure", self.ask(("Action", action), user="nobody"), 401)

    def test_filters(self) -> None:
        """Each filter there is."""
        self.call("CreateTags", Resources=["net2"], Tags=[{"Key": "Name", "Value": "mine"}])
        for name, value, wanted in (
            ("cidr", "10.*", ["net2"]),
            ("cidr-block-association.cidr-block", "192.168.0.0/16", ["net1"]),
            ("cidr-block-association.state", "associated", ["net1", "net2"]),
            ("dhcp-options-id", "default", ["net1", "net2"]),
            ("is-default", "false", ["net2"]),
            ("isDefault", "true", ["net1"]),
            ("owner-id", "mockuser", ["net1", "net2"]),
            ("state", "pending", []),
            ("vpc-id", "net2", ["net2"]),
            ("tag:Name", "mine", ["net2"]),
        ):
            self.assertEqual(self.ids(Filters=one(name, value)), wanted, name)
        self.refused("InvalidParameterValue", "DescribeVpcs", Filters=one("x", "y"))

    def test_missing(self) -> None:
        """Each id that is not there is named."""
        message = self.refused("InvalidVpcID.NotFound", "DescribeVpcs", VpcIds=["vpc-1", "net1", "vpc-2"])
        self.assertEqual(message, "The vpc IDs 'vpc-1, vpc-2' do not exist")
        self.refused("InvalidParameterCombination", "DescribeVpcs", VpcIds=["net1"], MaxResults=5)


class VpcAttributeTests(ActionTestCase):
    def value(self, vpc_id: str, name: str) -> object:
        answer = self.call("DescribeVpcAttribute", VpcId=vpc_id, Attribute=name)
        self.assertEqual(set(answer), {"VpcId", name[0].upper() + name[1:]})
        return answer[name[0].upper() + name[1:]]["Value"]

    def test_attributes(self) -> None:
        """As EC2 makes the default VPC, and any other."""
        names = ("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics")
        self.assertEqual([self.value("net1", name) for name in names], [True, True, False])
        self.assertEqual([self.value("net2", name) for name in names], [False, True, False])

    def test_refused(self) -> None:
        """One VPC that there is, and an attribute that EC2 has."""
        action = "DescribeVpcAttribute"
        message = self.refused("InvalidVpcID.NotFound", action, VpcId="net9", Attribute="enableDnsSupport")
        self.assertIn("net9", message)
        self.refused("InvalidParameterValue", action, VpcId="net1", Attribute="other")
        for pair in (("VpcId", "net1"), ("Attribute", "enableDnsSupport")):
            self.told("MissingParameter", self.ask(("Action", action), pair))


class SubnetTests(ActionTestCase):
    def ids(self, **params: Any) -> list[str]:
        """The subnets that are described."""
        return [each["SubnetId"] for each in self.call("DescribeSubnets", **params)["Subnets"]]

    def test_subnets(self) -> None:
        """Each in a zone; the free addresses are EC2's number less those in use."""
        found = {each["SubnetId"]: each for each in self.call("DescribeSubnets")["Subnets"]}
        first = found["subnet1"]
        self.assertRegex(first.pop("SubnetArn"), r"\Aarn:aws:ec2:us-east-1:\d{12}:subnet/subnet1\Z")
        self.assertEqual(
            first,
            {
                "AvailabilityZone": "us",
                "AvailabilityZoneId": "us",
                "AvailableIpAddressCount": 256 - 5 - 3,
                "CidrBlock": "192.168.1.0/24",
                "DefaultForAz": True,
                "MapPublicIpOnLaunch": True,
                "MapCustomerOwnedIpOnLaunch": False,
                "State": "available",
                "SubnetId": "subnet1",
                "VpcId": "net1",
                "OwnerId": "mockuser",
                "AssignIpv6AddressOnCreation": False,
                "Ipv6CidrBlockAssociationSet": [],
                "Ipv6Native": False,
                "EnableDns64": False,
                "Tags": [],
            },
        )
        # One instance has an interface there.
        self.assertEqual(found["subnet2"]["AvailableIpAddressCount"], 256 - 5 - 1)
        self.assertEqual(found["subnet4"]["AvailableIpAddressCount"], 65536 - 5)

    def test_made_up(self) -> None:
        """A zone each."""
        self.make(without=NO_NETWORKS)
        us, eu = self.call("DescribeSubnets")["Subnets"]
        self.assertEqual([us["AvailabilityZone"], eu["AvailabilityZone"]], ["us", "eu"])
        self.assertEqual([us["AvailableIpAddressCount"], eu["AvailableIpAddressCount"]], [4091 - 3, 4091 - 1])
        self.assertTrue(us["DefaultForAz"] and eu["DefaultForAz"])
        self.assertEqual({us["VpcId"], eu["VpcId"]}, {"vpc-11111111"})

    def test_full(self) -> None:
        """No subnet has fewer than no addresses; those of IPv6 do not count, and a subnet may not say."""
        for block, expected in (("10.0.0.0/31", 0), ("2001:db8::/64", 0), ("", None)):
            self.make()
            self.mock.network.subnets["subnet1"] = Subnet("subnet1", "subnet1", "net1", block)
            (found,) = self.call("DescribeSubnets", SubnetIds=["subnet1"])["Subnets"]
            self.assertEqual(found.get("AvailableIpAddressCount"), expected, block)

    def test_filters(self) -> None:
        """Those by which Ansible, Terraform and Packer find a subnet, in every spelling."""
        for name, value, wanted in (
            ("vpc-id", "net1", ["subnet1", "subnet2"]),
            ("availability-zone", "eu", ["subnet2", "subnet4"]),
            ("availabilityZone", "eu", ["subnet2", "subnet4"]),
            ("availability-zone-id", "us", ["subnet1", "subnet3"]),
            ("availabilityZoneId", "us", ["subnet1", "subnet3"]),
            ("available-ip-address-count", "65531", ["subnet3", "subnet4"]),
            ("default-for-az", "true", ["subnet1", "subnet2"]),
            ("defaultForAz", "false", ["subnet3", "subnet4"]),
            ("map-public-ip-on-launch", "true", ["subnet1", "subnet2"]),
            ("cidr", "10.1.*", ["subnet3"]),
            ("cidrBlock", "10.1.*", ["subnet3"]),
            ("cidr-block", "10.1.*", ["subnet3"]),
            ("subnet-id", "subnet4", ["subnet4"]),
            ("state", "available", ["subnet1", "subnet2", "subnet3", "subnet4"]),
            ("tag-key", "*", []),
        ):
            self.assertEqual(self.ids(Filters=one(name, value)), wanted, name)

    def test_missing(self) -> None:
        """An id that is not there is named."""
        message = self.refused("InvalidSubnetID.NotFound", "DescribeSubnets", SubnetIds=["subnet-1"])
        self.assertEqual(message, "The subnet ID 'subnet-1' does not exist")

    def test_pages(self) -> None:
        """A walk over pages neither skips nor repeats, and takes EC2's limits."""
        for number in range(4):
            form = {"network_id": "net2", "address_block": f"10.{number + 3}.0.0/16", "name": f"more{number}"}
            self.mock.network.create_subnet(form)
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(2):
            answer = self.call("DescribeSubnets", MaxResults=5, **token)
            found += [each["SubnetId"] for each in answer["Subnets"]]
            token = {"NextToken": answer.get("NextToken", "")}
        self.assertEqual(token, {"NextToken": ""})
        self.assertEqual((len(found), len(set(found))), (8, 8))
        for count in ("4", "1001"):
            self.told("InvalidParameterValue", self.ask(("Action", "DescribeSubnets"), ("MaxResults", count)))
        self.refused("InvalidParameterValue", "DescribeSubnets", NextToken="nonsense")
        self.refused("DryRunOperation", "DescribeSubnets", status=412, DryRun=True)


class InterfaceTests(ActionTestCase):
    def ids(self, **params: Any) -> list[str]:
        """The network interfaces that are described."""
        found = self.call("DescribeNetworkInterfaces", **params)["NetworkInterfaces"]
        return [each["NetworkInterfaceId"] for each in found]

    def test_interfaces(self) -> None:
        """Where it is, and what has it; the one that names a network is in the subnet that has its address."""
        first, second = self.call("DescribeNetworkInterfaces")["NetworkInterfaces"]
        attached = first.pop("Attachment")
        self.assertTrue(attached.pop("AttachmentId") and attached.pop("AttachTime"))
        self.assertEqual(
            attached,
            {
                "DeleteOnTermination": True,
                "DeviceIndex": 0,
                "InstanceId": "inst1",
                "InstanceOwnerId": "mockuser",
                "Status": "attached",
            },
        )
        self.assertEqual(
            first,
            {
                "AvailabilityZone": "us",
                "Description": "nic1",
                "Groups": [{"GroupId": "sg-11111111", "GroupName": "default"}],
                "InterfaceType": "interface",
                "Ipv6Addresses": [],
                "NetworkInterfaceId": "nic1",
                "OwnerId": "mockuser",
                "PrivateIpAddress": "192.168.1.2",
                "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "192.168.1.2"}],
                "RequesterManaged": False,
                "SourceDestCheck": True,
                "Status": "in-use",
                "SubnetId": "subnet1",
                "TagSet": [],
                "VpcId": "net1",
            },
        )
        self.assertEqual((second["SubnetId"], second["AvailabilityZone"]), ("subnet2", "eu"))

    def test_none(self) -> None:
        """A cloud without network interfaces has none."""
        self.make(without=NO_NETWORKS)
        self.assertEqual(self.ids(), [])

    def test_public_address(self) -> None:
        """The instance's public address leads to its first interface."""
        self.mock.network.associate("mockuser", "192.168.0.1", "inst1")
        self.mock.network.create_interface("mockuser", {"instance": "inst1", "network": "subnet3", "name": "nic9"})
        first, second = self.call("DescribeNetworkInterfaces", Filters=one("attachment.instance-id", "inst1"))[
            "NetworkInterfaces"
        ]
        self.assertEqual(first["Association"]["PublicIp"], "192.168.0.1")
        self.assertNotIn("Association", second)
        self.assertEqual((second["Attachment"]["DeviceIndex"], second["SubnetId"]), (1, "subnet3"))
        (instance,) = self.instances(InstanceIds=["inst1"])
        told = [each.get("Association", {}).get("PublicIp") for each in instance["NetworkInterfaces"]]
        self.assertEqual(told, ["192.168.0.1", None])

    def test_nowhere(self) -> None:
        """An interface of which nobody says where it is, is where its instance is."""
        body = b"<network_interfaces><network_interface id='n'><instance id='inst3'/></network_interface>"
        body += b"<network_interface id='m'/></network_interfaces>"
        self.mock.trouble.answer(200, body, path="/api/network_interfaces", times=None)
        mine, stray = self.call("DescribeNetworkInterfaces")["NetworkInterfaces"]
        self.assertEqual((mine["VpcId"], mine["SubnetId"], mine["AvailabilityZone"]), ("net1", "subnet2", "eu"))
        self.assertEqual(
            (stray.get("VpcId"), stray.get("AvailabilityZone"), stray["Status"]), (None, None, "available")
        )

    def test_of_others(self) -> None:
        """An interface of what the caller does not see is told of without its attachment."""
        heard = self.ask(("Action", "DescribeNetworkInterfaces"), user="other")
        found = self.understood("DescribeNetworkInterfaces", heard)["NetworkInterfaces"]
        self.assertEqual([each.get("Attachment") for each in found], [None, None])
        self.assertEqual([each["AvailabilityZone"] for each in found], ["us", "eu"])

    def test_filters(self) -> None:
        """Those that a tool asks by."""
        for name, value, wanted in (
            ("attachment.instance-id", "inst3", ["nicinst3"]),
            ("attachment.device-index", "0", ["nic1", "nicinst3"]),
            ("addresses.private-ip-address", "192.168.1.2", ["nic1"]),
            ("private-ip-address", "192.168.2.*", ["nicinst3"]),
            ("availability-zone", "eu", ["nicinst3"]),
            ("group-id", "sg-11111111", ["nic1", "nicinst3"]),
            ("network-interface-id", "nic1", ["nic1"]),
            ("requester-managed", "true", []),
            ("status", "in-use", ["nic1", "nicinst3"]),
            ("subnet-id", "subnet2", ["nicinst3"]),
            ("vpc-id", "net2", []),
        ):
            self.assertEqual(self.ids(Filters=one(name, value)), wanted, name)

    def test_missing(self) -> None:
        """An id that is not there is named."""
        self.refused("InvalidNetworkInterfaceID.NotFound", "DescribeNetworkInterfaces", NetworkInterfaceIds=["eni-1"])


class PlaceTests(ActionTestCase):
    """Where DescribeInstances says that instances are."""

    def places(self) -> dict[str, tuple[str | None, str | None]]:
        """VPC and subnet of each instance."""
        return {each["InstanceId"]: (each.get("VpcId"), each.get("SubnetId")) for each in self.instances()}

    def test_places(self) -> None:
        """Where the interface is, else in the default subnet of the zone; those that are described."""
        expected = dict.fromkeys(("inst0", "inst1", "inst2"), ("net1", "subnet1"))
        self.assertEqual(self.places(), {**expected, "inst3": ("net1", "subnet2")})
        found = self.instances(Filters=[*one("vpc-id", "net1"), *one("subnet-id", "subnet2")])
        self.assertEqual([each["InstanceId"] for each in found], ["inst3"])

    def test_interfaces(self) -> None:
        """An instance's interfaces are those that are described."""
        (instance,) = self.instances(InstanceIds=["inst1"])
        (mine,) = instance["NetworkInterfaces"]
        (described,) = self.call("DescribeNetworkInterfaces", NetworkInterfaceIds=["nic1"])["NetworkInterfaces"]
        for name in ("SubnetId", "VpcId", "PrivateIpAddress", "Groups", "Status"):
            self.assertEqual(mine[name], described[name], name)
        self.assertEqual(mine["Attachment"]["AttachmentId"], described["Attachment"]["AttachmentId"])

    def test_new_interface(self) -> None:
        """One that is newer than the picture is told of all the same."""
        self.instances()
        self.mock.network.create_interface("mockuser", {"instance": "inst0", "network": "subnet3", "name": "nic9"})
        self.later(2)
        (instance,) = self.instances(InstanceIds=["inst0"])
        (mine,) = instance["NetworkInterfaces"]
        self.assertEqual((mine["NetworkInterfaceId"], mine["SubnetId"]), ("nic9", "subnet1"))
        self.later(60)
        (instance,) = self.instances(InstanceIds=["inst0"])
        self.assertEqual((instance["VpcId"], instance["SubnetId"]), ("net2", "subnet3"))

    def test_run(self) -> None:
        """RunInstances tells it too, as every later answer."""
        instance = self.run_one(Placement={"AvailabilityZone": "eu"})
        self.assertEqual((instance["VpcId"], instance["SubnetId"]), ("net1", "subnet2"))
        self.assertEqual(self.places()[instance["InstanceId"]], ("net1", "subnet2"))

    def test_terminated(self) -> None:
        """A terminated instance is nowhere, as in EC2."""
        self.call("TerminateInstances", InstanceIds=["inst1"])
        self.later(60)
        self.assertEqual(self.places()["inst1"], (None, None))
        (instance,) = self.instances(InstanceIds=["inst1"])
        self.assertEqual(instance["NetworkInterfaces"], [])

    def test_polls(self) -> None:
        """A minute of polls costs each of these one request, whether the cloud tells or fails to."""
        for fails in (False, True):
            self.make()
            if fails:
                self.mock.trouble.backtrace(path="/api/subnets", times=None)
            for _ in range(58):
                self.assertEqual(len(self.instances()), 4)
                self.later(1)
            counts = {path: self.sent().count(f"GET /api/{path}") for path in ("networks", "subnets", "realms")}
            self.assertEqual(counts, {"networks": 1, "subnets": 1, "realms": 1}, fails)

    def test_not_told(self) -> None:
        """Where the cloud fails to tell of its networks, instances are described without."""
        self.mock.trouble.backtrace(path="/api/networks", times=None)
        self.assertEqual(set(self.places().values()), {(None, None)})
        self.refused("InternalError", "DescribeVpcs", status=500)
        self.mock.trouble.clear()
        self.assertEqual(len(self.call("DescribeVpcs")["Vpcs"]), 2)
        self.later(1)
        self.assertEqual(self.places()["inst0"], ("net1", "subnet1"))

    def test_not_carried_out(self) -> None:
        """A collection that is listed and not carried out is one that the cloud does not have."""
        for path in ("networks", "subnets"):
            self.mock.trouble.backtrace(501, path=f"/api/{path}", times=None)
        (vpc,) = self.call("DescribeVpcs")["Vpcs"]
        self.assertEqual(vpc["VpcId"], "vpc-11111111")
