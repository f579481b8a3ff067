"""Tests of the command line: every option, its default, and each mistake as one line."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.configuration.configuration import Configuration
from ec2proxy.configuration.settings import LISTEN
from ec2proxy.model import Backend, Credentials
from ec2proxy.options import Options

URL = "http://cloud.example:3001/api"


class OptionsTestCase(SynchronousTestCase):
    """A test that reads command lines."""

    def parse(self, *arguments: str) -> Configuration:
        """Read one, and give what comes of it."""
        options = Options()
        options.parseOptions(arguments)
        return options.configuration

    def assert_refused(self, *arguments: str, says: str) -> None:
        """It is refused with one line, which begins with our name."""
        refusal = self.assertRaises(SystemExit, self.parse, *arguments)
        line = str(refusal.code)
        self.assertTrue(line.startswith("ec2proxy: "), line)
        self.assertEqual(len(line.splitlines()), 1)
        self.assertIn(says, line)

    def file(self, text: str, mode: int = 0o600) -> str:
        """A file with that content."""
        path = Path(self.mktemp())
        path.touch(0o600)
        path.write_text(text)
        path.chmod(mode)
        return str(path)


class RightTests(OptionsTestCase):
    """What can be said."""

    def test_defaults(self) -> None:
        """Without options: everything, on the embedded cloud, whose user is known in both ways."""
        found = self.parse()
        (region,) = found.regions
        self.assertEqual((region.name, region.backend, region.any_name), ("deltacloud", None, True))
        settings = found.settings
        self.assertEqual(settings.frontends, {"ec2", "deltacloud"})
        self.assertEqual(settings.listen, (LISTEN,))
        self.assertEqual((settings.freshness, settings.timeout, settings.drain), (1.0, 60.0, 20.0))
        account = found.accounts.lookup("mockuser")
        assert account is not None
        self.assertEqual((account.secret_key, account.credentials.user), ("mockpassword", "mockuser"))

    def test_backend(self) -> None:
        """A Deltacloud server, and what is asked of it. Nobody has an account there."""
        found = self.parse(f"--backend={URL}", "--driver=ec2", "--provider=eu-west-1", "--timeout=5")
        self.assertEqual(found.regions[0].backend, Backend(URL, "ec2", "eu-west-1", 5.0))
        self.assertIsNone(found.accounts.lookup("mockuser"))

    def test_short_names(self) -> None:
        """Some options have short names."""
        found = self.parse("-b", URL, "-f", "ec2", "-l", "tcp:80")
        settings = found.settings
        self.assertEqual((settings.backend, settings.frontends, settings.listen), (URL, {"ec2"}, ("tcp:80",)))

    def test_frontends(self) -> None:
        """Blanks around names do not matter."""
        self.assertEqual(self.parse("--frontends= ec2 , deltacloud ").settings.frontends, {"ec2", "deltacloud"})

    def test_listen(self) -> None:
        """Several endpoints replace the default one."""
        endpoints = ("tcp:80", "unix:/run/ec2proxy.sock")
        self.assertEqual(self.parse(*(f"--listen={text}" for text in endpoints)).settings.listen, endpoints)

    def test_seconds(self) -> None:
        """Freshness and drain may be 0."""
        settings = self.parse("--freshness=0", "--drain=0").settings
        self.assertEqual((settings.freshness, settings.drain), (0.0, 0.0))

    def test_accounts(self) -> None:
        """The accounts file is read."""
        path = self.file('[[account]]\naccess_key = "A"\nsecret_key = "s"\nuser = "u"\npassword = "p"\n')
        account = self.parse(f"--accounts={path}").accounts.lookup("A")
        assert account is not None
        self.assertEqual(account.credentials, Credentials("u", "p"))

    def test_state(self) -> None:
        """What is remembered of the embedded cloud ends with it; a real cloud's is kept on the disk by default."""
        self.assertEqual(self.parse().state, "memory:")
        self.assertEqual(self.parse(f"--backend={URL}").state, "sqlite:///ec2proxy.sqlite")
        self.assertEqual(self.parse(f"--backend={URL}", "--state=memory:").state, "memory:")


class CheckTests(OptionsTestCase):
    """``--check`` only checks."""

    def check(self, *arguments: str) -> tuple[object, str]:
        """The exit code, or what is said on standard error, and what is printed."""
        printed = StringIO()
        with redirect_stdout(printed):
            end = self.assertRaises(SystemExit, self.parse, "--check", *arguments)
        return end.code, printed.getvalue()

    def test_valid(self) -> None:
        """It says so."""
        self.assertEqual(self.check("--freshness=3"), (0, "configuration is valid\n"))

    def test_mistakes(self) -> None:
        """All of them; a start tells one, and how many there are."""
        arguments = ("--freshness=x", "--drain=y", "--state=/no/such/state")
        seconds = "is not a number of seconds, 0 or more"
        lines = f"ec2proxy: --freshness: 'x' {seconds}\nec2proxy: --drain: 'y' {seconds}"
        self.assertEqual(
            self.check(*arguments), (f"{lines}\nec2proxy: --state: /no/such: No such file or directory", "")
        )
        self.assert_refused(*arguments, says=f"'x' {seconds} (and 1 more: see --check)")


class WrongTests(OptionsTestCase):
    """What cannot."""

    def test_unknown(self) -> None:
        """An option that is not there, and a word that is no option."""
        self.assert_refused("--bogus", says="--bogus")
        self.assert_refused("bogus", says="")

    def test_frontends(self) -> None:
        """A frontend that is not there, and none."""
        self.assert_refused("--frontends=ec2,cimi", says="--frontends: 'cimi' is none of ec2, deltacloud")
        self.assert_refused("--frontends=", says="--frontends: ''")

    def test_listen(self) -> None:
        """What is no endpoint."""
        for text in ("", "3001", "tcp", "tcp:http", "carrier-pigeon:7", "ssl:443:privateKey=/no/such/file"):
            self.assert_refused(f"--listen={text}", says=f"--listen: {text!r} is not an endpoint")

    def test_backend(self) -> None:
        """What is no URL, or of no scheme that a driver takes."""
        for text in ("", "cloud", "ftp://cloud/api", "http://", "http:///api", "http://cloud:99999999/api"):
            self.assert_refused(f"--backend={text}", says="--backend: ")

    def test_mock(self) -> None:
        """The embedded cloud has neither drivers nor providers."""
        self.assert_refused("--driver=ec2", says="--driver and --provider go with the --backend")
        self.assert_refused("--provider=x", says="--driver and --provider go with the --backend")

    def test_seconds(self) -> None:
        """What is no number of seconds."""
        for name in ("freshness", "timeout", "drain"):
            for text in ("soon", "-1", "nan", "inf", ""):
                self.assert_refused(f"--{name}={text}", says=f"--{name}: {text!r} is not a number of seconds")
        self.assert_refused("--timeout=0", says="--timeout: it must be more than 0 seconds")

    def test_accounts(self) -> None:
        """An accounts file that is not there, that others can read, and that is none."""
        self.assert_refused("--accounts=/no/such/file", says="--accounts: /no/such/file: No such file")
        self.assert_refused(f"--accounts={self.file('', 0o644)}", says="chmod 600")
        self.assert_refused(f"--accounts={self.file('[[account')}", says="--accounts: ")
        self.assert_refused(f"--accounts={self.file('[[account]]')}", says="account 1: 'access_key' is missing")

    def test_state(self) -> None:
        """A place that the state cannot be kept at."""
        self.assert_refused("--state=oracle://x", says="--state: ")
