"""Polls that repeat themselves are known by their bytes, and treated no other way than those that are not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from zope.interface.verify import verifyObject

from ec2proxy.actions.throttle import Throttle, rates
from ec2proxy.asking import IEC2Service, IRepeat
from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.ec2.record import Again
from ec2proxy.ec2.request import RawRequest
from ec2proxy.model import Credentials
from ec2proxy.observing.lines import place, whole
from ec2proxy.web import repeats
from ec2proxy.web.access import AccessLog
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.fastsite import FastSite
from ec2proxy.web.repeats import Shapes
from tests.actions.support import ActionTestCase
from tests.ec2.signers import v4

POLL = b"Action=DescribeInstances&Version=2016-11-15"
INVOCATION = b"f18d5246-e5e7-4251-ab87-b72b652fcd8c"
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}")
ACCOUNT = Account("mockuser", "mockpassword", Credentials("mockuser", "mockpassword"))


def post(body: bytes, at: float, *, secret: str = "mockpassword", invocation: bytes = INVOCATION) -> bytes:
    """A request as boto3 sends it."""
    signed = v4(
        dict(parse_qsl(body.decode(), keep_blank_values=True)), at=at, key="mockuser", secret=secret, region="us-east-1"
    )
    head = b"".join(b"%s: %s\r\n" % header for header in signed.headers)
    more = b"amz-sdk-invocation-id: %s\r\nContent-Length: %d\r\n" % (invocation, len(body))
    return b"POST %s HTTP/1.1\r\n%s%s\r\n%s" % (signed.path, head, more, body)


class RepeatTestCase(ActionTestCase):
    """A whole service behind its wire."""

    def prepare(self) -> None:
        """A site, and a connection on which a poll was repeated until it was known."""
        self.performed: list[RawRequest] = []
        self.records: list[object] = []
        perform = self.service.perform

        def counted(request: RawRequest, trace: object) -> object:
            self.performed.append(request)
            return perform(request, trace)  # type: ignore[arg-type]

        self.service.perform = counted  # type: ignore[method-assign,assignment]
        access = AccessLog(self.clock, write_lines=self.records.extend)
        self.site = FastSite(EC2Resource(self.service, access), self.clock, access)
        self.connect()
        for _ in range(3):
            self.ask(self.poll())
        self.performed.clear()

    def setUp(self) -> None:
        super().setUp()
        self.prepare()

    def connect(self) -> None:
        """A new connection."""
        self.transport = StringTransport()
        self.channel = self.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def poll(self, body: bytes = POLL, **how: object) -> bytes:
        """A poll of now."""
        return post(body, self.clock.seconds(), **how)  # type: ignore[arg-type]

    def ask(self, data: bytes) -> bytes:  # type: ignore[override]
        """The answer to a request, without ids."""
        self.transport.clear()
        self.channel.dataReceived(data)
        for _ in range(5):
            self.agent.flush()
            self.clock.advance(0)
        return _ID.sub(b"", self.transport.value())

    def asked_anew(self, data: bytes) -> bytes:
        """The answer to the same request on a connection of its own, of a site that knows none."""
        before = self.transport, self.channel, self.site.shapes
        self.site.shapes = Shapes()
        self.connect()
        answer = self.ask(data)
        self.transport, self.channel, self.site.shapes = before
        return answer

    @contextmanager
    def known(self, times: int = 1) -> Iterator[None]:
        """See that so many requests are answered without being performed."""
        performed, answered = len(self.performed), len(self.site.access._waiting)
        yield
        self.assertEqual(len(self.performed), performed)
        self.assertEqual(len(self.site.access._waiting), answered + times)


class RepeatTests(RepeatTestCase):
    def test_interfaces(self) -> None:
        """They are what they say they are."""
        verifyObject(IEC2Service, self.service)
        assert self.channel._shape is not None
        verifyObject(IRepeat, self.channel._shape.repeat)

    def test_known(self) -> None:
        """The same poll is answered without being read, with an id of its own, and its line is like any other."""
        first = self.asked_anew(self.poll())
        with self.known(2):
            self.assertEqual(self.ask(self.poll(invocation=b"0" * 36)), first)
            self.assertEqual(self.ask(self.poll()), first)
        self.site.access.flush()
        *_, plain, known, _ = self.records
        self.assertIsInstance(known, Again)
        plain, known = whole(plain), whole(known)
        self.assertNotEqual(plain.trace.request_id, known.trace.request_id)
        self.assertEqual(plain.target, known.target)
        self.assertEqual(plain.method, known.method)
        self.assertEqual(
            [(one.trace.action, one.trace.principal, one.trace.region, one.trace.cloud, one.status, one.trace.source)
             for one in (plain, known)],
            [("DescribeInstances", "mockuser", "us-east-1", "deltacloud", 200, "picture")] * 2,
        )  # fmt: skip

    def test_other_moments(self) -> None:
        """A poll that was signed at another second is known as well, and an old one refused."""
        for seconds in (1, 0, -3, 800, 5, 6, 7):
            with self.known():
                self.assertIn(b"HTTP/1.1 200", self.ask(post(POLL, self.clock.seconds() + seconds)))
        for seconds in (-901, 901):
            told = self.ask(post(POLL, self.clock.seconds() + seconds))
            self.assertIn(b"<Code>RequestExpired</Code>", told)
            self.assertIn(b"HTTP/1.1 200", self.ask(self.poll()))

    def test_wrong_signature(self) -> None:
        """Who signs with another secret is refused, however like the last request his is."""
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(self.poll(secret="guessed")))
        with self.known():
            self.assertIn(b"HTTP/1.1 200", self.ask(self.poll()))

    def test_signed_invocation(self) -> None:
        """Where the id is signed, as JavaScript's SDK does it, none but the one that was signed will do."""

        def signed() -> bytes:
            headers = {"amz-sdk-invocation-id": INVOCATION.decode()}
            form = dict(parse_qsl(POLL.decode()))
            one = v4(form, at=self.clock.seconds(), key="mockuser", secret="mockpassword", headers=headers)
            head = b"".join(b"%s: %s\r\n" % header for header in one.headers)
            return b"POST / HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(POLL), POLL)

        self.connect()
        for _ in range(3):
            self.assertIn(b"HTTP/1.1 200", self.ask(signed()))
        forged = signed().replace(INVOCATION, b"0" * 36)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(forged))

    def test_other_body(self) -> None:
        """Another question of the same length is another question."""
        other = POLL.replace(b"Instances", b"Snapshots")
        self.assertIn(b"<Code>UnsupportedOperation</Code>", self.ask(self.poll(other)))
        forged = self.poll().replace(POLL, other)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(forged))

    def test_sees_writes(self) -> None:
        """A change that was answered is seen at once; a picture that is too old is fetched again."""
        with self.known():
            self.assertNotIn(b"<value>new</value>", self.ask(self.poll()))
        self.call("CreateTags", Resources=["inst0"], Tags=[{"Key": "Name", "Value": "new"}])
        told = self.ask(self.poll())
        self.assertIn(b"<value>new</value>", told)
        with self.known():
            self.assertEqual(self.ask(self.poll()), told)
        before = len(self.sent())
        self.clock.advance(2)
        self.ask(self.poll())
        self.assertGreater(len(self.sent()), before)

    def test_other_accounts(self) -> None:
        """When there are other accounts, everybody has to prove anew who it is."""
        authenticator = self.service._authenticator
        authenticator.accounts = Accounts([])
        self.assertIn(b"<Code>InvalidClientTokenId</Code>", self.ask(self.poll()))
        authenticator.accounts = Accounts([ACCOUNT])
        for _ in range(3):
            self.assertIn(b"HTTP/1.1 200", self.ask(self.poll()))
        with self.known():
            self.ask(self.poll())

    def test_other_regions(self) -> None:
        """When there are other regions, it is found out anew which is meant."""
        self.service._regions.replace([self.cloud], any_name=False)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(self.poll()))

    def test_next_day(self) -> None:
        """A day later it is learnt again."""
        self.clock.advance(24 * 3600)
        self.connect()
        for _ in range(3):
            self.assertIn(b"HTTP/1.1 200", self.ask(self.poll()))
        with self.known():
            self.ask(self.poll())

    def test_in_pieces_and_in_a_row(self) -> None:
        """However it arrives, it has the same answer."""
        data = self.poll()
        one = self.ask(data)
        for at in (1, 100, len(data) - 1):
            self.transport.clear()
            self.channel.dataReceived(data[:at])
            self.assertEqual(self.ask(data[at:]), one)
        self.assertEqual(self.ask(data * 3), one * 3)

    def test_throttled(self) -> None:
        """Where polls have a limit, each is counted."""
        self.service._throttle = throttle = Throttle(rates("non-mutating=4:1"), self.clock.seconds)
        self.service._counts_polls = throttle.of_polls
        self.site.shapes = Shapes()
        self.connect()
        told = [self.ask(self.poll()).count(b"RequestLimitExceeded") for _ in range(6)]
        self.assertEqual(told, [0, 0, 0, 0, 1, 1])

    def test_not_for_others(self) -> None:
        """What is signed otherwise, or changes something, is never known by its bytes."""
        for body in (b"Action=CreateTags&Version=2016-11-15&ResourceId.1=inst0&Tag.1.Key=a", b"Action=Nothing"):
            self.connect()
            for _ in range(3):
                self.ask(self.poll(body))
            self.assertIsNone(self.channel._shape)

    def test_one_for_all(self) -> None:
        """Connections of one client have one in common from their first request on."""
        first = self.channel._shape
        self.connect()
        with self.known():
            self.ask(self.poll())
        self.assertIs(self.channel._shape, first)

    def test_in_turns(self) -> None:
        """Who asks for this and that in turn, of one length or another, is known by either."""
        bodies = [POLL, POLL + b"&MaxResults=5", POLL.replace(b"Instances", b"Images"), POLL + b"&MaxResults=6"]
        for body in bodies * 3:
            self.ask(self.poll(body))
        for body in bodies * 2:
            with self.known():
                self.ask(self.poll(body))
        self.site.access.flush()
        told = [whole(record).trace.action for record in self.records[-4:]]
        self.assertEqual(told, ["DescribeInstances", "DescribeInstances", "DescribeImages", "DescribeInstances"])

    def test_asked_once(self) -> None:
        """What is asked but once is not remembered."""
        for number in range(5, 10):
            self.ask(self.poll(POLL + b"&MaxResults=%d" % number))
        self.assertEqual(len(self.site.shapes), 1)

    def test_bounded(self) -> None:
        """A site remembers so many and no more."""
        self.site.shapes = shapes = Shapes(most=2)
        for number in range(5, 10):
            for _ in range(3):
                self.assertIn(b"HTTP/1.1 200", self.ask(self.poll(POLL + b"&MaxResults=%d" % number)))
                self.assertLessEqual(len(shapes), 2)
                self.assertLessEqual(len(shapes._asked), 2)

    def test_kept_no_more(self) -> None:
        """When its answer had to go, it is made again, kept elsewhere and found there."""
        kept = self.service._polls._kept
        kept._most = kept.bytes + 1000
        other = self.poll(POLL + b"&MaxResults=5")
        self.assertIn(b"HTTP/1.1 200", self.ask(other))
        performed = len(self.performed)
        self.assertIn(b"HTTP/1.1 200", self.ask(self.poll()))
        self.assertEqual(len(self.performed), performed + 1)
        with self.known():
            self.ask(self.poll())

    def test_used(self) -> None:
        """An answer that is asked for by its bytes counts as used, and outlasts others."""
        kept = self.service._polls._kept
        kept._most = 2 * kept.bytes + 1000
        for number in range(5, 9):
            self.ask(self.poll(POLL + b"&MaxResults=%d" % number))
            with self.known():
                self.ask(self.poll())

    def test_full(self) -> None:
        """A client that does not take the answer before it has to wait for this one."""
        self.mock.trouble.delay(0.1, path="/api/keys")
        self.transport.clear()
        self.channel.dataReceived(self.poll(b"Action=DescribeKeyPairs&Version=2016-11-15"))
        self.channel.dataReceived(self.poll())
        self.assertEqual(self.transport.value(), b"")
        write = self.transport.write

        def full(data: bytes) -> None:
            self.channel.pauseProducing()
            write(data)

        self.transport.write = full  # type: ignore[method-assign]
        for _ in range(10):
            self.agent.flush()
            self.clock.advance(0.05)
        self.assertEqual(self.transport.value().count(b"HTTP/1.1"), 1)
        with self.known():
            self.channel.resumeProducing()
        self.assertEqual(self.transport.value().count(b"HTTP/1.1 200"), 2)

    def test_hosts(self) -> None:
        """Lines tell the host that a request came from, of however many there are."""
        hosts = [f"192.0.2.{number}" for number in range(1, 4)]
        self.patch(repeats, "_MOST_HOSTS", 2)
        for host in hosts * 2:
            self.connect()
            self.transport.peerAddr = IPv4Address("TCP", host, 1)
            with self.known():
                self.ask(self.poll())
        shape = self.channel._shape
        assert shape is not None
        self.assertLessEqual(len(shape._alike), 2)
        self.site.access.flush()
        self.assertEqual([place(whole(record).client) for record in self.records[-6:]], hosts * 2)

    def test_leaving(self) -> None:
        """A connection that is to end with its answer says so in it."""
        data = self.poll()
        self.channel.dataReceived(data[:-1])
        self.channel.leave()
        self.assertIn(b"Connection: close\r\n", self.ask(data[-1:]))
        self.assertTrue(self.transport.disconnecting)


class AsOthersTests(RepeatTestCase):
    @settings(max_examples=150)
    @given(st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=4)), min_size=1, max_size=2))
    def test_changed_bytes(self, changes: list[tuple[int, bytes]]) -> None:
        """Whatever is changed of a request that is known, it is answered as on a connection that knows nothing."""
        data = self.poll()
        for at, new in changes:
            at %= len(data)
            data = data[:at] + new + data[at + len(new) :]
        self.connect()
        for _ in range(2):
            self.ask(self.poll())
        self.assertIsNotNone(self.channel._shape)
        self.assertEqual(self.ask(data), self.asked_anew(data))
