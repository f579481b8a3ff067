"""DescribeAddresses."""

from tests.actions.support import ActionTestCase


class AddressTests(ActionTestCase):
    def test_addresses(self) -> None:
        """Every address of the cloud, with the instance it leads to."""
        addresses = self.mock.network.addresses
        first = next(iter(addresses))
        self.mock.network.associate("mockuser", first, "inst0")
        found = self.call("DescribeAddresses")["Addresses"]
        self.assertEqual([each["PublicIp"] for each in found], list(addresses))
        self.assertEqual(found[0], {"PublicIp": first, "InstanceId": "inst0", "Domain": "standard", "Tags": []})

    def test_chosen(self) -> None:
        """By address and by filter; what is not there is named."""
        wanted = self.call("DescribeAddresses", PublicIps=["192.168.0.2"])["Addresses"]
        self.assertEqual([each["PublicIp"] for each in wanted], ["192.168.0.2"])
        of_none = [{"Name": "instance-id", "Values": ["inst1"]}]
        self.assertEqual(self.call("DescribeAddresses", Filters=of_none)["Addresses"], [])
        told = self.refused("InvalidAddress.NotFound", "DescribeAddresses", AllocationIds=["eipalloc-1"])
        self.assertIn("'eipalloc-1'", told)

    def test_no_pages(self) -> None:
        """It has none in EC2."""
        self.told("UnknownParameter", self.ask(("Action", "DescribeAddresses"), ("MaxResults", "5")), 400)

    def test_none(self) -> None:
        """A cloud without addresses has an empty set of them."""
        self.make(without=["addresses"])
        self.assertEqual(self.call("DescribeAddresses")["Addresses"], [])
