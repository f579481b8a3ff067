"""How lists are written, and how one is read whole."""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from attrs import define

from ec2proxy.drivers.deltacloud.documents import Element, children_of


class Identified(Protocol):
    """What a list is made of."""

    @property
    def id(self) -> str:
        """The backend's identifier."""


Item = TypeVar("Item", bound=Identified)

_SPACE = rb"[ \t\r\n]*"
_DECLARATION = rb"""<\?xml[ \t\r\n]+version=(["'])1\.0\1(?:[ \t\r\n]+encoding=(["'])(?i:utf-8)\2)?""" + _SPACE + rb"\?>"


@define(eq=False, slots=False)
class ListOf(Generic[Item]):
    """A collection, as Deltacloud lists it. Calling it reads a list at one go.

    :param root: what the list's root is called; and the collection.
    :param child: what its elements are called.
    :param item: what one element means; it may look at nothing but that element and what is in it.
    """

    root: str
    child: str
    item: Callable[[Element], Item]

    def __call__(self, body: bytes) -> list[Item]:
        """Read a list.

        :raises BackendError: it cannot be read.
        """
        return [self.item(element) for element in children_of(body, self.root, self.child)]

    @cached_property
    def head(self) -> "re.Pattern[bytes]":
        """The plainest beginning of such a list: in UTF-8, without a DTD, and the root without attributes."""
        return re.compile(b"(?:%b%b)?<%b>" % (_DECLARATION, _SPACE, self.root.encode()))

    @cached_property
    def tail(self) -> "re.Pattern[bytes]":
        """The plainest end of such a list."""
        return re.compile(b"%b</%b>%b" % (_SPACE, self.root.encode(), _SPACE))
