"""Ends under load: what was answered is kept, and nobody hears half an answer."""

import os
import signal
import time
from pathlib import Path

from tests.e2e.backends import BackendTestCase, Troubled
from tests.e2e.crowd import Crowd
from tests.e2e.daemons import ORDERLY, Daemon, until
from tests.e2e.processes import children, lives

#: Seconds that requests under way have to finish.
DRAIN = 5


class EndTests(BackendTestCase):
    """A crowd of clients who write, and a daemon that ends meanwhile."""

    def setUp(self) -> None:
        self.backend = Troubled()
        self.addCleanup(self.backend.stop)
        self.state = Path(self.mktemp()).resolve()
        self.daemon = self.begin()

    def begin(self, workers: int = 1) -> Daemon:
        """A daemon on the state that is there."""
        named = (f"--state=sqlite:///{self.state}", f"--drain={DRAIN}", f"--workers={workers}")
        return self.daemon_for(self.backend.base, *named, "--throttle=off")

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


class WorkerEndTests(EndTests):
    """The same with two workers, and one of them alone."""

    def begin(self, workers: int = 2) -> Daemon:
        """A daemon with two workers on the state that is there."""
        return super().begin(workers)

    def workers(self) -> list[int]:
        """The workers' processes."""
        return children(self.daemon.pid)

    def test_killed(self) -> None:
        """With the first process killed, its workers end by themselves, though clients would go on asking."""
        workers = self.workers()
        super().test_killed()
        until(lambda: not any(map(lives, workers)), "the workers end", DRAIN)

    def test_worker_killed(self) -> None:
        """Who is served by another notices nothing; the one that died is replaced, and what it answered is kept."""
        first = self.workers()
        self.assertEqual(len(first), 2)
        with Crowd(self.daemon.port, "img1") as crowd:
            crowd.wait_for(50)
            os.kill(first[0], signal.SIGKILL)
            until(lambda: len(set(self.workers()) - {first[0]}) == 2, "another takes its place")
            with Crowd(self.daemon.port, "img2") as others:
                others.wait_for(50)
            self.assertEqual((others.broken, others.ended), ([], 0))
        self.daemon.stop()
        self.assert_kept(crowd, 1)
