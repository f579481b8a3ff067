"""TOML with lines."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.toml import Document, TomlError

TEXT = """\
# a comment with a = b
title = "x # no comment"  # one
numbers = [
  1,  # [
  2,
]
'quoted key' = '''
not = "a key"
'''
a.b.c = { inner = [1, 2], other = "}" }

[table]
"d.e" = \"\"\"
[header] \"\" \\\"\"\" x
\"\"\"
key = 1

[[account]]
name = 'one'
[account.regions.west]
user = "u"

[[account]]
name = 'two'
[[account.deep]]
x = 1
[[account.deep]]
x = 2
[x.y]
z = 2026-01-01T00:00:00Z"""


class LineTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Tables and keys have the line where they begin, whatever stands within values."""
        document = Document.of(TEXT)
        self.assertEqual(document.values, tomllib.loads(TEXT))
        for line, path in (
            (2, ("title",)),
            (3, ("numbers",)),
            (7, ("quoted key",)),
            (10, ("a", "b", "c")),
            (12, ("table",)),
            (13, ("table", "d.e")),
            (16, ("table", "key")),
            (18, ("account", 0)),
            (19, ("account", 0, "name")),
            (20, ("account", 0, "regions", "west")),
            (21, ("account", 0, "regions", "west", "user")),
            (23, ("account", 1)),
            (24, ("account", 1, "name")),
            (26, ("account", 1, "deep", 0, "x")),
            (28, ("account", 1, "deep", 1, "x")),
            (29, ("x", "y")),
            (30, ("x", "y", "z")),
        ):
            self.assertEqual(document.line(*path), line, path)

    def test_nearest(self) -> None:
        """What has no line has that of what is around it."""
        document = Document.of(TEXT)
        self.assertEqual(document.line("a", "b", "c", "inner", 1), 10)
        self.assertEqual(document.line("account", 1, "missing"), 23)
        self.assertEqual(document.line("nothing"), 1)

    def test_line_ends(self) -> None:
        """Windows' line ends count once."""
        self.assertEqual(Document.of(TEXT.replace("\n", "\r\n")).line("x", "y", "z"), 30)

    def test_wrong(self) -> None:
        """What is not TOML has a line, too."""
        for text, line in (("a = 1\nb = \n", 2), ('a = 1\n\nb = "', 3), ("a = 1\na = 2\n", 2), ("[a]\n[a]", 2)):
            error = self.assertRaises(TomlError, Document.of, text)
            self.assertEqual(error.line, line, text)
            self.assertNotIn("line", str(error))


KEYS = st.text("abz-_19", min_size=1, max_size=5) | st.text(max_size=4).filter(lambda text: "\x7f" not in text)
SCALARS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.text("ab#[]{}=\"'\\\n\t ", max_size=12)
    | st.lists(st.text("a#[]\"'\n", max_size=4), max_size=3)
)


def quoted(text: str) -> str:
    """A basic string."""
    special = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(special.get(c, c if c >= " " else f"\\u{ord(c):04x}") for c in text) + '"'


def written(value: Any) -> str:
    """A value, in one of its forms."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[\n" + "".join(f"  {written(each)},  # ]\n" for each in value) + "]"
    if isinstance(value, str):
        if "'" not in value and "\n" in value:
            return f"'''\n{value}'''"
        return quoted(value)
    return str(value)


class AnyTests(SynchronousTestCase):
    @given(st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS, max_size=4), max_size=4))
    def test_any(self, tables: dict[str, dict[str, Any]]) -> None:
        """Whatever the values are, each key is found in the line that begins with it."""
        lines: list[str] = []
        wanted = {}
        for table, values in tables.items():
            lines += [f"[{quoted(table)}] # {table!a}", ""]
            wanted[(table,)] = len(lines) - 1
            for key, value in values.items():
                wanted[table, key] = len(lines) + 1
                lines += f"{quoted(key)} = {written(value)}".split("\n")
        document = Document.of("\n".join(lines))
        self.assertEqual(document.values, tables)
        self.assertEqual(document.lines, wanted)
