"""What botocore's serializer writes, and real clients sent, binds to request classes."""

from typing import Any

from attrs import frozen
from botocore.serialize import create_serializer
from botocore.session import get_session
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import forms
from ec2proxy.ec2.params import Filter, bind, boolean, integer, single, structure, structures, text, texts
from tests.ec2.captures import captures
from tests.ec2.signers import v4


@frozen
class Described:
    """The parameters that Describe actions share."""

    dry_run: bool = boolean("DryRun")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=1, maximum=1000)
    next_token: str = text("NextToken")


@frozen
class DescribeAvailabilityZones(Described):
    names: tuple[str, ...] = texts("ZoneName")
    all_zones: bool = boolean("AllAvailabilityZones")


@frozen
class DescribeImages(Described):
    ids: tuple[str, ...] = texts("ImageId")
    owners: tuple[str, ...] = texts("Owner")
    executable_by: tuple[str, ...] = texts("ExecutableBy")


@frozen
class DescribeInstances(Described):
    ids: tuple[str, ...] = texts("InstanceId")


@frozen
class DescribeKeyPairs(Described):
    names: tuple[str, ...] = texts("KeyName")


@frozen
class Tag:
    key: str = text("Key", required=True)
    value: str = text("Value")


@frozen
class TagSpecification:
    resource_type: str = text("ResourceType")
    tags: tuple[Tag, ...] = structures("Tag", Tag)


@frozen
class CreateKeyPair:
    dry_run: bool = boolean("DryRun")
    name: str = text("KeyName", required=True)
    kind: str = text("KeyType")
    tags: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)


@frozen
class DeleteKeyPair:
    dry_run: bool = boolean("DryRun")
    name: str = text("KeyName", required=True)


@frozen
class Placement:
    zone: str = text("AvailabilityZone")
    group: str = text("GroupName")


@frozen
class Ebs:
    size: int | None = integer("VolumeSize")
    delete: bool = boolean("DeleteOnTermination")


@frozen
class BlockDevice:
    name: str = text("DeviceName")
    ebs: Ebs = structure("Ebs", Ebs)


@frozen
class NetworkInterface:
    index: int | None = integer("DeviceIndex")
    public: bool = boolean("AssociatePublicIpAddress")
    subnet: str = text("SubnetId")
    groups: tuple[str, ...] = texts("SecurityGroupId")


@frozen
class RunInstances:
    dry_run: bool = boolean("DryRun")
    image_id: str = text("ImageId", required=True)
    min_count: int = integer("MinCount", minimum=1, required=True)
    max_count: int = integer("MaxCount", minimum=1, required=True)
    kind: str = text("InstanceType")
    key_name: str = text("KeyName")
    user_data: str = text("UserData", max_length=22_000, secret=True)
    group_ids: tuple[str, ...] = texts("SecurityGroupId")
    groups: tuple[str, ...] = texts("SecurityGroup")
    token: str = text("ClientToken", max_length=64)
    placement: Placement = structure("Placement", Placement)
    devices: tuple[BlockDevice, ...] = structures("BlockDeviceMapping", BlockDevice)
    interfaces: tuple[NetworkInterface, ...] = structures("NetworkInterface", NetworkInterface)
    tags: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)


@frozen
class Instances:
    dry_run: bool = boolean("DryRun")
    ids: tuple[str, ...] = texts("InstanceId", required=True)


@frozen
class StopInstances(Instances):
    force: bool = boolean("Force")
    hibernate: bool = boolean("Hibernate")


NAME_TAG = (TagSpecification(resource_type="instance", tags=(Tag(key="Name", value="x \u00e9+"),)),)
TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "x \u00e9+"}]}]
FILTERS = [{"Name": "state", "Values": ["a", ""]}, {"Name": "tag:x", "Values": ["*"]}]
BOUND_FILTERS = (Filter(name="state", values=("a", "")), Filter(name="tag:x", values=("*",)))

CASES: list[tuple[str, dict[str, Any], Any]] = [
    (
        "DescribeAvailabilityZones",
        {"ZoneNames": ["us", "eu"], "AllAvailabilityZones": True, "Filters": FILTERS},
        DescribeAvailabilityZones(names=("us", "eu"), all_zones=True, filters=BOUND_FILTERS),
    ),
    (
        "DescribeImages",
        {"ImageIds": ["img1"], "Owners": ["self"], "ExecutableUsers": ["all"], "DryRun": True},
        DescribeImages(ids=("img1",), owners=("self",), executable_by=("all",), dry_run=True),
    ),
    (
        "DescribeInstances",
        {"InstanceIds": ["i-2", "i-1"], "Filters": FILTERS},
        DescribeInstances(ids=("i-2", "i-1"), filters=BOUND_FILTERS),
    ),
    ("DescribeInstances", {"MaxResults": 5, "NextToken": "a+/="}, DescribeInstances(max_results=5, next_token="a+/=")),
    ("DescribeInstances", {}, DescribeInstances()),
    ("DescribeKeyPairs", {"KeyNames": ["k &=\u00e9"]}, DescribeKeyPairs(names=("k &=\u00e9",))),
    (
        "CreateKeyPair",
        {"KeyName": "k", "KeyType": "rsa", "TagSpecifications": TAGS},
        CreateKeyPair(name="k", kind="rsa", tags=NAME_TAG),
    ),
    ("DeleteKeyPair", {"KeyName": "k"}, DeleteKeyPair(name="k")),
    (
        "RunInstances",
        {
            "ImageId": "img1",
            "MinCount": 1,
            "MaxCount": 3,
            "InstanceType": "m1-small",
            "KeyName": "k",
            "UserData": "ZWNobyBoaQ==",
            "SecurityGroupIds": ["sg-1"],
            "SecurityGroups": ["default", "web"],
            "ClientToken": "token",
            "Placement": {"AvailabilityZone": "us", "GroupName": ""},
            "BlockDeviceMappings": [{"DeviceName": "sda", "Ebs": {"VolumeSize": 8, "DeleteOnTermination": True}}],
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "s", "Groups": ["sg-1", "sg-2"]}],
            "TagSpecifications": TAGS,
        },
        RunInstances(
            image_id="img1",
            min_count=1,
            max_count=3,
            kind="m1-small",
            key_name="k",
            user_data="ZWNobyBoaQ==",
            group_ids=("sg-1",),
            groups=("default", "web"),
            token="token",
            placement=Placement(zone="us"),
            devices=(BlockDevice(name="sda", ebs=Ebs(size=8, delete=True)),),
            interfaces=(NetworkInterface(index=0, subnet="s", groups=("sg-1", "sg-2")),),
            tags=NAME_TAG,
        ),
    ),
    ("StartInstances", {"InstanceIds": ["i-1", "i-2"]}, Instances(ids=("i-1", "i-2"))),
    ("StopInstances", {"InstanceIds": ["i-1"], "Force": True}, StopInstances(ids=("i-1",), force=True)),
    ("RebootInstances", {"InstanceIds": ["i-1"], "DryRun": False}, Instances(ids=("i-1",))),
    ("TerminateInstances", {"InstanceIds": ["i-1"]}, Instances(ids=("i-1",))),
]
CLASSES = {action: type(bound) for action, _, bound in CASES}


class SerialisedTests(SynchronousTestCase):
    def test_botocore(self) -> None:
        """All actions, through botocore's EC2 model and serializer and our parser of forms."""
        model = get_session().get_service_model("ec2")
        serializer = create_serializer("ec2")
        for action, given, wanted in CASES:
            body = serializer.serialize_to_request(given, model.operation_model(action))["body"]
            pairs = forms.pairs(v4(body))
            self.assertEqual(single(pairs, "Action"), action)
            self.assertEqual(bind(type(wanted), pairs), wanted, action)

    def test_captures(self) -> None:
        """Everything that real clients sent for these actions is understood."""
        actions = set()
        for capture in captures():
            pairs = forms.pairs(capture.request)
            action = single(pairs, "Action")
            if action in CLASSES:
                bind(CLASSES[action], pairs)
                actions.add(action)
        self.assertEqual(actions, set(CLASSES))

    def test_captured_values(self) -> None:
        """Samples of each client's peculiarities: unindexed lists, UTF-8, plus and %20."""
        found = {}
        for capture in captures():
            pairs = forms.pairs(capture.request)
            action = single(pairs, "Action")
            if action in ("DescribeImages", "DescribeKeyPairs", "CreateKeyPair"):
                found.setdefault((capture.name.split()[0], action), []).append(bind(CLASSES[action], pairs))
        self.assertIn(DescribeImages(owners=("amazon",)), found["salt-cloud", "DescribeImages"])
        self.assertIn(DescribeKeyPairs(names=("lck",)), found["libcloud", "DescribeKeyPairs"])
        self.assertIn(CreateKeyPair(name="js \u00e9+~*!'()"), found["aws-sdk-js-v3", "CreateKeyPair"])
        self.assertIn(CreateKeyPair(name="go \u00e9+~*"), found["aws-sdk-go-v1", "CreateKeyPair"])
        self.assertIn(CreateKeyPair(name="b2k \u00e9+~*"), found["boto2", "CreateKeyPair"])
