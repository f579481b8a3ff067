"""The operator's endpoint of the real daemon, and the console in a real browser."""

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.browser import browser, show
from tests.e2e.daemons import Daemon, start, until

HOSTILE = "<img src=x onerror=document.title='owned'>"


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def started(*options: str) -> tuple[Daemon, str]:
    """A daemon on its embedded cloud, and where its operator's pages are."""
    port = free_port()
    return start(f"--admin-listen=tcp:{port}:interface=127.0.0.1", *options), f"http://127.0.0.1:{port}/"


def client(daemon: Daemon, region: str = "us-east-1") -> Any:
    """boto3's client for it."""
    return boto3.client(
        "ec2",
        endpoint_url=daemon.url,
        region_name=region,
        aws_access_key_id="mockuser",
        aws_secret_access_key="mockpassword",
    )


def fetched(url: str, **headers: str) -> tuple[int, str]:
    """The status and the body of an answer."""
    try:
        with urlopen(Request(url, headers=headers)) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


class EndpointTests(SynchronousTestCase):
    """One daemon with everything that it can tell its operator."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.audit = self.directory / "audit.jsonl"
        self.daemon, self.url = started("--log-format=json", f"--audit-log={self.audit.resolve()}")
        self.addCleanup(self.daemon.stop)

    def test_whole(self) -> None:
        """Health, metrics, the log in JSON, the audit log: each tells of what a client has just done."""
        ec2 = client(self.daemon)
        ec2.create_key_pair(KeyName="k-1")
        for _ in range(3):
            ec2.describe_instances()
        self.assertEqual(fetched(self.url + "healthz"), (200, "ok\n"))
        status, ready = fetched(self.url + "readyz")
        self.assertEqual((status, json.loads(ready)["ready"]), (200, True), ready)
        # What is counted is told a tenth of a second later.
        until(lambda: 'action="DescribeInstances",code=""' in fetched(self.url + "metrics")[1], "it is counted")
        self.assertEqual(fetched(self.url, Host="evil.example")[0], 421)
        (entry,) = [json.loads(line) for line in self.audit.read_text().splitlines()]
        self.assertEqual(
            (entry["action"], entry["resources"], entry["principal"], entry["result"]),
            ("CreateKeyPair", ["k-1"], "mockuser", "done"),
        )
        self.assertEqual(stat.S_IMODE(os.stat(self.audit).st_mode) & 0o027, 0)
        self.assertEqual(self.daemon.stop(), -15)
        events = [json.loads(line) for line in self.daemon.log.splitlines()]
        lines = [event for event in events if event["logger"] == "ec2proxy.access"]
        self.assertEqual([line["action"] for line in lines], ["CreateKeyPair", *["DescribeInstances"] * 3])
        self.assertEqual(lines[0]["request_id"], entry["request_id"])
        self.assertEqual({line["source"] for line in lines} - {"picture", "backend"}, set())
        self.assertNotIn("Signature", self.daemon.log)


class WorkersTests(SynchronousTestCase):
    """A daemon with workers."""

    def test_together(self) -> None:
        """It tells of all of them as of one."""
        daemon, url = started("--workers=2")
        self.addCleanup(daemon.stop)
        for number in range(6):
            client(daemon).create_key_pair(KeyName=f"k-{number}")
        metrics = fetched(url + "metrics")[1]
        self.assertIn('ec2proxy_requests_total{action="CreateKeyPair",code="",region="deltacloud"} 6.0', metrics)
        self.assertIn("ec2proxy_workers 2.0", metrics)
        page = fetched(url)[1]
        self.assertIn("2 workers", page)
        self.assertEqual(page.count("<td>CreateKeyPair</td>"), 6)


class ConsoleTests(SynchronousTestCase):
    """The console, as a browser shows it."""

    def test_console(self) -> None:
        """Live, without scripts, dark, narrow, and when the daemon ends: one browser looks at one daemon."""
        with browser() as self.chrome:
            self.daemon, self.url = started()
            self.addCleanup(self.daemon.stop)
            self.ec2 = client(self.daemon)
            tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": HOSTILE}]}]
            self.ec2.run_instances(ImageId="img1", MinCount=1, MaxCount=1, TagSpecifications=tags)
            self.ec2.describe_instances()
            light = self.plain(dark=False)
            self.assertNotEqual(self.plain(dark=True), light)
            self.narrow()
            self.live()
            self.ended()

    def text(self, element: str) -> str:
        """What an element shows."""
        return str(self.chrome.find_element("id", element).text)

    def plain(self, dark: bool) -> str:
        """Without JavaScript it is the same page, and asks for itself again; tells the colour of its ground."""
        show(self.chrome, self.url, scripts=False, dark=dark)
        self.assertIn("inst", self.text("instances"))
        self.assertEqual(len(self.chrome.find_elements("css selector", "#figures svg")), 5)
        (refresh,) = self.chrome.find_elements("css selector", "meta[http-equiv=refresh]")
        self.assertEqual(refresh.get_attribute("content"), "10")
        return str(self.chrome.find_element("tag name", "body").value_of_css_property("background-color"))

    def narrow(self) -> None:
        """It is never wider than the window, a telephone's neither."""
        show(self.chrome, self.url, width=390)
        self.assertLessEqual(self.chrome.execute_script("return document.documentElement.scrollWidth"), 390)

    def live(self) -> None:
        """It follows what happens without being loaded again, breaks no rule of its own, and runs nobody's script."""
        show(self.chrome, self.url)
        until(lambda: self.text("live").endswith("live"), "it is live")
        self.assertIn(HOSTILE, self.text("instances"))
        self.chrome.execute_script("window.same = true")
        self.ec2.create_key_pair(KeyName="k-live")
        until(lambda: "k-live" in self.text("changes"), "the change is shown")
        self.assertTrue(self.chrome.execute_script("return window.same"))
        self.assertEqual(self.chrome.title, "ec2proxy")
        severe = [entry["message"] for entry in self.chrome.get_log("browser") if entry["level"] == "SEVERE"]
        self.assertEqual(severe, [])

    def ended(self) -> None:
        """It tells when it no longer knows."""
        self.daemon.stop()
        until(lambda: "connection lost" in self.text("live"), "the end is noticed")
