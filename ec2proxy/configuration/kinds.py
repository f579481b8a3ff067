"""Kinds of settings: how each is read from a text of the command line, and what it is in TOML."""

import os
import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import frozen
from twisted.internet.endpoints import serverFromString

from ec2proxy.private import CREDENTIAL, credential_path

T = TypeVar("T")


def the_reactor() -> Any:
    """The process's reactor, installed at the latest now."""
    from twisted.internet import reactor

    return reactor


@frozen
class Kind(Generic[T]):
    """A kind of setting.

    :param noun: what it is, for documentation and messages: ``a number of seconds``.
    :param toml: the types that it may have in TOML.
    :param read: makes it from a text; raises ValueError with a message that shows the text, if it is not secret.
    :param many: the setting is a list of such, an option that may be given several times.
    """

    noun: str
    toml: tuple[type, ...]
    read: Callable[[str], T]
    many: bool = False

    def from_toml(self, value: Any) -> T:
        """Make it from a value of TOML; of an array, the texts with commas between them.

        :raises ValueError: it cannot be made.
        """
        # To Python, true is a whole number. No setting is a mere yes or no.
        if not isinstance(value, self.toml) or isinstance(value, bool):
            raise ValueError(f"it is not {self.noun}")
        if isinstance(value, list):
            if not all(isinstance(one, str) for one in value):
                raise ValueError(f"it is not {self.noun}")
            return self.read(",".join(value))
        return self.read(str(value))


def _text(text: str) -> str:
    return text


def _seconds(text: str, more: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds, 0 or more")
    if more and value == 0:
        raise ValueError("it must be more than 0 seconds")
    return value


_SIZE = re.compile(r"(\d{1,15}) *(B|KiB|MiB|GiB|TiB)?")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a size: 4096, 64MiB, 2GiB")
    return int(found[1]) << 10 * _UNITS.index(found[2] or "B")


def _endpoint(text: str) -> str:
    try:
        serverFromString(the_reactor(), text)
    except (ValueError, TypeError, KeyError, IndexError, OSError) as error:
        raise ValueError(f"{text!r} is not an endpoint: {error}") from None
    return text


def _file(text: str) -> str:
    if text.startswith(CREDENTIAL):
        return credential_path(text)
    if not text:
        raise ValueError("it is not the name of a file")
    # A daemon may change its directory, and reads some files again later.
    return os.path.abspath(text)


def _workers(text: str) -> int:
    if text == "auto":
        # A container may have fewer than the machine.
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return number(1).read(text)


TEXT = Kind("a text", (str,), _text)
SECONDS = Kind("a number of seconds", (int, float), _seconds)
MORE_SECONDS = Kind("a number of seconds", (int, float), lambda text: _seconds(text, True))
SIZE = Kind("a size", (int, str), _size)
ENDPOINTS = Kind("an endpoint, or a list of them", (str,), _endpoint, many=True)
WORKERS = Kind("a whole number or auto", (int, str), _workers)
FILE = Kind("the name of a file", (str,), _file)


LOG = Kind("the name of a file, or - for standard output", (str,), lambda text: text if text == "-" else _file(text))
NAMES = Kind("a list of names", (str, list), lambda text: frozenset(name.strip() for name in text.split(",")) - {""})


def number(least: int) -> Kind[int]:
    """A whole number of at least that."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,15}", text) or int(text) < least:
            raise ValueError(f"{text!r} is not a whole number, {least} or more")
        return int(text)

    return Kind("a whole number", (int,), read)


def choice(*names: str) -> Kind[str]:
    """One of some names."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is none of {', '.join(names)}")
        return text

    return Kind(f"one of {', '.join(names)}", (str,), read)


def some_of(*names: str) -> Kind[frozenset[str]]:
    """One or several of some names."""

    def read(text: str) -> frozenset[str]:
        chosen = frozenset(name.strip() for name in text.split(","))
        if unknown := chosen - set(names):
            raise ValueError(f"{min(unknown)!r} is none of {', '.join(names)}")
        return chosen

    return Kind(f"a list of {', '.join(names)}", (str, list), read)
