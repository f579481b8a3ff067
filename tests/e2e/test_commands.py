"""What the README and Deltacloud's manual have a user type, as they stand there."""

import http.client
import re
import shutil
import socket
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

from lxml import etree
from twisted.trial.unittest import SkipTest

from tests.e2e.cases import PASSWORD, USER, DaemonTestCase
from tests.e2e.daemons import LISTENS, ORDERLY, TWISTD, Process, environment, run

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "tests" / "recordings" / "77-ec2-describe-availability-zones.txt"

# Issue 2 and Deltacloud's manual have this command.
CURL = (
    "curl -X GET -H 'Accept: application/xml' --user 'mockuser:mockpassword'"
    ' "http://localhost:3001/ec2?Action=DescribeAvailabilityZones"'
)

_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)


def blocks(language: str) -> list[str]:
    """The README's examples in one language, without their indentation."""
    text = (ROOT / "README.rst").read_text("utf-8")
    return [re.sub("^    ", "", body, flags=re.MULTILINE) for name, body in _BLOCK.findall(text) if name == language]


def canonical(document: str) -> bytes:
    """A document without what differs from answer to answer, and from writer to writer."""
    root = etree.fromstring(document.encode(), etree.XMLParser(remove_blank_text=True))
    (request_id,) = [element for element in root if etree.QName(element).localname == "requestId"]
    request_id.text = None
    return etree.tostring(root, method="c14n")


class ReadmeTests(DaemonTestCase):
    """The README's examples, with another port."""

    def type_in(self, *command: str) -> str:
        """Run a command as a user would, and give what it prints."""
        home = tempfile.TemporaryDirectory(prefix="ec2proxy-e2e-")
        self.addCleanup(home.cleanup)
        path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
        done = run(command, more={"PATH": path, "HOME": home.name}, directory=home.name)
        self.assertEqual((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        return done.stdout

    def example(self, language: str, word: str) -> str:
        """The one example in ``language`` that has ``word``, aimed at the shared daemon."""
        (example,) = [block for block in blocks(language) if word in block]
        self.assertIn("localhost:3001", example)
        return example.replace("localhost:3001", f"localhost:{self.daemon.port}")

    def test_curl(self) -> None:
        """Curl prints what Deltacloud's manual prints."""
        if shutil.which("curl") is None:
            raise SkipTest("there is no curl on this machine")
        self.assertEqual(blocks("bash")[0].strip(), CURL)
        printed = self.type_in("bash", "-euc", self.example("bash", "curl"))
        self.assertEqual(canonical(printed), canonical(RECORDING.read_text().partition("\n\n")[2]))

    def test_aws(self) -> None:
        """The aws command line lists, creates, runs, waits and terminates."""
        printed = self.type_in("bash", "-euo", "pipefail", "-c", self.example("bash", "aws ec2"))
        for word in ("img1", '"m1-large"', '"running"', '"shutting-down"'):
            self.assertIn(word, printed)

    def test_boto3(self) -> None:
        """The Python example prints the instances that it ran."""
        printed = self.type_in(sys.executable, "-c", self.example("python", "boto3"))
        self.assertGreaterEqual(len(re.findall(r"^inst\d+ m1-small running$", printed, re.MULTILINE)), 2)


class DefaultTests(DaemonTestCase):
    """``twistd -n ec2proxy`` with no option at all."""

    def test_default(self) -> None:
        """It answers the manual's command at the manual's port."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", 3001))
            except OSError:
                raise SkipTest("port 3001 is taken; ReadmeTests ask the same at another port") from None
        daemon = Process([TWISTD, "-n", "--pidfile=", "ec2proxy"])
        self.addCleanup(daemon.stop)
        daemon.wait_for(LISTENS)
        printed = run(["bash", "-c", CURL]).stdout if shutil.which("curl") else self.without_curl()
        self.assertEqual(canonical(printed), canonical(RECORDING.read_text().partition("\n\n")[2]))
        self.assertEqual(daemon.stop(), ORDERLY)

    def without_curl(self) -> str:
        """The same request, where there is no curl."""
        connection = http.client.HTTPConnection("localhost", 3001, timeout=30)
        self.addCleanup(connection.close)
        headers = {
            "Accept": "application/xml",
            "Authorization": "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
        }
        connection.request("GET", "/ec2?Action=DescribeAvailabilityZones", headers=headers)
        return connection.getresponse().read().decode()
