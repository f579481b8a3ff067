"""DescribeInstanceTypes and DescribeInstanceTypeOfferings."""

from typing import Any

from attrs import evolve
from lxml import etree

from tests.actions.support import ActionTestCase, Heard, basic

EUCALYPTUS = "{http://msgs.eucalyptus.com/3.3.0}"


class InstanceTypeTests(ActionTestCase):
    def names(self, **params: object) -> list[str]:
        """The types that are described."""
        return [one["InstanceType"] for one in self.call("DescribeInstanceTypes", **params)["InstanceTypes"]]

    def test_fixed(self) -> None:
        """A profile whose sizes are fixed, in EC2's units."""
        (small,) = self.call("DescribeInstanceTypes", InstanceTypes=["m1-small"])["InstanceTypes"]
        self.assertEqual(small["VCpuInfo"], {"DefaultVCpus": 1})
        self.assertEqual(small["MemoryInfo"], {"SizeInMiB": 1740})
        self.assertEqual(small["InstanceStorageInfo"], {"TotalSizeInGB": 160})
        self.assertIs(small["InstanceStorageSupported"], True)
        self.assertEqual(small["ProcessorInfo"], {"SupportedArchitectures": ["i386"]})
        self.assertEqual(small["SupportedUsageClasses"], ["on-demand"])
        self.assertEqual(small["SupportedRootDeviceTypes"], ["ebs"])
        self.assertIs(small["BurstablePerformanceSupported"], False)
        self.assertNotIn("Hypervisor", small)

    def test_ranges(self) -> None:
        """Of a range and of an enum the default counts: that is what RunInstances gives."""
        (large,) = self.call("DescribeInstanceTypes", InstanceTypes=["m1-large"])["InstanceTypes"]
        self.assertEqual(large["VCpuInfo"]["DefaultVCpus"], 1)
        self.assertEqual(large["MemoryInfo"]["SizeInMiB"], 10240)
        self.assertEqual(large["InstanceStorageInfo"]["TotalSizeInGB"], 850)

    def test_opaque(self) -> None:
        """A profile that says nothing of itself: what Terraform dereferences is there, and empty."""
        (opaque,) = self.call("DescribeInstanceTypes", InstanceTypes=["opaque"])["InstanceTypes"]
        for name in ("MemoryInfo", "VCpuInfo", "ProcessorInfo", "EbsInfo", "NetworkInfo", "PlacementGroupInfo"):
            self.assertIn(name, opaque)
        self.assertEqual((opaque["MemoryInfo"], opaque["VCpuInfo"]), ({}, {}))
        self.assertIs(opaque["InstanceStorageSupported"], False)
        self.assertNotIn("InstanceStorageInfo", opaque)
        # It runs what the images are made for.
        self.assertEqual(opaque["ProcessorInfo"], {"SupportedArchitectures": ["x86_64", "i386"]})

    def test_unknown(self) -> None:
        """Each type that is not there is named, once."""
        message = self.refused("InvalidInstanceType", "DescribeInstanceTypes", InstanceTypes=["x", "opaque", "y", "x"])
        self.assertEqual(message, "The following supplied instance types do not exist: [x, y]")

    def test_filters(self) -> None:
        """By sizes, words and flags; what is not known matches nothing."""

        def by(name: str, *values: str) -> list[str]:
            return self.names(Filters=[{"Name": name, "Values": list(values)}])

        self.assertEqual(by("vcpu-info.default-vcpus", "4"), ["m1-xlarge"])
        self.assertEqual(by("memory-info.size-in-mib", "1740", "10240"), ["m1-small", "m1-large"])
        self.assertEqual(by("instance-storage-supported", "false"), ["opaque"])
        self.assertEqual(by("instance-storage-info.total-size-in-gb", "*"), ["m1-small", "m1-large", "m1-xlarge"])
        self.assertEqual(by("processor-info.supported-architecture", "i386"), ["m1-small", "opaque"])
        self.assertEqual(by("bare-metal", "true"), [])
        self.assertEqual(by("instance-type", "m1-*l"), ["m1-small"])
        self.refused("InvalidParameterValue", "DescribeInstanceTypes", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_pages(self) -> None:
        """A page has 5 to 100 types."""
        self.assertEqual(len(self.names(MaxResults=5)), 4)
        self.assertEqual(self.call("DescribeInstanceTypes", MaxResults=100).get("NextToken"), None)
        for count in ("4", "101"):
            self.told("InvalidParameterValue", self.ask(("Action", "DescribeInstanceTypes"), ("MaxResults", count)))
        self.refused("InvalidParameterValue", "DescribeInstanceTypes", NextToken="nonsense")

    def test_walk(self) -> None:
        """A walk over pages neither skips nor repeats, though types come and go meanwhile; a token is its request's."""
        for number in range(12):
            self.mock.profiles[f"x{number:02}"] = evolve(self.mock.profiles["m1-small"], id=f"x{number:02}")
        answer = self.call("DescribeInstanceTypes", MaxResults=5)
        found = [one["InstanceType"] for one in answer["InstanceTypes"]]
        del self.mock.profiles["x00"]
        self.later(2)
        filters = [{"Name": "bare-metal", "Values": ["false"]}]
        self.refused("InvalidParameterValue", "DescribeInstanceTypes", NextToken=answer["NextToken"], Filters=filters)
        while "NextToken" in answer:
            answer = self.call("DescribeInstanceTypes", MaxResults=5, NextToken=answer["NextToken"])
            found += [one["InstanceType"] for one in answer["InstanceTypes"]]
        self.assertEqual(sorted(set(found) | {"x00"}), sorted({*self.mock.profiles, "x00"}))
        self.assertEqual(len(found), len(set(found)))

    def test_dry_run(self) -> None:
        """Whether it could be done, after it was checked."""
        self.refused("DryRunOperation", "DescribeInstanceTypes", status=412, DryRun=True)
        self.refused("InvalidInstanceType", "DescribeInstanceTypes", InstanceTypes=["x"], DryRun=True)


class OfferingTests(ActionTestCase):
    def offered(self, **params: object) -> list[tuple[str, str]]:
        """Which type is offered where."""
        answer = self.call("DescribeInstanceTypeOfferings", **params)
        kind = params.get("LocationType", "region")
        self.assertEqual({one["LocationType"] for one in answer["InstanceTypeOfferings"]} - {kind}, set())
        return [(one["InstanceType"], one["Location"]) for one in answer["InstanceTypeOfferings"]]

    def test_region(self) -> None:
        """Every type is offered in the region that the client signed for."""
        types = ["m1-small", "m1-large", "m1-xlarge", "opaque"]
        self.assertEqual(self.offered(region="eu-west-7"), [(name, "eu-west-7") for name in types])

    def test_zones(self) -> None:
        """And in every zone, by its name or its id."""
        for kind in ("availability-zone", "availability-zone-id"):
            found = self.offered(LocationType=kind, Filters=[{"Name": "instance-type", "Values": ["opaque"]}])
            self.assertEqual(found, [("opaque", "us"), ("opaque", "eu")])
        found = self.offered(LocationType="availability-zone", Filters=[{"Name": "location", "Values": ["eu"]}])
        self.assertEqual([location for _, location in found], ["eu"] * 4)

    def test_elsewhere(self) -> None:
        """There is no outpost, and no other kind of place."""
        self.assertEqual(self.offered(LocationType="outpost"), [])
        self.refused("InvalidParameterValue", "DescribeInstanceTypeOfferings", LocationType="moon")

    def test_pages(self) -> None:
        """A walk over pages neither skips nor repeats."""
        found = []
        token: dict[str, str] = {}
        for _ in range(2):
            answer = self.call("DescribeInstanceTypeOfferings", LocationType="availability-zone", MaxResults=5, **token)
            found += [(one["InstanceType"], one["Location"]) for one in answer["InstanceTypeOfferings"]]
            token = {"NextToken": answer.get("NextToken")}
        self.assertEqual(len(set(found)), 8)
        self.assertEqual(token, {"NextToken": None})
        self.refused("DryRunOperation", "DescribeInstanceTypeOfferings", status=412, DryRun=True)


class EucalyptusTests(ActionTestCase):
    """Eucalyptus's action of the same name."""

    def ask_at(self, path: bytes, *pairs: tuple[str, str], **how: Any) -> Heard:
        """Ask at a path of Eucalyptus's."""
        request = evolve(basic(("Action", "DescribeInstanceTypes"), *pairs, **how), path=path)
        return self.successResultOf(self.perform(request))

    def items(self, heard: Heard) -> list[dict[str, str | None]]:
        """The types in an answer, whose every element has to be in the namespace that libcloud looks for."""
        self.assertEqual(heard.status, 200, heard.body)
        root = etree.fromstring(heard.body)
        self.assertEqual({node.tag.partition("}")[0] + "}" for node in root.iter()}, {EUCALYPTUS})
        self.assertEqual(root.tag, f"{EUCALYPTUS}DescribeInstanceTypesResponse")
        details = root.find(f"{EUCALYPTUS}instanceTypeDetails")
        assert details is not None
        return [{each.tag.removeprefix(EUCALYPTUS): each.text for each in item} for item in details]

    def test_paths(self) -> None:
        """At the paths of Eucalyptus; what a profile does not say is 0, since libcloud wants numbers."""
        for path in (b"/services/compute/", b"/services/Eucalyptus"):
            items = self.items(self.ask_at(path))
            self.assertEqual(items[0], {"name": "m1-small", "cpu": "1", "disk": "160", "memory": "1740"})
            self.assertEqual(items[-1], {"name": "opaque", "cpu": "0", "disk": "0", "memory": "0"})

    def test_versions(self) -> None:
        """In versions in which EC2 has no such action, as boto 2 and euca2ools ask."""
        for version in ("2014-10-01", "2015-10-01"):
            asked = ("Action", "DescribeInstanceTypes"), ("InstanceType.1", "opaque")
            self.assertEqual([one["name"] for one in self.items(self.ask(*asked, version=version))], ["opaque"])
        heard = self.ask(("Action", "DescribeInstanceTypes"), version=None)
        self.assertEqual(len(self.understood("DescribeInstanceTypes", heard, "2012-04-01")["InstanceTypes"]), 4)

    def test_parameters(self) -> None:
        """What it takes is Eucalyptus's; what that does not have is refused, and the other way round."""
        self.items(self.ask_at(b"/services/compute", ("Availability", "false")))
        for refused in (("Availability", "true"), ("MaxResults", "5"), ("NextToken", "x")):
            self.told("UnsupportedOperation", self.ask_at(b"/services/compute", refused))
        self.told("InvalidInstanceType", self.ask_at(b"/services/compute", ("InstanceType.1", "x")))
        self.told("DryRunOperation", self.ask_at(b"/services/compute", ("DryRun", "true")), 412)
        self.told("UnknownParameter", self.ask(("Action", "DescribeInstanceTypes"), ("Availability", "true")))
