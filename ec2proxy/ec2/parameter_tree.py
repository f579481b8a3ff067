"""Parameter names taken apart at their dots, and what has been made of each."""

from collections.abc import Iterable, Iterator

from attrs import Factory, define

from ec2proxy.ec2.errors import EC2Error, shown

# Far more than any name of EC2's has.
_MAX_PARTS = 12
_MAX_INDEX_DIGITS = 9


@define(eq=False)
class Node:
    """One name or beginning of a name.

    :param name: in full, as the client spells it; empty for the root.
    :param values: what was given under exactly this name, repeats in their order.
    :param taken: whether something has understood these values.
    """

    name: str
    values: list[str] = Factory(list)
    children: dict[str, "Node"] = Factory(dict)
    taken: bool = False

    def at(self, spelling: str) -> "Node | None":
        """The node under a name that may have dots in it, or None."""
        node: Node | None = self
        for part in spelling.split("."):
            node = node.children.get(part) if node is not None else None
        return node

    def path(self, spelling: str) -> str:
        """The full name of what ``spelling`` is here."""
        return f"{self.name}.{spelling}" if self.name else spelling

    def one(self) -> str | None:
        """The only value; None where there is none or it is empty.

        :raises EC2Error: ``InvalidParameterCombination``, there are several.
        """
        self.taken = True
        if len(self.values) > 1:
            raise EC2Error("InvalidParameterCombination", f"The parameter {shown(self.name)} was given more than once.")
        return self.values[0] or None if self.values else None

    def leaf(self) -> str | None:
        """The only value of a node that has nothing below it; otherwise as :meth:`one`.

        :raises EC2Error: ``UnknownParameter``, a longer name was given.
        """
        for child in self.children.values():
            raise unknown(next(child.given()))
        return self.one()

    def items(self) -> list["Node"]:
        """The elements of a list, by their indices.

        :raises EC2Error: ``UnknownParameter``, something other than an index follows the name.
        """
        indexed = []
        for part, node in self.children.items():
            index = _index(part)
            if index is None:
                raise unknown(next(node.given()))
            indexed.append((index, node))
        return [node for _, node in sorted(indexed, key=lambda pair: pair[0])]

    def given(self) -> Iterator[str]:
        """Every full name that was given, of this node and below it."""
        if self.values:
            yield self.name
        for child in self.children.values():
            yield from child.given()

    def refuse_rest(self) -> None:
        """Make sure that everything here was understood; what is empty counts as absent.

        :raises EC2Error: ``UnknownParameter`` with the first name that was not.
        """
        if not self.taken and any(self.values):
            raise unknown(self.name)
        for child in self.children.values():
            child.refuse_rest()


def grown(pairs: Iterable[tuple[str, str]]) -> Node:
    """The tree of all parameters.

    :raises EC2Error: ``UnknownParameter``, a name is empty between its dots or has too many of them.
    """
    root = Node("")
    for name, value in pairs:
        if name.count(".") >= _MAX_PARTS:
            raise unknown(name)
        node = root
        for part in name.split("."):
            if not part:
                raise unknown(name)
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = Node(node.path(part))
            node = child
        node.values.append(value)
    return root


def unknown(name: str) -> EC2Error:
    """The error for a name that nothing is known of, in EC2's own words (aws-sdk-js issue 653)."""
    return EC2Error("UnknownParameter", f"The parameter {shown(name)} is not recognized")


def _index(part: str) -> int | None:
    # '01' would be another spelling of '1': one of them would have to be overlooked.
    if not (part.isascii() and part.isdigit()) or len(part) > _MAX_INDEX_DIGITS or (part[0] == "0" and part != "0"):
        return None
    return int(part)
