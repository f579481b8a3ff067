"""Terraform's AWS provider: what its resources and data sources send, and what they dereference.

As in hashicorp/terraform-provider-aws, internal/service/ec2 (ec2_instance.go, ec2_key_pair.go, the data sources). Its
Go SDK sends empty texts too, and polls 10 seconds after the first call, then every 3.
"""

from base64 import b64encode

from ec2proxy.testing.driver_contract import PUBLIC_KEY
from tests.replays.support import Pair, ReplayTestCase

_USER_DATA = b64encode(b"#!/bin/sh\necho hello\n").decode()

_RUN = (
    ("ClientToken", "terraform-20261123164539000000000001"),
    ("DisableApiTermination", "false"),
    ("EbsOptimized", "false"),
    ("EnclaveOptions.Enabled", "false"),
    ("HibernationOptions.Configured", "false"),
    ("ImageId", "img1"),
    ("InstanceType", "m1-small"),
    ("KeyName", "test-key"),
    ("MaxCount", "1"),
    ("MinCount", "1"),
    ("Monitoring.Enabled", "false"),
    ("Placement.AvailabilityZone", ""),
    ("TagSpecification.1.ResourceType", "instance"),
    ("TagSpecification.1.Tag.1.Key", "Name"),
    ("TagSpecification.1.Tag.1.Value", "web"),
    ("UserData", _USER_DATA),
)


class TerraformTestCase(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20, features=["user_data", "import_key", "firewalls"])

    def attribute(self, instance_id: str, name: str) -> object:
        """What DescribeInstanceAttribute says of one attribute: its structure, None if it is not there."""
        pairs = (("Attribute", name), ("InstanceId", instance_id))
        return self.told_of("DescribeInstanceAttribute", *pairs).get(name[0].upper() + name[1:])

    def create(self, *more: Pair) -> str:
        """Create an instance and wait until it runs, as the provider does; its id."""
        named = dict(more)
        pairs = [(name, named.pop(name, value)) for name, value in _RUN]
        (instance,) = self.told_of("RunInstances", *pairs, *named.items())["Instances"]
        instance_id = str(instance["InstanceId"])
        self.assertEqual(self.seen_until("running", instance_id, first=10), ["pending", "running"])
        return instance_id

    def read(self, instance_id: str) -> dict[str, object]:
        """Read an instance as each plan does; what it then knows of it."""
        instance = self.one(instance_id)
        asked = ("InstanceType.1", instance["InstanceType"])
        (sort,) = self.told_of("DescribeInstanceTypes", asked)["InstanceTypes"]
        self.assertEqual(sort["InstanceType"], instance["InstanceType"])
        for interface in instance["NetworkInterfaces"]:
            self.assertIn("DeviceIndex", interface["Attachment"])
        if "VpcId" in instance:
            (vpc,) = self.told_of("DescribeVpcs", ("VpcId.1", instance["VpcId"]))["Vpcs"]
            self.assertIn("IsDefault", vpc)
        template = (("Filter.2.Name", "key"), ("Filter.2.Value.1", "aws:ec2launchtemplate:id"))
        asked_of = (("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", instance_id))
        self.assertEqual(self.told_of("DescribeTags", *asked_of, *template)["Tags"], [])
        volumes = [each["Ebs"]["VolumeId"] for each in instance["BlockDeviceMappings"] if "Ebs" in each]
        if volumes:
            named = [(f"VolumeId.{number}", volume) for number, volume in enumerate(volumes, 1)]
            self.assertEqual(len(self.told_of("DescribeVolumes", *named)["Volumes"]), len(volumes))
        found = {
            "type": instance["InstanceType"],
            "zone": instance["Placement"]["AvailabilityZone"],
            "tags": {tag["Key"]: tag["Value"] for tag in instance["Tags"]},
            "groups": [group["GroupName"] for group in instance["SecurityGroups"]],
        }
        # Those are dereferenced without asking whether they are there.
        for name in ("disableApiStop", "disableApiTermination"):
            found[name] = self.attribute(instance_id, name)["Value"]  # type: ignore[index]
        found["shutdown"] = self.attribute(instance_id, "instanceInitiatedShutdownBehavior")
        found["userData"] = self.attribute(instance_id, "userData")
        if sort.get("BurstablePerformanceSupported"):
            asked = ("InstanceId.1", instance_id)
            self.assertIn(self.send("DescribeInstanceCreditSpecifications", asked).status, (200, 400))
        return found

    def destroy(self, instance_id: str) -> None:
        """Terminate an instance and wait until it is terminated, as the provider does."""
        (change,) = self.told_of("TerminateInstances", ("InstanceId.1", instance_id))["TerminatingInstances"]
        self.assertEqual(change["CurrentState"]["Name"], "shutting-down")
        seen = self.seen_until("terminated", instance_id, first=10)
        self.assertLessEqual(set(seen), {"shutting-down", "terminated"})


class InstanceTests(TerraformTestCase):
    def test_life(self) -> None:
        """Create, read twice to the same result, and delete."""
        instance_id = self.create()
        found = self.read(instance_id)
        self.assertEqual(
            found,
            {
                "type": "m1-small",
                "zone": "us",
                "tags": {"Name": "web"},
                "groups": ["default"],
                "disableApiStop": False,
                "disableApiTermination": False,
                "shutdown": {"Value": "stop"},
                # Its plan compares the SHA-1 of this text with what it has, so it has to be the very same.
                "userData": {"Value": _USER_DATA},
            },
        )
        self.later(3600)
        self.assertEqual(self.read(instance_id), found)
        self.destroy(instance_id)
        # Another plan sees that it is gone, whether it still shows or not.
        self.later(7200)
        self.turned_down("InvalidInstanceID.NotFound", "DescribeInstances", ("InstanceId.1", instance_id))

    def test_no_user_data(self) -> None:
        """An instance without user data has none to compare: the provider sets nothing then."""
        instance_id = self.create(("UserData", ""))
        self.assertNotIn("Value", self.attribute(instance_id, "userData") or {})

    def test_again(self) -> None:
        """The SDK repeats a create whose answer was lost, with the same token: nothing new comes of it."""
        first = self.told_of("RunInstances", *_RUN)["Instances"][0]["InstanceId"]
        again = self.told_of("RunInstances", *_RUN)["Instances"][0]["InstanceId"]
        self.assertEqual((again, len(self.mock.instances)), (first, 5))

    def test_untagged(self) -> None:
        """A name that the backend made up is no tag: each plan would want to take it away."""
        for number in (1, 2):
            asked = [(name, f"{value}{number}" if name == "ClientToken" else value) for name, value in _RUN]
            plain = [pair for pair in asked if not pair[0].startswith("TagSpecification")]
            (instance,) = self.told_of("RunInstances", *plain)["Instances"]
            self.assertTrue(self.mock.instances[instance["InstanceId"]].name)
            self.assertEqual(instance["Tags"], [])
            self.assertEqual(self.read(instance["InstanceId"])["tags"], {})
            self.restart()

    def test_burstable_by_name(self) -> None:
        """A type whose name begins with t3 is asked for with credits, which are no reason to refuse it."""
        self.mock.profiles["t3.micro"] = self.mock.profiles["m1-small"].__class__("t3.micro")
        self.later(120)
        instance_id = self.create(("InstanceType", "t3.micro"), ("CreditSpecification.CpuCredits", "unlimited"))
        self.assertEqual(self.read(instance_id)["type"], "t3.micro")

    def test_tags(self) -> None:
        """Tags are taken away first, those that changed too, and then set."""
        instance_id = self.create()
        gone = (("ResourceId.1", instance_id), ("Tag.1.Key", "Name"))
        self.assertEqual(self.send("DeleteTags", *gone).status, 200)
        new = (("ResourceId.1", instance_id), ("Tag.1.Key", "Name"), ("Tag.1.Value", "db"))
        self.assertEqual(self.send("CreateTags", *new, ("Tag.2.Key", "empty"), ("Tag.2.Value", "")).status, 200)
        self.assertEqual(self.read(instance_id)["tags"], {"Name": "db", "empty": ""})
        asked = (("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", instance_id))
        found = self.told_of("DescribeTags", *asked)["Tags"]
        self.assertEqual({tag["Key"]: tag["Value"] for tag in found}, {"Name": "db", "empty": ""})
        self.assertEqual({tag["ResourceType"] for tag in found}, {"instance"})

    def test_volume_tags(self) -> None:
        """volume_tags and default_tags come along with the instance's, and are checked as those are."""
        volume = ("TagSpecification.2.ResourceType", "volume")
        key, value = ("TagSpecification.2.Tag.1.Key", "team"), ("TagSpecification.2.Tag.1.Value", "red")
        self.assertEqual(self.read(self.create(volume, key, value))["tags"], {"Name": "web"})
        reserved = ("TagSpecification.2.Tag.1.Key", "aws:team")
        self.turned_down("InvalidParameterValue", "RunInstances", *_RUN, volume, reserved)

    def test_protection(self) -> None:
        """disable_api_termination keeps it from being deleted until it is taken away."""
        instance_id = self.create(("DisableApiTermination", "true"))
        self.assertIs(self.read(instance_id)["disableApiTermination"], True)
        self.turned_down("OperationNotPermitted", "TerminateInstances", ("InstanceId.1", instance_id))
        off = (("DisableApiTermination.Value", "false"), ("InstanceId", instance_id))
        self.assertEqual(self.send("ModifyInstanceAttribute", *off).status, 200)
        self.destroy(instance_id)

    def test_stop_protection(self) -> None:
        """disable_api_stop is taken away before each delete by force_destroy, and may be missing elsewhere."""
        instance_id = self.create(("DisableApiStop", "true"))
        self.assertIs(self.read(instance_id)["disableApiStop"], True)
        off = (("DisableApiStop.Value", "false"), ("InstanceId", instance_id))
        self.assertEqual(self.send("ModifyInstanceAttribute", *off).status, 200)
        self.destroy(instance_id)

    def test_shutdown_behaviour(self) -> None:
        """It is set after the creation as well, and read again."""
        instance_id = self.create(("InstanceInitiatedShutdownBehavior", "terminate"))
        self.assertEqual(self.read(instance_id)["shutdown"], {"Value": "terminate"})
        back = (("InstanceId", instance_id), ("InstanceInitiatedShutdownBehavior.Value", "stop"))
        self.assertEqual(self.send("ModifyInstanceAttribute", *back).status, 200)
        self.assertEqual(self.read(instance_id)["shutdown"], {"Value": "stop"})

    def test_state(self) -> None:
        """aws_ec2_instance_state: stop, wait, start, wait."""
        instance_id = self.create()
        self.told_of("StopInstances", ("Force", "false"), ("InstanceId.1", instance_id))
        self.assertEqual(self.seen_until("stopped", instance_id, first=10), ["stopping", "stopped"])
        self.told_of("StartInstances", ("InstanceId.1", instance_id))
        self.assertEqual(self.seen_until("running", instance_id)[-1], "running")

    def test_other_type(self) -> None:
        """Another type is set between stop and start; a cloud that cannot do that says so, and the type stays."""
        instance_id = self.create()
        self.told_of("StopInstances", ("InstanceId.1", instance_id))
        self.seen_until("stopped", instance_id)
        wanted = (("InstanceId", instance_id), ("InstanceType.Value", "m1-large"))
        self.turned_down("UnsupportedOperation", "ModifyInstanceAttribute", *wanted)
        self.told_of("StartInstances", ("InstanceId.1", instance_id))
        self.seen_until("running", instance_id)
        self.assertEqual(self.read(instance_id)["type"], "m1-small")


class KeyPairTests(TerraformTestCase):
    def test_life(self) -> None:
        """aws_key_pair: import, read with its public key, delete."""
        asked = (("KeyName", "deployer"), ("PublicKeyMaterial", b64encode(PUBLIC_KEY.encode()).decode()))
        made = self.told_of("ImportKeyPair", *asked)
        self.assertEqual(made["KeyName"], "deployer")
        (key,) = self.told_of("DescribeKeyPairs", ("IncludePublicKey", "true"), ("KeyName.1", "deployer"))["KeyPairs"]
        self.assertEqual(key["KeyFingerprint"], made["KeyFingerprint"])
        self.assertTrue(key["KeyPairId"])
        self.told_of("DeleteKeyPair", ("KeyName", "deployer"))
        gone = (("IncludePublicKey", "true"), ("KeyName.1", "deployer"))
        self.turned_down("InvalidKeyPair.NotFound", "DescribeKeyPairs", *gone)


class SurroundingsTests(TerraformTestCase):
    def test_start(self) -> None:
        """The provider asks who it is: its account id stands in every ARN that it makes."""
        found = self.caller()
        self.assertRegex(found["Account"], r"\A\d{12}\Z")
        self.assertRegex(found["Arn"], rf"\Aarn:aws:iam::{found['Account']}:")

    def test_no_platforms(self) -> None:
        """Its asking for platforms is answered."""
        asked = ("AttributeName.1", "supported-platforms")
        (found,) = self.told_of("DescribeAccountAttributes", asked)["AccountAttributes"]
        self.assertTrue(found["AttributeValues"])

    def test_ami(self) -> None:
        """data aws_ami: owners and filters, and the most recent one of what is found."""
        asked = (
            ("Filter.1.Name", "name"),
            ("Filter.1.Value.1", "img*"),
            ("Filter.2.Name", "architecture"),
            ("Filter.2.Value.1", "x86_64"),
            ("IncludeDeprecated", "false"),
            ("Owner.1", "fedoraproject"),
        )
        found = self.told_of("DescribeImages", *asked)["Images"]
        self.assertEqual([image["ImageId"] for image in found], ["img1"])
        for image in found:
            # The most recent one is told by this, parsed as a time.
            self.assertRegex(image["CreationDate"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\Z")
            self.assertLessEqual({"OwnerId", "State", "Public", "RootDeviceType", "BlockDeviceMappings"}, set(image))

    def test_zones(self) -> None:
        """data aws_availability_zones: state=available, and ids with their names."""
        asked = (("AllAvailabilityZones", "false"), ("Filter.1.Name", "state"), ("Filter.1.Value.1", "available"))
        zones = self.told_of("DescribeAvailabilityZones", *asked)["AvailabilityZones"]
        self.assertEqual([zone["ZoneName"] for zone in zones], ["us", "eu"])
        for zone in zones:
            self.assertEqual(zone["RegionName"], "us-east-1")
            self.assertTrue(zone["ZoneId"])

    def test_regions(self) -> None:
        """data aws_region and aws_regions: by name, and all."""
        (region,) = self.told_of("DescribeRegions", ("AllRegions", "true"), ("RegionName.1", "us-east-1"))["Regions"]
        self.assertEqual(region["RegionName"], "us-east-1")
        self.assertTrue(region["Endpoint"])
        self.assertIn("us-east-1", [each["RegionName"] for each in self.told_of("DescribeRegions")["Regions"]])

    def test_instance_type(self) -> None:
        """data aws_ec2_instance_type dereferences these."""
        (found,) = self.told_of("DescribeInstanceTypes", ("InstanceType.1", "m1-large"))["InstanceTypes"]
        self.assertGreater(found["MemoryInfo"]["SizeInMiB"], 0)
        self.assertGreater(found["VCpuInfo"]["DefaultVCpus"], 0)
        self.turned_down("InvalidInstanceType", "DescribeInstanceTypes", ("InstanceType.1", "nosuch"))

    def test_tolerated(self) -> None:
        """What the provider gets over: no credits, and what is gone already when it is to be deleted."""
        heard = self.send("DescribeInstanceCreditSpecifications", ("InstanceId.1", "inst1"))
        if heard.status != 200:
            self.told("UnsupportedOperation", heard)
        self.turned_down("InvalidInstanceID.NotFound", "TerminateInstances", ("InstanceId.1", "nobody"))
        self.told_of("DeleteKeyPair", ("KeyName", "nobody"))

    def test_vpc(self) -> None:
        """data aws_vpc (``default = true``) with its attributes, and data aws_subnets of it."""
        (vpc,) = self.told_of("DescribeVpcs", ("Filter.1.Name", "isDefault"), ("Filter.1.Value.1", "true"))["Vpcs"]
        self.assertIs(vpc["IsDefault"], True)
        for name in ("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics"):
            told = self.told_of("DescribeVpcAttribute", ("Attribute", name), ("VpcId", vpc["VpcId"]))
            self.assertIs(told[name[0].upper() + name[1:]]["Value"], name != "enableNetworkAddressUsageMetrics")
        for each in vpc["CidrBlockAssociationSet"]:
            self.assertTrue(each["CidrBlockState"]["State"])
        # Its main route table may be missing; the provider only warns.
        self.turned_down("UnsupportedOperation", "DescribeRouteTables")
        asked = (("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc["VpcId"]))
        subnets = self.told_of("DescribeSubnets", *asked)["Subnets"]
        self.assertTrue(subnets)
        (found,) = self.told_of("DescribeSubnets", ("SubnetId.1", subnets[0]["SubnetId"]))["Subnets"]
        self.assertEqual(found["VpcId"], vpc["VpcId"])

    def test_group(self) -> None:
        """data aws_security_group by its name in a VPC."""
        (vpc,) = self.told_of("DescribeVpcs", ("Filter.1.Name", "isDefault"), ("Filter.1.Value.1", "true"))["Vpcs"]
        name = (("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default"))
        asked = (("Filter.2.Name", "vpc-id"), ("Filter.2.Value.1", vpc["VpcId"]))
        (group,) = self.told_of("DescribeSecurityGroups", *name, *asked)["SecurityGroups"]
        self.assertTrue(group["Description"])

    def test_unknown(self) -> None:
        """What we do not have is said plainly, and is no hang-up or internal error."""
        for action in ("DescribeIamInstanceProfileAssociations", "DescribeLaunchTemplates", "CreateSecurityGroup"):
            self.turned_down("UnsupportedOperation", action)
