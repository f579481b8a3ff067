"""docs/dependencies.rst against what is declared, and against what the packages say of themselves."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parents[1]

#: What is installed along with ec2proxy, or with an extra for those who run it.
EXTRAS = ("metrics", "postgresql")

_ENTRY = re.compile(r"(?m)^(\S.*?)(?:, with its ``\w+`` extra)? \(([^)]*)\)(?:, only with the extra ``(\w+)``)?\n ")


def normal(name: str) -> str:
    """A package's name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(requirements: list[str]) -> set[str]:
    """The packages that some requirements name."""
    return {normal(re.split(r"[\[<>=;! ]", one)[0]) for one in requirements}


class DependenciesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        text = (ROOT / "docs" / "dependencies.rst").read_text()
        self.text = text
        (running, _) = text.split("To test and build\n")
        self.entries = {normal(name): (licence, extra) for name, licence, extra in _ENTRY.findall(running)}

    def test_all_told(self) -> None:
        """Each dependency of those who run it is told, with its extra, and nothing else is."""
        expected = dict.fromkeys(needed(self.project["dependencies"]), "")
        for extra in EXTRAS:
            expected.update(dict.fromkeys(needed(self.project["optional-dependencies"][extra]), extra))
        self.assertEqual({name: extra for name, (_, extra) in self.entries.items()}, expected)

    def test_tests_told(self) -> None:
        """So is each that the tests need."""
        told = {normal(word) for word in re.findall(r"[\w.-]+", self.text)}
        self.assertEqual(needed(self.project["optional-dependencies"]["test"]) - told, set())

    def test_licences(self) -> None:
        """The licences are those that the installed packages state."""
        for name, (licence, _) in self.entries.items():
            try:
                stated = metadata(name)
            except PackageNotFoundError:
                continue
            says = stated.get("License-Expression") or stated.get("License") or ""
            self.assertEqual(licence.lower(), says.lower(), name)
