"""docs/configuration.rst says of each setting what the table says.

``python -m tests.configuration.test_documentation`` puts the rows there as they have to stand.
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


def present() -> str:
    """The rows that stand there."""
    text = PAGE.read_text()
    return text[text.index("   * - ``") :].partition("\n\n")[0]


def wanted() -> str:
    """The rows that should."""
    return "\n".join(row(setting) for setting in table().values())


class DocumentationTests(SynchronousTestCase):
    def test_settings(self) -> None:
        """Every setting has its row, in the table's order, and there are no others."""
        self.assertEqual(present(), wanted())


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().replace(present(), wanted()))
