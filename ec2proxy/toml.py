"""TOML with the lines that its keys stand in, so that a mistake can be shown where it is.

The standard library's reader tells no lines, and neither do those that keep comments. It has refused whatever is not
TOML before anything here looks at the text.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

Path = tuple[str | int, ...]
"""The way to a value: keys of tables, and indexes (from 0) of arrays of tables."""

_PLACE = re.compile(r" ?\(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*(?:(?P<bare>[A-Za-z0-9_-]+)|(?P<quoted>"(?:[^"\\]|\\.)*"|'[^']*'))[ \t]*""")
# What a value's end cannot be told without: texts, comments and brackets.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*|[\[\]{}\n]",
    re.DOTALL,
)


class TomlError(ValueError):
    """A text is not TOML.

    :ivar line: where, from 1.
    """

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


@frozen
class Document:
    """A TOML document.

    :param values: as :mod:`tomllib` gives them.
    :param lines: the line of each table and each key, from 1; not of what stands within a value.
    """

    values: dict[str, Any]
    lines: Mapping[Path, int]

    @classmethod
    def of(cls, text: str) -> "Document":
        """Read a text.

        :raises TomlError: it is not TOML.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            why = str(error)
            place = _PLACE.search(why)
            last = text.count("\n") + 1
            line = int(place["line"]) if place is not None and place["line"] else last
            raise TomlError(line, _PLACE.sub("", why)) from None
        return cls(values, _Lines(text).found)

    def line(self, *path: str | int) -> int:
        """The line of a value, or of the nearest thing around it whose line is known; 1 if there is none."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Lines:
    """Walks over a valid document, statement by statement.

    :ivar found: the lines.
    """

    def __init__(self, text: str) -> None:
        # As tomllib counts them.
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._table: Path = ()
        self._arrays: dict[Path, int] = {}
        self.found: dict[Path, int] = {}
        self._take(_BLANK.match)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                self._header()
            else:
                self._pair()
            self._take(_BLANK.match)

    def _take(self, match: Callable[[str, int], re.Match[str] | None]) -> re.Match[str]:
        taken = match(self._text, self._at)
        assert taken is not None
        self._line += taken[0].count("\n")
        self._at = taken.end()
        return taken

    def _keys(self) -> list[str]:
        """The keys of a dotted one."""
        keys = []
        while True:
            key = self._take(_KEY.match)
            keys.append(key["bare"] or next(iter(tomllib.loads(f"{key['quoted']}=0"))))
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _header(self) -> None:
        """``[table]`` or ``[[array of tables]]``."""
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        line = self._line
        *above, last = self._keys()
        self._at += 2 if array else 1
        path: Path = ()
        for key in above:
            path = self._element((*path, key))
            self.found.setdefault(path, line)
        path = (*path, last)
        if array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            self.found.setdefault(path, line)
            path = self._element(path)
        self._table = path
        self.found[path] = line

    def _element(self, path: Path) -> Path:
        """The last element of an array of tables; any other table as it is."""
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _pair(self) -> None:
        """``key = value``."""
        path = self._table
        line = self._line
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self._at += 1
        depth = 0
        while (token := _TOKEN.search(self._text, self._at)) is not None:
            self._line += token[0].count("\n")
            self._at = token.end()
            depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
            if token[0] == "\n" and depth == 0:
                return
        self._at = len(self._text)
