"""What one daemon survives of the disk: its state cannot be written, or its log."""

import resource
import socket
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.backends import BASIC, BackendTestCase, Troubled
from tests.e2e.daemons import ORDERLY, TWISTD, Process, until


class BadStateTests(BackendTestCase):
    """A database that cannot be written for a while."""

    def setUp(self) -> None:
        self.backend = Troubled()
        self.addCleanup(self.backend.stop)
        self.state = Path(self.mktemp()).resolve()
        self.daemon = self.daemon_for(self.backend.base, f"--state=sqlite:///{self.state}")
        self.ec2 = self.client_of(self.daemon)
        self.assertEqual(self.tag("before"), "")

    def tag(self, value: str) -> str:
        """Tag an image, and give the error's code."""
        try:
            self.ec2.create_tags(Resources=["img1"], Tags=[{"Key": "Name", "Value": value}])
        except ClientError as error:
            return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"
        return ""

    def told(self) -> Any:
        """The tag's value, as the daemon tells it."""
        (tag,) = self.ec2.describe_images(ImageIds=["img1"])["Images"][0]["Tags"]
        return tag["Value"]

    def assert_refused(self, readable: bool = True) -> None:
        """What changes something is refused and not told; what only asks is answered.

        :param readable: whether the state can be read, at least; else who asks is refused, too.
        """
        self.assertEqual(self.tag("refused"), "503 Unavailable")
        code = self.assertRaises(ClientError, self.ec2.run_instances, ImageId="img1", MinCount=1, MaxCount=1)
        self.assertEqual(code.response["Error"]["Code"], "Unavailable")
        self.assertNotIn("POST /api/instances", self.backend.told()["writes"])
        if readable:
            self.assertEqual(self.told(), "before")
        else:
            self.assertRaises(ClientError, self.told)

    def assert_recovered(self) -> None:
        """All is well again, without a restart; and what was answered is there after one."""
        until(lambda: self.tag("after") == "", "the state can be written again", 5)
        self.assertEqual(self.told(), "after")
        self.assertEqual(self.daemon.stop(), ORDERLY)
        self.ec2 = self.client_of(self.daemon_for(self.backend.base, f"--state=sqlite:///{self.state}"))
        self.assertEqual(self.told(), "after")

    def test_read_only(self) -> None:
        """SQLite calls a database read-only whose file was moved away under it."""
        elsewhere = self.state.with_name("elsewhere")
        self.state.rename(elsewhere)
        self.assert_refused(readable=False)
        elsewhere.rename(self.state)
        self.assert_recovered()

    def test_full(self) -> None:
        """No byte can be added to any file: a limit of the process's own stands in for the disk's."""
        _, most = resource.prlimit(self.daemon.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.daemon.pid, resource.RLIMIT_FSIZE, (0, most))
        self.assert_refused()
        resource.prlimit(self.daemon.pid, resource.RLIMIT_FSIZE, (most, most))
        self.assert_recovered()

    def test_locked(self) -> None:
        """Somebody else's transaction holds writers up, and readers not; when it is over, they go on."""
        other = sqlite3.connect(self.state, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        self.assertEqual(self.told(), "before")
        other.execute("ROLLBACK")
        self.assert_recovered()


class BadLogTests(BackendTestCase):
    """A log that cannot be written."""

    def test_full(self) -> None:
        """With the log on a full disk, requests are answered, and the daemon ends in order."""
        # A socket's path must be short, which trial's are not.
        path = Path(self.enterContext(tempfile.TemporaryDirectory()), "socket")
        command = f"exec {TWISTD} -n --pidfile= ec2proxy --listen=unix:{path} >/dev/full 2>&1"
        daemon = Process(["/bin/sh", "-c", command])
        self.addCleanup(daemon.stop)
        until(path.exists, "the daemon listens")
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(path))
                connection.sendall(
                    f"GET /ec2?Action=DescribeRegions HTTP/1.0\r\nAuthorization: {BASIC}\r\n\r\n".encode()
                )
                self.assertIn(b" 200 ", connection.makefile("rb").readline())
        self.assertEqual(daemon.stop(), ORDERLY)
