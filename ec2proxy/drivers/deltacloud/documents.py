"""XML from a server that is not trusted: no entities, no DTD, no network, no huge trees.

What cannot be read is a :class:`~ec2proxy.errors.BackendError`.
"""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from ec2proxy.errors import BackendError

# lxml's stubs have no public name for an element that suits both lxml 5 and 6.
Element = Any

SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "no_network": True,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""How a parser is made that can be given anything."""

CHUNK = 64 * 1024
"""Bytes that are parsed at one go where a list is read whole."""


def root_of(body: bytes, *names: str) -> Element:
    """Parse a small document and give its root.

    :param names: what the root may be called.
    :raises BackendError: it is not XML, has a DTD, or has another root.
    """
    try:
        root = etree.fromstring(body, etree.XMLParser(**SAFE))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BackendError("the backend's answer is not XML") from error
    _refuse_dtd(root)
    if root.tag not in names:
        raise BackendError(f"the backend answered something else than {' or '.join(names)}")
    return root


def children_of(body: bytes, root: str, child: str) -> Iterator[Element]:
    """Parse a list that may be long, and give each of its elements, complete, for as long as :func:`batches_of` says.

    :param root: what the list's root is called.
    :param child: what its elements are called.
    :raises BackendError: the document is not such a list; found out while, or after, its elements are given.
    """
    for batch in batches_of(body, root, child):
        yield from batch


def batches_of(body: bytes, root: str, child: str) -> Iterator[list[Element]]:
    """Parse a list that may be long, :data:`CHUNK` by :data:`CHUNK`, and give the elements that end in each.

    They are cleared when the next batch is asked for, so a long list does not stand in memory as a tree; as
    :func:`children_of`.
    """
    parser = etree.XMLPullParser(events=("end",), tag=child, **SAFE)
    try:
        for start in range(0, len(body), CHUNK):
            parser.feed(body[start : start + CHUNK])
            yield from _ended(parser, root)
        top = parser.close()
        yield from _ended(parser, root)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BackendError("the backend's answer is not XML") from error
    _refuse_dtd(top)
    if top.tag != root:
        raise BackendError(f"the backend answered something else than {root}")


def _ended(parser: Any, root: str) -> Iterator[list[Element]]:
    batch = []
    for _, element in parser.read_events():
        parent = element.getparent()
        if parent is not None and parent.tag == root and parent.getparent() is None:
            batch.append(element)
    yield batch
    for element in batch:
        element.clear()
    if batch:
        parent = batch[-1].getparent()
        while batch[-1].getprevious() is not None:
            del parent[0]


def _refuse_dtd(root: Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise BackendError("the backend's answer has a document type definition")
