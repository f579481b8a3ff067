"""Our answers beside those of Deltacloud's own EC2 frontend (recordings 78 to 84 and 88), where EC2 agrees with it."""

from lxml import etree

from tests.actions.support import ActionTestCase
from tests.drivers.support import recording

#: What its answers have that EC2's have not, and so ours neither.
ITS_OWN = {
    "reservationId": "one for all instances ever",
    "ownerId": "always deltacloud",
    "launchTime": "the time of the request, and not as EC2 writes times",
    "ipAddress": "a host name",
    "privateIpAddress": "a host name",
    "architecture": "i386 whatever the image",
    "keyName": "empty where there is none",
    "keyFingerprint": "random",
    "keyMaterial": "random",
    "previousState": "unknown, -1",
}


def leaves(node: etree._Element) -> dict[str, str]:
    """The plain values below an item, by their paths within it."""
    found = {}

    def walk(each: etree._Element, path: str) -> None:
        for child in each:
            name = etree.QName(child).localname
            if name not in ITS_OWN and name not in ("requestId", "instanceSet", "instancesSet"):
                walk(child, f"{path}/{name}")
        if not len(each):
            found[path] = each.text or ""

    walk(node, "")
    return found


def items(document: bytes, key: str) -> dict[str, dict[str, str]]:
    """The items of a document by the text of their element ``key``; that of the root where it is no list."""
    root = etree.fromstring(document)
    return {each.findtext(f"{{*}}{key}"): leaves(each) for each in root.iter() if each.find(f"{{*}}{key}") is not None}


class DocumentTests(ActionTestCase):
    def compare(self, number: str, key: str, action: str, *pairs: tuple[str, str], **differs: str) -> None:
        """See that our answer has all of a recorded one.

        :param key: what its items are told apart by.
        :param differs: values that are EC2's and not the recorded ones.
        """
        heard = self.ask(("Action", action), *pairs, version=None)
        self.understood(action, heard, "2012-04-01")
        ours, theirs = items(heard.body, key), items(recording(number)[1], key)
        shared = set(ours) & set(theirs)
        self.assertTrue(shared)
        for one in shared:
            wanted = theirs[one] | {path: value for path, value in differs.items() if path in theirs[one]}
            self.assertEqual({path: ours[one].get(path) for path in wanted}, wanted, f"{number} {one}")

    def test_lists(self) -> None:
        """78, 79 and 80."""
        self.compare("78", "imageId", "DescribeImages")
        self.compare("79", "instanceId", "DescribeInstances")
        self.compare("80", "keyName", "DescribeKeyPairs")

    def test_session(self) -> None:
        """81 to 84 and 88, in their order; what was refused there (85 to 87) EC2 does."""
        self.compare("81", "keyName", "CreateKeyPair", ("KeyName", "k1"))
        self.compare("82", "return", "DeleteKeyPair", ("KeyName", "k1"))
        run = (("ImageId", "img1"), ("InstanceType", "m1-small"), ("Placement.AvailabilityZone", "us"))
        pending = {"/instanceState/code": "0", "/instanceState/name": "pending"}
        self.compare("83", "instanceId", "RunInstances", *run, **pending)
        # 84 tells of the instance; EC2 says true, and clients look for that.
        heard = self.ask(("Action", "RebootInstances"), ("InstanceId.1", "inst4"), version=None)
        self.understood("RebootInstances", heard, "2012-04-01")
        self.compare("88", "instanceId", "TerminateInstances", ("InstanceId.1", "inst4"))
