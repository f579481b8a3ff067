"""What the test cases of this folder have in common."""

import uuid
from typing import Any

import boto3
from botocore.config import Config
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.daemons import FORBIDDEN, Process, shared

#: No retry, so that a test sees the first answer; and no proxy, whatever the environment says.
CONFIG = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=10, read_timeout=30)

USER, PASSWORD = "mockuser", "mockpassword"


def client(url: str, key: str = USER, secret: str = PASSWORD, **more: Any) -> Any:
    """boto3's EC2 client."""
    session = boto3.Session(key, secret, region_name="us-east-1")
    return session.client("ec2", endpoint_url=url, config=CONFIG, **more)


def name_of(what: str) -> str:
    """A name that no other test takes."""
    return f"{what}-{uuid.uuid4().hex[:12]}"


class DaemonTestCase(SynchronousTestCase):
    """A test against the shared daemon, which must log nothing amiss meanwhile."""

    def setUp(self) -> None:
        self.daemon = shared()
        self._before = len(self.daemon.log)
        self.addCleanup(lambda: self.assert_clean(self.daemon, self._before))

    def assert_clean(self, daemon: Process, begin: int = 0) -> None:
        """Nothing unexpected happened and no secret was logged.

        :param begin: how much of the log is not this test's.
        """
        log = daemon.log[begin:]
        for text in FORBIDDEN:
            self.assertNotIn(text, log)
