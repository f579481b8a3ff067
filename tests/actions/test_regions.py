"""DescribeRegions."""

from tests.actions.support import ActionTestCase

REGIONS = ("Action", "DescribeRegions")


class RegionTests(ActionTestCase):
    def names(self, **params: object) -> list[str]:
        """The regions that are described."""
        return [one["RegionName"] for one in self.call("DescribeRegions", **params)["Regions"]]

    def test_region(self) -> None:
        """The one that the client signed for, at the host that it used."""
        (region,) = self.call("DescribeRegions", region="eu-west-7", AllRegions=True)["Regions"]
        self.assertEqual(region["RegionName"], "eu-west-7")
        self.assertEqual(region["OptInStatus"], "opt-in-not-required")
        (region,) = self.understood("DescribeRegions", self.ask(REGIONS))["Regions"]
        self.assertEqual((region["RegionName"], region["Endpoint"]), ("deltacloud", "localhost:3001"))

    def test_names(self) -> None:
        """Another one is not there."""
        self.assertEqual(self.names(RegionNames=["us-east-1"]), ["us-east-1"])
        message = self.refused("InvalidParameterValue", "DescribeRegions", RegionNames=["x", "us-east-1", "y"])
        self.assertEqual(message, "Invalid region provided: x, y")

    def test_signed_for(self) -> None:
        """Who signs for a region means that one, whatever else the parameters name."""
        self.assertEqual(self.names(Filters=[{"Name": "region-name", "Values": ["eu-west-7"]}]), [])
        self.assertEqual(
            self.names(Filters=[{"Name": "region-name", "Values": ["eu-west-7", "us-east-1"]}]), ["us-east-1"]
        )

    def test_no_region(self) -> None:
        """Basic and version 2 name no region: what the parameters say is believed."""
        for extra in (("RegionName.1", "eu-west-7"), ("Filter.1.Value.1", "eu-west-7")):
            filtering = [("Filter.1.Name", "region-name")] if extra[0].startswith("Filter") else []
            (region,) = self.understood("DescribeRegions", self.ask(REGIONS, extra, *filtering))["Regions"]
            self.assertEqual(region["RegionName"], "eu-west-7")
        for value in ("us-*", "deltacloud"):
            pairs = ("Filter.1.Name", "region-name"), ("Filter.1.Value.1", "x*"), ("Filter.1.Value.2", value)
            found = self.understood("DescribeRegions", self.ask(REGIONS, *pairs))["Regions"]
            self.assertEqual([one["RegionName"] for one in found], ["deltacloud"] if value == "deltacloud" else [])
        self.told("InvalidParameterValue", self.ask(REGIONS, ("RegionName.1", "us"), ("RegionName.2", "eu")))

    def test_filters(self) -> None:
        """By name, endpoint and status."""

        def by(name: str, value: str) -> list[str]:
            return self.names(Filters=[{"Name": name, "Values": [value]}])

        self.assertEqual(by("region-name", "us-*"), ["us-east-1"])
        self.assertEqual(by("region-name", "eu-*"), [])
        self.assertEqual(by("opt-in-status", "opted-in"), [])
        self.assertEqual(by("endpoint", "*"), ["us-east-1"])
        self.refused("InvalidParameterValue", "DescribeRegions", Filters=[{"Name": "x", "Values": ["y"]}])

    def test_proved(self) -> None:
        """Nobody is told anything whom the cloud does not know."""
        self.told("AuthFailure", self.ask(REGIONS, user="stranger"), 401)
        self.refused("DryRunOperation", "DescribeRegions", status=412, DryRun=True)
