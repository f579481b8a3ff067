"""The table of metrics in the documentation is the one in the code."""

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.configuration.settings import table
from ec2proxy.observing.families import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "observing.rst").read_text()

_ROW = re.compile(r"   \* - ``(ec2proxy_\w+)``\n     - (\w+)\n     -(?: (.*))?\n     - (.*)\n")


class DocumentationTests(SynchronousTestCase):
    def test_metrics(self) -> None:
        """Each metric with its kind, labels and meaning, in order, and no other."""
        told = [
            (name, kind, tuple(re.findall(r"\w+", labels)), text) for name, kind, labels, text in _ROW.findall(PAGE)
        ]
        self.assertEqual(told, [(each.name, each.kind, each.labels, each.help) for each in FAMILIES])

    def test_settings(self) -> None:
        """Each setting that concerns it is told of."""
        for name in table():
            if name.startswith(("admin-", "log-", "audit-")):
                self.assertIn(f"--{name}", PAGE)
