"""DescribeAvailabilityZones."""

from lxml import etree

from tests.actions.support import ActionTestCase
from tests.drivers.support import recording


def canonical(document: bytes) -> bytes:
    """A document without its request id, and without what declaration, quoting and indentation are."""
    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    for node in root.findall("{*}requestId"):
        root.remove(node)
    for node in root.iter():
        node.tail = None
    return etree.tostring(root, method="c14n")


class ZoneTests(ActionTestCase):
    def test_zones(self) -> None:
        """The realms, with EC2's own words where a client names a version."""
        zones = self.call("DescribeAvailabilityZones", region="eu-west-7")["AvailabilityZones"]
        self.assertEqual(
            zones[0],
            {
                "OptInStatus": "opt-in-not-required",
                "Messages": [],
                "RegionName": "eu-west-7",
                "ZoneName": "us",
                "ZoneId": "us",
                "GroupName": "eu-west-7",
                "NetworkBorderGroup": "eu-west-7",
                "ZoneType": "availability-zone",
                "State": "available",
            },
        )
        self.assertEqual([zone["ZoneName"] for zone in zones], ["us", "eu"])

    def test_recording_77(self) -> None:
        """Without a version, the document that Deltacloud's manual prints."""
        heard = self.ask(("Action", "DescribeAvailabilityZones"), version=None)
        self.assertEqual(canonical(heard.body), canonical(recording("77")[1]))
        self.understood("DescribeAvailabilityZones", heard, "2012-04-01", enums=False)

    def test_names(self) -> None:
        """Named zones only, however the list is spelt; missing ones are all named."""
        for name in ("ZoneName.1", "ZoneName.0", "ZoneName.7", "ZoneName", "ZoneId.1"):
            heard = self.ask(("Action", "DescribeAvailabilityZones"), (name, "eu"))
            zones = self.understood("DescribeAvailabilityZones", heard)["AvailabilityZones"]
            self.assertEqual([zone["ZoneName"] for zone in zones], ["eu"], name)
        message = self.refused("InvalidZone.NotFound", "DescribeAvailabilityZones", ZoneNames=["x", "us", "y"])
        self.assertEqual(message, "The zones 'x, y' do not exist")

    def test_filters(self) -> None:
        """libcloud's two filters, and each other that there is."""

        def names(**filters: str) -> list[str]:
            given = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
            zones = self.call("DescribeAvailabilityZones", Filters=given)["AvailabilityZones"]
            return [zone["ZoneName"] for zone in zones]

        self.assertEqual(names(region_name="us-east-1", state="available"), ["us", "eu"])
        self.assertEqual(names(zone_name="e*"), ["eu"])
        self.assertEqual(names(zone_id="us", zone_type="availability-zone"), ["us"])
        self.assertEqual(names(group_name="us-east-1", network_border_group="us-*"), ["us", "eu"])
        self.assertEqual(names(opt_in_status="opted-in"), [])
        self.assertEqual(names(state="unavailable"), [])
        message = self.refused(
            "InvalidParameterValue", "DescribeAvailabilityZones", Filters=[{"Name": "x", "Values": ["y"]}]
        )
        self.assertEqual(message, "The filter 'x' is invalid")

    def test_region(self) -> None:
        """libcloud signs for no region and names it in a filter; whoever signs for one means that."""
        asked = ("Action", "DescribeAvailabilityZones"), ("Filter.1.Name", "region-name")
        heard = self.ask(*asked, ("Filter.1.Value", "us-east-1"))
        zones = self.understood("DescribeAvailabilityZones", heard)["AvailabilityZones"]
        self.assertEqual(
            [(zone["ZoneName"], zone["RegionName"]) for zone in zones], [("us", "us-east-1"), ("eu", "us-east-1")]
        )
        filters = [{"Name": "region-name", "Values": ["eu-west-7"]}]
        self.assertEqual(self.call("DescribeAvailabilityZones", Filters=filters)["AvailabilityZones"], [])

    def test_all_zones(self) -> None:
        """No zone has to be opted in to."""
        self.assertEqual(len(self.call("DescribeAvailabilityZones", AllAvailabilityZones=True)["AvailabilityZones"]), 2)

    def test_none(self) -> None:
        """A cloud without realms has an empty set of zones."""
        self.mock.realms.clear()
        heard = self.ask(("Action", "DescribeAvailabilityZones"))
        self.assertEqual(self.understood("DescribeAvailabilityZones", heard), {"AvailabilityZones": []})
        self.assertIn(b"<availabilityZoneInfo/>", heard.body)
