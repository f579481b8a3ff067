"""The accounts file."""

import os
import re

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.auth.accounts import Account, Accounts, AccountsError
from ec2proxy.model import Credentials

GOOD = """
[[account]]
access_key = "AKIDEXAMPLE"
secret_key = "hush-secret"
user = "mockuser"
password = "hush-password"

[account.regions.eu-west]
user = "someone"
password = "hush-else"

[[account]]
access_key = "old"
secret_key = "hush"
user = "mockuser"
password = "hush"
enabled = false
"""
ONE = GOOD.partition("[account.regions")[0]


class LoadTests(SynchronousTestCase):
    def write(self, text: str, mode: int = 0o600) -> str:
        path = self.mktemp()
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
        os.chmod(path, mode)
        return path

    def refused(self, text: str, *words: str, mode: int = 0o600) -> None:
        path = self.write(text, mode)
        message = str(self.assertRaises(AccountsError, Accounts.load, path))
        self.assertRegex(message, rf"^{re.escape(path)}(:\d+)?: ")
        self.assertNotIn("\n", message)
        self.assertNotIn("hush", message)
        for word in words:
            self.assertIn(word, message)

    def test_good(self) -> None:
        """Keys lead to their accounts, regions to other cloud credentials, disabled ones nowhere."""
        accounts = Accounts.load(self.write(GOOD))
        account = accounts.lookup("AKIDEXAMPLE")
        assert account is not None
        self.assertEqual(account.secret_key, "hush-secret")
        default = Credentials("mockuser", "hush-password")
        self.assertEqual(account.credentials_in(None), default)
        self.assertEqual(account.credentials_in("us-east-1"), default)
        self.assertEqual(account.credentials_in("eu-west"), Credentials("someone", "hush-else"))
        self.assertIsNone(accounts.lookup("old"))
        self.assertIsNone(accounts.lookup("nobody"))

    def test_empty(self) -> None:
        """A file without accounts lets nobody in."""
        self.assertIsNone(Accounts.load(self.write("")).lookup("AKIDEXAMPLE"))

    def test_readable_by_others(self) -> None:
        """Secrets that others can read are none."""
        for mode in (0o640, 0o604, 0o620, 0o601, 0o666):
            self.refused(GOOD, "chmod 600", mode=mode)
        Accounts.load(self.write(GOOD, 0o400))

    def test_unreadable(self) -> None:
        """A file that is not there is one line too."""
        message = str(self.assertRaises(AccountsError, Accounts.load, "/nowhere/accounts.toml"))
        self.assertEqual(message, "/nowhere/accounts.toml: No such file or directory")
        self.assertRaises(AccountsError, Accounts.load, "/")

    def test_not_toml(self) -> None:
        """The line is named; its text, which may be a secret, is not."""
        self.refused('[[account]]\nsecret_key = "hush', "Unterminated string")
        self.refused("[[account]]\nsecret_key = hush", ":2: ")
        self.refused(ONE + ONE.replace("[[account]]", ""), ":10: ")
        self.refused("\udcff")

    def test_shape(self) -> None:
        """Unknown keys are mistakes: a misspelt enabled = false would let somebody in."""
        self.refused("[accounts]", "'accounts'")
        self.refused("[account]", "[[account]]")
        self.refused("account = [1]", "[[account]]")
        self.refused(ONE + "disabled = true", "account 1", "'disabled'")
        self.refused(ONE + 'enabled = "no"', "'enabled'", "true or false")
        self.refused(ONE + "regions = 1", "'regions'", "a table")
        self.refused(ONE + "[account.regions]\neu = 1", "'regions.eu'")
        self.refused(ONE + '[account.regions.eu]\nuser = "x"', "'eu'", "'password' is missing")
        self.refused(ONE + '[account.regions.eu]\nuser = "x"\npassword = "x"\nurl = "x"', "'eu'", "'url'")

    def test_values(self) -> None:
        """Every text is there, and is a text that is not empty."""
        for name in ("access_key", "secret_key", "user", "password"):
            lines = [line for line in ONE.splitlines() if not line.startswith(name)]
            self.refused("\n".join(lines), f"'{name}' is missing")
            self.refused("\n".join([*lines, f"{name} = 1"]), f"'{name}'")
            self.refused("\n".join([*lines, f'{name} = ""']), f"'{name}'")

    def test_all_mistakes(self) -> None:
        """Each mistake is told, with its line, and what was probably meant."""
        path = self.write(ONE + "enable = false\n" + ONE.replace("user =", "usr ="))
        error = self.assertRaises(AccountsError, Accounts.load, path)
        self.assertEqual(
            error.mistakes,
            (
                f"{path}:8: account 1: unknown key 'enable'; did you mean 'enabled'?",
                f"{path}:13: account 2: unknown key 'usr'; did you mean 'user'?",
                f"{path}:10: account 2: 'user' is missing",
            ),
        )

    def test_actions(self) -> None:
        """Patterns are checked: one that matches nothing would be found out too late."""
        account = Accounts.load(self.write(ONE + 'actions = ["Describe*", "ec2:Get?onsoleOutput"]')).lookup(
            "AKIDEXAMPLE"
        )
        assert account is not None
        self.assertEqual(account.actions, ("Describe*", "ec2:Get?onsoleOutput"))
        for actions in ("[1]", '["Describe *"]', '[""]', '["a:b:c"]', '["Describe.*"]'):
            self.refused(ONE + f"actions = {actions}", "'actions'")
        self.refused(ONE + 'actions = "Describe*"', "a list of texts")

    def test_twice(self) -> None:
        """Which of two secrets holds is not guessed, even where one is disabled."""
        self.refused(ONE + ONE, "'AKIDEXAMPLE'", "twice")
        self.refused(ONE + ONE + "enabled = false", "twice")


class AccountTests(SynchronousTestCase):
    def may(self, api: str, action: str, *actions: str) -> bool:
        """Whether an account with those patterns may do it."""
        return Account("a", "s", Credentials("u", "p"), actions=actions).may(api, action)

    def test_may(self) -> None:
        """Patterns are IAM's: of the whole name, whatever its capitals; any of them is enough."""
        for pattern in ("*", "Describe*", "ec2:Describe*", "ec2:*", "describeinstances", "Describe????ances", "*s"):
            self.assertTrue(self.may("ec2", "DescribeInstances", "StopInstances", pattern), pattern)
        for pattern in ("Describe", "*Describe", "escribeInstances", "sts:*", "ec2:", "DescribeInstances?", "D.*"):
            self.assertFalse(self.may("ec2", "DescribeInstances", pattern), pattern)
        self.assertFalse(self.may("ec2", "DescribeInstances"))

    def test_who_am_i(self) -> None:
        """Anybody may ask who they are."""
        self.assertTrue(self.may("sts", "GetCallerIdentity"))

    def test_mock(self) -> None:
        """The embedded cloud's user signs with its own name and password."""
        account = Accounts.mock().lookup("mockuser")
        assert account is not None
        self.assertEqual(account.secret_key, "mockpassword")
        self.assertEqual(account.credentials_in("anywhere"), Credentials("mockuser", "mockpassword"))

    def test_repr(self) -> None:
        """No secret in it."""
        secret = Credentials("u", "hush")
        self.assertNotIn("hush", repr(Account("a", "hush", secret, regions={"eu": secret})))
        self.assertNotIn("hush", repr(Accounts([Account("a", "hush", secret)])))
