"""Ends under load: what was answered is kept, and nobody hears half an answer."""

import time
from pathlib import Path

from tests.e2e.backends import BackendTestCase, Troubled
from tests.e2e.crowd import Crowd
from tests.e2e.daemons import ORDERLY, Daemon

#: Seconds that requests under way have to finish.
DRAIN = 5


class EndTests(BackendTestCase):
    """A crowd of clients who write, and a daemon that ends meanwhile."""

    def setUp(self) -> None:
        self.backend = Troubled()
        self.addCleanup(self.backend.stop)
        self.state = Path(self.mktemp()).resolve()
        self.daemon = self.begin()

    def begin(self) -> Daemon:
        """A daemon on the state that is there."""
        state = f"--state=sqlite:///{self.state}"
        return self.daemon_for(self.backend.base, state, f"--drain={DRAIN}", "--throttle=off")

    def assert_kept(self, crowd: Crowd, unanswered: int) -> None:
        """The next daemon tells what was answered last.

        :param unanswered: how many requests more of each client may have been carried out.
        """
        self.assertEqual(crowd.broken, [])
        ec2 = self.client_of(self.begin())
        tags = {tag["Key"]: int(tag["Value"]) for tag in ec2.describe_images(ImageIds=["img1"])["Images"][0]["Tags"]}
        for name, answered in crowd.answered.items():
            self.assertIn(tags[name], range(answered, answered + unanswered + 1), name)

    def test_sigterm(self) -> None:
        """It ends within its time; each request that it carried out was answered."""
        with Crowd(self.daemon.port, "img1") as crowd:
            crowd.wait_for(100)
            began = time.monotonic()
            self.daemon.tell_to_stop()
            self.assertEqual(self.daemon.exit_code(), ORDERLY)
            self.assertLess(time.monotonic() - began, DRAIN)
        self.assert_kept(crowd, 0)

    def test_killed(self) -> None:
        """Killed, it cannot answer; but what it has answered is kept."""
        with Crowd(self.daemon.port, "img1") as crowd:
            crowd.wait_for(100)
            self.daemon.kill()
        self.assert_kept(crowd, 1)
