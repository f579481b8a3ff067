"""What the tests of the mock cloud share: a client without a network, and keys that cost little."""

from collections.abc import Mapping
from functools import cache

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root

BASE = "http://localhost:3001"
AUTHORIZATION = "Basic bW9ja3VzZXI6bW9ja3Bhc3N3b3Jk"
FORM = "application/x-www-form-urlencoded"


@cache
def one_key() -> rsa.RSAPrivateKey:
    """The same small key, however often it is asked for."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@frozen
class Heard:
    """A response as the client got it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def xml(self) -> etree._Element:
        """The body, parsed."""
        return etree.fromstring(self.body)


@implementer(IBodyProducer)
class Body:
    """A request's body, produced at once; twisted.web's own producers need a reactor."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer):  # noqa: N802
        consumer.write(self._data)
        done = Deferred()
        done.callback(None)
        return done

    def stopProducing(self): ...  # noqa: N802

    def pauseProducing(self): ...  # noqa: N802

    def resumeProducing(self): ...  # noqa: N802


class CloudTestCase(SynchronousTestCase):
    """A test with a cloud on a clock of its own, and a client of it."""

    def setUp(self):
        self.clock = Clock()
        self.cloud = self.make_cloud()

    def make_cloud(self, **options):
        """A cloud, which is this test's from now on."""
        self.cloud = MockCloud(self.clock, make_key=one_key, **options)
        self.agent = RequestTraversalAgent(api_root(self.cloud))
        return self.cloud

    def ask(self, method, path, form="", **headers) -> "Deferred[IResponse]":
        """Begin a request; a header given as None is left out."""
        given = {"Accept": "application/xml", "Authorization": AUTHORIZATION, "Content-Type": FORM if form else None}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = Headers({name: [value] for name, value in given.items() if value is not None})
        body = Body(form.encode()) if form else None
        return self.agent.request(method.encode(), f"{BASE}{path}".encode(), raw, body)

    def call(self, method, path, form="", **headers) -> Heard:
        """Make a request that is answered at once."""
        response = self.successResultOf(self.ask(method, path, form, **headers))
        body = self.successResultOf(readBody(response))
        shown = {name.decode().lower(): values[-1].decode() for name, values in response.headers.getAllRawHeaders()}
        return Heard(response.code, shown, body)

    def get(self, path, **headers) -> Heard:
        """Make a GET request."""
        return self.call("GET", path, **headers)

    def states(self) -> dict[str, str]:
        """Each listed instance's state, as the API tells it."""
        return {one.get("id"): one.findtext("state") for one in self.get("/api/instances").xml}
