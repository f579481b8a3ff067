"""TLS on real sockets: a client of the daemon's, the daemon as a client, and a certificate that is renewed."""

import os
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from trustme import CA

from tests.e2e.backends import BackendTestCase
from tests.e2e.cases import CONFIG, PASSWORD, USER
from tests.e2e.crowd import Crowd
from tests.e2e.daemons import LISTENS, TWISTD, Daemon, until
from tests.tls.authorities import write_pair


class TLSTests(BackendTestCase):
    """Daemons behind TLS."""

    def setUp(self) -> None:
        self.authority = CA()
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.ca = self.directory / "ca.pem"
        self.ca.write_bytes(self.authority.cert_pem.bytes())
        self.files = write_pair(self.directory, self.authority.issue_cert("127.0.0.1", "localhost"))

    def begin(self, *options: str, listen: str = "tcp:0:interface=127.0.0.1") -> Daemon:
        """A daemon."""
        return self.started(Daemon([TWISTD, "-n", "--pidfile=", "ec2proxy", f"--listen={listen}", *options], LISTENS))

    def secure(self) -> Daemon:
        """A daemon with the certificate."""
        return self.begin(f"--tls-cert={self.files.certificate}", f"--tls-key={self.files.key}", "--throttle=off")

    def zones_of(self, daemon: Daemon) -> list[Any]:
        """What boto3 is told, which trusts the authority alone."""
        session = boto3.Session(USER, PASSWORD, region_name="us-east-1")
        url = f"https://127.0.0.1:{daemon.port}/ec2"
        ec2 = session.client("ec2", endpoint_url=url, config=CONFIG, verify=str(self.ca))
        self.addCleanup(ec2.close)
        zones: list[Any] = ec2.describe_availability_zones()["AvailabilityZones"]
        return zones

    def test_endpoint(self) -> None:
        """Twisted's own endpoint string for TLS."""
        keys = f"privateKey={self.files.key}:certKey={self.files.certificate}"
        self.assertTrue(self.zones_of(self.begin(listen=f"ssl:0:interface=127.0.0.1:{keys}")))

    def test_both_sides(self) -> None:
        """A daemon whose backend is another daemon's frontend, with TLS in between; and one that does not trust it."""
        first = self.secure()
        backend = f"--backend=https://localhost:{first.port}/api"
        accounts = self.directory / "accounts.toml"
        accounts.touch(0o600)
        accounts.write_text(
            f'[[account]]\naccess_key = "{USER}"\nsecret_key = "{PASSWORD}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
        )
        more = (backend, f"--accounts={accounts}", "--state=memory:", f"--tls-cert={self.files.certificate}")
        second = self.begin(*more, f"--tls-key={self.files.key}", f"--backend-ca={self.ca}")
        self.assertTrue(self.zones_of(second))
        third = self.begin(*more, f"--tls-key={self.files.key}")
        error = self.assertRaises(ClientError, self.zones_of, third)
        self.assertEqual(error.response["Error"]["Code"], "Unavailable")
        self.assertIn(f"The TLS handshake with https://localhost:{first.port}/api failed", third.log)

    def test_renewed_under_load(self) -> None:
        """While clients come and go, the certificate is renewed again and again: none of them notices."""
        daemon = self.secure()
        trusted = ssl.create_default_context(cafile=str(self.ca))
        shown = {self.shown(daemon, trusted)}
        with (
            Crowd(daemon.port, "img1", 4, trusted, each=3) as coming,
            Crowd(daemon.port, "img2", 4, trusted) as staying,
        ):
            for _ in range(3):
                coming.wait_for(20)
                write_pair(self.directory, self.authority.issue_cert("127.0.0.1"))
                before = daemon.log.count("The TLS certificate was renewed")
                os.kill(daemon.pid, signal.SIGHUP)
                until(lambda: daemon.log.count("The TLS certificate was renewed") > before, "the new one is taken")  # noqa: B023
                shown.add(self.shown(daemon, trusted))
            self.assertEqual((coming.broken, coming.ended), ([], 0))
            coming.wait_for(20)
            staying.wait_for(20)
        self.assertEqual(len(shown), 4)
        self.assertEqual((coming.broken, coming.ended), ([], 0))
        self.assertEqual((staying.broken, staying.ended), ([], 0))

    def shown(self, daemon: Daemon, trusted: ssl.SSLContext) -> bytes | None:
        """The certificate that a client is shown."""
        with (
            socket.create_connection(("127.0.0.1", daemon.port), 10) as connection,
            trusted.wrap_socket(connection, server_hostname="127.0.0.1") as secure,
        ):
            return secure.getpeercert(True)
