"""The daemon in front of backends of their own: one that works, one that hangs, one that is no Deltacloud, none."""

import socket
from urllib.request import Request

from botocore.exceptions import ClientError

from tests.e2e.backends import BASIC, HTTP, BackendTestCase, Troubled
from tests.e2e.daemons import ORDERLY, Daemon, start_mock, until

_ASK = f"GET /ec2?Action=DescribeAvailabilityZones HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n"


class RefusingTestCase(BackendTestCase):
    """A test of what becomes of a backend's faults."""

    def assert_refused(self, daemon: Daemon, status: int, code: str) -> None:
        """The daemon answers with an EC2 error."""
        error = self.assertRaises(ClientError, self.client_of(daemon).describe_availability_zones).response
        self.assertEqual((error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]), (status, code))


class WorkingTests(BackendTestCase):
    """``twistd deltacloud-mock`` behind ``twistd ec2proxy``."""

    def test_through(self) -> None:
        """What an account runs through the daemon is seen in the cloud behind it; a pending instance is waited for."""
        mock = self.started(start_mock("--pending=0.5", "--stopping=0.5"))
        ec2 = self.client_of(self.daemon_for(mock.base, "--freshness=0"))
        (instance,) = ec2.run_instances(ImageId="img1", MinCount=1, MaxCount=1)["Instances"]
        self.assertEqual(instance["State"]["Name"], "pending")
        instance_id = instance["InstanceId"]
        fast = {"InstanceIds": [instance_id], "WaiterConfig": {"Delay": 0.05, "MaxAttempts": 200}}
        ec2.get_waiter("instance_running").wait(**fast)
        self.assertIn(f"/api/instances/{instance_id}", self.listed(mock))
        ec2.terminate_instances(InstanceIds=[instance_id])
        ec2.get_waiter("instance_terminated").wait(**fast)
        self.assertNotIn(f"/api/instances/{instance_id}", self.listed(mock))

    def listed(self, mock: Daemon) -> str:
        """The instances in the cloud itself."""
        headers = {"Accept": "application/xml", "Authorization": BASIC}
        with HTTP.open(Request(f"{mock.base}/api/instances", headers=headers), timeout=30) as answer:
            text: str = answer.read().decode()
        return text


class AbsentTests(RefusingTestCase):
    """No backend."""

    def test_down(self) -> None:
        """A backend that does not listen is Unavailable."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            daemon = self.daemon_for(f"http://127.0.0.1:{taken.getsockname()[1]}")
            self.assert_refused(daemon, 503, "Unavailable")


class TroubledTests(RefusingTestCase):
    """A backend with bad days."""

    def setUp(self) -> None:
        self.backend = Troubled()
        self.addCleanup(self.backend.stop)

    def asked(self, daemon: Daemon) -> socket.socket:
        """A connection on which the zones were asked for, which the backend does not answer."""
        self.backend.make("hold", path="/api/realms")
        connection = socket.create_connection(("127.0.0.1", daemon.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(_ASK.encode())
        until(lambda: self.backend.count("held") == 1, "the backend is asked")
        return connection

    def test_html(self) -> None:
        """A page instead of a document is an error, never an empty list."""
        daemon = self.daemon_for(self.backend.base)
        self.backend.make("html", path="/api/realms")
        self.assert_refused(daemon, 500, "InternalError")

    def test_hung(self) -> None:
        """A backend that does not answer is given up in time."""
        daemon = self.daemon_for(self.backend.base, "--timeout=0.5")
        self.backend.make("hold", path="/api/realms")
        self.assert_refused(daemon, 503, "Unavailable")
        self.assertEqual(daemon.stop(), ORDERLY)

    def test_client_leaves(self) -> None:
        """Who waits for the backend and leaves takes the backend's call along."""
        connection = self.asked(self.daemon_for(self.backend.base))
        connection.close()
        until(lambda: self.backend.count("gone") == 1, "the call to the backend is cancelled")

    def test_drain(self) -> None:
        """SIGTERM lets a request under way finish, and takes no other; then the daemon ends."""
        daemon = self.daemon_for(self.backend.base)
        connection = self.asked(daemon)
        daemon.tell_to_stop()
        until(lambda: "waits for 1 connections" in daemon.log, "the daemon drains")
        self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", daemon.port), 30)
        self.backend.make("release")
        with connection.makefile("rb") as answer:
            received = answer.read()
        self.assertTrue(received.startswith(b"HTTP/1.1 200 "), received[:100])
        self.assertIn(b"</DescribeAvailabilityZonesResponse>", received)
        self.assertEqual(daemon.exit_code(), ORDERLY)

    def test_drain_ends(self) -> None:
        """A request that does not finish in time is cut off."""
        daemon = self.daemon_for(self.backend.base, "--drain=0.3")
        self.asked(daemon)
        daemon.tell_to_stop()
        self.assertEqual(daemon.exit_code(), ORDERLY)
        until(lambda: self.backend.count("gone") == 1, "the call to the backend is cancelled")
