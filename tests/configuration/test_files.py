"""The configuration file: the same names as on the command line, and mistakes with file, line and key."""

import os
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.configuration.configuration import Configuration, Source
from ec2proxy.configuration.kinds import SIZE, number
from ec2proxy.configuration.reading import ConfigurationError
from ec2proxy.configuration.settings import Settings, table
from ec2proxy.model import Backend

ACCOUNT = """
[[account]]
access_key = "AKIA"
secret_key = "hush"
user = "u"
password = "hush"
"""
REGIONS = """
timeout = 30

[regions.west]
url = "http://west.example/api"
driver = "ec2"
provider = "us-west-1"
freshness = 5

[regions.east]
url = "http://east.example/api"
timeout = 10

[regions.test]
url = "mock"
"""


class FileTestCase(SynchronousTestCase):
    """A test that reads configurations."""

    def file(self, text: str) -> str:
        """A file that nobody else may read."""
        path = Path(self.mktemp()).absolute()
        path.touch(0o600)
        path.write_text(text)
        return str(path)

    def read(self, text: str, **options: str) -> Configuration:
        """What comes of a file and a command line."""
        return self.source(text, **options).read()

    def source(self, text: str, **options: str) -> Source:
        """The two."""
        self.path = self.file(text)
        return Source({name.replace("_", "-"): [value] for name, value in options.items()}, self.path)

    def mistakes(self, text: str, **options: str) -> list[str]:
        """What is wrong, with the file's name left out."""
        error = self.assertRaises(ConfigurationError, self.read, text, **options)
        self.assertEqual(str(error), error.mistakes[0])
        return [mistake.replace(f"{self.path}:", "") for mistake in error.mistakes]


class SettingTests(FileTestCase):
    """Settings in the file."""

    def test_values(self) -> None:
        """Numbers, texts and lists are what TOML has for them; one endpoint needs no list."""
        found = self.read('freshness = 2\ndrain = 1.5\nfrontends = ["ec2"]\nlisten = ["tcp:80", "tcp:81"]\nworkers = 2')
        settings = found.settings
        self.assertEqual((settings.freshness, settings.drain, settings.workers), (2.0, 1.5, 2))
        self.assertEqual((settings.frontends, settings.listen), ({"ec2"}, ("tcp:80", "tcp:81")))
        self.assertEqual(self.read('listen = "tcp:80"\nfrontends = "ec2,deltacloud"').settings.listen, ("tcp:80",))

    def test_command_line_wins(self) -> None:
        """What both say, the command line says."""
        settings = self.read('freshness = 2\ndrain = 3\nlisten = "tcp:80"', freshness="7", listen="tcp:81").settings
        self.assertEqual((settings.freshness, settings.drain, settings.listen), (7.0, 3.0, ("tcp:81",)))

    def test_all_mistakes(self) -> None:
        """Each is named with line and key; a name that is nearly right is told."""
        text = 'freshnes = 1\ntimeout = "5"\n\nlisten = []\nfrontends = ["ec3"]\nstate-key = true\ndrain = -1'
        self.assertEqual(
            self.mistakes(text, state="oracle://x"),
            [
                "1: freshnes: this is not known; did you mean freshness?",
                "2: timeout: it is not a number of seconds",
                "4: listen: it is not an endpoint, or a list of them",
                "5: frontends: 'ec3' is none of ec2, deltacloud",
                "6: state-key: it is not the name of a file",
                "7: drain: '-1' is not a number of seconds, 0 or more",
                "--state: oracle: is not known; there are memory:, sqlite:///FILE, a FILE,"
                " postgresql+psycopg://USER@HOST/DATABASE",
            ],
        )

    def test_unreadable(self) -> None:
        """A file that is not there, not TOML, or not even text."""
        error = self.assertRaises(ConfigurationError, Source({}, "/no/such").read)
        self.assertEqual(str(error), "--config: /no/such: No such file or directory")
        self.assertEqual(self.mistakes("a = 1\nb ="), ["2: Invalid value"])
        self.path = self.file("")
        Path(self.path).write_bytes(b"\xff")
        self.assertRaises(ConfigurationError, Source({}, self.path).read)

    def test_accounts(self) -> None:
        """Mistakes in the accounts file say where in both files."""
        accounts = self.file(ACCOUNT + "enable = false")
        (mistake,) = self.mistakes(f'\naccounts = "{accounts}"')
        self.assertEqual(
            mistake, f"2: accounts: {accounts}:7: account 1: unknown key 'enable'; did you mean 'enabled'?"
        )

    def test_trying(self) -> None:
        """A check finds out whether the state can be had, and makes nothing."""
        folder = self.mktemp()
        os.mkdir(folder)
        source = self.source("", state=f"{folder}/state")
        source.read(trying=True)
        self.assertEqual(os.listdir(folder), [])
        source = self.source(f'state = "{folder}/nowhere/state"')
        source.read()
        error = self.assertRaises(ConfigurationError, source.read, trying=True)
        self.assertIn(":1: state: ", str(error))
        self.assertIn("nowhere: No such file or directory", str(error))
        Path(folder, "state.key").write_text("no key")
        self.assertRaises(ConfigurationError, self.source("", state=f"{folder}/state").read, trying=True)

    def test_no_server(self) -> None:
        """A database server that is not there is found out, too."""
        source = self.source("", state="postgresql://u@127.0.0.1:9/x", state_key="/no/such/key")
        error = self.assertRaises(ConfigurationError, source.read, trying=True)
        self.assertIn("--state: postgresql+psycopg://u@127.0.0.1:9/x: ", str(error))


class RegionTests(FileTestCase):
    """Regions in the file."""

    def test_regions(self) -> None:
        """Each has its own settings, and what it does not say from the rest; the first is the default."""
        found = self.read(REGIONS)
        west, east, test = found.regions
        self.assertEqual([region.name for region in found.regions], ["west", "east", "test"])
        self.assertEqual(west.backend, Backend("http://west.example/api", "ec2", "us-west-1", 30.0))
        self.assertEqual(east.backend, Backend("http://east.example/api", timeout=10.0))
        self.assertEqual((west.settings.freshness, east.settings.freshness), (5.0, 1.0))
        self.assertIsNone(test.backend)
        self.assertEqual({region.any_name for region in found.regions}, {False})
        self.assertEqual(found.state, "sqlite:///ec2proxy.sqlite")
        self.assertIsNone(found.accounts.lookup("mockuser"))

    def test_default(self) -> None:
        """The default is named, and is one of them."""
        regions = self.read('default-region = "east"' + REGIONS).regions
        self.assertEqual([region.name for region in regions], ["east", "west", "test"])
        self.assertEqual(
            self.mistakes('default-region = "eats"' + REGIONS),
            ["1: default-region: 'eats' is none of west, east, test; did you mean east?"],
        )
        self.assertIn("no [regions.NAME]", self.mistakes('default-region = "east"')[0])

    def test_mistakes(self) -> None:
        """Names, urls, and what a region cannot have."""
        for text, mistake in (
            ("[regions]", "1: regions: it is not a table of regions: write [regions.NAME]"),
            ("[regions.a]", "1: regions.a: it needs a url: that of a Deltacloud API, or mock"),
            ('[regions."a/b"]\nurl="mock"', "1: regions.a/b: a region's name has small letters"),
            ('[regions.West]\nurl="mock"', "1: regions.West: a region's name has small letters"),
            ('[regions.a]\nurl="mock"\ndrain=1', "3: regions.a.drain: this is not known"),
            ('[regions.a]\nurl="mock"\n\ntimeout=0', "4: regions.a.timeout: it must be more than 0 seconds"),
            ('[regions.a]\nurl="mock"\ndriver="x"', "2: regions.a.url: an embedded cloud has neither driver"),
            ('[regions.a]\nurl="ftp://x"', "2: regions.a.url: no driver takes the backend URL"),
            ('backend="mock"\n[regions.a]\nurl="mock"', "1: backend: each of the regions has its own url"),
        ):
            self.assertTrue(self.mistakes(text)[0].startswith(mistake), (text, self.mistakes(text)))

    def test_accounts(self) -> None:
        """An account's region that is not there is a mistake; a cloud that takes any name knows all."""
        accounts = self.file(ACCOUNT + '[account.regions.wets]\nuser = "u"\npassword = "hush"')
        (mistake,) = self.mistakes(REGIONS, accounts=accounts)
        self.assertEqual(
            mistake, "--accounts: the account AKIA has a region 'wets' that is not there; did you mean west?"
        )
        self.read("", accounts=accounts)

    def test_renewed(self) -> None:
        """A running daemon takes accounts and regions; a region is another one only by what is its own."""
        present = self.read(REGIONS)
        found = self.read("drain = 7\n" + REGIONS.replace("timeout = 10", "timeout = 11"))
        renewed = present.renewed(found)
        self.assertEqual(renewed.settings, present.settings)
        self.assertEqual(renewed.regions[0], present.regions[0])
        self.assertNotEqual(renewed.regions[1], present.regions[1])
        self.assertEqual(present.differences(found), ["drain"])


class TableTests(SynchronousTestCase):
    """The table of settings."""

    def test_defaults(self) -> None:
        """A default is what its text makes of it, on the command line and in the file."""
        defaults = Settings()
        for name, setting in table().items():
            default: Any = getattr(defaults, name.replace("-", "_"))
            if default and setting.shown and name not in ("listen", "backend", "admin-hosts"):
                self.assertEqual(setting.kind.read(setting.shown), default, name)
            self.assertEqual(evolve(defaults, **{name.replace("-", "_"): default}), defaults)

    def test_kinds(self) -> None:
        """Sizes and whole numbers."""
        self.assertEqual([SIZE.read(text) for text in ("5", "5B", "2KiB", "3 GiB")], [5, 5, 2048, 3 << 30])
        self.assertEqual(SIZE.from_toml(5), 5)
        for text in ("", "5MB", "-1", "1.5GiB", "KiB"):
            self.assertRaises(ValueError, SIZE.read, text)
        self.assertEqual(number(1).read("1"), 1)
        for text in ("0", "x", "1.0", ""):
            self.assertRaises(ValueError, number(1).read, text)
        self.assertRaises(ValueError, number(1).from_toml, True)
