"""Secrets that rest in a store."""

import os
from base64 import urlsafe_b64encode
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.state import seal
from ec2proxy.state.errors import StateError
from ec2proxy.state.seal import KEY_BYTES, Seal, key_in

KEY = bytes(range(KEY_BYTES))


class SealTests(SynchronousTestCase):
    """What is sealed and unsealed."""

    @given(st.binary(max_size=100), st.text(max_size=40))
    def test_comes_back(self, secret: bytes, place: str) -> None:
        """Any secret comes back, in plain ASCII meanwhile."""
        sealed = Seal(KEY).seal(secret, place)
        self.assertTrue(sealed.isascii())
        self.assertEqual(Seal(KEY).unseal(sealed, place), secret)

    def test_never_the_same(self) -> None:
        """The same secret is never the same text twice."""
        one = Seal(KEY)
        self.assertEqual(len({one.seal(b"secret", "place") for _ in range(50)}), 50)

    def test_derived(self) -> None:
        """A key for another purpose depends on both, and is not the key itself."""
        key = bytes(KEY_BYTES)
        derived = {Seal(key).derived("a"), Seal(key).derived("b"), Seal(b"x" * KEY_BYTES).derived("a"), key}
        self.assertEqual(len(derived), 4)
        self.assertEqual(Seal(key).derived("a"), Seal(key).derived("a"))

    def test_other_key_or_place(self) -> None:
        """It opens with its key and at its place only, and the error says nothing of the secret."""
        sealed = Seal(KEY).seal(b"secret", "place")
        for other, place in ((Seal(KEY[::-1]), "place"), (Seal(KEY), "elsewhere")):
            error = self.assertRaises(ValueError, other.unseal, sealed, place)
            self.assertNotIn("secret", str(error))

    @given(st.integers(0, 200), st.sampled_from("AZaz09-_=. \n"))
    def test_damaged(self, at: int, character: str) -> None:
        """A change of any character is found."""
        sealed = Seal(KEY).seal(b"a secret", "place")
        at %= len(sealed) - 1
        damaged = sealed[:at] + character + sealed[at + 1 :]
        if damaged != sealed:
            self.assertRaises(ValueError, Seal(KEY).unseal, damaged, "place")

    def test_foreign(self) -> None:
        """What was never sealed is refused, however short."""
        for text in ("", "1", "1.", "1.AAAA", "1." + "A" * 16, "2." + "A" * 80, "1.\N{SNOWMAN}"):
            self.assertRaises(ValueError, Seal(KEY).unseal, text, "place")


class KeyFileTests(SynchronousTestCase):
    """The file with the key."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "state.key"

    def refused(self) -> str:
        return str(self.assertRaises(StateError, key_in, self.path))

    def test_made(self) -> None:
        """It is made when it is not there, for its owner only, and nothing is left beside it."""
        # Whatever the process allows otherwise.
        self.addCleanup(os.umask, os.umask(0))
        key = key_in(self.path)
        self.assertEqual(len(key), KEY_BYTES)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(key_in(self.path), key)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_race(self) -> None:
        """The key that another process made meanwhile stays."""
        self.path.write_bytes(urlsafe_b64encode(KEY))
        seal._make(self.path)
        self.path.chmod(0o600)
        self.assertEqual(key_in(self.path), KEY)
        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_others_can_read(self) -> None:
        """A file that others can read is refused."""
        self.path.write_bytes(urlsafe_b64encode(KEY))
        for mode in (0o640, 0o604, 0o620, 0o601):
            self.path.chmod(mode)
            self.assertIn("others can read", self.refused())

    def test_no_key(self) -> None:
        """A file without a key is refused, and not shown."""
        for text in (b"", b"hunter2", urlsafe_b64encode(KEY[1:]), urlsafe_b64encode(KEY) + b"!", b"\xff" * 44):
            self.path.write_bytes(text)
            self.path.chmod(0o600)
            message = self.refused()
            self.assertIn("does not hold a key", message)
            self.assertNotIn("hunter2", message)

    def test_unusable(self) -> None:
        """Where no file can be made is told in one line."""
        self.path = self.path / "folder" / "key"
        self.assertIn("No such file", self.refused())
