"""Backends that are processes of their own, and the test case of those who have one."""

import json
import re
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase, client
from tests.e2e.daemons import Daemon, Process, start

#: Opens URLs, past any proxy.
HTTP = build_opener(ProxyHandler({}))

#: What the mock cloud's user authenticates with.
BASIC = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

_KEY, _SECRET = "AKIDEXAMPLE", "the-client's-secret"


D = TypeVar("D", bound=Process)


class BackendTestCase(DaemonTestCase):
    """A test with daemons of its own."""

    def setUp(self) -> None:
        """Leave the shared daemon alone."""

    def started(self, daemon: D) -> D:
        """Stop a daemon when the test is over, and look at what it logged."""
        self.addCleanup(self.assert_clean, daemon)
        self.addCleanup(daemon.stop)
        return daemon

    def daemon_for(self, backend: str, *options: str) -> Daemon:
        """A daemon in front of ``backend``, with one account."""
        accounts = Path(self.mktemp())
        accounts.touch(0o600)
        accounts.write_text(
            f'[[account]]\naccess_key = "{_KEY}"\nsecret_key = "{_SECRET}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
        )
        return self.started(start(f"--backend={backend}/api", f"--accounts={accounts.resolve()}", *options))

    def client_of(self, daemon: Daemon) -> Any:
        """boto3's client, with the account's keys."""
        ec2 = client(daemon.url, _KEY, _SECRET)
        self.addCleanup(ec2.close)
        return ec2


class Troubled(Daemon):
    """A backend that misbehaves when told to.

    :param options: what :mod:`tests.e2e.troubled` is to be told at its start.
    """

    def __init__(self, *options: str) -> None:
        root = str(Path(__file__).resolve().parents[2])
        super().__init__([sys.executable, "-m", "tests.e2e.troubled", *options], re.compile(r"listens at (\d+)"), root)

    def make(self, what: str, **criteria: str) -> None:
        """Ask for trouble.

        :param criteria: which requests it befalls: ``method``, ``path``, and how many ``times``.
        """
        HTTP.open(Request(f"{self.base}/trouble/{what}?{urlencode(criteria)}", method="POST"), timeout=30).close()

    def told(self) -> Any:
        """All that the backend tells of itself."""
        with HTTP.open(f"{self.base}/trouble", timeout=30) as answer:
            return json.load(answer)

    def count(self, what: str) -> int:
        """How many requests are ``held``, or ``gone``."""
        number: int = self.told()[what]
        return number
