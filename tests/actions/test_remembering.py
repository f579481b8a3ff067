"""Polls that come again over twisted.web's channel are known, and treated no other way than those that are not."""

from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from zope.interface.verify import verifyObject

from ec2proxy.actions.throttle import Throttle, rates
from ec2proxy.asking import IEC2Service
from ec2proxy.web.access import AccessLog
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.remembering import _LONGEST, Remembering
from ec2proxy.web.site import EC2Site
from tests.actions import test_repeats
from tests.actions.test_repeats import POLL
from tests.ec2.signers import v4


class OverTwisted(test_repeats.RepeatTestCase):
    """A whole service behind twisted.web's channel."""

    def prepare(self) -> None:
        """As for the other wire."""
        super().prepare()
        self.access = AccessLog(self.clock, write_lines=self.records.extend)
        self.forget()
        for _ in range(3):
            self.ask(self.poll())
        self.performed.clear()

    def forget(self) -> None:
        """Begin with a site that knows no polls."""
        resource = EC2Resource(self.service, self.access)
        self.remembering: Remembering = resource._remembering
        self.site = EC2Site(resource, self.clock, self.access)  # type: ignore[assignment]
        self.connect()

    def asked_anew(self, data: bytes) -> bytes:
        """The answer to the same request of a site that knows none."""
        before = self.transport, self.channel, self.site, self.remembering
        self.forget()
        answer = self.ask(data)
        self.transport, self.channel, self.site, self.remembering = before
        return answer


class RememberingTests(OverTwisted, test_repeats.RepeatTests):
    """What holds of polls known by their bytes holds of these; where it is told by other means, that is here."""

    def test_interfaces(self) -> None:
        """It is what it says it is."""
        verifyObject(IEC2Service, self.remembering)

    def test_known(self) -> None:
        """The same poll is not performed again, and its answer and its line are like any other."""
        first = self.asked_anew(self.poll())
        with self.known(2):
            self.assertEqual(self.ask(self.poll(invocation=b"0" * 36)), first)
            self.assertEqual(self.ask(self.poll()), first)
        self.access.flush()
        *_, plain, known, _ = self.records
        self.assertNotEqual(plain.trace.request_id, known.trace.request_id)
        for one in (plain, known):
            one.trace.request_id = ""
        self.assertEqual(plain._replace(at=0), known._replace(at=0))
        self.assertEqual((known.trace.source, known.trace.principal), ("picture", "mockuser"))

    def test_throttled(self) -> None:
        """Where polls have a limit, each is counted."""
        self.service._throttle = throttle = Throttle(rates("non-mutating=4:1"), self.clock.seconds)
        self.service._counts_polls = throttle.of_polls
        self.forget()
        told = [self.ask(self.poll()).count(b"RequestLimitExceeded") for _ in range(6)]
        self.assertEqual(told, [0, 0, 0, 0, 1, 1])

    def test_not_for_others(self) -> None:
        """What changes something, or has not been answered, is performed each time and never remembered."""
        self.forget()
        for body in (b"Action=CreateTags&Version=2016-11-15&ResourceId.1=inst0&Tag.1.Key=a", b"Action=Nothing"):
            self.performed.clear()
            for _ in range(4):
                self.ask(self.poll(body))
            self.assertEqual(len(self.performed), 4)
        self.assertEqual((self.remembering._known, self.remembering._once), ({}, set()))

    def test_one_for_all(self) -> None:
        """Connections have them in common."""
        self.connect()
        with self.known():
            self.ask(self.poll())

    def test_asked_once(self) -> None:
        """What is asked but once is not remembered."""
        for number in range(5, 10):
            self.ask(self.poll(POLL + b"&MaxResults=%d" % number))
        self.assertEqual(len(self.remembering._known), 1)

    def test_bounded(self) -> None:
        """So many are, and no more."""
        self.remembering._most = 2
        for number in range(5, 10):
            for _ in range(3):
                self.assertIn(b"HTTP/1.1 200", self.ask(self.poll(POLL + b"&MaxResults=%d" % number)))
                self.assertLessEqual(len(self.remembering._known), 2)
                self.assertLessEqual(len(self.remembering._once), 2)

    def test_full(self) -> None:
        """One that comes while another request is under way waits for its turn."""
        self.mock.trouble.delay(0.1, path="/api/keys")
        self.transport.clear()
        self.channel.dataReceived(self.poll(b"Action=DescribeKeyPairs&Version=2016-11-15"))
        self.performed.clear()
        self.channel.dataReceived(self.poll())
        self.assertEqual(self.transport.value(), b"")
        for _ in range(10):
            self.agent.flush()
            self.clock.advance(0.05)
        self.assertEqual(self.performed, [])
        answers = self.transport.value()
        self.assertLess(answers.index(b"<DescribeKeyPairsResponse"), answers.index(b"<DescribeInstancesResponse"))

    def test_hosts(self) -> None:
        """Lines tell the host that a request came from."""
        hosts = [f"192.0.2.{number}" for number in range(1, 4)]
        for host in hosts:
            self.connect()
            self.transport.peerAddr = IPv4Address("TCP", host, 1)
            with self.known():
                self.ask(self.poll())
        self.access.flush()
        self.assertEqual([record.client.host for record in self.records[-3:]], hosts)

    def test_long(self) -> None:
        """What is long is not, be it in the body or in a header."""
        self.forget()
        data = self.poll()
        head, _, _ = data.partition(b"\r\n\r\n")
        for long in (self.poll(POLL + b"&NextToken=" + b"x" * _LONGEST),
                     data.replace(head, head + b"\r\nX-Long: " + b"x" * _LONGEST)):  # fmt: skip
            for _ in range(4):
                self.ask(long)
        self.assertEqual(self.remembering._known, {})

    def test_other_headers(self) -> None:
        """Another header, or another path, is another request; where it says nothing new, it is answered the same."""
        data = self.poll()
        first = self.ask(data)
        for changed in (
            data.replace(b"\r\n\r\n", b"\r\nX-More: 1\r\n\r\n"),
            data.replace(b"\r\n\r\n", b"\r\nTe: \r\n\r\n"),
        ):
            self.performed.clear()
            self.assertEqual(self.ask(changed), first)
            self.assertEqual(len(self.performed), 1)
        for changed in (data.replace(b"POST / ", b"POST /x "), data.replace(b"POST / ", b"POST /?a=b "),
                        data.replace(b"\r\n\r\n", b"\r\nX-Amz-More: 1\r\n\r\n")):  # fmt: skip
            self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(changed))

    def test_other_method(self) -> None:
        """What was signed as a GET is no POST."""
        form = dict(parse_qsl(POLL.decode()))
        one = v4(form, method="GET", at=self.clock.seconds(), key="mockuser", secret="mockpassword")
        head = b"".join(b"%s: %s\r\n" % header for header in one.headers)
        signed = b"GET /?%s HTTP/1.1\r\n%sContent-Length: 0\r\n\r\n" % (one.query, head)
        for _ in range(3):
            self.assertIn(b"HTTP/1.1 200", self.ask(signed))
        with self.known():
            self.ask(signed)
        self.assertIn(b"<Code>SignatureDoesNotMatch</Code>", self.ask(signed.replace(b"GET", b"POST")))


class AsOthersTests(OverTwisted):
    @settings(max_examples=150)
    @given(st.lists(st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=4)), min_size=1, max_size=2))
    def test_changed_bytes(self, changes: list[tuple[int, bytes]]) -> None:
        """Whatever is changed of a request that is known, it is answered as by a site that knows nothing."""
        data = self.poll()
        for at, new in changes:
            at %= len(data)
            data = data[:at] + new + data[at + len(new) :]
        self.connect()
        self.ask(self.poll())
        self.performed.clear()
        self.ask(self.poll())
        self.assertEqual(self.performed, [])
        self.assertEqual(self.ask(data), self.asked_anew(data))
