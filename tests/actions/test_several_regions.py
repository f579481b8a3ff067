"""Several regions behind one service, and accounts that may not do everything."""

from urllib.parse import parse_qsl

from attrs import evolve
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred

from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.drivers.deltacloud.driver import DeltacloudFactory
from ec2proxy.ec2.request import RawRequest
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend, Credentials
from tests.actions.support import USERS, ActionTestCase, Heard, basic
from tests.drivers.support import one_key
from tests.ec2.signers import v4


class RegionsTests(ActionTestCase):
    """Two regions, deltacloud and east, and a third that never answers."""

    def setUp(self) -> None:
        super().setUp()
        self.east = MockCloud(self.clock, users=USERS, make_key=one_key)
        self.east_agent = RequestTraversalAgent(api_root(self.east))
        clouds = [self.cloud, self.region("east", self.east_agent), self.region("hung", Silent())]
        self.regions.replace(clouds, False)

    def region(self, name: str, agent: object) -> Cloud:
        """A region of that name."""
        driver = DeltacloudFactory().driver(Backend(f"http://{name}/api"), self.clock, agent)
        return Cloud.of(name, driver, self.store, self.clock, self._entropy, 1.0)

    def ask_at(self, path: bytes, *pairs: tuple[str, str], host: bytes = b"localhost:3001") -> Heard:
        """A GET with Basic to another address."""
        request = basic(*pairs)
        headers = ((b"host", host), *request.headers[1:])
        asked = RawRequest("GET", path, request.query, headers, b"")
        answering = self.perform(asked)
        self.east_agent.flush()
        return self.successResultOf(answering)

    def test_by_signature(self) -> None:
        """Each region has its own instances; what is run in one is not in the other."""
        self.call("RunInstances", region="deltacloud", ImageId="img1", MinCount=1, MaxCount=1)
        here = self.call("DescribeInstances", region="deltacloud")["Reservations"]
        there = self.begin("DescribeInstances", region="east")
        self.east_agent.flush()
        answer = self.understood("DescribeInstances", self.successResultOf(there))["Reservations"]
        self.assertEqual(len(here), len(answer) + 1)
        self.assertEqual((self.trace.region, self.trace.cloud), ("east", "east"))

    def test_unknown(self) -> None:
        """EC2's words for a region that is not there."""
        heard = self.successResultOf(self.begin("DescribeInstances", region="us-east-1"))
        message = self.told("SignatureDoesNotMatch", heard, 403)
        self.assertEqual(message, "Credential should be scoped to a valid region, not 'us-east-1'.")
        self.assertEqual(self.sent(), [])

    def test_by_address(self) -> None:
        """Basic callers come by path or host."""
        zones = ("Action", "DescribeAvailabilityZones")
        for path, host, region in (
            (b"/", b"localhost", "deltacloud"),
            (b"/regions/east/", b"localhost", "east"),
            (b"/", b"ec2.east.example", "east"),
        ):
            found = self.understood("DescribeAvailabilityZones", self.ask_at(path, zones, host=host))
            self.assertEqual({zone["RegionName"] for zone in found["AvailabilityZones"]}, {region})
        self.told("InvalidParameterValue", self.ask_at(b"/regions/nope", zones))

    def test_credentials(self) -> None:
        """An account has its credentials of the region that is meant, whatever it signed for."""
        nobody, other = Credentials("nobody", "wrong"), Credentials("other", USERS["other"])
        self.service._authenticator.accounts = Accounts([Account("k", "s", nobody, regions={"east": other})])
        params = {"Action": "DescribeInstances", "Version": "2016-11-15"}
        for region, path, status in (
            ("deltacloud", "/", 401),
            ("east", "/", 200),
            ("us-east-1", "/regions/east", 200),
            ("deltacloud", "/regions/deltacloud", 401),
        ):
            request = v4(params, path=path, at=self.clock.seconds(), key="k", secret="s", region=region)
            answering = self.perform(request)
            self.east_agent.flush()
            self.assertEqual(self.successResultOf(answering).status, status, (region, path))

    def test_describe_regions(self) -> None:
        """All of them, with endpoints in the client's own form; one that hangs keeps nobody waiting."""
        found = self.call("DescribeRegions", region="deltacloud")["Regions"]
        self.assertEqual([one["RegionName"] for one in found], ["deltacloud", "east", "hung"])
        host = found[0]["Endpoint"].partition("/")[0]
        self.assertEqual([one["Endpoint"] for one in found], [f"{host}/regions/{one['RegionName']}" for one in found])
        (one,) = self.call("DescribeRegions", region="deltacloud", RegionNames=["east"])["Regions"]
        self.assertEqual(one["RegionName"], "east")
        heard = self.successResultOf(self.begin("DescribeRegions", region="deltacloud", RegionNames=["us-east-1"]))
        self.told("InvalidParameterValue", heard)

    def test_hung(self) -> None:
        """While one region does not answer, the others do, as often as they are asked."""
        waiting = [self.begin("DescribeInstances", region="hung") for _ in range(100)]
        for _ in range(3):
            self.later(2)
            self.call("DescribeInstances", region="deltacloud")
        for one in waiting:
            self.assertNoResult(one)
        self.later(60)
        self.told("Unavailable", self.successResultOf(waiting[0]), 503)

    def test_replaced(self) -> None:
        """Who has begun with a region finishes with it when there are others."""
        waiting = self.begin("DescribeInstances", region="east")
        self.regions.replace([self.cloud], False)
        self.east_agent.flush()
        self.assertEqual(self.successResultOf(waiting).status, 200)
        self.told("SignatureDoesNotMatch", self.successResultOf(self.begin("DescribeInstances", region="east")), 403)


class Silent:
    """An agent that never answers."""

    def request(self, *args: object) -> "Deferred[object]":
        """Wait for ever."""
        return Deferred()


class AllowedTests(ActionTestCase):
    """What an account may do."""

    def setUp(self) -> None:
        super().setUp()
        whole = Account("mockuser", "mockpassword", Credentials("mockuser", "mockpassword"))
        reader = evolve(whole, access_key="reader", actions=("Describe*",))
        self.service._authenticator.accounts = Accounts([whole, reader])

    def as_reader(self, form: str) -> Heard:
        """A request of somebody who may only look."""
        request = v4(dict(parse_qsl(form)), at=self.clock.seconds(), key="reader", secret="mockpassword", region="x")
        return self.successResultOf(self.perform(request))

    def test_read_only(self) -> None:
        """It can look, it cannot terminate, and the cloud is not even asked."""
        version = "&Version=2016-11-15"
        self.assertEqual(self.as_reader("Action=DescribeInstances" + version).status, 200)
        before = len(self.sent())
        for action in ("TerminateInstances&InstanceId.1=inst0", "RunInstances", "GetPasswordData"):
            heard = self.as_reader("Action=" + action + version)
            message = self.told("UnauthorizedOperation", heard, 403)
            self.assertEqual(message, "You are not authorized to perform this operation.")
        self.told("InvalidAction", self.as_reader("Action=NoSuchAction" + version))
        self.assertEqual(len(self.sent()), before)
        self.assertIn("inst0", self.states())

    def test_who_am_i(self) -> None:
        """Who one is may be asked by anybody."""
        self.assertEqual(self.as_reader("Action=GetCallerIdentity&Version=2011-06-15").status, 200)

    def test_after_proof(self) -> None:
        """Who has not proved who it is, is not told what it may do."""
        request = v4({"Action": "StopInstances"}, at=self.clock.seconds(), key="reader", secret="wrong", region="x")
        self.told("SignatureDoesNotMatch", self.successResultOf(self.perform(request)), 403)
