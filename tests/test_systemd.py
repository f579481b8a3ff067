"""Tests of what systemd is told, on a socket as it would give one."""

import os
import socket
from pathlib import Path
from uuid import uuid4

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.systemd import STATUS_EVERY, Notifier, Supervised, notifier, watchdog_seconds


class ManagedTestCase(SynchronousTestCase):
    """A test with a service manager's socket."""

    def setUp(self) -> None:
        self.directory = f"/tmp/ec2proxy-{uuid4().hex}"
        os.mkdir(self.directory)
        self.addCleanup(os.rmdir, self.directory)
        self.address = f"{self.directory}/notify"
        self.manager = self.socket_at(self.address)
        self.addCleanup(os.unlink, self.address)

    def socket_at(self, address: str) -> socket.socket:
        """The manager's end."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.addCleanup(manager.close)
        manager.bind(address)
        return manager

    def heard(self, manager: socket.socket | None = None) -> list[list[str]]:
        """The messages so far, taken off; each a list of assignments."""
        messages = []
        try:
            while True:
                messages.append((manager or self.manager).recv(65536).decode().split("\n"))
        except BlockingIOError:
            return messages

    def notifier(self, address: str | None = None) -> Notifier:
        """Ours."""
        one = Notifier(address or self.address)
        self.addCleanup(one.close)
        return one


class NotifierTests(ManagedTestCase):
    """One message after the other."""

    def test_told(self) -> None:
        """What is told arrives, as it was."""
        one = self.notifier()
        one.ready()
        one.tell("WATCHDOG=1", "STATUS=Fine")
        one.reloading()
        ready, sign, (reloading, since) = self.heard()
        self.assertEqual((ready, sign, reloading), (["READY=1"], ["WATCHDOG=1", "STATUS=Fine"], "RELOADING=1"))
        # The clock that systemd compares it with is this process's too, in microseconds.
        self.assertRegex(since, r"^MONOTONIC_USEC=\d{7,}$")

    def test_abstract(self) -> None:
        """A socket in the abstract namespace."""
        name = f"ec2proxy-{uuid4().hex}"
        manager = self.socket_at(f"\0{name}")
        self.notifier(f"@{name}").ready()
        self.assertEqual(self.heard(manager), [["READY=1"]])

    def test_one_line(self) -> None:
        """No status is two assignments."""
        self.notifier().tell("STATUS=a\nSTOPPING=1")
        self.assertEqual(self.heard(), [["STATUS=a STOPPING=1"]])

    def test_nobody(self) -> None:
        """Without a socket nothing is said, nor is it a mistake."""
        environment = {"NOTIFY_SOCKET": ""}
        one = notifier(environment)
        one.ready()
        self.assertFalse(one.heard)
        self.assertEqual(environment, {})

    def test_from_environment(self) -> None:
        """The address is taken, and taken out."""
        environment = {"NOTIFY_SOCKET": self.address, "HOME": "/"}
        one = notifier(environment)
        self.addCleanup(one.close)
        self.assertTrue(one.heard)
        self.assertEqual(environment, {"HOME": "/"})
        one.ready()
        self.assertEqual(self.heard(), [["READY=1"]])

    def test_gone(self) -> None:
        """A manager that is not there is complained of once."""
        one = self.notifier(str(Path(self.directory, "absent")))
        with capturedLogs() as logged:
            one.ready()
            one.ready()
        (event,) = logged
        self.assertEqual(event["why"], "No such file or directory")

    def test_full(self) -> None:
        """One that does not read is not waited for."""
        one = self.notifier()
        with capturedLogs() as logged:
            for _ in range(10_000):
                one.tell("WATCHDOG=1")
        self.assertEqual(logged, [])
        self.assertTrue(self.heard())
        one.ready()
        self.assertEqual(self.heard(), [["READY=1"]])

    def test_watchdog(self) -> None:
        """The interval, if it is this process that is watched."""
        for variables, seconds in (
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
            ({"WATCHDOG_USEC": "30000000"}, 30.0),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({}, None),
        ):
            environment = dict(variables)
            self.assertEqual(watchdog_seconds(environment, 7), seconds)
            self.assertEqual(environment, {})


class SupervisedTests(ManagedTestCase):
    """A service's life."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.status = "0 connections"

    def supervised(self, watchdog: float | None = 30.0) -> Supervised:
        """A service under supervision, started."""
        one = Supervised(self.notifier(), self.clock, watchdog, 20.0, lambda: self.status)
        one.startService()
        return one

    def test_ready(self) -> None:
        """It is ready with the first turn of the reactor, not before."""
        self.supervised()
        self.assertEqual(self.heard(), [])
        self.clock.advance(0)
        self.assertEqual(self.heard(), [["READY=1"], ["STATUS=0 connections"], ["WATCHDOG=1"]])

    def test_ready_later(self) -> None:
        """What takes longer to begin, as workers do, is waited for."""
        begun: Deferred[None] = Deferred()
        service = Supervised(self.notifier(), self.clock, 30.0, 20.0, lambda: self.status, lambda: begun)
        service.startService()
        self.clock.advance(5)
        self.assertEqual(self.heard(), [])
        begun.callback(None)
        self.assertEqual(self.heard()[0], ["READY=1"])

    def test_watchdog(self) -> None:
        """There are two signs of life in each interval, also while it stops."""
        service = self.supervised(1.0)
        self.clock.advance(0)
        self.heard()
        for _ in range(4):
            self.clock.advance(0.5)
        self.assertEqual(self.heard(), [["WATCHDOG=1"]] * 4)
        service.stopService()
        self.heard()
        self.clock.advance(0.5)
        self.assertEqual(self.heard(), [["WATCHDOG=1"]])

    def test_no_watchdog(self) -> None:
        """None is sent where none is asked for."""
        self.supervised(None)
        self.clock.pump([0, 30, 30])
        self.assertNotIn(["WATCHDOG=1"], self.heard())

    def test_status(self) -> None:
        """A status is told when it is another."""
        self.supervised(None)
        self.clock.advance(0)
        self.heard()
        self.clock.advance(STATUS_EVERY)
        self.assertEqual(self.heard(), [])
        self.status = "1 connection"
        self.clock.advance(STATUS_EVERY)
        self.assertEqual(self.heard(), [["STATUS=1 connection"]])

    def test_stopping(self) -> None:
        """It tells at once that it stops, before the services that stood by it do, and how long that may take."""
        order = []

        class Other(MultiService):
            def stopService(self) -> None:
                """Look at what was told before."""
                order.append(heard())

        heard = self.heard
        parent = MultiService()
        Other().setServiceParent(parent)
        service = Supervised(self.notifier(), self.clock, None, 20.0, lambda: self.status)
        service.setServiceParent(parent)
        parent.startService()
        self.clock.advance(0)
        self.heard()
        parent.stopService()
        ((message,),) = order
        self.assertEqual(message[:2], ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"])
        self.status = "something else"
        self.clock.advance(STATUS_EVERY)
        self.assertEqual(self.heard(), [])

    def test_stopped_at_once(self) -> None:
        """What is stopped before it was ready never is."""
        self.supervised().stopService()
        self.heard()
        self.clock.advance(0)
        self.assertEqual(self.heard(), [])
