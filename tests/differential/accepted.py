"""The differences that are known and have a reason: differences.toml, and the table made of it in the documentation."""

import tomllib
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path

from attrs import frozen

from tests.differential.shapes import Difference

LIST = Path(__file__).with_name("differences.toml")
PAGE = Path(__file__).parents[2] / "docs" / "compatibility.rst"

_BEGIN = ".. The table is made of tests/differential/differences.toml by: make differential WRITE=1\n"
_END = ".. The end of the table.\n"


@frozen
class Accepted:
    """Differences that share a reason.

    :param actions: the actions' names.
    :param what: patterns (``*`` and ``?``) of paths, or of what was tried.
    :param moto: a pattern of what moto does.
    :param ours: a pattern of what ec2proxy does.
    :param reason: why it is so, in reStructuredText.
    """

    actions: list[str]
    what: list[str]
    moto: str
    ours: str
    reason: str

    def parts(self) -> list[tuple[str, str]]:
        """Each pair of an action and a pattern: every one has to be of use."""
        return [(action, what) for action in self.actions for what in self.what]

    def explains(self, part: tuple[str, str], difference: Difference) -> bool:
        """Whether a pair of :meth:`parts` is about this difference."""
        return (
            part[0] == difference.action
            and _matches(difference.what, part[1])
            and _matches(difference.moto, self.moto)
            and _matches(difference.ours, self.ours)
        )


def _matches(text: str, pattern: str) -> bool:
    """As fnmatch, with brackets as what they are."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def load() -> list[Accepted]:
    """The differences that are known.

    :raises TypeError: an entry lacks something, or has too much.
    """
    return [Accepted(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["difference"]]


def judge(found: Collection[Difference], accepted: Collection[Accepted]) -> tuple[list[Difference], list[str]]:
    """What was found and has no reason, and what has a reason and was not found."""
    pairs = [(entry, part) for entry in accepted for part in entry.parts()]
    unexplained = [each for each in found if not any(entry.explains(part, each) for entry, part in pairs)]
    stale = [
        f"{part[0]}: {part[1]} ({entry.moto} -> {entry.ours})"
        for entry, part in pairs
        if not any(entry.explains(part, each) for each in found)
    ]
    return sorted(unexplained), stale


def table(accepted: Collection[Accepted]) -> str:
    """The table of the documentation."""
    rows = ["Actions", "What", "moto", "ec2proxy", "Why"]
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 18 26 12 12 32", ""]
    lines += _row(rows)
    for entry in accepted:
        names = ", ".join(f"``{action}``" for action in entry.actions)
        what = ", ".join(f"``{what}``" if _is_path(what) else what for what in entry.what)
        lines += _row([names, what, _told(entry.moto), _told(entry.ours), entry.reason.strip()])
    return "\n".join(lines) + "\n"


def _is_path(what: str) -> bool:
    return what[:1].isupper() and " " not in what


def _told(outcome: str) -> str:
    return "anything" if outcome == "*" else outcome.replace("*", "\\*")


def _row(cells: list[str]) -> list[str]:
    return [f"   {'* -' if number == 0 else '  -'} {' '.join(cell.split())}" for number, cell in enumerate(cells)]


def page(accepted: Collection[Accepted]) -> str:
    """The documentation as it has to be.

    :raises ValueError: the page has no place for the table.
    """
    before, begin, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{PAGE} has no place for the table")
    return f"{before}{begin}\n{table(accepted)}\n{end}{after}"
