"""What one daemon survives of its backend: one day in its life, so one test."""

import socket
import time

from botocore.exceptions import ClientError

from tests.e2e.backends import BackendTestCase, Troubled
from tests.e2e.daemons import until
from tests.e2e.processes import descriptors

#: Seconds that the daemon waits for its backend in this test.
TIMEOUT = 1.5


class BadDaysTests(BackendTestCase):
    """A backend that is down, comes, misbehaves in every way, dies, and comes back."""

    def setUp(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        url = f"http://127.0.0.1:{self.port}"
        self.daemon = self.daemon_for(url, f"--timeout={TIMEOUT}", "--freshness=0", "--state=memory:")
        self.ec2 = self.client_of(self.daemon)

    def backend_comes(self) -> Troubled:
        """Start the backend; a port of its own would be another backend."""
        backend = Troubled(f"--port={self.port}")
        self.addCleanup(backend.stop)
        return backend

    def asked(self) -> tuple[int, str]:
        """Status and error code of a question."""
        try:
            self.ec2.describe_availability_zones()
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
        return 200, ""

    def assert_answers(self) -> None:
        """The backend's answers arrive, after a moment's back-off at the latest."""
        until(lambda: self.asked() == (200, ""), "the daemon answers", 5)

    def test_days(self) -> None:
        """Each day has its own error, in time, and none outlasts its cause."""
        unavailable, broken = (503, "Unavailable"), (500, "InternalError")
        self.assertEqual(self.asked(), unavailable, "not there yet")
        backend = self.backend_comes()
        self.assert_answers()
        before = descriptors(self.daemon.pid)
        for trouble, expected in (
            ("slow", (200, "")),
            ("cut", unavailable),
            ("garbage", broken),
            ("html", broken),
            ("endless", broken),
            ("silent", unavailable),
        ):
            backend.make(trouble, path="/api/realms", times="1")
            began = time.monotonic()
            self.assertEqual(self.asked(), expected, trouble)
            self.assertLess(time.monotonic() - began, TIMEOUT + 1, trouble)
            self.assert_answers()
        backend.kill()
        self.assertEqual(self.asked(), unavailable, "killed")
        self.backend_comes()
        self.assert_answers()
        self.assertLess(descriptors(self.daemon.pid), before + 5)

    def test_half_open(self) -> None:
        """A host that takes connections and says nothing, nor ever closes, costs the time that was allowed."""
        with socket.create_server(("127.0.0.1", self.port)):
            began = time.monotonic()
            self.assertEqual(self.asked(), (503, "Unavailable"))
            self.assertLess(time.monotonic() - began, TIMEOUT + 1)
        self.backend_comes()
        self.assert_answers()
