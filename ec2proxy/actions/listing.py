"""What the actions that describe a collection have in common: named ids, filters, a dry run, pages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.identity import proved
from ec2proxy.actions.tags import tag_set
from ec2proxy.actions.unshown import unshown
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.filters import Table, matcher
from ec2proxy.ec2.paging import fingerprint
from ec2proxy.ec2.params import Filter, integer, structures, text
from ec2proxy.ec2.xml import text as written
from ec2proxy.errors import NotFound

MOST = 1000
"""How many items a page may have."""

Item: TypeAlias = Mapping[str, Any]


@frozen
class Listing(Action):
    """An action that describes a collection; what it shows is filtered as it is shown."""

    filters: tuple[Filter, ...] = structures("Filter", Filter)

    def passing(self, table: Table[Any]) -> Callable[[Item], bool]:
        """What tells whether an item passes the filters.

        :param table: the filters there are, made by :func:`at`, beside those on what no item has; those on tags look
            at ``tagSet``.
        """
        return matcher(
            self.filters,
            {**unshown(type(self).__name__), **table},
            tags=lambda item: {tag["key"]: tag["value"] for tag in item.get("tagSet", ())},
        )

    def named(self, items: Sequence[Item], id_name: str, asked: Sequence[str], kind: str) -> Sequence[Item]:
        """Those of the items that were asked for; all of them if none was named.

        :param id_name: the element that holds an item's id.
        :param kind: what :class:`NotFound` is to call them.
        :raises NotFound: some are not there; it names them all.
        """
        if not asked:
            return items
        wanted = dict.fromkeys(asked)
        there = {item[id_name] for item in items}
        if missing := [each for each in wanted if each not in there]:
            raise NotFound(kind, missing)
        return [item for item in items if item[id_name] in wanted]


@frozen
class PagedListing(Listing):
    """A listing that can be had in pages."""

    max_results: int | None = integer("MaxResults", minimum=5, maximum=MOST)
    next_token: str = text("NextToken")

    def named(self, items: Sequence[Item], id_name: str, asked: Sequence[str], kind: str) -> Sequence[Item]:
        """As :meth:`Listing.named`.

        :raises EC2Error: ``InvalidParameterCombination``, pages of named items.
        """
        if asked and self.max_results is not None:
            raise EC2Error("InvalidParameterCombination", "MaxResults may not be specified together with ids.")
        return super().named(items, id_name, asked, kind)

    def paged(self, call: Call, items: Sequence[Item], id_name: str) -> tuple[Sequence[Item], str | None]:
        """One page, and the token of the next; everything where no page was asked for.

        :raises EC2Error: ``DryRunOperation``, since all has been checked that can be wrong but for the token; or the
            token is wrong.
        """
        self.stop_if_dry_run()
        if self.max_results is None and not self.next_token:
            return items, None
        asked = fingerprint(type(self).__name__, call.region, call.principal.credentials.user, self.filters)
        return call.pager.page(
            items, lambda item: str(item[id_name]), min(self.max_results or MOST, MOST), self.next_token, asked
        )


async def tagged(call: Call, items: Iterable[dict[str, Any]], id_name: str) -> Sequence[Item]:
    """The same items with the tags that are remembered of them.

    :raises CloudError: the cloud does not know the caller; of what is made up it has not been asked yet.
    """
    await proved(call)
    ledger = await call.cloud.lifecycle.ledger(call.principal.credentials)
    return [{**item, "tagSet": tag_set(ledger.tags.get(item[id_name], {}))} for item in items]


def at(*path: str) -> Callable[[Any], Iterable[str]]:
    """What gives the values that stand somewhere in an item, as a filter compares them.

    :param path: the names of elements; of a list, also of items, every member is looked at.
    """

    def values(item: Item) -> Iterable[str]:
        return tuple(_values(item, path))

    return values


def _values(thing: Any, path: Sequence[str]) -> Iterator[str]:
    if isinstance(thing, (list, tuple)):
        for each in thing:
            yield from _values(each, path)
    elif thing is not None and path:
        yield from _values(thing.get(path[0]), path[1:])
    elif thing is not None:
        yield written(thing)
