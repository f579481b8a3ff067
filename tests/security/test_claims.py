"""What docs/security.rst says that no other test shows; and that the tests that it names are there."""

# Twisted's names.

import ast
import re
from importlib import import_module
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import Inventory
from ec2proxy.errors import NotFound
from ec2proxy.model import Credentials
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.fastsite import FastSite
from ec2proxy.web.site import EC2Site
from tests.cloud.test_inventory import Driver, version
from tests.drivers.support import MINE, DriverTestCase
from tests.web.wires import Client, LogWatchingTestCase, Service

ROOT = Path(__file__).resolve().parents[2]

#: What is compared with what somebody sent in order to prove something.
_PROOF = re.compile(r"(?i)signature|secret|password|token$|digest|(\b|_)mac\b")

_CONSTANT = re.compile(r"b?['\"]|\d|_?[A-Z_]+$")

_SMUGGLED = b"GET /?Action=Smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
_POST = b"POST /?Action=First HTTP/1.1\r\nHost: h\r\n"
_ENDED = b"\r\n0\r\n\r\n" + _SMUGGLED

#: Requests of which one reader may see one, and another two (RFC 9112, 11.2).
SHAPES = {
    "both lengths, chunks last": _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + _ENDED,
    "both lengths, chunks first": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" + _ENDED,
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(_SMUGGLED) + _SMUGGLED,
    "a list of lengths": _POST + b"Content-Length: 0, %d\r\n\r\n" % len(_SMUGGLED) + _SMUGGLED,
    "a length with a sign": _POST + b"Content-Length: +0\r\n\r\n" + _SMUGGLED,
    "a length below zero": _POST + b"Content-Length: -1\r\n\r\n" + _SMUGGLED,
    "a length in other digits": _POST + b"Content-Length: 0x0\r\n\r\n" + _SMUGGLED,
    "a space before the colon": _POST + b"Transfer-Encoding : chunked\r\n" + _ENDED,
    "chunked, nearly": _POST + b"Transfer-Encoding: xchunked\r\n" + _ENDED,
    "chunked twice": _POST + b"Transfer-Encoding: chunked, chunked\r\n" + _ENDED,
    "chunked and more": _POST + b"Transfer-Encoding: chunked, identity\r\n" + _ENDED,
    "a folded header": _POST + b"X: y\r\n Content-Length: 0\r\nTransfer-Encoding:\r\n chunked\r\n" + _ENDED,
    "a bare return": _POST + b"X: y\rContent-Length: 0\r\n\r\n" + _SMUGGLED,
    "a zero byte": _POST + b"X: y\0\r\nContent-Length: 0\r\n\r\n" + _SMUGGLED,
    "a chunk's size below zero": _POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + _ENDED,
    "two hosts": b"GET /?Action=First HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n" + _SMUGGLED,
}


class SmugglingTests(LogWatchingTestCase):
    """Requests that are meant to be read in two ways."""

    def test_refused(self) -> None:
        """Each is refused by both wires, with one answer, and nothing that comes after it is performed."""
        for name, shape in SHAPES.items():
            for site_type in (EC2Site, FastSite):
                service = Service()
                client = Client(site_type(EC2Resource(service, self.access), self.clock, self.access))
                client.send(shape)
                statuses = [response.status for response in client.responses()]
                self.assertEqual([status // 100 for status in statuses], [4], (name, site_type))
                self.assertEqual(service.requests, [], (name, site_type))
                client.send(_SMUGGLED)
                self.assertEqual(client.responses(), [], (name, site_type))


class ProofTests(SynchronousTestCase):
    """What proves who somebody is."""

    def test_constant_time(self) -> None:
        """It is compared by hmac.compare_digest, nowhere by ``==``, which tells by its time how much was right."""
        sources = [
            *(ROOT / "ec2proxy" / "auth").glob("*.py"),
            *(ROOT / "ec2proxy" / "ec2" / "signing").glob("*.py"),
            ROOT / "ec2proxy" / "ec2" / "paging.py",
            ROOT / "ec2proxy" / "admin" / "site.py",
        ]
        found, rightly = [], 0
        for path in sources:
            text = path.read_text()
            rightly += text.count("compare_digest(")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                    sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
                    # What stands in the source is no secret.
                    if any(_PROOF.search(side) for side in sides) and not any(map(_CONSTANT.match, sides)):
                        found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
        self.assertEqual(found, [])
        self.assertGreaterEqual(rightly, 4)


class PictureTests(SynchronousTestCase):
    """What one caller has fetched."""

    def test_own(self) -> None:
        """A caller with another password, or another user, waits for a picture that was fetched with its own."""
        driver = Driver()
        inventory = Inventory("here", driver, LocalEpochs(), Clock(), 10.0)
        callers = [Credentials("me", "right"), Credentials("me", "wrong"), Credentials("you", "right")]
        readers = [Deferred.fromCoroutine(inventory.realms(caller)) for caller in callers]
        self.assertEqual([who for who, *_ in driver.asked], callers)
        for number, (_, _, answer) in enumerate(driver.asked):
            answer.callback(version(number))
        for number, reader in enumerate(readers):
            (item,) = self.successResultOf(reader).items
            self.assertEqual(item.id, str(number))


class AnswerTests(DriverTestCase):
    """A backend that would send us elsewhere."""

    def test_no_place_of_its(self) -> None:
        """Ids that are paths, and hrefs to other hosts, lead nowhere but below the configured base."""
        body = (
            b"<instances><instance href='http://evil.example/api/instances/../../etc' id='../../admin'>"
            b"<name>n</name><state>RUNNING</state></instance></instances>"
        )
        self.make()
        self.done(self.driver.capabilities(MINE))
        self.cloud.trouble.answer(200, body)
        (instance,) = self.done(self.driver.instances.list(MINE))
        before = len(self.cloud.requests)
        self.refused(NotFound, self.driver.instances.destroy(MINE, instance.id))
        for request in list(self.cloud.requests)[before:]:
            self.assertEqual(request.path, "/api/instances/..%2F..%2Fadmin")


class PageTests(SynchronousTestCase):
    """docs/security.rst itself."""

    def test_named(self) -> None:
        """Every test that it names is there."""
        text = (ROOT / "docs" / "security.rst").read_text()
        named = re.findall(r"``(tests(?:\.\w+)+)\.([A-Z]\w+)\.(test_\w+)``", text)
        self.assertGreater(len(named), 15)
        for module, case, test in named:
            self.assertTrue(hasattr(getattr(import_module(module), case), test), f"{module}.{case}.{test}")
