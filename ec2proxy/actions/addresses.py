"""Elastic IP addresses, which are Deltacloud's addresses; where a backend has none, there are none.

They are shown as EC2 shows those outside a VPC, by their IP address only: Deltacloud knows no allocation.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Call
from ec2proxy.actions.listing import Listing, at, tagged
from ec2proxy.ec2.params import texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.model import PublicAddress


@frozen
class DescribeAddresses(Listing):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html"""

    public_ips: tuple[str, ...] = texts("PublicIp")
    allocation_ids: tuple[str, ...] = texts("AllocationId")

    async def perform(self, call: Call) -> Payload:
        """The addresses asked for, in the backend's order."""
        passes = self.passing(_FILTERS)
        addresses = await call.cloud.inventory.addresses(call.principal.credentials)
        items = await tagged(call, (_item(each) for each in (addresses.items if addresses else ())), "publicIp")
        # An allocation id names an address that is not there, whatever it is.
        named = self.named(items, "publicIp", self.public_ips + self.allocation_ids, "addresses")
        self.stop_if_dry_run()
        return {"addressesSet": [item for item in named if passes(item)]}


def _item(address: PublicAddress) -> dict[str, Any]:
    return {
        "instanceId": address.instance_id,
        "publicIp": address.ip or address.id,
        "domain": "standard",
    }


_FILTERS: Mapping[str, Any] = {
    "domain": at("domain"),
    "instance-id": at("instanceId"),
    "public-ip": at("publicIp"),
}
