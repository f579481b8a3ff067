"""Lists cut behind the end of each element, so that what has not changed is not read again.

Why that gives what the parser gives: a plain list is ``<root>``, its content, and ``</root>``. Each segment is given to
the parser between the same two tags, and is taken only if that is a document. Then the first of these tags is ended
by the last, since nothing but comments, instructions and space may follow the root of a document; so the segment is
content by itself, whatever is in it (a cut in a comment, in CDATA or in an element of the same name leaves something
open or closes too much). It does not begin in the middle of text that the one before ends with, because that ends
with a tag. Content followed by content is content, and its elements are those of the segments in their order. There
are no declarations before the root (entities, namespaces, another encoding) that could change what a segment means,
and ``xml:id``, the one thing that has to differ from segment to segment, is in none.

Where any of that does not hold, the list is read whole.
"""

from collections.abc import Generator, Mapping, Sequence
from hashlib import blake2b
from operator import is_
from typing import Generic

from attrs import field, frozen
from lxml import etree

from ec2proxy.drivers.deltacloud.documents import CHUNK, SAFE, batches_of
from ec2proxy.drivers.deltacloud.list_of import Item, ListOf
from ec2proxy.errors import BackendError

LOOKED_UP, READ = 500, 4000
"""What a segment costs beside its bytes if it is known, and if it has to be read. One unit is about three
nanoseconds."""
_READ_BYTE = 12
"""What a byte costs that has to be read."""
_LONGEST = 64 * 1024
"""A segment that is longer would take too long in one go."""
_KEPT_SEGMENT = 200
"""Bytes that are kept for a segment beside what it means."""


@frozen(eq=False)
class Known(Generic[Item]):
    """A list that was read.

    :param form: how it is written.
    :param digest: of its bytes.
    :param meanings: the items of each segment by the segment's digest; empty where the list was read whole.
    :param weight: about how many bytes it takes to keep this.
    """

    form: ListOf[Item]
    digest: bytes
    items: tuple[Item, ...] = field(repr=False)
    meanings: Mapping[bytes, tuple[Item, ...]] = field(repr=False)
    weight: int


def reading(
    form: ListOf[Item], body: bytes, digest: bytes, known: Known[Item] | None
) -> Generator[int, None, Known[Item]]:
    """Read a list; what an earlier one has too is the same object again, and the same tuple if all of it is.

    It yields what each step has cost.

    :param digest: of ``body``.
    :param known: the last list of the same collection and the same caller.
    :raises BackendError: it cannot be read.
    """
    before = _Before(known)
    meanings: dict[bytes, tuple[Item, ...]] = {}
    cut = yield from _cut(form, body, before, meanings)
    if cut is None:
        meanings = {}
        cut = yield from _whole(form, body, before)
    items = tuple(cut)
    if known is not None and len(items) == len(known.items) and all(map(is_, items, known.items)):
        items = known.items
    return Known(form, digest, items, meanings, len(body) + _KEPT_SEGMENT * len(meanings))


class _Before(Generic[Item]):
    """What the last list held."""

    def __init__(self, known: Known[Item] | None) -> None:
        self.meanings: Mapping[bytes, tuple[Item, ...]] = {} if known is None else known.meanings
        self._items = () if known is None else known.items
        self._by_id: Mapping[str, Item] | None = None

    def same(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """The items, those which were there before in the same words or in others being the ones from before."""
        if self._by_id is None:
            self._by_id = {item.id: item for item in self._items}
        before = self._by_id
        return tuple(old if (old := before.get(item.id)) == item and old is not None else item for item in items)


def _cut(
    form: ListOf[Item], body: bytes, before: _Before[Item], meanings: dict[bytes, tuple[Item, ...]]
) -> Generator[int, None, list[Item] | None]:
    """The items; None where it is in doubt whether the list can be cut.

    :param meanings: is given those of each segment.
    """
    head = form.head.match(body)
    if head is None:
        return None
    parser = etree.XMLParser(**SAFE)
    end = b"</%b>" % form.child.encode()
    found: list[Item] = []
    start = head.end()
    while (ends := body.find(end, start)) >= 0:
        stop = ends + len(end)
        if stop - start > _LONGEST:
            return None
        segment = body[start:stop]
        start = stop
        digest = blake2b(segment, digest_size=16).digest()
        items = before.meanings.get(digest)
        if items is None:
            read = _read(form, segment, parser)
            if read is None:
                return None
            items = before.same(read)
            yield READ + _READ_BYTE * len(segment)
        meanings[digest] = items
        found += items
        yield LOOKED_UP + len(segment)
    return found if form.tail.fullmatch(body, start) else None


def _read(form: ListOf[Item], segment: bytes, parser: etree.XMLParser) -> list[Item] | None:
    if b"xml:id" in segment:
        # It must be the only one in the whole list.
        return None
    root = form.root.encode()
    try:
        document = etree.fromstring(b"<%b>%b</%b>" % (root, segment, root), parser)
        return [form.item(element) for element in document.iterchildren(form.child)]
    except (etree.XMLSyntaxError, ValueError, BackendError):
        # Reading it whole tells what is wrong, if anything is.
        return None


def _whole(form: ListOf[Item], body: bytes, before: _Before[Item]) -> Generator[int, None, list[Item]]:
    items: list[Item] = []
    left = len(body)
    for batch in batches_of(body, form.root, form.child):
        items += before.same([form.item(element) for element in batch])
        yield READ + min(left, CHUNK) * _READ_BYTE
        left = max(0, left - CHUNK)
    return items
