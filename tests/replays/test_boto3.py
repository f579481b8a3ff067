"""boto3's waiters and paginators, all that it has for the actions that there are."""

from typing import Any

from attrs import evolve
from botocore.exceptions import WaiterError
from botocore.session import get_session

from tests.actions.strict import VERSION
from tests.actions.support import ACTIONS
from tests.replays.support import Boto3, ReplayTestCase, paginated, waiters

#: What the waiters for what is there are asked about.
_THERE: dict[str, dict[str, Any]] = {
    "ImageAvailable": {"ImageIds": ["img1"]},
    "ImageExists": {"ImageIds": ["img1", "img2"]},
    "InstanceExists": {"InstanceIds": ["inst1"]},
    "InstanceRunning": {"InstanceIds": ["inst1"]},
    "InstanceStatusOk": {"InstanceIds": ["inst1"]},
    "KeyPairExists": {"KeyNames": ["test-key"]},
    "SecurityGroupExists": {"GroupNames": ["default"]},
    "SubnetAvailable": {},
    "SystemStatusOk": {"InstanceIds": ["inst1"]},
    "VolumeAvailable": {"VolumeIds": ["vol1", "vol2"]},
    "VolumeInUse": {"VolumeIds": ["vol3"]},
    "VpcAvailable": {},
    "VpcExists": {},
}
#: Those with a test of their own.
_LIFE = {"InstanceStopped", "InstanceTerminated", "PasswordDataAvailable", "VolumeDeleted"}
_NEVER = {"NetworkInterfaceAvailable"}


class WaiterTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(machine="ec2", pending=40, stopping=20, features=["authentication_password"])
        self.boto3 = Boto3(self)

    def waited(self, name: str, **params: Any) -> float:
        """How long a waiter waited, in seconds."""
        started = self.clock.seconds()
        self.boto3.wait(name, **params)
        return self.clock.seconds() - started

    def test_all(self) -> None:
        """There is no waiter for an action of ours that is not tried here."""
        ours = {name for name, action in waiters().items() if action in ACTIONS}
        self.assertEqual(ours, {*_THERE, *_LIFE, *_NEVER})

    def test_there(self) -> None:
        """What is there is found at once."""
        for name, params in _THERE.items():
            self.assertEqual(self.waited(name, **params), 0, name)

    def test_life(self) -> None:
        """An instance is awaited from its beginning to its end, each wait as long as the cloud takes."""
        one = [self.run_one()["InstanceId"]]
        self.assertEqual(self.waited("InstanceExists", InstanceIds=one), 0)
        self.assertEqual(self.waited("InstanceRunning", InstanceIds=one), 45)
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

    def test_later(self) -> None:
        """What is not there yet is waited for, whatever the waiter takes for its not being there."""
        self.clock.callLater(12, lambda: self.call("CreateKeyPair", KeyName="later"))
        self.assertEqual(self.waited("KeyPairExists", KeyNames=["later"]), 15)

    def test_gone(self) -> None:
        """What was taken away is seen to be gone."""
        del self.mock.storage.volumes["vol1"]
        self.assertEqual(self.waited("VolumeDeleted", VolumeIds=["vol1"]), 0)

    def test_never(self) -> None:
        """An interface in use is not waited for in vain: the wait ends, as it does with EC2."""
        self.assertRaises(WaiterError, self.boto3.wait, "NetworkInterfaceAvailable", NetworkInterfaceIds=["nic1"])

    def test_password(self) -> None:
        """The password of an instance is waited for until there is one."""
        one = self.run_one(KeyName="test-key")["InstanceId"]
        self.boto3.wait("PasswordDataAvailable", InstanceId=one)


class PaginatorTests(ReplayTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.make(features=["firewalls"])
        self.boto3 = Boto3(self)

    def more(self, number: int) -> None:
        """Have so many more of everything."""
        cloud = self.mock
        cloud.seed(number)
        many: tuple[dict[str, Any], ...] = (
            cloud.images,
            cloud.profiles,
            cloud.storage.volumes,
            cloud.network.networks,
            cloud.network.subnets,
            cloud.network.interfaces,
        )
        for things in many:
            first = next(iter(things.values()))
            for index in range(number):
                things[f"more{index:02}"] = evolve(first, id=f"more{index:02}")
        for index in range(number):
            cloud.firewalls.create("mockuser", {"name": f"more{index:02}", "description": "one more"})
        self.later(120)

    def test_all(self) -> None:
        """Pages of 5 give just what no pages give, for every action that has a paginator."""
        self.more(12)
        single = set()
        for action in sorted(paginated() & set(ACTIONS)):
            key = get_session().get_paginator_model("ec2", VERSION).get_paginator(action)["result_key"]
            whole = self.call(action)[key]
            pages = self.boto3.pages(action, 5)
            paged = [one for page in pages for one in page[key]]
            self.assertEqual(sorted(map(str, paged)), sorted(map(str, whole)), action)
            self.assertLessEqual({len(page[key]) for page in pages[:-1]}, {5}, action)
            single |= {action} if len(pages) == 1 else set()
        # No instance has credits.
        self.assertEqual(single, {"DescribeInstanceCreditSpecifications"})

    def test_a_thousand(self) -> None:
        """Every instance just once, in pages of 100."""
        self.mock.seed(1000)
        pages = self.boto3.pages("DescribeInstances", 100)
        found = [one["InstanceId"] for page in pages for each in page["Reservations"] for one in each["Instances"]]
        self.assertEqual(sorted(found), sorted(self.mock.instances))
        self.assertEqual(len(pages), 11)

    def test_coming_and_going(self) -> None:
        """What stays is told just once, whatever comes and goes between the pages."""
        self.mock.seed(60)
        stays = {each for number, each in enumerate(sorted(self.mock.instances)) if number % 3}
        goes = iter(sorted(set(self.mock.instances) - stays))
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.call("DescribeInstanceStatus", MaxResults=5, **token)
            found += [one["InstanceId"] for one in page["InstanceStatuses"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
            if leaving := next(goes, None):
                self.mock.instances.remove(leaving)
            self.mock.seed(2)
            self.later(2)
        self.assertEqual(len(found), len(set(found)))
        self.assertLessEqual(stays, set(found))
