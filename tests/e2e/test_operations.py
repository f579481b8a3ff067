"""What docs/operations.rst has an operator type, as it stands there, in one shell, with other ports.

With the path of a wheel in ``EC2PROXY_WHEEL`` it is installed as the page says; else what is being tested is there.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.e2e.daemons import ROOT, environment

PORTS = ("3443", "3002", "4001", "4002")

#: What the page needs, and whence it is in Debian.
TOOLS = {"openssl": "openssl", "curl": "curl", "systemd-socket-activate": "systemd", "systemd-analyze": "systemd"}

#: Seconds that all of it may take; the aws command line alone takes a second each time.
PATIENCE = 120


def typed() -> list[str]:
    """The page's commands, by blocks."""
    text = (ROOT / "docs" / "operations.rst").read_text("utf-8")
    found = re.findall(r"^\.\. code-block:: bash\n\n((?: {3}.*\n|\n)+)", text, re.MULTILINE)
    return [re.sub("^ {3}", "", block, flags=re.MULTILINE) for block in found]


def script() -> str:
    """The page's commands, with ports that are free."""
    install, *rest = typed()
    assert "pip install 'ec2proxy[metrics]'" in install
    wheel = os.environ.get("EC2PROXY_WHEEL")
    if wheel:
        install = install.replace("'ec2proxy[metrics]'", f"--quiet '{wheel}[metrics]'")
    else:
        install = f"mkdir -p venv/share/doc\nln -s '{ROOT}/contrib' venv/share/doc/ec2proxy\n"
    text = "\n".join((install, *rest))
    taken = []
    for port in PORTS:
        assert f":{port}" in text or f"={port}" in text
        probe = socket.socket()
        taken.append(probe)
        probe.bind(("127.0.0.1", 0))
        text = re.sub(rf"(?<=[:=]){port}\b", str(probe.getsockname()[1]), text)
    for probe in taken:
        probe.close()
    return text


class OperationsTests(SynchronousTestCase):
    """All of the page."""

    def setUp(self) -> None:
        for tool, package in TOOLS.items():
            if shutil.which(tool) is None:
                raise SkipTest(f"there is no {tool} (Debian: {package})")
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ec2proxy-e2e-")))

    def type_in(self) -> tuple[int, str, str]:
        """Run the commands; give the exit code, what was printed, and what was said."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with (self.directory / "said").open("w+") as said, (self.directory / "printed").open("w+") as printed:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script()],
                cwd=self.directory,
                env=environment(PATH=path, HOME=str(self.directory)),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                start_new_session=True,
            )
            try:
                code = shell.wait(PATIENCE)
            finally:
                # Where a command has failed, the daemons are there still.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
            said.seek(0)
            printed.seek(0)
            return code, printed.read(), said.read()

    def test_typed(self) -> None:
        """Each command does what the page says of it."""
        code, printed, said = self.type_in()
        logs = (self.directory / "ec2proxy.log").read_text()
        self.assertEqual(code, 0, f"{printed}\n{said}\n{logs}")
        told = [
            r"AKIA\w+ enabled user=mockuser actions=\*\n",
            r"AKIA\w+ enabled user=mockuser actions=Describe\*\n",
            r"configuration is valid\n",
            r"Verification: OK\n",
            r"<regionName>west</regionName>.*<regionName>lab</regionName>",
            # The mock cloud begins with some instances, and there is one more in one of the two.
            r"\n5\n4\n(pending|running)\n",
            r"The configuration was read again: 2 accounts, regions west, lab\n",
            r'"action": "TerminateInstances", .*"result": "refused", "error": "UnauthorizedOperation"',
            r'ec2proxy_requests_total\{action="TerminateInstances",code="UnauthorizedOperation",region="west"\} 1.0\n',
            r'listen = \["systemd:domain=INET6:name=ec2"\]\ntls-cert = "credential:tls.pem"\n',
            r'accounts = "credential:accounts.toml"\n',
            r"running\n$",
        ]
        self.assertRegex(printed, r"(?s:.*?)".join(told))
        self.assertIn("(UnauthorizedOperation)", said)
        self.assertIn("(InvalidClientTokenId)", said)
        self.assertNotIn("Traceback", logs)
        self.assertEqual((self.directory / "accounts.toml").stat().st_mode & 0o777, 0o600)
        self.assert_units()

    def assert_units(self) -> None:
        """systemd understands the units, with the drop-in that the page has made."""
        units = self.directory / "systemd"
        service = units / "ec2proxy.service"
        service.write_text(service.read_text().replace("/opt/ec2proxy/bin/twistd", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", str(service), str(units / "ec2proxy.socket")],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
