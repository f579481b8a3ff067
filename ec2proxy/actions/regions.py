"""Regions: all there are; if it is only one, that which the client means."""

import re
from collections.abc import Iterable

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.identity import proved
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.params import Filter, structures, texts
from ec2proxy.ec2.xml import Payload

_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@frozen
class DescribeRegions(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html"""

    ACCEPTED = {"AllRegions": "no region has to be opted in to"}

    POLL = False  # the regions may be others after a reload

    region_names: tuple[str, ...] = texts("RegionName")
    filters: tuple[Filter, ...] = structures("Filter", Filter)

    async def perform(self, call: Call) -> Payload:
        """The regions, each where the client can reach it; the only one by the name that the client signed for."""
        matches = matcher(
            self.filters,
            {
                "endpoint": lambda item: (item["regionEndpoint"],),
                "opt-in-status": lambda item: (item["optInStatus"],),
                "region-name": lambda item: (item["regionName"],),
            },
        )
        await proved(call)
        regions = call.regions
        if regions.any_name:
            endpoints = {region_of(call, self.filters, self.region_names): call.host}
        else:
            endpoints = {cloud.name: regions.endpoint(cloud, call.host) for cloud in regions}
        unknown = [name for name in dict.fromkeys(self.region_names) if name not in endpoints]
        if unknown:
            names = ", ".join(shown(name) for name in unknown)
            raise EC2Error("InvalidParameterValue", f"Invalid region provided: {names}")
        self.stop_if_dry_run()
        items = [
            {"optInStatus": "opt-in-not-required", "regionName": name, "regionEndpoint": endpoint}
            for name, endpoint in endpoints.items()
            if not self.region_names or name in self.region_names
        ]
        return {"regionInfo": [item for item in items if matches(item)]}


def region_of(call: Call, filters: Iterable[Filter], names: Iterable[str] = ()) -> str:
    """The name of the region that a client means.

    That is the one it signed for, or, where regions have names, the one that it was sent to. Basic and signature
    version 2 name none: then it is what the parameters name, for libcloud, which signs so by itself, asks for the zones
    of the region that it was given and takes no other.

    :param filters: of which ``region-name`` counts.
    :param names: other names in the parameters.
    """
    if call.principal.region is not None or not call.regions.any_name:
        return call.region
    named = [*names, *(value for each in filters if each.name == "region-name" for value in each.values)]
    plain = [name for name in named if _NAME.fullmatch(name)]
    return call.region if call.region in named or not plain else plain[0]
