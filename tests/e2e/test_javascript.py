"""JavaScript's SDK v3 against the daemon; ``make test`` installs it where there is npm."""

import json
import shutil
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase, name_of
from tests.e2e.daemons import run

CLIENT = Path(__file__).with_name("javascript") / "client.cjs"
MODULES = Path(__file__).resolve().parents[2] / ".venv" / "javascript" / "node_modules"


class JavaScriptTests(DaemonTestCase):
    """A client in JavaScript."""

    def setUp(self) -> None:
        node = shutil.which("node")
        if node is None or shutil.which("npm") is None:
            raise SkipTest("there is no node and npm to run JavaScript's SDK with")
        if not MODULES.is_dir():
            raise SkipTest(f"JavaScript's SDK is not in {MODULES}: make .venv/.javascript puts it there")
        self.node = node
        super().setUp()

    def done(self, *arguments: str) -> Any:
        """Have the client do something, and give what it found."""
        ended = run(
            [self.node, str(CLIENT), *arguments],
            more={
                "NODE_PATH": str(MODULES),
                "AWS_ENDPOINT_URL_EC2": self.daemon.url,
                "AWS_ACCESS_KEY_ID": USER,
                "AWS_SECRET_ACCESS_KEY": PASSWORD,
                "AWS_REGION": "us-east-1",
            },
        )
        # It may warn of an old node.
        self.assertEqual((ended.returncode, ended.stderr if ended.returncode else ""), (0, ""))
        return json.loads(ended.stdout)

    def test_describe(self) -> None:
        """Zones, the caller's images, and instances by pages."""
        found = self.done("describe")
        self.assertEqual(
            [(zone["ZoneName"], zone["State"]) for zone in found["zones"]], [("us", "available"), ("eu", "available")]
        )
        self.assertIn("img3", {image["ImageId"] for image in found["images"]})
        (instance,) = (one for one in found["instances"] if one["InstanceId"] == "inst1")
        self.assertEqual(
            (instance["ImageId"], instance["State"], instance["Placement"]["AvailabilityZone"]),
            ("img3", {"Code": 16, "Name": "running"}, "us"),
        )

    def test_launch(self) -> None:
        """A key pair, tagged instances that use it, both waiters, and the end of it all."""
        name = name_of("javascript")
        found = self.done("launch", name)
        tags = [{"Key": "Name", "Value": name}]
        self.assertEqual(found["key"]["tags"], tags)
        self.assertEqual((found["key"]["name"], found["key"]["id"]), (name, found["deleted"]))
        self.assertTrue(found["key"]["material"].startswith("-----BEGIN "), found["key"])
        self.assertEqual(found["waited"], ["SUCCESS", "SUCCESS"])
        self.assertEqual(
            [(one["InstanceId"], one["KeyName"], one["Tags"], one["State"]["Name"]) for one in found["instances"]],
            [(instance_id, name, tags, "running") for instance_id in found["ids"]],
        )
        self.assertEqual(
            [(one["InstanceId"], one["PreviousState"]["Name"]) for one in found["terminating"]],
            [(instance_id, "running") for instance_id in found["ids"]],
        )

    def test_refused(self) -> None:
        """An error is EC2's: its name, its message, its status and the request's id."""
        error = self.done("refused", "i-0123456789abcdef0")
        self.assertEqual((error["name"], error["ours"], error["status"]), ("InvalidInstanceID.NotFound", True, 400))
        self.assertIn("i-0123456789abcdef0", error["message"])
        self.assertEqual(len(error["request"]), 36)
