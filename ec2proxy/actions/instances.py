"""DescribeInstances."""

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen
from twisted.logger import Logger

from ec2proxy.actions import instance_filters
from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.chosen import chosen, refuse_ids_with_pages
from ec2proxy.actions.surroundings import surroundings_if_told
from ec2proxy.cloud.roster import Roster
from ec2proxy.cloud.view import InstanceView
from ec2proxy.ec2.filters import Table, matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload
from ec2proxy.errors import CloudError
from ec2proxy.model import Image

_log = Logger()

# One, so that others can keep what they made of it.
_NO_IMAGES: Mapping[str, Image] = {}

IMAGES_MAX_AGE = 60.0
"""How old what is told of an instance's image may be, in seconds: images change seldom, polls ask always."""

IMAGES_FAILURE_AGE = 5.0
"""Seconds for which it is not asked again where the backend fails to tell of images."""

_FEW = 8
"""A page of what is less than that part of all is cut out of that, sorted; else out of all, which are kept sorted."""


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
        lifecycle = call.cloud.lifecycle
        named = bool(self.instance_ids) and not self.next_token
        roster = None if named else await lifecycle.roster(credentials)
        by_id = await lifecycle.some(credentials, self.instance_ids) if roster is None else roster.by_id
        images = await self._images(call)
        around = await surroundings_if_told(call)
        table: Table[InstanceView] = {}
        if self.filters:
            tags = (await lifecycle.ledger(credentials)).tags
            table = instance_filters.table(images, credentials.user, around, tags)
        if roster is None:
            found, token = self._named(by_id, table), None
        else:
            found, token = self._shown(call, roster, table)
            call.fragments.forget_others(credentials, roster.views)
        # Written when the answer is, which may be long, and then takes pauses.
        return {"reservationSet": call.fragments.reservations(credentials, found, images, around), "nextToken": token}

    async def _images(self, call: Call) -> Mapping[str, Image]:
        """The images of the instances; none where the backend fails to tell and no filter asks for them."""
        try:
            credentials = call.principal.credentials
            return (await call.cloud.inventory.images(credentials, IMAGES_MAX_AGE, IMAGES_FAILURE_AGE)).by_id
        except CloudError as error:
            if any(one.name in instance_filters.OF_IMAGES for one in self.filters):
                raise
            _log.debug("The images of the instances are not told: {error}", error=error)
            return _NO_IMAGES

    def _named(self, by_id: Mapping[str, InstanceView], table: Table[InstanceView]) -> Sequence[InstanceView]:
        """The instances to be shown of those that were asked for."""
        passes = matcher(self.filters, table, tags=_tags_of)
        found = [view for view in chosen(by_id, self.instance_ids) if passes(view)]
        self.stop_if_dry_run()
        return found

    def _shown(
        self, call: Call, roster: Roster, table: Table[InstanceView]
    ) -> tuple[Sequence[InstanceView], str | None]:
        """The instances to be shown, and the token of the next page."""
        # All filters are checked, those too that are looked up.
        passes = matcher(self.filters, table, tags=_tags_of)
        if self.instance_ids:
            candidates = chosen(roster.by_id, self.instance_ids)
        else:
            places, left = instance_filters.narrowed(roster, self.filters)
            passes = matcher(left, table, tags=_tags_of)
            candidates = roster.views if places is None else [roster.views[place] for place in places]
        if self.max_results is not None or self.next_token:
            self.stop_if_dry_run()
            return self._page(call, roster, candidates, passes)
        found = [view for view in candidates if passes(view)] if self.filters else candidates
        self.stop_if_dry_run()
        return found, None

    def _page(
        self, call: Call, roster: Roster, candidates: Sequence[InstanceView], passes: Callable[[InstanceView], bool]
    ) -> tuple[Sequence[InstanceView], str | None]:
        user = call.principal.credentials.user
        asked = fingerprint("DescribeInstances", call.region, user, self.instance_ids, self.filters)
        most = self.max_results or 1000
        if len(candidates) < len(roster.views) / _FEW:
            found = (view for view in candidates if passes(view))
            return call.pager.page(found, lambda view: view.instance.id, most, self.next_token, asked)
        ids, views = roster.in_order()
        if candidates is not roster.views:
            wanted, tested = {view.instance.id for view in candidates}, passes

            def passes(view: InstanceView) -> bool:
                return view.instance.id in wanted and tested(view)

        return call.pager.page_of_sorted(ids, views, passes, most, self.next_token, asked)


def _tags_of(view: InstanceView) -> Mapping[str, str]:
    return view.tags
