"""A daemon with a configuration file: regions, accounts, SIGHUP, --check."""

import json
import os
import re
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.backends import BASIC, Troubled
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


class ConfiguredTestCase(SynchronousTestCase):
    """A test with a directory of its own."""

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

    def reload(self, daemon: Daemon, says: str) -> None:
        """Send SIGHUP, and wait for what is logged."""
        seen = len(daemon.log)
        os.kill(daemon.pid, signal.SIGHUP)
        until(lambda: re.search(says, daemon.log[seen:]), says)


class ConfiguredTests(ConfiguredTestCase):
    """Regions, accounts, reloads, checks."""

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


class ChangedRegionTests(ConfiguredTestCase):
    """A region that becomes another one while work is under way in it."""

    def setUp(self) -> None:
        super().setUp()
        self.backend = Troubled("--machine=arubacloud", "--stopping=0.5")
        self.addCleanup(self.backend.stop)
        self.configure(10)

    def configure(self, timeout: int) -> None:
        """Write the configuration."""
        region = f'[regions.west]\nurl = "{self.backend.base}/api"\ntimeout = {timeout}\n'
        self.write(
            "ec2proxy.toml",
            f'audit-log = "audit.log"\nstate = "memory:"\n{CONFIGURATION[: CONFIGURATION.index("[")]}{region}',
        )

    def send(self, daemon: Daemon, action: str, **parameters: str) -> socket.socket:
        """Send a request, and wait for no answer but until the backend has to do with it."""
        held = self.backend.count("held")
        query = urlencode({"Action": action, "Version": "2016-11-15", **parameters})
        connection = socket.create_connection(("127.0.0.1", daemon.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(f"GET /?{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n".encode())
        until(lambda: self.backend.count("held") > held, "the backend is asked")
        return connection

    def changed(self, *options: str) -> None:
        """Requests under way are answered, what was promised is done once, and the audit log tells for whom."""
        daemon = self.start(*options)
        west = self.client(daemon, "west")
        run = west.run_instances(ImageId="img1", MinCount=2, MaxCount=2)["Instances"]
        held, between = (one["InstanceId"] for one in run)
        self.backend.make("hold", method="POST", path=f"/api/instances/{held}/stop", times="1")
        self.backend.make("hold", method="POST", path="/api/instances", times="1")
        terminating = self.send(daemon, "TerminateInstances", **{"InstanceId.1": held})
        running = self.send(daemon, "RunInstances", ImageId="img2", MinCount="1", MaxCount="1")
        west.terminate_instances(InstanceIds=[between])
        self.configure(11)
        self.reload(daemon, "was read again")
        self.backend.make("release")
        self.assertIn(b" 200 OK", terminating.recv(65536))
        told = running.recv(65536)
        self.assertIn(b" 200 OK", told)
        made = told.partition(b"<instanceId>")[2].partition(b"<")[0].decode()

        def states() -> list[str]:
            reservations = west.describe_instances(InstanceIds=[held, between, made])["Reservations"]
            return sorted(one["State"]["Name"] for each in reservations for one in each["Instances"])

        until(lambda: states() == ["running", "terminated", "terminated"], "all is as was promised")
        writes = self.backend.told()["writes"]
        self.assertEqual(writes.count("POST /api/instances"), 3)
        for one in (held, between):
            self.assertEqual(writes.count(f"DELETE /api/instances/{one}"), 1)
        lines = [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]
        later = {line["resources"][0]: line for line in lines if line.get("step") == "destroy"}
        self.assertEqual({one: later[one]["principal"] for one in later}, {held: "mockuser", between: "AKIAWHOLE"})
        (asked,) = (
            one
            for one in lines
            if one["action"] == "TerminateInstances" and "step" not in one and held in one["resources"]
        )
        self.assertEqual(later[held]["request_id"], asked["request_id"])

    def test_changed(self) -> None:
        """In one process."""
        self.changed()

    def test_workers(self) -> None:
        """With workers, each of which has the region for itself."""
        self.changed("--workers=2")
