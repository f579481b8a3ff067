"""Endpoints of descriptions."""

from pathlib import Path

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.listening.opening import BACKLOG, endpoint_of
from tests.listening.test_inherited import PEM


class BacklogTests(SynchronousTestCase):
    def queue_of(self, description: str) -> int:
        """How many connections may wait where that describes."""
        reactor = MemoryReactor()
        self.successResultOf(endpoint_of(reactor, description).listen(Factory()))
        ((_, _, *more),) = (*reactor.tcpServers, *reactor.unixServers, *reactor.sslServers)
        return next(one for one in more if isinstance(one, int))

    def test_default(self) -> None:
        """Where nothing is said, many may wait."""
        for description in (
            "tcp:80",
            "tcp:80:interface=192.0.2.1",
            r"tcp6:80:interface=\:\:1",
            f"unix:{Path(self.mktemp()).name}",
            f"ssl:443:privateKey={PEM}:certKey={PEM}",
            "haproxy:tcp:80",
        ):
            self.assertEqual(self.queue_of(description), BACKLOG, description)

    def test_said(self) -> None:
        """What is said goes, by its name or by its place."""
        for description in ("tcp:80:backlog=7", "tcp:80:192.0.2.1:7", "tcp:80:backlog=7:interface=192.0.2.1"):
            self.assertEqual(self.queue_of(description), 7, description)

    def test_wrong(self) -> None:
        """A mistake is the one that is there, and nothing of ours."""
        error = self.assertRaises(TypeError, endpoint_of, MemoryReactor(), "tcp:80:a:5:6")
        self.assertNotIn("backlog", str(error))
        self.assertRaises(ValueError, endpoint_of, MemoryReactor(), "tcp:eighty")
        self.assertRaises(ValueError, endpoint_of, MemoryReactor(), "nothing:80")
