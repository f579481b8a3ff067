"""What the tests of the drivers share: a driver before a mock cloud, without a network."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from treq.testing import RequestTraversalAgent
from twisted.internet.task import Clock

from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend, Credentials, InstanceSpec
from tests.waiting import WaitingTestCase

MINE = Credentials("mockuser", "mockpassword")
OTHER = Credentials("other", "s3cret")
WRONG = Credentials("nobody", "wrongpassword")
USERS = {one.user: one.password for one in (MINE, OTHER)}
CONCURRENCY = 48
"""How many exchanges of one user may be under way: three quarters of all."""
BASE = "http://localhost:3001/api"
SPEC = InstanceSpec("img1", "m1-small", "us")

_RECORDINGS = Path(__file__).parent.parent / "recordings"


@cache
def one_key() -> rsa.RSAPrivateKey:
    """The same small key, however often it is asked for."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def recording(number: str) -> tuple[int, bytes]:
    """The status and the body of a recording, by its number."""
    (path,) = _RECORDINGS.glob(f"{number}-*.txt")
    head, _, body = path.read_bytes().partition(b"\n\n")
    (status,) = (line for line in head.splitlines() if line.startswith(b"< HTTP/"))
    return int(status.split()[2]), body


class DriverTestCase(WaitingTestCase):
    """A test with a driver and a mock cloud behind it, on a clock of their own."""

    def setUp(self):
        self.make()

    def make(self, *, agent=None, url=BASE, **options):
        """Make the cloud and the driver; ``timeout``, ``max_body``, ``driver`` and ``provider`` are the backend's."""
        names = ("timeout", "max_body", "driver", "provider", "most_calls")
        backend = {name: options.pop(name) for name in names if name in options}
        self.clock = Clock()
        self.cloud = MockCloud(self.clock, users=USERS, make_key=one_key, keep_requests=500, **options)
        self.agent = agent or RequestTraversalAgent(api_root(self.cloud))
        self.agents = [self.agent]
        self.driver = DeltacloudFactory().driver(Backend(url, **backend), self.clock, self.agent)

    def done_in_turns(self, coroutine):
        """What a call gave that takes several turns of the reactor, in none of which time goes by."""
        call = self.begin(coroutine)
        self.assertNoResult(call)
        self.clock.advance(0)
        return self.successResultOf(call)

    def sent(self):
        """What the cloud has received: method and path."""
        return [(request.method, request.path) for request in self.cloud.requests]
