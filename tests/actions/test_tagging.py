"""CreateTags, DeleteTags and DescribeTags."""

from typing import Any

from twisted.internet.defer import Deferred

from ec2proxy.cloud.ledger import Ledger
from tests.actions.support import ActionTestCase


def tags(**values: str) -> list[dict[str, str]]:
    """Tags as boto3 takes them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


class TagTestCase(ActionTestCase):
    def described(self, **params: Any) -> dict[tuple[str, str], str]:
        """What DescribeTags tells: value by resource and key."""
        found = self.call("DescribeTags", **params)["Tags"]
        return {(one["ResourceId"], one["Key"]): one["Value"] for one in found}

    def instance_tags(self, instance_id: str = "inst0") -> dict[str, str]:
        """An instance's tags, as it is described."""
        (instance,) = self.instances(InstanceIds=[instance_id])
        return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}

    def key_pair(self, name: str) -> dict[str, Any]:
        """A key pair, as it is described."""
        (key,) = self.call("DescribeKeyPairs", KeyNames=[name])["KeyPairs"]
        found: dict[str, Any] = key
        return found


class CreateTests(TagTestCase):
    def test_all_kinds(self) -> None:
        """Instances, images and key pairs bear tags, and show them wherever they are described."""
        key_id = self.key_pair("test-key")["KeyPairId"]
        self.assertEqual(self.call("CreateTags", Resources=["inst0", "img1", key_id], Tags=tags(a="1", b="")), {})
        expected = tags(a="1", b="")
        self.assertEqual(self.key_pair("test-key")["Tags"], expected)
        self.assertEqual(self.call("DescribeImages", ImageIds=["img1"])["Images"][0]["Tags"], expected)
        self.assertEqual(self.instance_tags(), {"Name": "Mock Instance With Profile Change", "a": "1", "b": ""})
        types = {one["ResourceId"]: one["ResourceType"] for one in self.call("DescribeTags")["Tags"]}
        wanted = {"inst0": "instance", "img1": "image", key_id: "key-pair"}
        self.assertEqual(types, types | wanted)

    def test_around_instances(self) -> None:
        """Volumes, groups, VPCs, subnets and network interfaces bear tags too, also those that are made up."""
        for without in ([], ["networks", "subnets", "network_interfaces", "storage_volumes"]):
            self.make(without=without)
            for action, answer, name, kind in (
                ("DescribeSecurityGroups", "SecurityGroups", "GroupId", "security-group"),
                ("DescribeVpcs", "Vpcs", "VpcId", "vpc"),
                ("DescribeSubnets", "Subnets", "SubnetId", "subnet"),
                ("DescribeNetworkInterfaces", "NetworkInterfaces", "NetworkInterfaceId", "network-interface"),
                ("DescribeVolumes", "Volumes", "VolumeId", "volume"),
            ):
                found = self.call(action)[answer]
                if not found and without:
                    continue
                resource = found[0][name]
                self.call("CreateTags", Resources=[resource], Tags=tags(a=kind))
                (shown,) = self.call(action, Filters=[{"Name": "tag:a", "Values": [kind]}])[answer]
                self.assertEqual(shown[name], resource)
                (told,) = self.call("DescribeTags", Filters=[{"Name": "value", "Values": [kind]}])["Tags"]
                self.assertEqual((told["ResourceId"], told["ResourceType"]), (resource, kind))

    def test_overwrite(self) -> None:
        """A key that is there gets the new value; the others stay, the backend's name among them until then."""
        self.call("CreateTags", Resources=["inst0"], Tags=tags(a="1", b="2"))
        self.call("CreateTags", Resources=["inst0"], Tags=tags(b="3", Name="mine"))
        self.assertEqual(self.instance_tags(), {"Name": "mine", "a": "1", "b": "3"})

    def test_spellings(self) -> None:
        """fog counts tags from nought, salt names a single resource without an index."""
        for names in (("ResourceId.1", "Tag.0.Key", "Tag.0.Value"), ("ResourceId", "Tag.7.Key", "Tag.7.Value")):
            heard = self.ask(("Action", "CreateTags"), *zip(names, ("inst0", "k", names[0]), strict=True))
            self.understood("CreateTags", heard)
            self.assertEqual(self.instance_tags()["k"], names[0])

    def test_all_or_nothing(self) -> None:
        """An unknown id, or a resource that has its 50 tags, and no resource is changed."""
        fifty = {f"k{number}": "" for number in range(50)}
        self.call("CreateTags", Resources=["img1"], Tags=tags(**fifty))
        before = self.described()
        for code, resource in (("InvalidID", "nosuch"), ("TagLimitExceeded", "img1")):
            self.refused(code, "CreateTags", Resources=["inst0", resource], Tags=tags(new="1"))
            self.assertEqual(self.described(), before)
        self.call("CreateTags", Resources=["inst0", "img1"], Tags=tags(k7="1"))

    def test_unknown(self) -> None:
        """The error is that of the kind that the id looks like, and names all of them."""
        for code, ids in (
            ("InvalidInstanceID.NotFound", ["i-1", "i-2"]),
            ("InvalidAMIID.NotFound", ["ami-1"]),
            ("InvalidKeyPair.NotFound", ["key-1", "key-2"]),
            ("InvalidVolume.NotFound", ["vol-1"]),
            ("InvalidGroup.NotFound", ["sg-1"]),
            ("InvalidVpcID.NotFound", ["vpc-1"]),
            ("InvalidSubnetID.NotFound", ["subnet-1"]),
            ("InvalidNetworkInterfaceID.NotFound", ["eni-1"]),
        ):
            message = self.refused(code, "CreateTags", Resources=["inst0", *ids], Tags=tags(a="1"))
            self.assertIn(f"'{', '.join(ids)}'", message)
            self.refused(code, "DeleteTags", Resources=["inst0", *ids])

    def test_rules(self) -> None:
        """What EC2 refuses in a key or a value."""
        for bad in ({"aws:x": "1"}, {"AWS:x": "1"}, {"k" * 129: "1"}, {"k": "v" * 257}):
            self.refused("InvalidParameterValue", "CreateTags", Resources=["inst0"], Tags=tags(**bad))
        self.refused("InvalidParameterValue", "CreateTags", Resources=["inst0"], Tags=[*tags(a="1"), *tags(a="2")])
        self.refused("InvalidParameterValue", "DeleteTags", Resources=["inst0"], Tags=[{"Key": "aws:x"}])
        self.refused("MissingParameter", "CreateTags", Resources=["inst0"], Tags=[])
        self.refused("MissingParameter", "CreateTags", Resources=[], Tags=tags(a="1"))
        self.call("CreateTags", Resources=["inst0"], Tags=tags(**{"k" * 128: "v" * 256}))

    def test_dry_run(self) -> None:
        """Everything is checked, nothing done."""
        self.refused("InvalidID", "CreateTags", Resources=["nosuch"], Tags=tags(a="1"), DryRun=True)
        for action in ("CreateTags", "DeleteTags"):
            self.refused("DryRunOperation", action, status=412, Resources=["inst0"], Tags=tags(a="1"), DryRun=True)
        self.assertNotIn("a", self.instance_tags())

    def test_at_once(self) -> None:
        """Two changes of one resource at the same time: neither undoes the other."""
        ledger = Ledger(self.store, "scope")
        for key in ("a", "b"):
            # Both saw the resource without tags.
            changing = ledger.change_tags({"inst0": {"Name": "x"}}, lambda old, key=key: {**old, key: "1"})
            self.successResultOf(Deferred.fromCoroutine(changing))
        self.assertEqual(ledger.tags["inst0"], {"Name": "x", "a": "1", "b": "1"})


class DeleteTests(TagTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.call("CreateTags", Resources=["inst0"], Tags=tags(a="1", b="2", c=""))

    def test_by_key(self) -> None:
        """Whatever its value is; what is not there need not go."""
        self.assertEqual(self.call("DeleteTags", Resources=["inst0"], Tags=[{"Key": "a"}, {"Key": "no"}]), {})
        self.assertNotIn("a", self.instance_tags())

    def test_by_value(self) -> None:
        """Only where that is its value; the empty one is a value like any other."""
        self.call("DeleteTags", Resources=["inst0"], Tags=tags(a="2", b="", c=""))
        self.assertEqual(self.instance_tags(), {"Name": "Mock Instance With Profile Change", "a": "1", "b": "2"})

    def test_two_values(self) -> None:
        """A tag has one value."""
        pairs = (("ResourceId.1", "inst0"), ("Tag.1.Key", "a"), ("Tag.1.Value.1", "1"), ("Tag.1.Value.2", "2"))
        self.told("InvalidParameterValue", self.ask(("Action", "DeleteTags"), *pairs))

    def test_all(self) -> None:
        """Without a tag all go, and with them the backend's name: somebody did not want it."""
        self.call("DeleteTags", Resources=["inst0"])
        self.assertEqual(self.instance_tags(), {})

    def test_name(self) -> None:
        """A deleted Name hides the backend's."""
        self.call("DeleteTags", Resources=["inst0"], Tags=[{"Key": "Name"}])
        self.assertEqual(self.instance_tags(), {"a": "1", "b": "2", "c": ""})


class DescribeTests(TagTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.call("CreateTags", Resources=["inst0", "img1"], Tags=tags(stack="test"))
        self.call("CreateTags", Resources=["inst1"], Tags=tags(stack="production", owner="x"))

    def test_filters(self) -> None:
        """Each of the documented ones."""
        for filters, ids in (
            ({"key": "owner"}, ["inst1"]),
            ({"resource-id": "img*"}, ["img1"]),
            ({"resource-type": "instance", "key": "stack"}, ["inst0", "inst1"]),
            ({"value": "test"}, ["img1", "inst0"]),
            ({"tag:stack": "prod*"}, ["inst1"]),
        ):
            given = [{"Name": name, "Values": [value]} for name, value in filters.items()]
            self.assertEqual(sorted(resource for resource, _ in self.described(Filters=given)), ids, filters)
        self.refused("InvalidParameterValue", "DescribeTags", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_pages(self) -> None:
        """Pages show every tag once; too small a page is refused."""
        self.call("CreateTags", Resources=["inst0"], Tags=tags(**{f"k{number}": "" for number in range(20)}))
        everything = self.described()
        found: dict[tuple[str, str], str] = {}
        token: dict[str, str] = {}
        while True:
            page = self.call("DescribeTags", MaxResults=7, **token)
            self.assertLessEqual(len(page["Tags"]), 7)
            found |= {(one["ResourceId"], one["Key"]): one["Value"] for one in page["Tags"]}
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(found, everything)
        for count in (4, 1001):
            self.refused("InvalidParameterValue", "DescribeTags", MaxResults=count)
        self.refused("InvalidParameterValue", "DescribeTags", NextToken="bogus")
        self.refused("DryRunOperation", "DescribeTags", status=412, DryRun=True)

    def test_tag_filters(self) -> None:
        """Where resources are described, their tags can be asked for."""
        for action, answer, expected in (
            ("DescribeImages", "Images", ["img1"]),
            ("DescribeKeyPairs", "KeyPairs", []),
        ):
            for name, value in (("tag:stack", "test"), ("tag-key", "stack")):
                found = self.call(action, Filters=[{"Name": name, "Values": [value]}])[answer]
                self.assertEqual([one["ImageId"] for one in found], expected)

    def test_asks_no_more_than_needed(self) -> None:
        """The backend is asked only for what may have tags."""
        self.make()
        self.described()
        self.assertNotIn("GET /api/images", self.sent())
        self.call("CreateTags", Resources=["img1"], Tags=tags(a="1"))
        self.later(2)
        before = len(self.sent())
        self.described()
        self.assertEqual(sorted(self.sent()[before:]), ["GET /api/images", "GET /api/instances"])

    def test_lacking_collection(self) -> None:
        """A cloud without key pairs has tags all the same."""
        self.make(without=["keys"])
        self.refused("InvalidID", "CreateTags", Resources=["nosuch"], Tags=tags(a="1"))
        self.call("CreateTags", Resources=["inst0"], Tags=tags(a="1"))
        self.assertIn(("inst0", "a"), self.described())

    def test_gone(self) -> None:
        """Tags go with their resource."""
        self.call("TerminateInstances", InstanceIds=["inst1"])
        self.later(4000, step=60)
        self.assertNotIn("inst1", {resource for resource, _ in self.described()})
        created = self.call("CreateKeyPair", KeyName="k", TagSpecifications=[self.specification(a="1")])
        self.assertIn((created["KeyPairId"], "a"), self.described())
        self.call("DeleteKeyPair", KeyName="k")
        self.assertNotIn((created["KeyPairId"], "a"), self.described())
        self.call("CreateKeyPair", KeyName="k")
        self.assertNotIn((created["KeyPairId"], "a"), self.described())

    def stored(self) -> set[str]:
        """What tags are kept of."""
        return set(self.successResultOf(Deferred.fromCoroutine(self.store.items("deltacloud/mockuser", "tags"))))

    def test_removed_by_others(self) -> None:
        """What others have removed keeps its tags for an hour in which it is nowhere, and not when it comes back."""
        made = self.call("CreateKeyPair", KeyName="k", TagSpecifications=[self.specification(a="1")])["KeyPairId"]
        self.call("CreateTags", Resources=["vol1", "vol2"], Tags=tags(a="1"))
        self.mock.keys.remove("mockuser", "k")
        volume = self.mock.storage.volumes.pop("vol2")
        self.later(2)
        self.described()
        self.later(1800, step=60)
        self.mock.storage.volumes["vol2"] = volume
        self.assertIn(("vol2", "a"), self.described())
        del self.mock.storage.volumes["vol2"]
        self.later(1700, step=60)
        self.described()
        self.assertLess({made, "vol1", "vol2"}, self.stored())
        self.later(200, step=60)
        self.described()
        self.assertEqual(self.stored() & {made, "vol1", "vol2"}, {"vol1", "vol2"})
        self.later(3600, step=60)
        self.described()
        self.assertEqual(self.stored(), {"inst0", "inst1", "img1", "vol1"})

    def test_untold(self) -> None:
        """What the cloud fails to tell is not taken for removed."""
        self.call("CreateTags", Resources=["vol1"], Tags=tags(a="1"))
        self.call("DescribeTags")
        for _ in range(2):
            self.later(4000, step=60)
            self.mock.trouble.backtrace(500, path="/api/storage_volumes")
            self.refused("InternalError", "DescribeTags", status=500)
        self.later(60)
        self.assertIn(("vol1", "a"), self.described())

    def specification(self, **values: str) -> dict[str, Any]:
        """A TagSpecification for key pairs."""
        return {"ResourceType": "key-pair", "Tags": tags(**values)}
