"""The filters of Describe actions.

'Filtering' in the EC2 user guide: the values of one filter are alternatives, all filters have to match, ``*`` stands
for any text, ``?`` for any one character, a backslash takes their meaning away; upper and lower case differ.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.params import Filter

T = TypeVar("T")

#: Filter name to what gives an item's values for it; the item matches if any of them does.
Table: TypeAlias = Mapping[str, Callable[[T], Iterable[str]]]

_TAG = "tag:"
_TAG_KEY = "tag-key"
_MAX_FILTERS = 50
_MAX_VALUES = 200
_MAX_LENGTH = 255
_SPECIAL = re.compile(r"[*?\\]")
_TOKENS = re.compile(r"\\.|\*+|.", re.DOTALL)


def matcher(
    filters: Sequence[Filter], table: Table[T], tags: Callable[[T], Mapping[str, str]] | None = None
) -> Callable[[T], bool]:
    """What tells whether an item passes all filters.

    :param table: the filters that there are, but for those on tags.
    :param tags: gives an item's tags, for ``tag:KEY`` and ``tag-key``; None where items have none.
    :raises EC2Error: ``InvalidParameterValue``, a filter that is not known, has no value, or too much of something.
    """
    if len(filters) > _MAX_FILTERS:
        raise _invalid(f"There are more than {_MAX_FILTERS} filters.")
    tests = [(_source(one.name, table, tags), _values_test(one)) for one in filters]

    def matches(item: T) -> bool:
        return all(any(map(test, source(item))) for source, test in tests)

    return matches


def exact(one: Filter) -> frozenset[str] | None:
    """The values of a filter, where an item matches it that has just one of these; None where any is a pattern."""
    return None if any(map(_SPECIAL.search, one.values)) else frozenset(one.values)


def _source(name: str, table: Table[T], tags: Callable[[T], Mapping[str, str]] | None) -> Callable[[T], Iterable[str]]:
    """What gives the values of an item that a filter looks at."""
    source = table.get(name)
    if source is not None:
        return source
    if tags is not None and name == _TAG_KEY:
        return tags
    if tags is not None and name.startswith(_TAG) and len(name) > len(_TAG):
        return _tag_values(tags, name[len(_TAG) :])
    raise _invalid(f"The filter '{shown(name)}' is invalid")


def _tag_values(tags: Callable[[T], Mapping[str, str]], key: str) -> Callable[[T], Iterable[str]]:
    def values(item: T) -> Iterable[str]:
        value = tags(item).get(key)
        return () if value is None else (value,)

    return values


def _values_test(one: Filter) -> Callable[[str], bool]:
    """What tells whether a text is one of a filter's values."""
    if not one.values:
        raise _invalid(f"The filter '{shown(one.name)}' has no value.")
    if len(one.values) > _MAX_VALUES:
        raise _invalid(f"The filter '{shown(one.name)}' has more than {_MAX_VALUES} values.")
    if any(len(value) > _MAX_LENGTH for value in one.values):
        raise _invalid(f"The filter '{shown(one.name)}' has a value of more than {_MAX_LENGTH} characters.")
    exact = frozenset(value for value in one.values if not _SPECIAL.search(value))
    patterns = [_pattern(value) for value in one.values if value not in exact]

    def test(text: str) -> bool:
        return text in exact or any(pattern.fullmatch(text) for pattern in patterns)

    return test


def _pattern(value: str) -> re.Pattern[str]:
    """A value with wildcards as a regular expression that takes no more than quadratic time.

    What stands between two stars is looked for where it comes first and never again further on: nothing is lost by
    that, and many stars cost no more than one.
    """
    pieces = [""]
    for token in _TOKENS.findall(value):
        if token[0] == "*":
            pieces.append("")
        elif token == "?":
            pieces[-1] += "."
        else:
            # A backslash at the very end stands for itself.
            pieces[-1] += re.escape(token[1:] if len(token) == 2 else token)
    if len(pieces) == 1:
        return re.compile(pieces[0], re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
    return re.compile(f"{pieces[0]}{middle}.*{pieces[-1]}", re.DOTALL)


def _invalid(message: str) -> EC2Error:
    return EC2Error("InvalidParameterValue", message)
