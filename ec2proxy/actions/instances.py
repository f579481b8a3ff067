"""DescribeInstances."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import chosen, refuse_ids_with_pages
from ec2proxy.actions.instance_items import (
    Images,
    architecture_of,
    groups_of,
    host_name,
    ips,
    location_of,
    monitoring_state,
    owner_of,
    reservation_item,
    root_device_type_of,
)
from ec2proxy.actions.surroundings import Surroundings, surroundings_if_told
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload, timestamp

IMAGES_MAX_AGE = 60.0
"""How old what is told of an instance's image may be, in seconds: images change seldom, polls ask always."""


@frozen
class DescribeInstances(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""

    ACCEPTED = {"IncludeManagedResources": "no instance is managed by another service"}

    instance_ids: tuple[str, ...] = texts("InstanceId")
    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=5, maximum=1000)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """The instances asked for, by reservation; in the backend's order unless they are paged."""
        refuse_ids_with_pages(self.instance_ids, self.max_results)
        credentials = call.principal.credentials
        everything = await call.cloud.lifecycle.instances(credentials)
        images = (await call.cloud.inventory.images(credentials, IMAGES_MAX_AGE)).by_id
        around = await surroundings_if_told(call)
        matches = matcher(self.filters, _filters(images, credentials.user, around), tags=lambda view: view.tags)
        found = [view for view in chosen(everything, self.instance_ids) if matches(view)]
        self.stop_if_dry_run()
        token = None
        if self.max_results is not None or self.next_token:
            asked = fingerprint("DescribeInstances", call.region, credentials.user, self.instance_ids, self.filters)
            found, token = call.pager.page(
                found, lambda view: view.instance.id, self.max_results or 1000, self.next_token, asked
            )
        reservations: dict[str, list[InstanceView]] = {}
        for view in found:
            reservations.setdefault(view.reservation_id, []).append(view)
        return {
            "reservationSet": [
                reservation_item(views, images, credentials.user, around) for views in reservations.values()
            ],
            "nextToken": token,
        }


def _filters(images: Images, me: str, around: Surroundings | None) -> Mapping[str, Any]:
    """The filters that our data can answer, each with the values of an instance that it looks at."""

    def group(name: str) -> Any:
        return lambda view: tuple(each[name] for each in groups_of(view, around))

    def addresses(which: str, version: int) -> Any:
        return lambda view: tuple(str(ip) for ip in ips(getattr(view.instance, which)) if ip.version == version)

    return {
        "architecture": lambda view: (architecture_of(view, images) or "",),
        "availability-zone": lambda view: (view.instance.realm_id,),
        "block-device-mapping.device-name": lambda view: tuple(v.device for v in view.instance.storage_volumes),
        "block-device-mapping.volume-id": lambda view: tuple(v.id for v in view.instance.storage_volumes),
        "client-token": lambda view: (view.client_token,),
        "dns-name": lambda view: (host_name(view.instance.public_addresses),),
        **dict.fromkeys(("group-id", "instance.group-id"), group("groupId")),
        **dict.fromkeys(("group-name", "instance.group-name"), group("groupName")),
        "image-id": lambda view: (view.instance.image_id,),
        "instance-id": lambda view: (view.instance.id,),
        "instance-state-code": lambda view: (str(view.state.code),),
        "instance-state-name": lambda view: (view.state.name,),
        "instance-type": lambda view: (view.instance.hardware_profile_id,),
        "ip-address": addresses("public_addresses", 4),
        "ipv6-address": addresses("public_addresses", 6),
        "key-name": lambda view: (view.instance.keyname,),
        "launch-index": lambda view: (str(view.launch_index),),
        "launch-time": lambda view: (timestamp(view.launch_time),),
        "monitoring-state": lambda view: (monitoring_state(view),),
        "network-interface.network-interface-id": lambda view: view.instance.network_interface_ids,
        "owner-id": lambda view: (owner_of(view, me),),
        "private-dns-name": lambda view: (host_name(view.instance.private_addresses),),
        "private-ip-address": addresses("private_addresses", 4),
        "reservation-id": lambda view: (view.reservation_id,),
        "root-device-type": lambda view: (root_device_type_of(view, images),),
        "subnet-id": lambda view: (location_of(view, around).subnet_id,),
        "tenancy": lambda view: ("default",),
        "vpc-id": lambda view: (location_of(view, around).vpc_id,),
    }
