"""Regions: there is one, the one that the client means."""

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

    region_names: tuple[str, ...] = texts("RegionName")
    filters: tuple[Filter, ...] = structures("Filter", Filter)

    async def perform(self, call: Call) -> Payload:
        """The region that the client signed for, at the host where the client found it."""
        matches = matcher(
            self.filters,
            {
                "endpoint": lambda item: (item["regionEndpoint"],),
                "opt-in-status": lambda item: (item["optInStatus"],),
                "region-name": lambda item: (item["regionName"],),
            },
        )
        await proved(call)
        region = region_of(call, self.filters, self.region_names)
        unknown = [name for name in dict.fromkeys(self.region_names) if name != region]
        if unknown:
            names = ", ".join(shown(name) for name in unknown)
            raise EC2Error("InvalidParameterValue", f"Invalid region provided: {names}")
        self.stop_if_dry_run()
        item = {"optInStatus": "opt-in-not-required", "regionName": region, "regionEndpoint": call.host}
        return {"regionInfo": [item] if matches(item) else []}


def region_of(call: Call, filters: Iterable[Filter], names: Iterable[str] = ()) -> str:
    """The name of the region that a client means.

    That is the one it signed for. Basic and signature version 2 name none: then it is what the parameters name, for
    libcloud, which signs so by itself, asks for the zones of the region that it was given and takes no other.

    :param filters: of which ``region-name`` counts.
    :param names: other names in the parameters.
    """
    if call.principal.region is not None:
        return call.region
    named = [*names, *(value for each in filters if each.name == "region-name" for value in each.values)]
    plain = [name for name in named if _NAME.fullmatch(name)]
    return call.region if call.region in named or not plain else plain[0]
