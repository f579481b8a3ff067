"""Availability zones, which are Deltacloud's realms."""

from collections.abc import Mapping

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.regions import region_of
from ec2proxy.actions.unshown import unshown
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.params import Filter, structures, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import NotFound
from ec2proxy.model import Realm


@frozen
class DescribeAvailabilityZones(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html"""

    ACCEPTED = {"AllAvailabilityZones": "there are no zones that have to be opted in to"}

    zone_names: tuple[str, ...] = texts("ZoneName")
    zone_ids: tuple[str, ...] = texts("ZoneId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)

    async def perform(self, call: Call) -> Payload:
        """The realms asked for, in the backend's order."""
        region = region_of(call, self.filters)
        matches = matcher(
            self.filters,
            {
                **unshown("DescribeAvailabilityZones"),
                "group-name": lambda realm: (region,),
                "network-border-group": lambda realm: (region,),
                "opt-in-status": lambda realm: ("opt-in-not-required",),
                "region-name": lambda realm: (region,),
                "state": lambda realm: (_state(realm),),
                "zone-id": lambda realm: (realm.id,),
                "zone-name": lambda realm: (realm.id,),
                "zone-type": lambda realm: ("availability-zone",),
            },
        )
        realms = await call.cloud.inventory.realms(call.principal.credentials)
        asked = dict.fromkeys(self.zone_names + self.zone_ids)
        missing = [name for name in asked if name not in realms.by_id]
        if missing:
            raise NotFound("realms", missing)
        found = [realm for realm in realms.items if (not asked or realm.id in asked) and matches(realm)]
        self.stop_if_dry_run()
        render = _as_ec2 if call.version else _as_deltacloud
        return {"availabilityZoneInfo": [render(realm, region) for realm in found]}


def _state(realm: Realm) -> str:
    return "available" if realm.state.upper() == "AVAILABLE" else "unavailable"


def _as_ec2(realm: Realm, region: str) -> Mapping[str, str | list[str]]:
    return {
        "optInStatus": "opt-in-not-required",
        "messageSet": [],
        "regionName": region,
        "zoneName": realm.id,
        "zoneId": realm.id,
        "groupName": region,
        "networkBorderGroup": region,
        "zoneType": "availability-zone",
        "zoneState": _state(realm),
    }


def _as_deltacloud(realm: Realm, _: str) -> Mapping[str, str]:
    """As Deltacloud's manual shows it to a client that names no version (recording 77)."""
    return {"zoneName": realm.id, "zoneState": realm.state, "regionName": realm.name}
