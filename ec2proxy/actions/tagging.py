"""CreateTags, DeleteTags and DescribeTags."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import frozen

from ec2proxy.actions import resources
from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.tags import RESERVED, Tag, checked
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.filters import matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text, texts
from ec2proxy.ec2.xml import Payload

_Tags: TypeAlias = Mapping[str, str]


@frozen
class TagToDelete:
    """A tag of DeleteTags: with a value it goes only if that is its value, also where that is empty."""

    key: str = text("Key", required=True)
    # A list, since a single empty value would count as absent.
    values: tuple[str, ...] = texts("Value", empty=True)

    def means(self, key: str, value: str) -> bool:
        """Whether it is this tag."""
        return key == self.key and (not self.values or value in self.values)


@frozen
class CreateTags(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html"""

    resource_ids: tuple[str, ...] = texts("ResourceId", required=True)
    tags: tuple[Tag, ...] = structures("Tag", Tag, required=True)

    async def perform(self, call: Call) -> None:
        """Add tags to all resources named, or to none; those of the same key are overwritten."""
        new = checked(self.tags)

        def changed(tags: _Tags) -> _Tags:
            return checked([Tag(key=key, value=value) for key, value in {**tags, **new}.items()])

        await _change(self, call, self.resource_ids, changed)


@frozen
class DeleteTags(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html"""

    resource_ids: tuple[str, ...] = texts("ResourceId", required=True)
    tags: tuple[TagToDelete, ...] = structures("Tag", TagToDelete)

    async def perform(self, call: Call) -> None:
        """Take the tags named, or all, from all resources named; what is not there need not go."""
        for tag in self.tags:
            if len(tag.values) > 1:
                raise EC2Error("InvalidParameterValue", f"Tag '{shown(tag.key)}' has more than one value.")
            if tag.key.lower().startswith(RESERVED):
                raise EC2Error("InvalidParameterValue", f"Tag keys starting with '{RESERVED}' are reserved")

        def changed(tags: _Tags) -> _Tags:
            return {} if not self.tags else {key: value for key, value in tags.items() if not self._goes(key, value)}

        await _change(self, call, self.resource_ids, changed)

    def _goes(self, key: str, value: str) -> bool:
        return any(tag.means(key, value) for tag in self.tags)


@frozen
class DescribeTags(Action):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html"""

    filters: tuple[Filter, ...] = structures("Filter", Filter)
    max_results: int | None = integer("MaxResults", minimum=5, maximum=1000)
    next_token: str = text("NextToken")

    async def perform(self, call: Call) -> Payload:
        """The tags of all resources that are there."""
        matches = matcher(
            self.filters,
            {
                "key": lambda row: (row.key,),
                "resource-id": lambda row: (row.resource.id,),
                "resource-type": lambda row: (row.resource.type,),
                "value": lambda row: (row.value,),
            },
            tags=lambda row: {row.key: row.value},
        )
        found = [
            row
            for resource in await resources.tagged(call)
            for row in (_Row(resource, key, value) for key, value in resource.tags.items())
            if matches(row)
        ]
        self.stop_if_dry_run()
        asked = fingerprint("DescribeTags", call.region, call.principal.credentials.user, self.filters)
        most = 1000 if self.next_token and self.max_results is None else self.max_results
        found, token = call.pager.page(found, _Row.sort_key, most, self.next_token, asked)
        return {"tagSet": [row.item() for row in found], "nextToken": token}


@frozen
class _Row:
    """One tag of one resource."""

    resource: resources.Resource
    key: str
    value: str

    def sort_key(self) -> str:
        return "\0".join((self.resource.type, self.resource.id, self.key))

    def item(self) -> Mapping[str, str]:
        return {
            "resourceId": self.resource.id,
            "resourceType": self.resource.type,
            "key": self.key,
            "value": self.value,
        }


async def _change(action: Action, call: Call, ids: Iterable[str], changed: Callable[[_Tags], _Tags]) -> None:
    """Change the tags of all resources named, or of none."""
    shown_tags = {resource.id: resource.tags for resource in await resources.find(call, ids)}
    for tags in shown_tags.values():
        changed(tags)
    action.stop_if_dry_run()
    ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
    await ledger.change_tags(shown_tags, changed)
