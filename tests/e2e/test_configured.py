"""A daemon with a configuration file: regions, accounts, SIGHUP, --check."""

import os
import re
import signal
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.daemons import LISTENS, TWISTD, Daemon, run, until

CONFIGURATION = """\
listen = "tcp:0:interface=127.0.0.1"
accounts = "accounts.toml"
freshness = 0.2

[regions.west]
url = "mock"

[regions.east]
url = "mock"

[regions.dead]
url = "http://127.0.0.1:9/api"
"""
ACCOUNTS = """\
[[account]]
access_key = "AKIAWHOLE"
secret_key = "hush"
user = "mockuser"
password = "mockpassword"

[[account]]
access_key = "AKIAREADER"
secret_key = "hush"
user = "mockuser"
password = "mockpassword"
actions = ["Describe*"]
"""


class ConfiguredTests(SynchronousTestCase):
    """Each with a directory of its own."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="ec2proxy-e2e-")
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.write("ec2proxy.toml", CONFIGURATION)
        self.write("accounts.toml", ACCOUNTS)

    def write(self, name: str, text: str) -> None:
        """Put a file there, whole or not at all."""
        new = self.folder / "new"
        new.write_text(text)
        new.chmod(0o600)
        os.replace(new, self.folder / name)

    def start(self, *options: str) -> Daemon:
        """Start the daemon."""
        arguments = [TWISTD, "-n", "--pidfile=", "ec2proxy", "--config=ec2proxy.toml", *options]
        daemon = Daemon(arguments, LISTENS, str(self.folder))
        self.addCleanup(daemon.stop)
        return daemon

    def client(self, daemon: Daemon, region: str, key: str = "AKIAWHOLE") -> Any:
        """A client that asks once."""
        made = boto3.client(
            "ec2",
            region_name=region,
            endpoint_url=daemon.base,
            aws_access_key_id=key,
            aws_secret_access_key="hush",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.addCleanup(made.close)
        return made

    def refused(self, code: str, call: Any, **params: Any) -> None:
        """It has to fail with that code."""
        error = self.assertRaises(ClientError, call, **params)
        self.assertEqual(error.response["Error"]["Code"], code)

    def count(self, client: Any) -> int:
        """How many instances there are."""
        reservations = client.describe_instances()["Reservations"]
        return sum(len(reservation["Instances"]) for reservation in reservations)

    def test_regions(self) -> None:
        """Two clouds behind one address, and a dead one; a key that may only look."""
        daemon = self.start()
        west, east = self.client(daemon, "west"), self.client(daemon, "east")
        before = self.count(west)
        self.assertEqual(self.count(east), before)
        made = west.run_instances(ImageId="img1", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        self.assertEqual((self.count(west), self.count(east)), (before + 1, before))
        self.refused("Unavailable", self.client(daemon, "dead").describe_instances)
        self.refused("SignatureDoesNotMatch", self.client(daemon, "us-east-1").describe_instances)
        reader = self.client(daemon, "west", "AKIAREADER")
        self.refused("UnauthorizedOperation", reader.terminate_instances, InstanceIds=[made])
        self.assertEqual(self.count(reader), before + 1)
        for one in west.describe_regions()["Regions"]:
            at = boto3.client("ec2", endpoint_url=f"http://{one['Endpoint']}", region_name=one["RegionName"],
                              aws_access_key_id="AKIAWHOLE", aws_secret_access_key="hush")  # fmt: skip
            self.addCleanup(at.close)
            if one["RegionName"] != "dead":
                self.assertEqual(self.count(at), before + (one["RegionName"] == "west"))

    def reload(self, daemon: Daemon, says: str) -> None:
        """Send SIGHUP, and wait for what is logged."""
        seen = len(daemon.log)
        os.kill(daemon.pid, signal.SIGHUP)
        until(lambda: re.search(says, daemon.log[seen:]), says)

    def reloaded(self, *options: str) -> None:
        """Polls go on, on the same connection, while keys and regions come and go."""
        daemon = self.start(*options)
        west = self.client(daemon, "west")
        before = self.count(west)
        self.write("accounts.toml", ACCOUNTS + "[[account]")
        self.reload(daemon, r"stays as it was: .*accounts\.toml:\d+: ")
        self.assertEqual(self.count(west), before)
        self.write("accounts.toml", ACCOUNTS.replace("AKIAREADER", "AKIANEW"))
        self.write("ec2proxy.toml", CONFIGURATION.replace("regions.dead", "regions.north"))
        self.reload(daemon, "regions west, east, north")
        self.assertEqual(self.count(west), before)
        self.assertEqual(self.count(self.client(daemon, "east", "AKIANEW")), before)
        self.refused("InvalidClientTokenId", self.client(daemon, "west", "AKIAREADER").describe_instances)
        self.refused("SignatureDoesNotMatch", self.client(daemon, "dead").describe_instances)
        self.refused("Unavailable", self.client(daemon, "north").describe_instances)

    def test_reload(self) -> None:
        """In one process."""
        self.reloaded()

    def test_reload_workers(self) -> None:
        """In all workers: none knows an old key when the reload is logged."""
        self.reloaded("--workers=2")

    def check(self) -> tuple[int, str, str]:
        """What ``--check`` says."""
        done = run([TWISTD, "ec2proxy", "--config=ec2proxy.toml", "--check"], directory=str(self.folder))
        return done.returncode, done.stdout, done.stderr

    def test_check(self) -> None:
        """It ends well or with all mistakes, and leaves nothing behind."""
        self.assertEqual(self.check(), (0, "configuration is valid\n", ""))
        self.write("ec2proxy.toml", CONFIGURATION.replace("0.2", '"0.2"').replace("url", "uri", 1))
        code, printed, said = self.check()
        self.assertEqual((code, printed), (1, ""))
        self.assertEqual(
            [line.replace(str(self.folder), "") for line in said.splitlines()],
            [
                "ec2proxy: /ec2proxy.toml:3: freshness: it is not a number of seconds",
                "ec2proxy: /ec2proxy.toml:6: regions.west.uri: this is not known; did you mean url?",
                "ec2proxy: /ec2proxy.toml:5: regions.west: it needs a url: that of a Deltacloud API, or mock",
            ],
        )
        self.assertEqual(sorted(os.listdir(self.folder)), ["accounts.toml", "ec2proxy.toml"])
