"""DescribeInstances."""

from attrs import frozen

from ec2proxy.actions import instance_filters
from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import chosen, refuse_ids_with_pages
from ec2proxy.actions.instance_items import reservation_item
from ec2proxy.actions.surroundings import surroundings_if_told
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload

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
        tags = (await call.cloud.lifecycle.ledger(credentials)).tags
        table = instance_filters.table(images, credentials.user, around, tags) if self.filters else {}
        matches = matcher(self.filters, table, tags=lambda view: view.tags)
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
