"""docs/configuration.rst says of each setting what the table says.

``python -m tests.configuration.test_documentation`` prints the rows as they have to stand there.
"""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.configuration.settings import Setting, table

PAGE = Path(__file__).parents[2] / "docs" / "configuration.rst"


def row(setting: Setting) -> str:
    """A setting's row."""
    default = f"``{setting.shown}``" if setting.shown else ""
    mark = " (R)" if setting.regional else ""
    return f"   * - ``{setting.name}``{mark}\n     - {default}\n     - {setting.help}".replace(" \n", "\n")


class DocumentationTests(SynchronousTestCase):
    def test_settings(self) -> None:
        """Every setting has its row, in the table's order, and there are no others."""
        text = PAGE.read_text()
        rows = text[text.index("   * - ``") :].partition("\n\n")[0]
        self.assertEqual(rows, "\n".join(row(setting) for setting in table().values()))


if __name__ == "__main__":
    print("\n".join(row(setting) for setting in table().values()))
