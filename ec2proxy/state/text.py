"""How names and values become the texts that every store can keep."""

import json
from collections.abc import Mapping

MOST_NAMES = 2000
"""How long a scope, a kind and a key may be together, in characters of ASCII: PostgreSQL's index takes 2,700 bytes."""


def encode(value: Mapping[str, object]) -> str:
    """A value as JSON.

    :raises TypeError: JSON cannot hold it.
    """
    return json.dumps(dict(value), separators=(",", ":"))


def decode(text: str) -> Mapping[str, object]:
    """What :func:`encode` made a text of."""
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def escape(name: str) -> str:
    """A name in ASCII without control characters: PostgreSQL refuses NUL, SQLite half a surrogate pair."""
    return json.dumps(name)[1:-1]


def unescape(name: str) -> str:
    """What :func:`escape` made a name of."""
    return str(json.loads(f'"{name}"'))


def row(kind: str, scope: str, key: str) -> tuple[str, str, str]:
    """The names of one value, escaped.

    :raises ValueError: they are longer than a database's index takes.
    """
    names = escape(kind), escape(scope), escape(key)
    if sum(map(len, names)) > MOST_NAMES:
        raise ValueError("the names of a value are too long to be kept")
    return names
