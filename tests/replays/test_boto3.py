"""boto3's waiters and paginators, all that it has for the actions that there are."""

from typing import Any

from botocore.exceptions import WaiterError

from tests.replays.support import Boto3, ReplayTestCase

_SEEDED = 1000


class WaiterTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(
            machine="ec2", pending=40, stopping=20, features=["import_key", "firewalls", "authentication_password"]
        )
        self.boto3 = Boto3(self)

    def waited(self, name: str, **params: Any) -> float:
        """How long a waiter waited, in seconds."""
        started = self.clock.seconds()
        self.boto3.wait(name, **params)
        return self.clock.seconds() - started

    def test_life(self) -> None:
        """An instance is awaited from its beginning to its end, each wait as long as the cloud takes."""
        one = [self.run_one()["InstanceId"]]
        self.assertEqual(self.waited("InstanceExists", InstanceIds=one), 0)
        self.assertEqual(self.waited("InstanceRunning", InstanceIds=one), 45)
        self.assertEqual(self.waited("InstanceStatusOk", InstanceIds=one), 0)
        self.assertEqual(self.waited("SystemStatusOk", InstanceIds=one), 0)
        self.call("StopInstances", InstanceIds=one)
        self.assertEqual(self.waited("InstanceStopped", InstanceIds=one), 30)
        self.call("TerminateInstances", InstanceIds=one)
        self.boto3.wait("InstanceTerminated", InstanceIds=one)
        self.assertEqual(self.waited("InstanceTerminated", InstanceIds=one), 0)

    def test_status_of_pending(self) -> None:
        """The status of what is not running yet is awaited, not taken for an empty success."""
        one = [self.run_one()["InstanceId"]]
        self.assertEqual(self.waited("InstanceStatusOk", InstanceIds=one), 45)

    def test_failing(self) -> None:
        """Waiters that cannot succeed any more say so at once."""
        one = [self.run_one()["InstanceId"]]
        self.waited("InstanceRunning", InstanceIds=one)
        self.call("TerminateInstances", InstanceIds=one)
        for name in ("InstanceRunning", "InstanceStopped"):
            started = self.clock.seconds()
            self.assertRaises(WaiterError, self.boto3.wait, name, InstanceIds=one)
            self.assertLessEqual(self.clock.seconds() - started, 60, name)

    def test_others(self) -> None:
        """What is there is found at once."""
        for name, params in (
            ("ImageExists", {"ImageIds": ["img1", "img2"]}),
            ("ImageAvailable", {"ImageIds": ["img1"]}),
            ("KeyPairExists", {"KeyNames": ["test-key"]}),
        ):
            self.assertEqual(self.waited(name, **params), 0, name)

    def test_exists_later(self) -> None:
        """What is not there yet is waited for, whatever InvalidXyz.NotFound says so."""
        self.clock.callLater(12, lambda: self.call("CreateKeyPair", KeyName="later"))
        self.assertEqual(self.waited("KeyPairExists", KeyNames=["later"]), 15)

    def test_password(self) -> None:
        """The password is there once the instance is running."""
        self.assertTrue(self.call("GetPasswordData", InstanceId=self.run_one(KeyName="test-key")["InstanceId"]))


class PaginatorTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.boto3 = Boto3(self)

    def test_a_thousand(self) -> None:
        """Every instance just once, whatever the size of the pages."""
        self.mock.seed(_SEEDED)
        expected = sorted(self.mock.instances)
        for size, number in ((100, 11), (5, 201), (1000, 2), (None, 1)):
            pages = self.boto3.pages("DescribeInstances", size)
            found = [one["InstanceId"] for page in pages for each in page["Reservations"] for one in each["Instances"]]
            self.assertEqual((sorted(found), len(pages)), (expected, number))
        pages = self.boto3.pages("DescribeInstanceStatus", 100)
        self.assertEqual(sorted(one["InstanceId"] for page in pages for one in page["InstanceStatuses"]), expected)
