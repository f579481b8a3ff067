"""The captured requests of real clients: each verifies as it was, and with no signed byte changed."""

from collections.abc import Iterator

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.auth.principal import Principal
from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.model import Credentials
from tests.ec2.captures import SECRETS, Capture, captures

ACCOUNTS = Accounts(Account(key, secret, Credentials(f"user of {key}", "")) for key, secret in SECRETS.items())


def principal(request: RawRequest, at: float) -> Principal:
    return Authenticator(ACCOUNTS, lambda: at).authenticate(request, forms.pairs(request))


def changes(text: bytes) -> Iterator[bytes]:
    """The text with one byte changed, at every place, by its lowest bit (a neighbour) and by its case."""
    for at, byte in enumerate(text):
        for bit in (0x01, 0x20):
            yield text[:at] + bytes([byte ^ bit]) + text[at + 1 :]


def changed(request: RawRequest) -> Iterator[RawRequest]:
    """The request with one signed byte changed, at every place that there is."""
    authorization = request.header(b"authorization")
    if authorization is None:
        signed: tuple[bytes, ...] = (b"host",)
    else:
        names = authorization.partition(b"SignedHeaders=")[2].partition(b",")[0]
        signed = (b"authorization", *names.split(b";"))
    for method in changes(request.method.encode()):
        yield evolve(request, method=method.decode())
    yield evolve(request, method="GET" if request.method == "POST" else "POST")
    for path in changes(request.path):
        yield evolve(request, path=path)
    for query in changes(request.query):
        yield evolve(request, query=query)
    for body in changes(request.body):
        yield evolve(request, body=body)
    for at, (name, value) in enumerate(request.headers):
        if name in signed:
            for other in changes(value):
                headers = (*request.headers[:at], (name, other), *request.headers[at + 1 :])
                yield evolve(request, headers=headers)


def meaning(request: RawRequest) -> object:
    """What a request says however it is spelt: ``%c3`` or ``%C3``, and in signature v2 the host in any case."""
    headers = request.headers
    if request.header(b"authorization") is None:
        headers = tuple((name, value.lower() if name == b"host" else value) for name, value in headers)
    try:
        query: object = forms.parse(request.query)
    except EC2Error:
        query = request.query
    return request.method, request.path, query, headers, request.body


class CaptureTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.captures = captures()

    def test_all_verify(self) -> None:
        """Each at its time, as the account whose secret signed it."""
        self.assertEqual(len(self.captures), 230)
        for capture in self.captures:
            found = principal(capture.request, capture.received)
            self.assertIn(found.name, SECRETS)
            self.assertEqual(found.credentials.user, f"user of {found.name}")

    def test_regions(self) -> None:
        """What each client signed for; boto2 guesses it from the host's name, v2 says nothing."""
        regions = {
            (capture.name.split()[0], principal(capture.request, capture.received).region) for capture in self.captures
        }
        boto = {("boto2", "0"), ("libcloud", None), ("libcloud", "us-east-1")}
        others = {"aiobotocore", "aws-cli", "aws-sdk-go-v1", "aws-sdk-js-v3", "boto3", "salt-cloud"}
        self.assertEqual(regions, boto | {(client, "us-east-1") for client in others})

    def test_time(self) -> None:
        """A quarter of an hour either way is the limit, to the second or so that the request was under way."""
        for capture in self.captures:
            for drift in (-890, 890):
                principal(capture.request, capture.received + drift)
            for drift in (-910, 910):
                error = self.assertRaises(EC2Error, principal, capture.request, capture.received + drift)
                self.assertEqual(error.code, "RequestExpired", capture.name)

    def test_any_changed_byte(self) -> None:
        """No place in method, path, query, signed headers, body or signature may differ."""
        seen = set()
        for capture in self.captures:
            # A client's requests of the same action, headers and length have the same places to change.
            kind = (capture.name.split()[0], capture.request.method, len(capture.request.body or capture.request.query))
            if kind not in seen:
                seen.add(kind)
                self.check(capture)
        self.assertGreater(len(seen), 100)

    def check(self, capture: Capture) -> None:
        for request in changed(capture.request):
            if meaning(request) == meaning(capture.request):
                continue
            try:
                principal(request, capture.received)
            except EC2Error:
                pass
            else:
                self.fail(
                    f"{capture.name}: taken although changed: {request.headers} {request.query!r} {request.body!r}"
                )
