"""How what the daemon tells its operator is put together."""

import os
from pathlib import Path
from typing import Any

from twisted.application.service import Application, IService, Service
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.composition.observation import Observation, Observed, audit_of, log_of
from ec2proxy.configuration.settings import Settings
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.options import Options
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.tap import makeService
from tests.observing.support import record


class LogTests(SynchronousTestCase):
    """Where the log goes follows twistd's own options."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.directory)

    def test_file(self) -> None:
        """The file that twistd names, else twistd.log."""
        for name, expected in (("x.log", "x.log"), (None, "twistd.log")):
            sink = log_of({"logfile": name, "nodaemon": False})
            assert sink is not None
            self.addCleanup(sink.close)
            sink.write("line\n")
            self.assertEqual(Path(expected).read_text(), "line\n")

    def test_output(self) -> None:
        """Standard output in the foreground: no file is made."""
        for name in (None, "-"):
            self.assertIsNotNone(log_of({"logfile": name, "nodaemon": True}))
        self.assertEqual(os.listdir(), [])

    def test_others(self) -> None:
        """What writes the log in another way does so, and what twistd refuses is left to it."""
        for twistd in (
            None,
            {"log-format": "text"},
            {"nodaemon": True, "syslog": True},
            {"nodaemon": True, "logger": print},
            {"nodaemon": False, "logfile": "-"},
        ):
            self.assertIsNone(log_of(twistd), twistd)

    def test_refused(self) -> None:
        """A file that cannot be written is one line that says which and why."""
        error = self.assertRaises(CannotStart, log_of, {"logfile": "no/such", "nodaemon": False})
        self.assertEqual(str(error), "ec2proxy: --logfile: no/such: No such file or directory")
        error = self.assertRaises(CannotStart, audit_of, Settings(audit_log="/no/such"))
        self.assertEqual(str(error), "ec2proxy: --audit-log: /no/such: No such file or directory")
        self.assertIsNone(audit_of(Settings()))


class Lines:
    """Keeps what is written."""

    lost = 0

    def __init__(self) -> None:
        self.text = ""
        self.steps: list[str] = []

    def write(self, text: str) -> None:
        self.text += text

    def reopen(self) -> None:
        self.steps.append("reopen")


class ObservationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.log, self.audit = Lines(), Lines()

    def observation(self, log: Lines | None = None, **settings: Any) -> Observation:
        """What these settings make."""
        return Observation.of(Settings(**settings), ["eu"], self.reactor, log, self.audit)

    def test_written(self) -> None:
        """A request ends up in the log in its form, in the counts, and if it changes anything in the audit."""
        observation = self.observation(self.log, log_format="json")
        done = record(changes=True)
        observation.access.write(
            done.trace, 0.0, client=done.client, method=done.method, target=done.target, status=200, error=""
        )
        self.assertIn('"request_id": "r-1"', self.log.text)
        self.assertIn('"request_id": "r-1"', self.audit.text)
        self.assertEqual(len(observation.counts.report()["ec2proxy_requests_total"]), 1)
        observation.reopen()
        self.assertEqual((self.log.steps, self.audit.steps), (["reopen"], ["reopen"]))

    def test_through_logger(self) -> None:
        """Where twistd writes the log, each request is an event."""
        observation = self.observation()
        with capturedLogs() as events:
            observation.access.write(record().trace, 0.0, client=None, method=b"", target=b"", status=200, error="")
            observation.access.flush()
        self.assertEqual([event["request_id"] for event in events], ["r-1"])
        observation.reopen()

    def test_component(self) -> None:
        """twistd finds our writer on the application; and nothing where it is to write itself."""
        application = Application("x")
        observation = self.observation(self.log)
        Observed(observation, Service()).setServiceParent(IService(application))
        self.assertIsNone(application.getComponent(ILogObserver, None))
        Observed(observation, None).setServiceParent(application)
        self.assertIs(application.getComponent(ILogObserver), observation.writer)
        other = Application("y")
        Observed(self.observation()).setServiceParent(other)
        self.assertIsNone(other.getComponent(ILogObserver, None))

    def test_life(self) -> None:
        """The lag is measured while it runs; what waits at the end is written."""
        observation = self.observation(self.log)
        whole = Observed(observation)
        whole.startService()
        self.reactor.advance(1)
        observation.access.write(record().trace, 0.0, client=None, method=b"", target=b"", status=200, error="")
        self.assertEqual(self.log.text, "")
        self.successResultOf(whole.stopService())
        self.assertIn("r-1", self.log.text)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def admin(self, **settings: Any) -> Daemon | None:
        """The admin endpoint of these settings."""

        async def gather() -> list[Any]:
            return []

        return self.observation(**settings).admin(gather, list, MemoryStateStore())

    def test_admin(self) -> None:
        """There is none by default; else it listens where it was told to."""
        self.assertIsNone(self.admin())
        daemon = self.admin(admin_listen=("tcp:3002",))
        assert daemon is not None
        daemon.privilegedStartService()
        self.assertEqual([port for port, *_ in self.reactor.tcpServers], [3002])

    def test_token(self) -> None:
        """A token that cannot be read stops the daemon: it must not be open instead."""
        path = Path(self.mktemp())
        error = self.assertRaises(CannotStart, self.admin, admin_listen=("tcp:1",), admin_token=str(path))
        self.assertIn("--admin-token", str(error))
        path.write_text(" \n")
        error = self.assertRaises(CannotStart, self.admin, admin_listen=("tcp:1",), admin_token=str(path))
        self.assertIn("it is empty", str(error))
        path.write_text("secret\n")
        self.assertIsNotNone(self.admin(admin_listen=("tcp:1",), admin_token=str(path)))

    def test_whole(self) -> None:
        """The daemon that a command line describes has it beside the one for clients."""
        options = Options()
        options.parseOptions(
            ["--backend=http://cloud.example/api", "--state=memory:", "--listen=tcp:80", "--admin-listen=tcp:3002"]
        )
        service: Any = makeService(options, self.reactor)
        service.privilegedStartService()
        self.assertEqual(sorted(port for port, *_ in self.reactor.tcpServers), [80, 3002])
