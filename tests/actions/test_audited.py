"""What the audit log learns of a request."""

from base64 import b64encode

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.ec2 import audited
from ec2proxy.ec2.paging import Pager
from ec2proxy.model import Credentials
from tests.actions.support import ACTIONS, ActionTestCase

READS = ("Describe", "Get", "List")


class TraceTests(ActionTestCase):
    def test_changes(self) -> None:
        """A launch: what it was made from, and what was made."""
        answer = self.call("RunInstances", ImageId="img1", MinCount=2, MaxCount=2, KeyName="test-key")
        made = [one["InstanceId"] for one in answer["Instances"]]
        self.assertTrue(self.trace.changes)
        self.assertEqual(set(self.trace.resources), {"img1", "test-key", *made})
        self.assertEqual(self.trace.cloud, "deltacloud")
        self.assertEqual(self.trace.source, "backend")

    def test_refused(self) -> None:
        """What was to be changed, also where it was refused."""
        self.refused("InvalidInstanceID.NotFound", "StopInstances", InstanceIds=["i-1", "i-2"])
        self.assertEqual((self.trace.changes, self.trace.resources), (True, ("i-1", "i-2")))

    def test_not_allowed(self) -> None:
        """What a key tried that may only look."""
        account = Account("mockuser", "mockpassword", Credentials("mockuser", "mockpassword"), actions=("Describe*",))
        authenticator = Authenticator(Accounts([account]), self.clock.seconds)
        self.service = EC2Service(authenticator, ACTIONS, self.regions, Pager(b"key"))
        self.refused("UnauthorizedOperation", "TerminateInstances", status=403, InstanceIds=["inst0"])
        self.assertEqual((self.trace.principal, self.trace.changes), ("mockuser", True))
        self.assertEqual((self.trace.action, self.trace.resources), ("TerminateInstances", ("inst0",)))
        self.assertEqual(self.trace.cloud, self.regions.default.name)

    def test_read(self) -> None:
        """A question changes nothing; the second time it is answered from the picture."""
        self.call("DescribeInstances")
        self.assertEqual((self.trace.changes, self.trace.resources, self.trace.source), (False, (), "backend"))
        self.call("DescribeInstances")
        self.assertEqual(self.trace.source, "picture")

    def test_by_name(self) -> None:
        """Actions tell by their names whether they change anything."""
        self.assertEqual(
            {name for name, action in ACTIONS.items() if not action.CHANGES and not name.startswith(READS)}, set()
        )
        self.assertEqual({name for name, action in ACTIONS.items() if action.CHANGES and name.startswith(READS)}, set())


class NamedTests(SynchronousTestCase):
    def test_no_secrets(self) -> None:
        """Ids and names only: no user data, no tag's value, no access key, no signature."""
        pairs = [
            ("Action", "RunInstances"),
            ("AWSAccessKeyId", "AK"),
            ("Signature", "s"),
            ("UserData", b64encode(b"secret").decode()),
            ("TagSpecification.1.Tag.1.Key", "Name"),
            ("TagSpecification.1.Tag.1.Value", "secret"),
            ("ClientToken", "t"),
            ("ImageId", "img1"),
            ("InstanceId.2", "i-2"),
            ("InstanceId.3", "i-2"),
            ("KeyName", ""),
            ("PublicIp", "192.0.2.1"),
        ]
        self.assertEqual(audited.named(pairs), ("img1", "i-2", "192.0.2.1"))

    def test_bounded(self) -> None:
        """However many and long they are."""
        found = audited.named([(f"InstanceId.{number}", f"{number}" + "x" * 1000) for number in range(1, 100)])
        self.assertEqual((len(found), len(found[0])), (audited.MOST, 255))

    def test_made(self) -> None:
        """The ids of what an answer says was made."""
        payload = {"instancesSet": [{"instanceId": "i-9", "imageId": "img"}, {}], "ownerId": "o"}
        self.assertEqual(audited.with_made(("img1",), payload), ("img1", "i-9"))
        self.assertEqual(audited.with_made((), {"imageId": "img9"}), ("img9",))
        self.assertEqual(audited.with_made(("a",), None), ("a",))
