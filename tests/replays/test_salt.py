"""salt-cloud: GET, lists without numbers or from 0, and answers read by their place.

As in saltstack/salt, salt/cloud/clouds/ec2.py and salt/utils/aws.py.
"""

from typing import Any

from lxml import etree

from tests.actions.support import Heard
from tests.replays.support import Pair, ReplayTestCase


def to_dict(node: etree._Element) -> Any:
    """An element as salt.utils.xmlutil makes it of one: a text, or a dictionary with lists of what is repeated."""
    if not len(node):
        return node.text
    found: dict[str, Any] = {}
    for child in node:
        name, value = etree.QName(child).localname, to_dict(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


class SaltTests(ReplayTestCase):
    method = "GET"

    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=25, stopping=20)

    def query(self, action: str, *pairs: Pair, setname: str = "", whole: bool = False) -> list[Any]:
        """What aws.query makes of an answer: the second child's children, or a named child's."""
        heard: Heard = self.send(action, *pairs)
        self.assertEqual(heard.status, 200, heard.body)
        root = heard.xml
        chosen = root if whole else root[1]
        for child in root:
            if setname and etree.QName(child).localname == setname:
                chosen = child
        return [to_dict(item) if not whole else {etree.QName(item).localname: to_dict(item)} for item in chosen]

    def nodes(self, *pairs: Pair) -> dict[str, Any]:
        """What _extract_instance_info makes of DescribeInstances: by name, as each node calls itself."""
        found = {}
        for reservation in self.query("DescribeInstances", *pairs):
            items = reservation["instancesSet"]["item"]
            for item in items if isinstance(items, list) else [items]:
                tags = item["tagSet"] and item["tagSet"]["item"]
                tags = tags if isinstance(tags, list) else [tags] if tags else []
                names = [tag["value"] for tag in tags if tag["key"] == "Name"]
                found[names[0] if names else item["instanceId"]] = item
                self.assertTrue(item["imageId"])
                self.assertTrue(item["instanceType"])
        return found

    def named(self, name: str) -> dict[str, Any]:
        """The node of that name, asked for by its name alone."""
        found: dict[str, Any] = self.nodes(("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", name))[name]
        return found

    def tags(self, resource_id: str) -> dict[str, str | None]:
        """The tags of a resource, by a filter whose value has no number."""
        asked = (("Filter.1.Name", "resource-id"), ("Filter.1.Value", resource_id))
        told = self.query("DescribeTags", *asked, setname="tagSet")
        self.assertEqual({tag["resourceId"] for tag in told}, {resource_id})
        return {tag["key"]: tag["value"] for tag in told}

    def test_life(self) -> None:
        """salt-cloud -p, and then -d."""
        asked = (("ImageId", "img1"), ("InstanceType", "m1-small"), ("KeyName", "test-key"))
        counts = (("MaxCount", "1"), ("MinCount", "1"), ("SecurityGroup.1", "default"))
        (item,) = self.query("RunInstances", *asked, *counts, setname="instancesSet")
        instance_id = item["instanceId"]
        self.assertIn(instance_id, self.nodes(("InstanceId.1", instance_id)))
        tags = (("ResourceId.1", instance_id), ("Tag.0.Key", "Name"), ("Tag.0.Value", "minion"))
        self.query("CreateTags", *tags, setname="tagSet")
        # It looks for what it has set, five times, and fails if that is not there.
        self.assertEqual(self.tags(instance_id), {"Name": "minion"})
        self.later(30)
        self.assertEqual(self.named("minion")["instanceState"], {"code": "16", "name": "running"})
        asked = (("Attribute", "disableApiTermination"), ("InstanceId", instance_id))
        told = self.query("DescribeInstanceAttribute", *asked, whole=True)
        self.assertIn({"disableApiTermination": {"value": "false"}}, told)
        renamed = (("ResourceId.1", instance_id), ("Tag.0.Key", "Name"), ("Tag.0.Value", "minion-DEL0"))
        self.query("CreateTags", *renamed, setname="tagSet")
        (change,) = self.query("TerminateInstances", ("InstanceId.1", instance_id))
        self.assertEqual(change["currentState"]["name"], "shutting-down")

    def test_protection(self) -> None:
        """enable_term_protect and disable_term_protect."""
        for value in ("true", "false"):
            asked = (("DisableApiTermination.Value", value), ("InstanceId", "inst1"))
            self.query("ModifyInstanceAttribute", *asked, whole=True)
            shown = (("Attribute", "disableApiTermination"), ("InstanceId", "inst1"))
            told = self.query("DescribeInstanceAttribute", *shown, whole=True)
            self.assertIn({"disableApiTermination": {"value": value}}, told)

    def test_verbs(self) -> None:
        """stop, start and reboot, each after the node was found by its name."""
        instance_id = self.named("MockUserInstance")["instanceId"]
        self.assertEqual(instance_id, "inst1")
        self.query("RebootInstances", ("InstanceId.1", instance_id), setname="tagSet")
        (change,) = self.query("StopInstances", ("InstanceId.1", instance_id))
        self.assertEqual(change["currentState"]["name"], "stopping")
        self.later(30)
        (change,) = self.query("StartInstances", ("InstanceId.1", instance_id))
        self.assertEqual(change["currentState"]["name"], "pending")

    def test_del_tags(self) -> None:
        """Tags are taken away from 0 on, and the others stay."""
        first, second = (("Tag.0.Key", "a"), ("Tag.0.Value", "1")), (("Tag.1.Key", "b"), ("Tag.1.Value", ""))
        self.query("CreateTags", ("ResourceId.1", "inst2"), *first, *second)
        self.query("DeleteTags", ("ResourceId.1", "inst2"), ("Tag.0.Key", "a"), setname="tagSet")
        self.assertEqual(self.tags("inst2"), {"Name": "AnotherInstance", "b": None})

    def test_lists(self) -> None:
        """Images of an owner, locations, keys."""
        images = self.query("DescribeImages", ("Owner", "fedoraproject"))
        self.assertEqual([image["imageId"] for image in images], ["img1", "img2"])
        asked = (("Filter.0.Name", "region-name"), ("Filter.0.Value.0", "us-east-1"))
        self.assertEqual([zone["zoneName"] for zone in self.query("DescribeAvailabilityZones", *asked)], ["us", "eu"])
        self.assertIn("us-east-1", [region["regionName"] for region in self.query("DescribeRegions")])
        (key,) = self.query("DescribeKeyPairs", ("KeyName.1", "test-key"))
        self.assertEqual(key["keyName"], "test-key")

    def test_nobody(self) -> None:
        """A name that nobody has gives no node, never all of them."""
        self.assertEqual(self.nodes(("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "nobody")), {})
        self.turned_down("InvalidInstanceID.NotFound", "TerminateInstances", ("InstanceId.1", "nobody"))
        self.assertEqual(self.changes(), [])
