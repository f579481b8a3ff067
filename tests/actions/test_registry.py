"""What actions there are, and that each is documented."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import registry
from ec2proxy.ec2.params import names_of
from tests.actions.samples import apart, twice

DOCS = Path(__file__).parents[2] / "docs" / "actions.rst"


class RegistryTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Every action is there by the name of its class, and nothing else is."""
        found = registry.load()
        self.assertIn("DescribeInstances", found)
        for name, action in found.items():
            self.assertEqual(name, action.__name__)
            self.assertRegex(name, r"\A[A-Z][A-Za-z0-9]+\Z")

    def test_defined_here(self) -> None:
        """What a module imports, what is abstract, and what only others are made of are no actions of it."""
        self.assertEqual(set(registry.load(apart)), {"DescribeSamples", "DeleteSamples"})

    def test_twice(self) -> None:
        """The same action in two modules is a mistake, and both are named."""
        error = self.assertRaises(ValueError, registry.load, twice)
        self.assertIn("twice.one", str(error))
        self.assertIn("twice.two", str(error))

    def test_documented(self) -> None:
        """The table in the docs has a row for each action, and none for anything else."""
        rows = re.findall(r"^   \* - ``(\w+)``$", DOCS.read_text(), re.MULTILINE)
        self.assertEqual(sorted(rows), sorted(registry.load()))

    def test_parameters(self) -> None:
        """Each row names the parameters that the action takes, all of them and nothing that is none."""
        names = "|".join(registry.load())
        rows = re.split(rf"^   \* - ``({names})``$", DOCS.read_text(), flags=re.MULTILINE)[1:]
        for name, row in zip(rows[::2], rows[1::2], strict=True):
            cell = re.split(r"^     - ", row, flags=re.MULTILINE)[2]
            told = set(re.findall(r"``([A-Z][A-Za-z0-9]*)(?:\.[A-Za-z0-9.*]+)?``", cell))
            taken, inner = names_of(registry.load()[name])
            self.assertEqual(
                (taken - told - {"DryRun"}, {each for each in told - taken - inner if each not in registry.load()}),
                (set(), set()),
                name,
            )
