"""``ec2proxy-keys``: what a command line makes of an accounts file."""

import contextlib
import fcntl
import getpass
import io
import re
import sys
from pathlib import Path
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.keys import locked, main, new_access_key, new_secret

WRITTEN = """\
# Who may come in.
[[account]]
access_key = "AKIAOLD"  # the builders'
secret_key = "hush"
user = "builder"
password = "hush-too"

[account.regions.west]  # they have another name there
user = "builder2"
password = "hush-west"
# The end.
"""


class KeysTests(SynchronousTestCase):
    """Commands on a file in a directory of its own."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "accounts.toml"

    def run_keys(self, *arguments: str, typed: str = "", code: int = 0) -> tuple[str, str]:
        """Run a command; what it printed, and what it said beside."""
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdin", io.StringIO(typed))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = main([f"--accounts={self.path}", *arguments])
        self.assertEqual(found, code, err.getvalue())
        return out.getvalue(), err.getvalue()

    def refused(self, *arguments: str, says: str, typed: str = "") -> None:
        """It fails with one line, and leaves everything as it was."""
        before = self.path.read_text() if self.path.exists() else None
        printed, said = self.run_keys(*arguments, typed=typed, code=1)
        self.assertEqual(printed, "")
        self.assertRegex(said, r"\Aec2proxy-keys: .*\n\Z")
        self.assertIn(says, said)
        self.assertNotIn("hush", said)
        self.assertEqual(self.path.read_text() if self.path.exists() else None, before)
        self.assertEqual(list(self.path.parent.glob(".accounts*")), [])

    def write(self, text: str = WRITTEN, mode: int = 0o600) -> None:
        """Have this file."""
        self.path.write_text(text)
        self.path.chmod(mode)

    def add(self, *arguments: str, typed: str = "p\n") -> tuple[str, str]:
        """Add a key; it and its secret."""
        printed, _ = self.run_keys("add", *arguments, typed=typed)
        found = re.fullmatch(r"access key: (\S+)\nsecret key: (\S+)\n", printed)
        assert found is not None, printed
        return found[1], found[2]

    def account(self, access_key: str) -> Account | None:
        """The account of a key as the daemon has it."""
        return Accounts.load(str(self.path)).lookup(access_key)

    def test_add(self) -> None:
        """A new file is for its owner's eyes; the daemon knows the key; the secret is shown once, never again."""
        key, secret = self.add("alice", "--action=Describe*", "--action=ec2:Get*", typed="pass word\nmore")
        account = self.account(key)
        assert account is not None
        self.assertEqual((account.secret_key, account.credentials.user), (secret, "alice"))
        self.assertEqual((account.credentials.password, account.actions), ("pass word", ("Describe*", "ec2:Get*")))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        listed, _ = self.run_keys("list")
        self.assertEqual(listed, f"{key} enabled user=alice actions=Describe*,ec2:Get*\n")

    def test_add_to(self) -> None:
        """What is there stays, byte for byte; two more come after it."""
        self.write()
        first, _ = self.add("alice")
        second, _ = self.add("bob")
        self.assertTrue(self.path.read_text().startswith(WRITTEN))
        keys = [account.access_key for account in Accounts.load(str(self.path))]
        self.assertEqual(keys, ["AKIAOLD", first, second])
        account = self.account("AKIAOLD")
        assert account is not None
        self.assertEqual(set(account.regions), {"west"})

    def test_disable(self) -> None:
        """A disabled key is refused; enabled again, the file is as it was."""
        self.write()
        self.run_keys("disable", "AKIAOLD")
        self.assertIsNone(self.account("AKIAOLD"))
        self.assertIn("AKIAOLD disabled user=builder actions=* regions=west", self.run_keys("list")[0])
        for comment in re.findall("#.*", WRITTEN):
            self.assertIn(comment, self.path.read_text())
        self.run_keys("enable", "AKIAOLD")
        account = self.account("AKIAOLD")
        assert account is not None
        self.assertEqual(account.regions["west"].user, "builder2")

    def test_rotate(self) -> None:
        """Another key for the same account, in the same place."""
        self.write()
        printed, _ = self.run_keys("rotate", "AKIAOLD")
        key, secret = re.findall(r"key: (\S+)", printed)
        self.assertIsNone(self.account("AKIAOLD"))
        self.assertEqual(self.path.read_text(), WRITTEN.replace("AKIAOLD", key).replace('"hush"', f'"{secret}"'))

    def test_remove(self) -> None:
        """The others stay."""
        self.write()
        key, _ = self.add("alice")
        self.run_keys("remove", "AKIAOLD")
        self.assertEqual([account.access_key for account in Accounts.load(str(self.path))], [key])

    def test_link(self) -> None:
        """What a symbolic link leads to is written, and the link stays."""
        self.write()
        link = self.path.with_name("link.toml")
        link.symlink_to("accounts.toml")
        self.run_keys(f"--accounts={link}", "disable", "AKIAOLD")
        self.assertTrue(link.is_symlink())
        self.assertIsNone(self.account("AKIAOLD"))

    def test_password_file(self) -> None:
        """The password may be in a file, and never is in the command line."""
        file = Path(self.mktemp())
        file.write_text("from a file\n")
        key, _ = self.add("alice", f"--password-file={file}")
        account = self.account(key)
        assert account is not None
        self.assertEqual(account.credentials.password, "from a file")
        self.refused("add", "x", "--password-file=/no/such", says="/no/such: No such file")
        self.refused("add", "x", typed="\n", says="the password is empty")

    def test_prompt(self) -> None:
        """At a terminal it is asked for, unseen."""
        terminal = io.StringIO("no\n")
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        self.patch(getpass, "getpass", lambda prompt: "typed unseen")
        self.patch(sys, "stdin", terminal)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(main([f"--accounts={self.path}", "add", "alice"]), 0)
        (account,) = Accounts.load(str(self.path))
        self.assertEqual(account.credentials.password, "typed unseen")

    def test_refused(self) -> None:
        """Keys that are not there, patterns that are none, files that the daemon would not take."""
        self.assertEqual(self.run_keys("list")[0], "")
        self.write()
        for command in ("disable", "enable", "rotate", "remove"):
            self.refused(command, "AKIANONE", says="there is no key AKIANONE")
        self.refused("add", "x", "--action=Describe Instances", typed="p", says="'actions'")
        self.write(mode=0o644)
        self.refused("list", says="chmod 600")
        self.write(WRITTEN + "x=")
        self.refused("disable", "AKIAOLD", says=f"{self.path.resolve()}:12: ")

    def test_no_directory(self) -> None:
        """A place that is not there."""
        self.path = self.path / "nowhere" / "a"
        self.refused("add", "x", typed="p", says="No such file or directory")

    def test_two_at_once(self) -> None:
        """One waits for the other, so neither's change is lost."""
        self.write()
        with locked(str(self.path)):
            second = Thread(target=main, args=([f"--accounts={self.path}", "disable", "AKIAOLD"],))
            second.start()
            with open(f"{self.path}.lock") as lock:
                self.assertRaises(BlockingIOError, fcntl.flock, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.path.write_text(WRITTEN + "# one more line\n")
        second.join(30)
        self.assertIsNone(self.account("AKIAOLD"))
        self.assertIn("# one more line", self.path.read_text())

    def test_shapes(self) -> None:
        """They look like Amazon's, and no two are alike."""
        self.assertEqual(len({new_access_key() for _ in range(100)}), 100)
        self.assertRegex(new_access_key(), r"\AAKIA[A-Z2-7]{16}\Z")
        self.assertRegex(new_secret(), r"\A[A-Za-z0-9/+]{40}\Z")
