"""A directory that goes with the last of those who use it."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.workers.scratch import Scratch, new_path


class ScratchTests(SynchronousTestCase):
    def made(self) -> tuple[Path, Scratch]:
        """A new one, with something in it."""
        path = Path(new_path())
        scratch = Scratch.make(str(path))
        (path / "state").write_text("x")
        return path, scratch

    def test_for_its_owner(self) -> None:
        """Others cannot look into it, and whoever had guessed its name would be found out."""
        path, scratch = self.made()
        self.assertEqual(path.stat().st_mode & 0o777, 0o700)
        self.assertRaises(FileExistsError, Scratch.make, str(path))
        self.assertNotEqual(new_path(), new_path())
        scratch.leave()
        self.assertFalse(path.exists())

    @given(st.lists(st.booleans(), max_size=5), st.integers(0, 5))
    def test_last(self, ends: list[bool], first_goes: int) -> None:
        """It goes with the last, whoever that is, if only that one ends in good order."""
        path, first = self.made()
        users = [Scratch(str(path)) for _ in ends]
        users.insert(min(first_goes, len(users)), first)
        *others, last = users
        for user, well in zip(others, ends, strict=True):
            if well:
                user.leave()
            else:
                # As the system does it for a process that is killed.
                os.close(user._descriptor)
            self.assertTrue((path / "state").exists())
        last.leave()
        self.assertFalse(path.exists())
