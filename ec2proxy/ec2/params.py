"""Request parameters, declared as fields of attrs classes and bound strictly: never a guess.

An action declares what it takes::

    @frozen
    class RunInstances:
        ACCEPTED = {"EbsOptimized": "a hint that no backend has a use for"}
        image_id: str = text("ImageId", required=True)
        min_count: int = integer("MinCount", minimum=1, required=True)
        placement: Placement = structure("Placement", Placement)
        tags: tuple[TagSpecification, ...] = structures("TagSpecification", TagSpecification)

and :func:`bind` makes one out of the form. A parameter that nothing declares is an error, since a client whose
``InstanceId`` was overlooked would be told of, and then act on, all instances.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import attrs
from attrs import frozen

from ec2proxy.ec2.errors import EC2Error, invalid_value, shown
from ec2proxy.ec2.parameter_kinds import Boolean, Integer, Kind, Text
from ec2proxy.ec2.parameter_tree import Node, grown

T = TypeVar("T")

_METADATA = "ec2proxy.parameter"

# What belongs to the protocol and to signatures, and is dealt with before an action sees its parameters.
_PROTOCOL = frozenset(
    {
        "Action",
        "Version",
        "AWSAccessKeyId",
        "Expires",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "Timestamp",
    }
)
_PRESIGNED = "X-Amz-"


def text(
    name: str,
    *spellings: str,
    required: bool = False,
    default: str | None = "",
    max_length: int = 1024,
    secret: bool = False,
) -> Any:
    """A field of type ``str``.

    :param spellings: other names it goes by, dotted ones too (boto2 sends ``InstanceId.1`` for one instance).
    :param max_length: characters; a longer value is an error.
    :param secret: keep the value out of messages and of the repr.
    """
    return _field(_One((name, *spellings), required, Text(max_length, secret)), default, visible=not secret)


def integer(
    name: str,
    *spellings: str,
    minimum: int | None = None,
    maximum: int | None = None,
    required: bool = False,
    default: int | None = None,
) -> Any:
    """A field of type ``int``, or ``int | None`` where the default is None; the bounds are included."""
    return _field(_One((name, *spellings), required, Integer(minimum, maximum)), default)


def boolean(name: str, *spellings: str, required: bool = False, default: bool | None = False) -> Any:
    """A field of type ``bool``: ``true`` and ``false`` in any case, ``1`` and ``0``."""
    return _field(_One((name, *spellings), required, Boolean()), default)


def texts(name: str, *spellings: str, required: bool = False, max_length: int = 1024, empty: bool = False) -> Any:
    """A field of type ``tuple[str, ...]``: ``Name.1``, ``Name.0``, with gaps, in any order, or ``Name=x`` unindexed.

    :param empty: whether an element may be empty. It is an error otherwise, since a list of ids that lost its only
        id would mean all of them.
    """
    return _field(_Many((name, *spellings), required, Text(max_length), empty), ())


def structure(name: str, cls: type[Any]) -> Any:
    """A field that is an instance of ``cls``, of which every field has a default: ``Placement.AvailabilityZone``."""
    if any(one.default is attrs.NOTHING for one in attrs.fields(cls)):
        raise TypeError(f"{cls.__name__} cannot be absent: it has a field without a default")
    return attrs.field(factory=cls, kw_only=True, metadata={_METADATA: _Structure((name,), cls)})


def structures(name: str, cls: type[Any], *spellings: str, required: bool = False) -> Any:
    """A field of type ``tuple[cls, ...]``, ``TagSpecification.N``; in the order of its indices."""
    return _field(_Structures((name, *spellings), required, cls), ())


def bind(cls: type[T], pairs: Iterable[tuple[str, str]]) -> T:
    """Make a request out of a form.

    An empty value means that the parameter is absent, but for the elements of a list.

    :param cls: an attrs class whose fields were made by the functions above. Its ``ACCEPTED`` maps the names of
        parameters that are taken and ignored (``Foo``, or ``Foo.*`` for all that begins so) to the reason why.
    :raises EC2Error: ``UnknownParameter``, ``MissingParameter``, ``InvalidParameterValue``, or
        ``InvalidParameterCombination`` for what is given twice.
    """
    accepted: Mapping[str, str] = getattr(cls, "ACCEPTED", {})
    tree = grown(pair for pair in pairs if not _is_protocol(pair[0]) and not _is_accepted(pair[0], accepted))
    bound: T = _bound(cls, tree)
    return bound


def names_of(cls: type[Any]) -> tuple[frozenset[str], frozenset[str]]:
    """What a request class takes: the names of its parameters, up to the first dot, and those within structures.

    :returns: the outer ones, those that are accepted and ignored included, and the inner ones.
    """
    outer = {name.partition(".")[0] for name in getattr(cls, "ACCEPTED", {})}
    inner: set[str] = set()
    for attribute in attrs.fields(cls):
        declared: _Declared = attribute.metadata[_METADATA]
        outer.add(declared.spellings[0].partition(".")[0])
        structure_class = getattr(declared, "cls", None)
        if structure_class is not None:
            inner.update(*names_of(structure_class))
    return frozenset(outer), frozenset(inner)


def single(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    """The value of a parameter of the protocol, ``Action``; None when it is absent.

    :raises EC2Error: ``InvalidParameterCombination``, it is there twice.
    """
    found = [value for key, value in pairs if key == name]
    if len(found) > 1:
        raise EC2Error("InvalidParameterCombination", f"The parameter {name} was given more than once.")
    return found[0] if found else None


def _is_protocol(name: str) -> bool:
    return name in _PROTOCOL or name.startswith(_PRESIGNED)


def _is_accepted(name: str, accepted: Mapping[str, str]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith(".*") else name == one for one in accepted)


class _Declared(Protocol):
    """What a field says about itself."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """The names it goes by, the usual one first."""

    @property
    def required(self) -> bool:
        """Whether a request without it is an error."""

    def take(self, node: Node) -> object:
        """The value of the parameter that ``node`` is; None if it is absent."""


@frozen
class _One:
    spellings: tuple[str, ...]
    required: bool
    kind: Kind

    def take(self, node: Node) -> object:
        value = node.one()
        return None if value is None else self.kind.read(node.name, value)


@frozen
class _Many:
    spellings: tuple[str, ...]
    required: bool
    kind: Text
    empty: bool

    def take(self, node: Node) -> tuple[str, ...] | None:
        items = node.items()
        if node.values and items:
            raise EC2Error(
                "InvalidParameterCombination",
                f"The parameters {shown(node.name)} and {shown(items[0].name)} may not be given together.",
            )
        node.taken = True
        return (
            tuple(self._element(item.name, item.leaf()) for item in items)
            or tuple(self._element(node.name, value) for value in node.values)
            or None
        )

    def _element(self, name: str, value: str | None) -> str:
        if not value and not self.empty:
            raise invalid_value(name, "", "It must not be empty.")
        return self.kind.read(name, value or "")


@frozen
class _Structure:
    spellings: tuple[str, ...]
    cls: type[Any]
    required: ClassVar[bool] = False

    def take(self, node: Node) -> object:
        return _bound(self.cls, node)


@frozen
class _Structures:
    spellings: tuple[str, ...]
    required: bool
    cls: type[Any]

    def take(self, node: Node) -> tuple[object, ...] | None:
        return tuple(_bound(self.cls, item) for item in node.items()) or None


def _field(declared: _Declared, default: Any, *, visible: bool = True) -> Any:
    if declared.required:
        default = attrs.NOTHING
    return attrs.field(default=default, kw_only=True, repr=visible, metadata={_METADATA: declared})


def _bound(cls: type[Any], tree: Node) -> Any:
    found = {}
    missing = []
    for attribute in attrs.fields(cls):
        declared: _Declared = attribute.metadata[_METADATA]
        value = _taken(declared, tree)
        if value is not None:
            found[attribute.name] = value
        elif declared.required:
            missing.append(tree.path(declared.spellings[0]))
    # A parameter that is missing is often one that was misspelt: that tells more.
    tree.refuse_rest()
    if missing:
        raise EC2Error("MissingParameter", f"The request must contain the parameter {missing[0]}")
    return cls(**found)


def _taken(declared: _Declared, tree: Node) -> object:
    """The value of a parameter, in whichever spelling it came; None if it is absent."""
    found = []
    for spelling in declared.spellings:
        node = tree.at(spelling)
        value = None if node is None else declared.take(node)
        if value is not None:
            found.append((tree.path(spelling), value))
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        raise EC2Error("InvalidParameterCombination", f"The parameters {names} may not be given together.")
    return found[0][1] if found else None


@frozen
class Filter:
    """One filter of a Describe action: its name, and the values of which one has to match."""

    name: str = text("Name", required=True)
    values: tuple[str, ...] = texts("Value", empty=True)
