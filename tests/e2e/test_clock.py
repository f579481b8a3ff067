"""What one daemon survives of the machine's clock, which libfaketime (Debian: libfaketime) sets for it alone."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request

from tests.e2e.backends import BASIC, HTTP, BackendTestCase, Troubled
from tests.e2e.daemons import start, until

#: Where Debian has it.
LIBRARIES = "usr/lib/*/faketime/libfaketimeMT.so.1"

HOUR = 3600


class JumpTests(BackendTestCase):
    """A clock that jumps while work is under way and clients wait."""

    def setUp(self) -> None:
        library = next(Path("/").glob(LIBRARIES), None)
        if library is None:
            self.skipTest("there is no libfaketime (Debian: libfaketime)")
        self.backend = Troubled("--machine=arubacloud", "--stopping=0.5")
        self.addCleanup(self.backend.stop)
        self.setting = Path(self.mktemp()).resolve()
        self.jump(0)
        faked: dict[str, Any] = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.setting),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        backend = f"--backend={self.backend.base}/api"
        self.daemon = self.started(start(backend, "--timeout=1.5", "--state=memory:", "--freshness=0.2", **faked))

    def jump(self, seconds: int) -> None:
        """Have the daemon's clock differ from the machine's by that much."""
        self.setting.write_text(f"{seconds:+}\n")

    def ask(self, action: str, **parameters: str) -> str:
        """Ask, with a password: signatures are good for a quarter of an hour."""
        query = urlencode({"Action": action, "Version": "2016-11-15", **parameters})
        with HTTP.open(Request(f"{self.daemon.url}?{query}", headers={"Authorization": BASIC}), timeout=30) as answer:
            text: str = answer.read().decode()
            return text

    def begin_termination(self) -> str:
        """Run an instance and terminate it, which takes the backend a while; give its id."""
        told = self.ask("RunInstances", ImageId="img1", MinCount="1", MaxCount="1")
        instance_id = told.partition("<instanceId>")[2].partition("<")[0]
        self.assertIn("shutting-down", self.ask("TerminateInstances", **{"InstanceId.1": instance_id}))
        return instance_id

    def assert_terminated(self, instance_id: str) -> None:
        """The work that was under way goes on in its time; who asks hears of it."""
        until(
            lambda: "<name>terminated</name>" in self.ask("DescribeInstances", **{"InstanceId.1": instance_id}),
            "the instance is terminated",
        )

    def test_jumps(self) -> None:
        """An hour back, then two forward: polls, timeouts and unfinished work go on as if nothing had happened."""
        for difference in (-HOUR, HOUR):
            instance_id = self.begin_termination()
            self.jump(difference)
            self.assert_terminated(instance_id)
            self.backend.make("silent", path="/api/images", times="1")
            began = time.monotonic()
            self.assertRaises(OSError, self.ask, "DescribeImages")
            # The look at the clock may be a second late.
            self.assertLess(time.monotonic() - began, 1.5 + 5)
            until(lambda: self.answers(), "the backend is asked again")
        self.assertIn("put back", self.daemon.log)

    def answers(self) -> bool:
        """Whether images are told."""
        try:
            return "<imageId>img1</imageId>" in self.ask("DescribeImages")
        except OSError:
            return False
