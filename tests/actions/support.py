"""What the tests of the actions share: everything from the service down to a mock cloud, and botocore before it.

::

    class StopTests(ActionTestCase):
        def test_stop(self):
            self.make(machine="ec2", stopping=30)                       # anything that MockCloud takes
            answer = self.call("StopInstances", InstanceIds=["inst0"])  # as boto3: its names, its answer
            self.assertEqual(...)
            self.refused("InvalidInstanceID.NotFound", "StopInstances", InstanceIds=["nosuch"])
            self.later(60)
            self.assertEqual(self.changes(), ["POST /api/instances/inst0/stop"])

Every answer is held to botocore's model on its way (:mod:`tests.actions.strict`), errors too.
"""

from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

from attrs import frozen
from botocore.serialize import create_serializer
from lxml import etree
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.actions import registry
from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.accounts import Accounts
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.regions import Regions
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend
from ec2proxy.state.memory import MemoryStateStore
from ec2proxy.web.errors import explained
from tests.actions import strict
from tests.drivers.support import one_key
from tests.ec2.signers import NOW, v4

ACTIONS = registry.load()
USERS = {"mockuser": "mockpassword", "other": "s3cret"}


@frozen
class Heard:
    """An answer as the client got it."""

    status: int
    body: bytes

    @property
    def xml(self) -> etree._Element:
        """The body, parsed."""
        return etree.fromstring(self.body)


class ActionTestCase(SynchronousTestCase):
    """A test with a whole EC2 service before a mock cloud, on a clock of their own."""

    def setUp(self) -> None:
        self.make()

    def make(self, *, timeout: float = 60.0, freshness: float = 1.0, store: Any = None, **options: Any) -> None:
        """Make everything, instead of what there is.

        :param timeout: the backend's, in seconds.
        :param options: what :class:`MockCloud` takes: ``machine``, ``features``, ``without``, ``pending``, ….
        """
        self.clock = Clock()
        self.clock.advance(NOW)
        self.mock = MockCloud(self.clock, **{"users": USERS, "make_key": one_key, "keep_requests": 5000, **options})
        self.store = store or MemoryStateStore()
        self.trace = Trace("")
        self._ids = 0
        self.restart(timeout=timeout, freshness=freshness)

    def restart(self, *, timeout: float = 60.0, freshness: float = 1.0) -> None:
        """Make the service anew, on the same clock, cloud and store."""
        self.agent = RequestTraversalAgent(api_root(self.mock))
        backend = Backend("http://localhost:3001/api", timeout=timeout)
        driver = DeltacloudFactory().driver(backend, self.clock, self.agent)
        self.cloud = Cloud.of("deltacloud", driver, self.store, self.clock, self._entropy, freshness)
        authenticator = Authenticator(Accounts.mock(), self.clock.seconds)
        self.regions = Regions([self.cloud], any_name=True)
        self.service = EC2Service(authenticator, ACTIONS, self.regions, Pager(b"key"))

    def _entropy(self, count: int) -> bytes:
        self._ids += 1
        return self._ids.to_bytes(count, "big")

    # Asking.

    def call(self, action: str, *, region: str = "us-east-1", **params: Any) -> dict[str, Any]:
        """Perform an action with boto3's parameters; boto3's answer, without its metadata."""
        heard = self.successResultOf(self.begin(action, region=region, **params))
        return self.understood(action, heard)

    def refused(self, code: str, action: str, *, status: int = 400, **params: Any) -> str:
        """The message of an action that has to fail with just this code and status."""
        return self.told(code, self.successResultOf(self.begin(action, **params)), status)

    def begin(self, action: str, *, region: str = "us-east-1", **params: Any) -> "Deferred[Heard]":
        """Begin an action: boto3's parameters, signed by botocore at the clock's time."""
        form = create_serializer("ec2").serialize_to_request(params, strict.operation(action))["body"]
        request = v4(form, at=self.clock.seconds(), key="mockuser", secret="mockpassword", region=region)
        return self.perform(request)

    def ask(self, *pairs: tuple[str, str], user: str = "mockuser", version: str | None = strict.VERSION) -> Heard:
        """Perform what ``pairs`` say, however odd, as a GET with Basic."""
        return self.successResultOf(self.perform(basic(*pairs, user=user, version=version)))

    def perform(self, request: RawRequest) -> "Deferred[Heard]":
        """Hand a request to the service; the answer to it, an error's too."""
        self.trace = Trace(f"request-{self.clock.seconds():.0f}")
        trace = self.trace

        def failed(failure: Failure) -> Heard | Failure:
            if failure.check(CancelledError):
                return failure
            answer = explained(failure, trace)
            return Heard(answer.status, answer.body)

        answering = maybeDeferred(self.service.perform, request, trace)
        answering.addCallbacks(lambda body: Heard(200, body), failed)
        self.agent.flush()
        # What is long is done in slices, one after the other.
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)
            self.agent.flush()
        return answering

    # Understanding.

    def understood(self, action: str, heard: Heard, version: str = strict.VERSION, **how: Any) -> dict[str, Any]:
        """A success as boto3 gives it, held to botocore's model."""
        self.assertEqual(heard.status, 200, heard.body.decode())
        answer = strict.parsed(action, heard.body, version, **how)
        self.assertEqual(answer.pop("ResponseMetadata")["RequestId"], self.trace.request_id)
        return answer

    def told(self, code: str, heard: Heard, status: int = 400) -> str:
        """The message of a refusal, held to what clients rely on."""
        self.assertNotEqual(heard.status, 200, heard.body.decode())
        found, message = strict.refused(heard.body, heard.status)
        self.assertEqual((found, heard.status), (code, status), message)
        self.assertTrue(message)
        return message

    # Looking.

    def later(self, seconds: float, step: float = 1.0) -> None:
        """Let time go by, and data travel."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            self.agent.flush()
            seconds -= step

    def sent(self) -> list[str]:
        """What the backend has received: ``GET /api/instances``."""
        return [f"{request.method} {request.path}" for request in self.mock.requests]

    def changes(self) -> list[str]:
        """Those of :meth:`sent` that may change something."""
        return [line for line in self.sent() if not line.startswith("GET ")]

    def instances(self, **params: Any) -> list[dict[str, Any]]:
        """What DescribeInstances tells, without the reservations around it."""
        reservations = self.call("DescribeInstances", **params)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]

    def states(self) -> dict[str, str]:
        """The state of each instance that is described."""
        return {one["InstanceId"]: one["State"]["Name"] for one in self.instances()}

    def run_one(self, **params: Any) -> dict[str, Any]:
        """Run one instance of img1, or what ``params`` say; the instance."""
        reservation = self.call("RunInstances", **{"ImageId": "img1", "MinCount": 1, "MaxCount": 1, **params})
        (instance,) = reservation["Instances"]
        return instance


def basic(*pairs: tuple[str, str], user: str = "mockuser", version: str | None = strict.VERSION) -> RawRequest:
    """A GET with Basic; without a ``version`` it names none."""
    named = pairs if version is None else (*pairs, ("Version", version))
    credentials = b64encode(f"{user}:{USERS.get(user, 'wrong')}".encode())
    headers = ((b"host", b"localhost:3001"), (b"authorization", b"Basic " + credentials))
    return RawRequest("GET", b"/ec2", urlencode(named).encode(), headers, b"")
