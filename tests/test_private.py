"""Files with secrets."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.private import credential_path, open_to_others

ENVIRONMENT = {"CREDENTIALS_DIRECTORY": "/run/credentials/ec2proxy.service"}


class CredentialTests(SynchronousTestCase):
    """What the service manager hands over."""

    def test_path(self) -> None:
        """A name is that of a file in the directory."""
        path = credential_path("credential:accounts.toml", ENVIRONMENT)
        self.assertEqual(path, "/run/credentials/ec2proxy.service/accounts.toml")

    def test_names(self) -> None:
        """No name leads elsewhere."""
        for name in ("", ".", "..", ".hidden", "../x", "a/b", "/etc/passwd", "a\0", "a\n"):
            self.assertRaises(ValueError, credential_path, f"credential:{name}", ENVIRONMENT)

    def test_none(self) -> None:
        """Without a service manager there are none."""
        for environment in ({}, {"CREDENTIALS_DIRECTORY": ""}, {"CREDENTIALS_DIRECTORY": "here"}):
            with self.assertRaises(ValueError) as caught:
                credential_path("credential:a", environment)
            self.assertIn("$CREDENTIALS_DIRECTORY", str(caught.exception))

    def open(self, mode: int, reader: int | None = None) -> bool:
        """Whether a file of ours with that mode is open to others, as a reader sees it."""
        path = Path(self.mktemp())
        path.touch()
        path.chmod(mode)
        return open_to_others(path.stat(), reader)

    def test_own(self) -> None:
        """Nobody else may read or change a file of our own."""
        for mode, opened in ((0o600, False), (0o400, False), (0o640, True), (0o620, True), (0o604, True)):
            self.assertEqual(self.open(mode), opened, oct(mode))

    def test_given(self) -> None:
        """A file of another's may be read by the group by which we have it, and changed by none."""
        another = os.geteuid() + 1
        for mode, opened in ((0o440, False), (0o640, False), (0o660, True), (0o644, True), (0o450, True)):
            self.assertEqual(self.open(mode, another), opened, oct(mode))
