"""The calls that both servers get, in this order: what later ones need is made by earlier ones.

A parameter ``$name`` stands for what is called so on each server: :data:`MOTO` and :data:`OURS` are what is there
already (with moto's first image and a public key), and a call may keep more.
"""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

#: What ``$name`` stands for at the beginning.
MOTO = {"type": "t3.micro", "zone": "us-east-1a"}
OURS = {"type": "m1-small", "zone": "us", "image": "img1"}

#: Ids as they are made, that nobody made.
UNKNOWN = {
    "instance": "i-0123456789abcdef0",
    "image": "ami-0123456789abcdef0",
    "volume": "vol-0123456789abcdef0",
    "group": "sg-0123456789abcdef0",
    "vpc": "vpc-0123456789abcdef0",
    "subnet": "subnet-0123456789abcdef0",
    "interface": "eni-0123456789abcdef0",
}


@frozen
class Case:
    """One call.

    :param action: its name.
    :param what: what is tried.
    :param parameters: boto3's.
    :param keep: names for what the answer tells, and where it does.
    :param then: the boto3 waiter that waits for ``$instance`` afterwards.
    """

    action: str
    what: str
    parameters: Mapping[str, Any] = field(factory=dict)
    keep: Mapping[str, tuple[Any, ...]] = field(factory=dict)
    then: str = ""


def described(action: str, ids: str, unknown: str, known: str = "", pages: bool = False) -> list[Case]:
    """What can be tried of every action that lists.

    :param ids: the parameter that takes ids.
    :param unknown: an id that there is not.
    :param known: one that there is.
    :param pages: it takes MaxResults and NextToken.
    """
    cases = [
        Case(action, "everything"),
        Case(action, "unknown id", {ids: [unknown]}),
        Case(action, "unknown filter", {"Filters": [{"Name": "no-such-filter", "Values": ["x"]}]}),
        Case(action, "filter that nothing matches", {"Filters": [{"Name": "tag:nobody", "Values": ["has"]}]}),
        Case(action, "dry run", {"DryRun": True}),
    ]
    if known:
        cases.append(Case(action, "by id", {ids: [known]}))
    if pages:
        cases.append(Case(action, "bad token", {"NextToken": "not-a-token"}))
        cases.append(Case(action, "too few a page", {"MaxResults": 1}))
        cases.append(Case(action, "too many a page", {"MaxResults": 100000}))
    return cases


def instances_action(action: str, then: str = "") -> list[Case]:
    """What can be tried of every action that changes instances."""
    return [
        Case(action, "no ids"),
        Case(action, "unknown id", {"InstanceIds": [UNKNOWN["instance"]]}),
        Case(action, "malformed id", {"InstanceIds": ["bogus id"]}),
        Case(action, "one known and one unknown id", {"InstanceIds": ["$instance", UNKNOWN["instance"]]}),
        Case(action, "dry run", {"InstanceIds": ["$instance"], "DryRun": True}),
        Case(action, "one instance", {"InstanceIds": ["$instance"]}, then=then),
    ]


SURROUNDINGS = [
    Case("GetCallerIdentity", "who"),
    *described("DescribeRegions", "RegionNames", "no-where-1", "us-east-1"),
    *described("DescribeAvailabilityZones", "ZoneNames", "no-where-1a", "$zone"),
    Case("DescribeAccountAttributes", "everything"),
    Case("DescribeAccountAttributes", "by name", {"AttributeNames": ["supported-platforms"]}),
    Case("DescribeAccountAttributes", "unknown name", {"AttributeNames": ["no-such-attribute"]}),
    *described("DescribeInstanceTypes", "InstanceTypes", "x9.none", "$type", pages=True),
    Case("DescribeInstanceTypeOfferings", "everything"),
    Case("DescribeInstanceTypeOfferings", "by zone", {"LocationType": "availability-zone"}),
    Case("DescribeInstanceTypeOfferings", "bad location", {"LocationType": "nowhere"}),
    Case("DescribeInstanceTypeOfferings", "unknown filter", {"Filters": [{"Name": "no-such", "Values": ["x"]}]}),
    *described("DescribeVpcs", "VpcIds", UNKNOWN["vpc"], pages=True),
    Case(
        "DescribeVpcs",
        "default",
        {"Filters": [{"Name": "is-default", "Values": ["true"]}]},
        keep={"vpc": ("Vpcs", 0, "VpcId")},
    ),
    *described("DescribeSubnets", "SubnetIds", UNKNOWN["subnet"], pages=True),
    *described("DescribeSecurityGroups", "GroupIds", UNKNOWN["group"], pages=True),
    Case("DescribeSecurityGroups", "unknown name", {"GroupNames": ["no-such-group"]}),
    Case("DescribeSecurityGroups", "by name", {"GroupNames": ["default"]}),
    Case("DescribeVpcAttribute", "DNS support", {"VpcId": "$vpc", "Attribute": "enableDnsSupport"}),
    Case("DescribeVpcAttribute", "DNS host names", {"VpcId": "$vpc", "Attribute": "enableDnsHostnames"}),
    Case("DescribeVpcAttribute", "unknown id", {"VpcId": UNKNOWN["vpc"], "Attribute": "enableDnsSupport"}),
    Case("DescribeVpcAttribute", "unknown attribute", {"VpcId": "$vpc", "Attribute": "nothing"}),
]

IMAGES = [
    *described("DescribeImages", "ImageIds", UNKNOWN["image"], "$image"),
    Case("DescribeImages", "malformed id", {"ImageIds": ["bogus id"]}),
    Case("DescribeImageAttribute", "description", {"ImageId": "$image", "Attribute": "description"}),
    Case("DescribeImageAttribute", "launch permission", {"ImageId": "$image", "Attribute": "launchPermission"}),
    Case("DescribeImageAttribute", "unknown id", {"ImageId": UNKNOWN["image"], "Attribute": "launchPermission"}),
    Case("DescribeImageAttribute", "unknown attribute", {"ImageId": "$image", "Attribute": "nothing"}),
    Case("DescribeImageAttribute", "no attribute", {"ImageId": "$image"}),
]

KEYS = [
    Case("CreateKeyPair", "no name"),
    Case("CreateKeyPair", "dry run", {"KeyName": "one", "DryRun": True}),
    Case("CreateKeyPair", "new", {"KeyName": "one"}, keep={"key": ("KeyName",)}),
    Case("CreateKeyPair", "duplicate", {"KeyName": "one"}),
    Case(
        "CreateKeyPair",
        "with tags",
        {"KeyName": "two", "TagSpecifications": [{"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}]},
    ),
    Case(
        "CreateKeyPair",
        "tags of something else",
        {"KeyName": "three", "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]},
    ),
    Case("CreateKeyPair", "unknown key type", {"KeyName": "four", "KeyType": "dsa"}),
    Case("ImportKeyPair", "dry run", {"KeyName": "five", "PublicKeyMaterial": "$public", "DryRun": True}),
    Case("ImportKeyPair", "new", {"KeyName": "five", "PublicKeyMaterial": "$public"}),
    Case("ImportKeyPair", "duplicate", {"KeyName": "five", "PublicKeyMaterial": "$public"}),
    Case("ImportKeyPair", "no key", {"KeyName": "six", "PublicKeyMaterial": b"nonsense"}),
    Case("ImportKeyPair", "missing key", {"KeyName": "six"}),
    *described("DescribeKeyPairs", "KeyNames", "nobody", "one"),
    Case("DescribeKeyPairs", "with public keys", {"KeyNames": ["five"], "IncludePublicKey": True}),
    Case("DescribeKeyPairs", "unknown key pair id", {"KeyPairIds": ["key-0123456789abcdef0"]}),
    Case("DeleteKeyPair", "dry run", {"KeyName": "two", "DryRun": True}),
    Case("DeleteKeyPair", "there", {"KeyName": "two"}),
    Case("DeleteKeyPair", "not there", {"KeyName": "nobody"}),
    Case("DeleteKeyPair", "no name"),
]

ONE = {"ImageId": "$image", "InstanceType": "$type", "MinCount": 1, "MaxCount": 1}

LAUNCHES = [
    Case("RunInstances", "user data that is too long", {**ONE, "UserData": "x" * 16385}),
    Case(
        "RunInstances",
        "monitored, in a group, with user data",
        {**ONE, "UserData": "echo", "Monitoring": {"Enabled": True}, "SecurityGroups": ["default"]},
        keep={"monitored": ("Instances", 0, "InstanceId")},
    ),
    Case("MonitorInstances", "monitored already", {"InstanceIds": ["$monitored"]}),
    Case("DescribeInstanceAttribute", "user data", {"InstanceId": "$monitored", "Attribute": "userData"}),
    Case("RunInstances", "no image", {"MinCount": 1, "MaxCount": 1}),
    Case("RunInstances", "no counts", {"ImageId": "$image"}),
    Case("RunInstances", "unknown image", {**ONE, "ImageId": UNKNOWN["image"]}),
    Case("RunInstances", "unknown type", {**ONE, "InstanceType": "x9.none"}),
    Case("RunInstances", "unknown key", {**ONE, "KeyName": "nobody"}),
    Case("RunInstances", "unknown group", {**ONE, "SecurityGroupIds": [UNKNOWN["group"]]}),
    Case("RunInstances", "unknown group name", {**ONE, "SecurityGroups": ["no-such-group"]}),
    Case("RunInstances", "unknown subnet", {**ONE, "SubnetId": UNKNOWN["subnet"]}),
    Case("RunInstances", "unknown zone", {**ONE, "Placement": {"AvailabilityZone": "no-where-1a"}}),
    Case("RunInstances", "more at least than at most", {**ONE, "MinCount": 2}),
    Case("RunInstances", "none", {**ONE, "MinCount": 0, "MaxCount": 0}),
    Case("RunInstances", "dry run", {**ONE, "DryRun": True}),
    Case(
        "RunInstances",
        "one",
        {
            **ONE,
            "KeyName": "one",
            "Placement": {"AvailabilityZone": "$zone"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}],
        },
        keep={"instance": ("Instances", 0, "InstanceId")},
        then="instance_running",
    ),
    Case(
        "RunInstances",
        "with a client token",
        {**ONE, "ClientToken": "once"},
        keep={"other": ("Instances", 0, "InstanceId")},
    ),
    Case("RunInstances", "again with the same token", {**ONE, "ClientToken": "once"}),
    Case("RunInstances", "the same token for something else", {**ONE, "MaxCount": 2, "ClientToken": "once"}),
]

INSTANCES = [
    *described("DescribeInstances", "InstanceIds", UNKNOWN["instance"], "$instance", pages=True),
    Case("DescribeInstances", "malformed id", {"InstanceIds": ["bogus id"]}),
    *described("DescribeInstanceStatus", "InstanceIds", UNKNOWN["instance"], "$instance", pages=True),
    Case("DescribeInstanceStatus", "all states", {"IncludeAllInstances": True}),
    Case("DescribeInstanceCreditSpecifications", "everything"),
    Case("DescribeInstanceCreditSpecifications", "by id", {"InstanceIds": ["$instance"]}),
    Case("DescribeInstanceCreditSpecifications", "unknown id", {"InstanceIds": [UNKNOWN["instance"]]}),
    *[
        Case("DescribeInstanceAttribute", name, {"InstanceId": "$instance", "Attribute": name})
        for name in (
            "instanceType",
            "kernel",
            "ramdisk",
            "userData",
            "disableApiTermination",
            "disableApiStop",
            "instanceInitiatedShutdownBehavior",
            "rootDeviceName",
            "blockDeviceMapping",
            "productCodes",
            "sourceDestCheck",
            "groupSet",
            "ebsOptimized",
            "sriovNetSupport",
            "enaSupport",
            "nothing",
        )
    ],
    Case("DescribeInstanceAttribute", "unknown id", {"InstanceId": UNKNOWN["instance"], "Attribute": "userData"}),
    Case("DescribeInstanceAttribute", "no attribute", {"InstanceId": "$instance"}),
    *described("DescribeVolumes", "VolumeIds", UNKNOWN["volume"], pages=True),
    *described("DescribeNetworkInterfaces", "NetworkInterfaceIds", UNKNOWN["interface"], pages=True),
    *described("DescribeAddresses", "PublicIps", "192.0.2.1"),
    Case("GetPasswordData", "there", {"InstanceId": "$instance"}),
    Case("GetPasswordData", "unknown id", {"InstanceId": UNKNOWN["instance"]}),
    Case("GetPasswordData", "no id"),
]

TAGS = [
    Case("CreateTags", "no tags", {"Resources": ["$instance"]}),
    Case("CreateTags", "no resources", {"Tags": [{"Key": "a", "Value": "b"}]}),
    Case("CreateTags", "unknown resource", {"Resources": [UNKNOWN["instance"]], "Tags": [{"Key": "a", "Value": "b"}]}),
    Case("CreateTags", "reserved key", {"Resources": ["$instance"], "Tags": [{"Key": "aws:a", "Value": "b"}]}),
    Case("CreateTags", "long key", {"Resources": ["$instance"], "Tags": [{"Key": "a" * 129, "Value": "b"}]}),
    Case("CreateTags", "long value", {"Resources": ["$instance"], "Tags": [{"Key": "a", "Value": "b" * 257}]}),
    Case(
        "CreateTags",
        "too many",
        {"Resources": ["$instance"], "Tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
    ),
    Case("CreateTags", "dry run", {"Resources": ["$instance"], "Tags": [{"Key": "a", "Value": "b"}], "DryRun": True}),
    Case("CreateTags", "one", {"Resources": ["$instance"], "Tags": [{"Key": "a", "Value": "b"}]}),
    Case("DescribeTags", "everything"),
    Case("DescribeTags", "of an instance", {"Filters": [{"Name": "resource-id", "Values": ["$instance"]}]}),
    Case("DescribeTags", "unknown filter", {"Filters": [{"Name": "no-such-filter", "Values": ["x"]}]}),
    Case("DescribeTags", "bad token", {"NextToken": "not-a-token"}),
    Case("DescribeTags", "too few a page", {"MaxResults": 1}),
    Case("DescribeTags", "dry run", {"DryRun": True}),
    Case("DeleteTags", "dry run", {"Resources": ["$instance"], "Tags": [{"Key": "a"}], "DryRun": True}),
    Case("DeleteTags", "one", {"Resources": ["$instance"], "Tags": [{"Key": "a"}]}),
    Case("DeleteTags", "one that is not there", {"Resources": ["$instance"], "Tags": [{"Key": "nothing"}]}),
    Case("DeleteTags", "unknown resource", {"Resources": [UNKNOWN["instance"]], "Tags": [{"Key": "a"}]}),
]

CHANGES = [
    *instances_action("MonitorInstances"),
    *instances_action("UnmonitorInstances"),
    *instances_action("RebootInstances", then="instance_running"),
    Case("ModifyInstanceAttribute", "protect", {"InstanceId": "$instance", "DisableApiTermination": {"Value": True}}),
    Case("TerminateInstances", "protected", {"InstanceIds": ["$instance"]}),
    Case("ModifyInstanceAttribute", "release", {"InstanceId": "$instance", "DisableApiTermination": {"Value": False}}),
    Case(
        "ModifyInstanceAttribute", "type while running", {"InstanceId": "$instance", "InstanceType": {"Value": "$type"}}
    ),
    Case(
        "ModifyInstanceAttribute",
        "shutdown behaviour",
        {"InstanceId": "$instance", "InstanceInitiatedShutdownBehavior": {"Value": "terminate"}},
    ),
    Case("ModifyInstanceAttribute", "nothing", {"InstanceId": "$instance"}),
    Case(
        "ModifyInstanceAttribute",
        "unknown id",
        {"InstanceId": UNKNOWN["instance"], "DisableApiTermination": {"Value": True}},
    ),
    Case("CreateImage", "no name", {"InstanceId": "$instance"}),
    Case("CreateImage", "unknown id", {"InstanceId": UNKNOWN["instance"], "Name": "copy"}),
    Case("CreateImage", "dry run", {"InstanceId": "$instance", "Name": "copy", "DryRun": True}),
    Case("CreateImage", "new", {"InstanceId": "$instance", "Name": "copy"}, keep={"copy": ("ImageId",)}),
    Case("CreateImage", "duplicate", {"InstanceId": "$instance", "Name": "copy"}),
    Case("DeregisterImage", "unknown id", {"ImageId": UNKNOWN["image"]}),
    Case("DeregisterImage", "dry run", {"ImageId": "$copy", "DryRun": True}),
    Case("DeregisterImage", "there", {"ImageId": "$copy"}),
    Case("DeregisterImage", "no id"),
    *instances_action("StopInstances", then="instance_stopped"),
    Case("StopInstances", "stopped already", {"InstanceIds": ["$instance"]}),
    Case("RebootInstances", "stopped", {"InstanceIds": ["$instance"]}),
    *instances_action("StartInstances", then="instance_running"),
    Case("StartInstances", "running already", {"InstanceIds": ["$instance"]}),
    *instances_action("TerminateInstances", then="instance_terminated"),
    Case("TerminateInstances", "terminated already", {"InstanceIds": ["$instance"]}),
    Case("StartInstances", "terminated", {"InstanceIds": ["$instance"]}),
    Case("StopInstances", "terminated", {"InstanceIds": ["$instance"]}),
    Case("RebootInstances", "terminated", {"InstanceIds": ["$instance"]}),
    Case("DescribeInstances", "terminated", {"InstanceIds": ["$instance"]}),
]

CASES = [*SURROUNDINGS, *IMAGES, *KEYS, *LAUNCHES, *INSTANCES, *TAGS, *CHANGES]
