"""DescribeInstances."""

from datetime import UTC, datetime

from attrs import evolve

from ec2proxy.mockcloud.things import Address
from tests.actions.support import ActionTestCase
from tests.ec2.signers import NOW

STARTED = datetime.fromtimestamp(NOW, UTC)


class DescribingTests(ActionTestCase):
    def test_instance(self) -> None:
        """Everything that is told of an instance."""
        (reservation,) = self.call("DescribeInstances", InstanceIds=["inst1"])["Reservations"]
        group = {"GroupId": "sg-11111111", "GroupName": "default"}
        (instance,) = reservation.pop("Instances")
        self.assertRegex(reservation.pop("ReservationId"), r"\Ar-[0-9a-f]{17}\Z")
        self.assertEqual(reservation, {"OwnerId": "mockuser", "Groups": [group]})
        self.assertEqual(instance["LaunchTime"].replace(tzinfo=UTC), STARTED)
        self.assertEqual(
            {name: value for name, value in instance.items() if name not in ("LaunchTime", "NetworkInterfaces")},
            {
                "InstanceId": "inst1",
                "ImageId": "img3",
                "State": {"Code": 16, "Name": "running"},
                "PrivateDnsName": "img1.inst1.private.com",
                "PublicDnsName": "img1.inst1.public.com",
                "StateTransitionReason": "",
                "AmiLaunchIndex": 0,
                "ProductCodes": [],
                "InstanceType": "m1-small",
                "Placement": {"AvailabilityZone": "us", "GroupName": "", "Tenancy": "default"},
                "Monitoring": {"State": "disabled"},
                "SecurityGroups": [group],
                "Architecture": "i386",
                "RootDeviceType": "ebs",
                "VirtualizationType": "hvm",
                "BlockDeviceMappings": [],
                "SubnetId": "subnet1",
                "VpcId": "net1",
                "Tags": [{"Key": "Name", "Value": "MockUserInstance"}],
                "SourceDestCheck": True,
                "EbsOptimized": False,
            },
        )

    def test_order(self) -> None:
        """All in the backend's order, each a reservation of its own; those named in the order of their names."""
        self.assertEqual([one["InstanceId"] for one in self.instances()], ["inst0", "inst1", "inst2", "inst3"])
        self.assertEqual(len({one["ReservationId"] for one in self.call("DescribeInstances")["Reservations"]}), 4)
        found = self.instances(InstanceIds=["inst3", "inst0", "inst3"])
        self.assertEqual([one["InstanceId"] for one in found], ["inst3", "inst0"])

    def test_spellings(self) -> None:
        """A list in any spelling names the right instance and no other."""
        for names in (["InstanceId.1"], ["InstanceId.0"], ["InstanceId.9", "InstanceId.3"], ["InstanceId"]):
            ids = ["inst2", "inst1"][: len(names)]
            heard = self.ask(("Action", "DescribeInstances"), *zip(names, ids, strict=True))
            found = self.understood("DescribeInstances", heard)["Reservations"]
            self.assertEqual({one["Instances"][0]["InstanceId"] for one in found}, set(ids), names)

    def test_not_understood(self) -> None:
        """What is not understood is an error: never all instances."""
        for name, value, code in (
            ("InstanceId.x", "inst1", "UnknownParameter"),
            ("InstanceIds.1", "inst1", "UnknownParameter"),
            ("instanceId.1", "inst1", "UnknownParameter"),
            ("InstanceId.1.2", "inst1", "UnknownParameter"),
            ("InstanceId.01", "inst1", "UnknownParameter"),
            ("InstanceId.1", "", "InvalidParameterValue"),
            ("Filter.1.Nam", "instance-id", "UnknownParameter"),
            ("Filter.1.Value.1", "inst1", "MissingParameter"),
            ("Filter.1.Name", "instance-id", "InvalidParameterValue"),
            ("MaxResults", "five", "InvalidParameterValue"),
            ("DryRun", "perhaps", "InvalidParameterValue"),
            ("Unheard-of", "1", "UnknownParameter"),
        ):
            self.told(code, self.ask(("Action", "DescribeInstances"), (name, value)))

    def test_missing(self) -> None:
        """Every id that is missing is named, in quotes."""
        ask = {"InstanceIds": ["i-1", "inst0", "i-2"]}
        message = self.refused("InvalidInstanceID.NotFound", "DescribeInstances", **ask)
        self.assertEqual(message, "The instance IDs 'i-1, i-2' do not exist")
        message = self.refused("InvalidInstanceID.NotFound", "DescribeInstances", InstanceIds=["i-1"])
        self.assertEqual(message, "The instance ID 'i-1' does not exist")

    def test_none(self) -> None:
        """Without instances, an empty set; a filter that nothing matches gives the same."""
        heard = self.ask(("Action", "DescribeInstances"), user="other")
        self.assertEqual(self.understood("DescribeInstances", heard), {"Reservations": []})
        self.assertIn(b"<reservationSet/>", heard.body)
        self.assertEqual(self.instances(Filters=[{"Name": "image-id", "Values": ["ami-*"]}]), [])

    def test_sets(self) -> None:
        """Empty sets are empty elements, and there are no empty dates or numbers."""
        heard = self.ask(("Action", "DescribeInstances"), ("InstanceId.1", "inst3"))
        for name in ("productCodes", "blockDeviceMapping", "tagSet"):
            self.assertIn(f"<{name}/>".encode(), heard.body)
        self.assertRegex(heard.body, rb"<launchTime>2026-11-23T16:45:39\.000Z</launchTime>")

    def test_launch_times(self) -> None:
        """The backend's own launch time, in whichever format; EC2's format always."""
        for launch_time in ("ctime", "iso", "iso-z", "ruby", "epoch", "padded", "none"):
            self.make(launch_time=launch_time)
            created = self.run_one()["InstanceId"]
            self.later(100)
            (found,) = self.instances(InstanceIds=[created])
            self.assertEqual(found["LaunchTime"].replace(tzinfo=UTC), STARTED, launch_time)

    def test_first_seen(self) -> None:
        """Of an instance whose cloud says nothing it is when ec2proxy first saw it, also after a restart."""
        self.mock.instances.add(evolve(self.mock.instances["inst0"], id="late"))
        (first,) = self.instances(InstanceIds=["late"])
        for _ in range(2):
            self.later(1000, step=100)
            self.restart()
            (again,) = self.instances(InstanceIds=["late"])
            self.assertEqual(again["LaunchTime"], first["LaunchTime"])

    def test_addresses(self) -> None:
        """Addresses that are numbers are IP addresses, whatever the backend calls them."""
        mac = Address("00:11:22:33:44:55", "mac")
        public = (mac, Address("2001:DB8::1", "ipv6"), Address("192.0.2.7"), Address("h.example"))
        self.mock.instances.change("inst0", public_addresses=public, private_addresses=(Address("10.0.0.1", "ipv4"),))
        self.mock.instances.change("inst1", public_addresses=(), private_addresses=())
        with_some, without = self.instances(InstanceIds=["inst0", "inst1"])
        names = ("PublicIpAddress", "PrivateIpAddress", "Ipv6Address", "PublicDnsName", "PrivateDnsName")
        self.assertEqual([with_some[name] for name in names], ["192.0.2.7", "10.0.0.1", "2001:db8::1", "h.example", ""])
        self.assertEqual([without.get(name) for name in names], [None, None, None, "", ""])
        for name, value in (("ip-address", "192.0.2.7"), ("private-ip-address", "10.*"), ("ipv6-address", "2001:*")):
            (found,) = self.instances(Filters=[{"Name": name, "Values": [value]}])
            self.assertEqual(found["InstanceId"], "inst0")

    def test_volumes(self) -> None:
        """Attached volumes are block devices."""
        self.mock.instances.change("inst0", volumes=(("vol1", "/dev/sdb"),))
        (found,) = self.instances(Filters=[{"Name": "block-device-mapping.volume-id", "Values": ["vol1"]}])
        (device,) = found["BlockDeviceMappings"]
        self.assertEqual(device, {"DeviceName": "/dev/sdb", "Ebs": {"VolumeId": "vol1", "Status": "attached"}})
        self.assertEqual(
            len(self.instances(Filters=[{"Name": "block-device-mapping.device-name", "Values": ["*"]}])), 1
        )

    def test_states(self) -> None:
        """Every state of EC2's with its code."""
        self.make(machine="ec2", pending=5, stopping=5)
        codes = {}

        def look() -> None:
            for one in self.instances():
                codes[one["State"]["Name"]] = one["State"]["Code"]

        self.run_one()
        self.later(2)
        look()
        self.call("StopInstances", InstanceIds=["inst0"])
        self.call("TerminateInstances", InstanceIds=["inst1"])
        look()
        self.later(60)
        look()
        self.assertEqual(
            codes,
            {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80},
        )

    def test_error_state(self) -> None:
        """An instance that the cloud calls broken says so."""
        self.mock.instances.change("inst0", state="ERROR")
        (found,) = self.instances(InstanceIds=["inst0"])
        self.assertEqual(found["StateReason"]["Code"], "Server.InternalError")
        self.assertEqual(found["State"]["Name"], "stopped")


class FilteringTests(ActionTestCase):
    def found(self, name: str, *values: str) -> list[str]:
        return [one["InstanceId"] for one in self.instances(Filters=[{"Name": name, "Values": list(values)}])]

    def test_each(self) -> None:
        """Each filter looks at what it says."""
        all_four = ["inst0", "inst1", "inst2", "inst3"]
        for name, value, wanted in (
            ("architecture", "x86_64", ["inst0", "inst2"]),
            ("availability-zone", "eu", ["inst3"]),
            ("block-device-mapping.device-name", "*", []),
            ("block-device-mapping.volume-id", "*", []),
            ("client-token", "*", []),
            ("dns-name", "img1.inst?.public.com", all_four[:3]),
            ("group-id", "sg-11111111", all_four),
            ("group-name", "default", all_four),
            ("image-id", "img3", ["inst1", "inst3"]),
            ("instance-id", "inst1", ["inst1"]),
            ("instance-state-code", "16", all_four),
            ("instance-state-name", "running", all_four),
            ("instance-type", "m1-l*", ["inst0", "inst2"]),
            ("instance.group-id", "sg-*", all_four),
            ("instance.group-name", "other", []),
            ("ip-address", "*", []),
            ("ipv6-address", "*", []),
            ("key-name", "?*", []),
            ("launch-index", "0", all_four),
            ("launch-time", "2026-11-23T*", all_four),
            ("monitoring-state", "disabled", all_four),
            ("owner-id", "mockuser", all_four),
            ("private-dns-name", "*.inst3.private.com", ["inst3"]),
            ("private-ip-address", "*", []),
            ("reservation-id", "r-*", all_four),
            ("root-device-type", "ebs", all_four),
            ("tag:Name", "AnotherInstance", ["inst2"]),
            ("tag-key", "Name", all_four[:3]),
            ("tenancy", "default", all_four),
        ):
            self.assertEqual(self.found(name, value), wanted, name)

    def test_several(self) -> None:
        """Values are alternatives, filters add up, and names given beside them have to be there and match."""
        self.assertEqual(self.found("instance-id", "inst1", "inst3"), ["inst1", "inst3"])
        zone, image = {"Name": "availability-zone", "Values": ["us"]}, {"Name": "image-id", "Values": ["img3"]}
        self.assertEqual([one["InstanceId"] for one in self.instances(Filters=[zone, image])], ["inst1"])
        self.assertEqual(self.instances(Filters=[zone], InstanceIds=["inst3"]), [])

    def test_unknown(self) -> None:
        """An unknown filter is an error, not one that everything passes."""
        filters = [{"Name": "hibernation", "Values": ["true"]}]
        message = self.refused("InvalidParameterValue", "DescribeInstances", Filters=filters)
        self.assertEqual(message, "The filter 'hibernation' is invalid")

    def test_unindexed(self) -> None:
        """salt's Filter.1.Value=x."""
        pairs = (("Filter.1.Name", "instance-id"), ("Filter.1.Value", "inst2"))
        answer = self.understood("DescribeInstances", self.ask(("Action", "DescribeInstances"), *pairs))
        self.assertEqual(answer["Reservations"][0]["Instances"][0]["InstanceId"], "inst2")


class PagingTests(ActionTestCase):
    def pages(self, between=lambda: None) -> list[list[str]]:
        found, token = [], {}
        while True:
            answer = self.call("DescribeInstances", MaxResults=5, **token)
            found.append([one["InstanceId"] for each in answer["Reservations"] for one in each["Instances"]])
            if "NextToken" not in answer:
                return found
            token = {"NextToken": answer["NextToken"]}
            self.later(2)
            between()

    def test_only_when_asked(self) -> None:
        """Everything at once, unless pages are asked for."""
        self.mock.seed(1200)
        answer = self.call("DescribeInstances")
        self.assertEqual(len(answer["Reservations"]), 1204)
        self.assertNotIn("NextToken", answer)

    def test_pages(self) -> None:
        """Each instance once; the last page has no token."""
        self.mock.seed(18)
        pages = self.pages()
        self.assertEqual([len(page) for page in pages], [5, 5, 5, 5, 2])
        self.assertEqual(len({one for page in pages for one in page}), 22)

    def test_changes(self) -> None:
        """What is there all the while is neither skipped nor repeated while other instances come and go."""
        self.mock.seed(30)
        stay = {one["InstanceId"] for one in self.instances()}
        gone: list[str] = []

        def between() -> None:
            self.mock.seed(2)
            one = sorted(stay - set(gone))[0 if len(gone) % 2 else -1]
            gone.append(one)
            self.mock.instances.remove(one)

        shown = [one for page in self.pages(between) for one in page]
        self.assertEqual(len(shown), len(set(shown)))
        self.assertLessEqual(stay - set(gone), set(shown))

    def test_reservation_over_pages(self) -> None:
        """Instances of one reservation on two pages are of the same reservation on both."""
        self.call("RunInstances", ImageId="img1", MinCount=7, MaxCount=7)
        self.pages()
        answer = self.call("DescribeInstances", MaxResults=1000)
        self.assertEqual(sorted(len(one["Instances"]) for one in answer["Reservations"]), [1, 1, 1, 1, 7])

    def test_refused(self) -> None:
        """A bogus token, another request's token, ids with MaxResults, and pages too small or too large."""
        self.mock.seed(10)
        token = self.call("DescribeInstances", MaxResults=5)["NextToken"]
        self.refused("InvalidParameterValue", "DescribeInstances", MaxResults=5, NextToken="bogus")
        other = [{"Name": "image-id", "Values": ["*"]}]
        self.refused("InvalidParameterValue", "DescribeInstances", NextToken=token, Filters=other)
        self.refused("InvalidParameterCombination", "DescribeInstances", MaxResults=5, InstanceIds=["inst0"])
        for number in (0, 4, 1001):
            self.refused("InvalidParameterValue", "DescribeInstances", MaxResults=number)
        rest = self.call("DescribeInstances", NextToken=token)
        self.assertEqual(len(rest["Reservations"]), 9)


class StayingTests(ActionTestCase):
    def test_terminated_stays(self) -> None:
        """A terminated instance is found, as terminated and by its id, for an hour."""
        self.call("TerminateInstances", InstanceIds=["inst0"])
        self.later(10)
        for _ in range(2):
            (found,) = self.instances(InstanceIds=["inst0"])
            self.assertEqual(found["State"], {"Code": 48, "Name": "terminated"})
            self.later(1700, step=100)
        self.assertEqual(self.states()["inst0"], "terminated")
        self.later(400, step=100)
        self.refused("InvalidInstanceID.NotFound", "DescribeInstances", InstanceIds=["inst0"])

    def test_found_at_once(self) -> None:
        """A new instance is found by its id at once, also where the backend lists it late."""
        self.make(list_lag=20, freshness=10.0)
        self.instances()
        created = self.run_one()["InstanceId"]
        for _ in range(3):
            self.assertEqual(len(self.instances(InstanceIds=[created])), 1)
            self.later(8)
        self.assertEqual(self.states()[created], "running")
