"""Files with secrets."""

import os

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

    def test_group(self) -> None:
        """A group that seems able to read is none, where nobody else can enter; elsewhere it counts."""
        inside = credential_path("credential:a", ENVIRONMENT)
        for mode, opened in ((0o400, False), (0o440, False), (0o420, True), (0o404, True), (0o600, False)):
            self.assertEqual(open_to_others(inside, 0o100000 | mode, ENVIRONMENT), opened, oct(mode))
        for path in ("/etc/a", "/run/credentials/a", os.path.dirname(inside), f"{inside}/b"):
            self.assertTrue(open_to_others(path, 0o440, ENVIRONMENT), path)
        self.assertTrue(open_to_others(inside, 0o440, {}))
