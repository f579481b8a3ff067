"""A real client and a plain one against the daemon, over each of its HTTP readers."""

import http.client
import re
import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.e2e.cases import client
from tests.e2e.daemons import start

#: In one piece: two plain requests, one in chunks, one for the other frontend, and the last one.
_ROW = (
    b"GET /ec2?Action=DescribeZones HTTP/1.1\r\nHost: a\r\n\r\n"
    b"POST /ec2 HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nAction=A"
    b"POST /ec2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nAction=A\r\n0\r\n\r\n"
    b"GET /api HTTP/1.1\r\nHost: a\r\n\r\n"
    b"GET /ec2?Action=A HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
)


class WireTests(SynchronousTestCase):
    """What differs from the other tests is ``--http`` alone."""

    http = "httptools"

    def test_clients(self) -> None:
        """boto3 on a connection that is kept, a client that sends head and body apart, and a row of requests."""
        daemon = start(f"--http={self.http}")
        self.addCleanup(daemon.stop)
        ec2 = client(daemon.url)
        self.addCleanup(ec2.close)
        for _ in range(3):
            self.assertEqual(len(ec2.describe_images()["Images"]), 3)
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
        self.addCleanup(connection.close)
        for body in (b"Action=DescribeImages", iter([b"Action=", b"DescribeImages"])):
            connection.request("POST", "/ec2", body)
            response = connection.getresponse()
            self.assertEqual(response.status, 403)
            self.assertIn(b"MissingAuthenticationToken", response.read())
        with socket.create_connection(("127.0.0.1", daemon.port), 30) as raw:
            raw.sendall(_ROW)
            answers = b"".join(iter(lambda: raw.recv(65536), b""))
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+) ", answers), [b"403", b"403", b"403", b"200", b"403"])


class TwistedWireTests(WireTests):
    """The same by twisted.web."""

    http = "twisted"
