"""RunInstances."""

from base64 import b64encode

from twisted.internet.defer import CancelledError

from tests.actions.support import ActionTestCase

NAMED = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "my é"}, {"Key": "a", "Value": ""}]}]
ONE = {"ImageId": "img1", "MinCount": 1, "MaxCount": 1}
CREATE = "POST /api/instances"


class RunTests(ActionTestCase):
    def form(self, number: int = -1) -> dict[str, str]:
        """What was sent to create an instance."""
        return dict(
            [one for one in self.mock.requests if (one.method, one.path) == ("POST", "/api/instances")][number].form
        )

    def test_run(self) -> None:
        """The reservation of what was asked for, pending, and the same afterwards in DescribeInstances."""
        answer = self.call(
            "RunInstances",
            **ONE,
            InstanceType="m1-large",
            Placement={"AvailabilityZone": "eu", "GroupName": "", "Tenancy": "default"},
            KeyName="test-key",
            TagSpecifications=NAMED,
            SecurityGroups=["default"],
        )
        (instance,) = answer["Instances"]
        self.assertEqual(instance["State"], {"Code": 0, "Name": "pending"})
        self.assertEqual(instance["InstanceType"], "m1-large")
        self.assertEqual(instance["Placement"]["AvailabilityZone"], "eu")
        self.assertEqual(instance["Architecture"], "x86_64")
        self.assertEqual(instance["Tags"], NAMED[0]["Tags"])
        self.assertEqual(answer["OwnerId"], "mockuser")
        self.assertEqual(
            self.form(),
            {"image_id": "img1", "hwp_id": "m1-large", "realm_id": "eu", "keyname": "test-key", "name": "my é"},
        )
        (again,) = self.call("DescribeInstances", InstanceIds=[instance["InstanceId"]])["Reservations"]
        self.assertEqual(again["ReservationId"], answer["ReservationId"])
        self.assertEqual(again["Instances"][0]["Tags"], NAMED[0]["Tags"])
        self.assertEqual(again["Instances"][0]["LaunchTime"], instance["LaunchTime"])

    def test_least(self) -> None:
        """As the old frontend was asked (recording 83): one instance, of the backend's default size and place."""
        heard = self.ask(("Action", "RunInstances"), ("ImageId", "img1"))
        (instance,) = self.understood("RunInstances", heard)["Instances"]
        self.assertEqual(self.form(), {"image_id": "img1"})
        self.assertEqual((instance["InstanceType"], instance["Placement"]["AvailabilityZone"]), ("m1-small", "us"))

    def test_without_names(self) -> None:
        """The tag Name is kept, and not sent where the backend's instances have no names."""
        self.make(without=["user_name"])
        created = self.run_one(TagSpecifications=NAMED)["InstanceId"]
        self.assertNotIn("name", self.form())
        (found,) = self.instances(InstanceIds=[created])
        self.assertEqual(found["Tags"], NAMED[0]["Tags"])

    def test_refused(self) -> None:
        """What is wrong with an order is said in EC2's words, before anything is sent."""
        for code, params in (
            ("InvalidAMIID.NotFound", {"ImageId": "ami-1"}),
            ("InvalidParameterValue", {"InstanceType": "t2.micro"}),
            ("InvalidZone.NotFound", {"Placement": {"AvailabilityZone": "mars"}}),
            ("InvalidKeyPair.NotFound", {"KeyName": "nosuch"}),
            ("InvalidGroup.NotFound", {"SecurityGroups": ["default", "web"]}),
            ("InvalidGroup.NotFound", {"SecurityGroupIds": ["sg-1"]}),
            ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-1"}),
            ("InvalidSubnetID.NotFound", {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-1"}]}),
            ("InvalidParameterValue", {"MinCount": 2}),
            ("InvalidParameterValue", {"MinCount": 0}),
            ("InstanceLimitExceeded", {"MinCount": 101, "MaxCount": 200}),
            ("UnsupportedOperation", {"UserData": "aGk="}),
            ("UnsupportedOperation", {"HibernationOptions": {"Configured": True}}),
            ("UnsupportedOperation", {"EnclaveOptions": {"Enabled": True}}),
            ("InvalidParameterValue", {"InstanceInitiatedShutdownBehavior": "explode"}),
            ("UnsupportedOperation", {"Placement": {"Tenancy": "dedicated"}}),
            ("UnsupportedOperation", {"NetworkInterfaces": [{"DeviceIndex": 1}]}),
            ("UnsupportedOperation", {"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 1}]}),
            ("UnsupportedOperation", {"NetworkInterfaces": [{"AssociatePublicIpAddress": False}]}),
            ("UnsupportedOperation", {"NetworkInterfaces": [{"DeleteOnTermination": False}]}),
            ("UnsupportedOperation", {"BlockDeviceMappings": [{"DeviceName": "sda", "Ebs": {"VolumeSize": 8}}]}),
            ("UnsupportedOperation", {"BlockDeviceMappings": [{"DeviceName": "sda", "NoDevice": ""}]}),
            ("UnsupportedOperation", {"BlockDeviceMappings": [{"DeviceName": "sdb", "VirtualName": "ephemeral0"}]}),
            ("InvalidParameterCombination", {"NetworkInterfaces": [{"DeviceIndex": 0}], "SubnetId": "subnet-1"}),
            ("InvalidParameterCombination", {"NetworkInterfaces": [{"Groups": ["a"]}], "SecurityGroups": ["b"]}),
            ("UnknownParameter", {"IamInstanceProfile": {"Name": "x"}}),
            ("UnknownParameter", {"Placement": {"GroupName": "x"}}),
        ):
            self.refused(code, "RunInstances", **{**ONE, **params})
        self.assertEqual(self.changes(), [])

    def test_accepted(self) -> None:
        """What does no harm is taken, and empty values are absent (Packer, fog, Ansible, Terraform)."""
        self.run_one(
            EbsOptimized=True,
            AdditionalInfo="x",
            MetadataOptions={"HttpTokens": "required"},
            CreditSpecification={"CpuCredits": "standard"},
            MaintenanceOptions={"AutoRecovery": "default"},
            PrivateDnsNameOptions={"HostnameType": "ip-name"},
            Monitoring={"Enabled": False},
            DisableApiTermination=False,
            InstanceInitiatedShutdownBehavior="stop",
            SubnetId="",
            IamInstanceProfile={"Name": ""},
            NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": "", "Groups": ["default"]}],
        )
        self.assertEqual(self.form(), {"image_id": "img1"})

    def test_keys_not_taken(self) -> None:
        """A backend that puts no keys into instances is not asked to."""
        self.make(without=["authentication_key"])
        self.refused("UnsupportedOperation", "RunInstances", **ONE, KeyName="test-key")
        self.assertEqual(self.changes(), [])

    def test_firewalls(self) -> None:
        """Groups are the backend's firewalls where it has any."""
        self.make(features=["firewalls"])
        instance = self.run_one(SecurityGroups=["default"], SecurityGroupIds=["default"])
        self.assertEqual(self.form(), {"image_id": "img1", "firewalls1": "default"})
        self.assertEqual(instance["SecurityGroups"], [{"GroupId": "default", "GroupName": "default"}])
        self.run_one(NetworkInterfaces=[{"DeviceIndex": 0, "Groups": ["default"]}])
        self.assertEqual(self.form(), {"image_id": "img1", "firewalls1": "default"})
        (found,) = self.instances(InstanceIds=["inst0"])
        self.assertEqual(found["SecurityGroups"][0]["GroupName"], "default")

    def test_unknown_firewall(self) -> None:
        """All groups that are not there are named, by name or id, and nothing is sent."""
        self.make(features=["firewalls"])
        wanted = {"SecurityGroups": ["x", "default", "x"], "SecurityGroupIds": ["sg-1"]}
        message = self.refused("InvalidGroup.NotFound", "RunInstances", **ONE, **wanted)
        self.assertEqual(message, "The security groups 'x, sg-1' do not exist")
        self.assertEqual(self.changes(), [])

    def test_lost_firewall(self) -> None:
        """What the backend refuses in an order is a wrong value, and nothing is left of the order."""
        self.make(features=["firewalls"])
        self.mock.firewalls.create("mockuser", {"name": "web", "description": ""})
        self.call("DescribeSecurityGroups", GroupNames=["web"])
        self.mock.firewalls.destroy("web")
        self.refused("InvalidParameterValue", "RunInstances", **ONE, SecurityGroups=["web"])
        self.assertEqual(len(self.instances()), 4)


class UserDataTests(ActionTestCase):
    def setUp(self) -> None:
        self.make(features=["user_data"])

    def run_with(self, data: str):
        return self.ask(("Action", "RunInstances"), ("ImageId", "img1"), ("UserData", data))

    def sent_data(self) -> str:
        return self.mock.requests[-1].form["user_data"]

    def test_data(self) -> None:
        """It goes to the backend as it came, without the line breaks of some clients (fog's at the end)."""
        data = b64encode(b"#!/bin/sh\necho \xc3\xa9\n" * 5).decode()
        for spelt in (data, data + "\n", data[:60] + "\n" + data[60:], data[:60] + "\r\n" + data[60:] + "\r\n"):
            self.understood("RunInstances", self.run_with(spelt))
            self.assertEqual(self.sent_data(), data)

    def test_longest(self) -> None:
        """16384 bytes before base64, and not one more; a message never shows user data."""
        self.understood("RunInstances", self.run_with(b64encode(b"x" * 16384).decode()))
        for size in (16385, 50_000):
            message = self.told("InvalidParameterValue", self.run_with(b64encode(b"x" * size).decode()))
            self.assertNotIn("eHh4", message)

    def test_malformed(self) -> None:
        """What is no base64 is refused, also what would be if its blanks were overlooked: one may have been a '+'."""
        for data in ("?", "aGk", "aGk=aGk=", "é", "ab c d", "aGk= "):
            self.told("InvalidUserData.Malformed", self.run_with(data))
        self.assertEqual(self.changes(), [])


class TagTests(ActionTestCase):
    def refuse(self, code: str, *tags: tuple[str, str], kind: str = "instance") -> None:
        tag_list = [{"Key": key, "Value": value} for key, value in tags]
        self.refused(code, "RunInstances", **ONE, TagSpecifications=[{"ResourceType": kind, "Tags": tag_list}])
        self.assertEqual(self.changes(), [])

    def test_limits(self) -> None:
        """50 tags, keys of 128 and values of 256 characters; each key once, and none of AWS's own."""
        self.refuse("TagLimitExceeded", *((str(number), "") for number in range(51)))
        self.refuse("InvalidParameterValue", ("k" * 129, ""))
        self.refuse("InvalidParameterValue", ("k", "v" * 257))
        self.refuse("InvalidParameterValue", ("k", "1"), ("k", "2"))
        self.refuse("InvalidParameterValue", ("aws:k", ""))
        self.refuse("InvalidParameterValue", ("AWS:k", ""))
        self.refuse("InvalidParameterValue", ("k", ""), kind="key-pair")
        self.refuse("MissingParameter", ("", "v"))

    def test_most(self) -> None:
        """As much as may be."""
        tags = [{"Key": f"{number:02}" + "é" * 126, "Value": "€" * 256} for number in range(50)]
        created = self.run_one(TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])
        self.assertEqual(created["Tags"], tags)


class CountTests(ActionTestCase):
    def test_several(self) -> None:
        """As many as MaxCount, of one reservation, numbered."""
        answer = self.call("RunInstances", ImageId="img1", MinCount=2, MaxCount=4)
        self.assertEqual([one["AmiLaunchIndex"] for one in answer["Instances"]], [0, 1, 2, 3])
        self.assertEqual(self.changes(), [CREATE] * 4)
        self.assertEqual(len(self.instances()), 8)

    def test_min_count_only(self) -> None:
        """Without MaxCount, MinCount it is; and never more than a hundred at once."""
        heard = self.ask(("Action", "RunInstances"), ("ImageId", "img1"), ("MinCount", "3"))
        self.assertEqual(len(self.understood("RunInstances", heard)["Instances"]), 3)
        self.assertEqual(len(self.call("RunInstances", ImageId="img1", MinCount=1, MaxCount=500)["Instances"]), 100)

    def fail_after(self, number: int) -> None:
        """Have the backend create ``number`` instances and refuse the rest."""
        for _ in range(number):
            self.mock.trouble.delay(0, method="POST", path="/api/instances")
        self.mock.trouble.answer(403, b"", method="POST", path="/api/instances", times=None)

    def test_enough(self) -> None:
        """With at least MinCount, those there are are the answer."""
        self.fail_after(3)
        waiting = self.begin("RunInstances", ImageId="img1", MinCount=2, MaxCount=5)
        self.later(5)
        answer = self.understood("RunInstances", self.successResultOf(waiting))
        self.assertEqual(len(answer["Instances"]), 3)

    def test_too_few(self) -> None:
        """With fewer than MinCount there are none in the end."""
        self.fail_after(3)
        waiting = self.begin("RunInstances", ImageId="img1", MinCount=4, MaxCount=5)
        self.later(5)
        self.told("UnauthorizedOperation", self.successResultOf(waiting), 403)
        self.later(60)
        self.assertEqual(len(self.mock.instances), 4)
        self.assertEqual(sorted(self.states().values()), ["running"] * 4 + ["terminated"] * 3)


class TokenTests(ActionTestCase):
    def test_again(self) -> None:
        """The same token gives the same instances, and creates nothing more."""
        first = self.call("RunInstances", **ONE, ClientToken="t")
        self.later(5)
        second = self.call("RunInstances", **ONE, ClientToken="t")
        self.assertEqual(second["ReservationId"], first["ReservationId"])
        self.assertEqual(second["Instances"][0]["InstanceId"], first["Instances"][0]["InstanceId"])
        self.assertEqual(second["Instances"][0]["ClientToken"], "t")
        self.assertEqual(self.changes(), [CREATE])
        self.call("RunInstances", **ONE, ClientToken="other")
        self.assertEqual(self.changes(), [CREATE] * 2)

    def test_mismatch(self) -> None:
        """The same token with anything else changed is a mistake."""
        self.call("RunInstances", **ONE, ClientToken="t")
        for other in ({"MaxCount": 2}, {"ImageId": "img2"}, {"TagSpecifications": NAMED}, {"KeyName": "test-key"}):
            self.refused("IdempotentParameterMismatch", "RunInstances", **{**ONE, **other}, ClientToken="t")
        self.refused("InvalidParameterValue", "RunInstances", **ONE, ClientToken="t" * 65)
        self.assertEqual(self.changes(), [CREATE])

    def test_terminated(self) -> None:
        """While its instance is shown as terminated a retry gives that, then says that it is gone."""
        created = self.run_one(ClientToken="t")["InstanceId"]
        self.call("TerminateInstances", InstanceIds=[created])
        self.later(10)
        self.assertEqual(self.run_one(ClientToken="t")["State"]["Name"], "terminated")
        self.later(4000, step=100)
        self.refused("IdempotentInstanceTerminated", "RunInstances", **ONE, ClientToken="t")
        self.assertEqual(self.changes().count(CREATE), 1)

    def test_refused_is_free(self) -> None:
        """A token whose request the backend refused can be used again."""
        self.mock.trouble.answer(403, b"", method="POST", path="/api/instances")
        self.refused("UnauthorizedOperation", "RunInstances", status=403, **ONE, ClientToken="t")
        self.run_one(ClientToken="t")


class LostTests(ActionTestCase):
    def test_listing_fails_afterwards(self) -> None:
        """Once something was created, no failure of the backend's makes a client run it again."""
        self.instances()
        self.mock.trouble.delay(0, method="POST", path="/api/instances")
        waiting = self.begin("RunInstances", **ONE)
        self.mock.trouble.answer(503, b"", method="GET", times=None)
        self.later(1)
        self.understood("RunInstances", self.successResultOf(waiting))

    def run_lost(self, **params):
        self.mock.trouble.lose_answer(method="POST", path="/api/instances")
        waiting = self.begin("RunInstances", **ONE, **params)
        self.later(30)
        return self.successResultOf(waiting)

    def test_found(self) -> None:
        """An instance whose creation was not answered is found, and is the answer."""
        (instance,) = self.understood("RunInstances", self.run_lost())["Instances"]
        self.assertEqual(self.changes(), [CREATE])
        self.assertEqual(len(self.instances(InstanceIds=[instance["InstanceId"]])), 1)

    def test_not_found(self) -> None:
        """Where it cannot be looked for, a client without a token is not told to try again."""
        self.instances()
        self.mock.trouble.answer(503, b"", method="GET", path="/api/instances", times=None)
        self.later(0.5)
        heard = self.run_lost()
        self.assertEqual(heard.status, 400)
        self.assertEqual(self.told("InvalidState", heard).split(";")[0], "The cloud did not answer")

    def test_not_found_with_token(self) -> None:
        """One with a token is, and its retry finds what was created."""
        self.instances()
        self.mock.trouble.answer(503, b"", method="GET", path="/api/instances", times=None)
        self.later(0.5)
        self.told("Unavailable", self.run_lost(ClientToken="t"), 503)
        self.mock.trouble.clear()
        self.later(30)
        waiting = self.begin("RunInstances", **ONE, ClientToken="t")
        self.later(30)
        self.understood("RunInstances", self.successResultOf(waiting))
        self.assertEqual(self.changes(), [CREATE])

    def test_left(self) -> None:
        """A client that goes away leaves a whole instance, that its retry finds."""
        self.mock.trouble.delay(5, method="POST", path="/api/instances")
        waiting = self.begin("RunInstances", **ONE, ClientToken="t")
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.later(10)
        self.run_one(ClientToken="t")
        self.assertEqual(self.changes(), [CREATE])


class MachineTests(ActionTestCase):
    def test_started(self) -> None:
        """Where a created instance ends up stopped it is started, and pending until it runs."""
        for machine in ("fgcp", "rhevm", "terremark"):
            self.make(machine=machine, pending=3)
            created = self.run_one()["InstanceId"]
            seen = []
            for _ in range(10):
                seen.append(self.states()[created])
                self.later(1)
            self.assertEqual(sorted(set(seen)), ["pending", "running"], machine)
            self.assertEqual(seen, sorted(seen), machine)
