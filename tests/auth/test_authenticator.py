"""Who a request comes from, and with which error it is refused."""

import base64

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.auth.principal import Principal
from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.model import Credentials
from tests.ec2 import signers
from tests.ec2.signers import KEY, NOW, SECRET

ME = Credentials("me", "cloud password")
EUROPE = Credentials("moi", "mot de passe")
PARAMS = {"Action": "DescribeInstances", "Version": "2016-11-15"}


def with_headers(request: RawRequest, *headers: tuple[bytes, bytes]) -> RawRequest:
    return evolve(request, headers=(*request.headers, *headers))


def basic(value: bytes) -> RawRequest:
    return RawRequest("GET", b"/", b"Action=X", ((b"host", b"h"), (b"authorization", value)), b"")


def encoded(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


class AuthenticatorCase(SynchronousTestCase):
    """A world with one account, another in Europe, and a disabled one."""

    def setUp(self) -> None:
        self.now: float = NOW
        accounts = Accounts(
            [Account(KEY, SECRET, ME, regions={"eu": EUROPE}), Account("off", "secret", ME, enabled=False)]
        )
        self.authenticator = Authenticator(accounts, lambda: self.now)

    def principal(self, request: RawRequest) -> Principal:
        return self.authenticator.authenticate(request, forms.pairs(request))

    def refused(self, code: str, request: RawRequest) -> EC2Error:
        error = self.assertRaises(EC2Error, self.principal, request)
        self.assertEqual(error.code, code, error)
        return error


class BasicTests(AuthenticatorCase):
    def test_passed_through(self) -> None:
        """Name and password are the cloud's to judge, whatever is in them."""
        for user, password in (("mockuser", "mockpassword"), ("u", ""), ("\u00e9", "a:b\u00a0c")):
            wanted = Principal(user, None, Credentials(user, password))
            self.assertEqual(self.principal(basic(encoded(f"{user}:{password}"))), wanted)
        self.assertEqual(self.principal(basic(encoded("u:p").replace(b"Basic", b"bASIC"))).name, "u")

    def test_malformed(self) -> None:
        """What is not Basic at all is refused here."""
        for value in (b"Basic", b"Basic ", b"Basic x", b"Basic \xff", b"Basic " + base64.b64encode(b"\xff:x")):
            self.refused("AuthFailure", basic(value))
        for text in ("no colon", ":password", "a\n:b", "a:\x00"):
            self.refused("AuthFailure", basic(encoded(text)))

    def test_other_schemes(self) -> None:
        """No other scheme is known."""
        for value in (
            b"Bearer x",
            b"AWS KEY:signature",
            b"AWS4-ECDSA-P256-SHA256 Credential=x",
            b"",
            b"AWS4-HMAC-SHA256",
        ):
            self.refused("IncompleteSignature", basic(value))

    def test_repr(self) -> None:
        """A principal may be logged."""
        self.assertNotIn("hush", repr(self.principal(basic(encoded("u:hush")))))


class SignedTests(AuthenticatorCase):
    def test_principals(self) -> None:
        """Each kind of signature leads to the account's cloud credentials."""
        self.assertEqual(self.principal(signers.v4(PARAMS)), Principal(KEY, "us-east-1", ME))
        self.assertEqual(self.principal(signers.presigned(PARAMS)), Principal(KEY, "us-east-1", ME))
        self.assertEqual(self.principal(signers.v2(PARAMS, at=NOW)), Principal(KEY, None, ME))
        self.assertEqual(self.principal(signers.v2(PARAMS, method="POST", at=NOW)), Principal(KEY, None, ME))

    def test_region(self) -> None:
        """The region that was signed for picks the credentials."""
        self.assertEqual(self.principal(signers.v4(PARAMS, region="eu")), Principal(KEY, "eu", EUROPE))
        self.assertEqual(self.principal(signers.v4(PARAMS, region="")), Principal(KEY, None, ME))

    def test_nothing(self) -> None:
        """Nobody is let in by default, and the error is not one that a client tries to mend."""
        request = RawRequest("GET", b"/", b"Action=X", ((b"host", b"h"),), b"")
        self.assertEqual(self.refused("MissingAuthenticationToken", request).status, 403)

    def test_unknown_key(self) -> None:
        """An unknown key and a disabled one look the same, whatever they were signed with."""
        messages = {
            self.refused("InvalidClientTokenId", signers.v4(PARAMS, key=key, secret=secret)).message
            for key in ("nobody", "off")
            for secret in ("secret", "other")
        }
        self.assertEqual(len(messages), 1)
        unknown = {"AWSAccessKeyId": "nobody", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256"}
        self.refused("InvalidClientTokenId", signers.v2_of({**PARAMS, **unknown, "Timestamp": "2026-11-23T16:45:39Z"}))

    def test_wrong_secret(self) -> None:
        """In each kind of signature."""
        self.refused("SignatureDoesNotMatch", signers.v4(PARAMS, secret="other"))
        self.refused("SignatureDoesNotMatch", signers.presigned(PARAMS, secret="other"))
        self.refused("SignatureDoesNotMatch", signers.v2(PARAMS, at=NOW, secret="other"))

    def test_wrong_before_expired(self) -> None:
        """Only who has the secret learns what is wrong with the time."""
        self.refused("SignatureDoesNotMatch", signers.v4(PARAMS, secret="other", at=NOW - 5000))

    def test_skew(self) -> None:
        """A client's clock may be a quarter of an hour off, either way."""
        for at in (NOW - 900, NOW + 900):
            self.principal(signers.v4(PARAMS, at=at))
            self.principal(signers.v2(PARAMS, at=at))
        for at in (NOW - 901, NOW + 901):
            self.refused("RequestExpired", signers.v4(PARAMS, at=at))
            self.refused("RequestExpired", signers.v2(PARAMS, at=at))

    def test_presigned_times(self) -> None:
        """Good from when it was signed until it expires, and not a second longer."""
        request = signers.presigned(PARAMS, expires=7200)
        for now in (NOW - 900, NOW, NOW + 7200):
            self.now = now
            self.principal(request)
        for now in (NOW - 901, NOW + 7201):
            self.now = now
            self.refused("RequestExpired", request)

    def test_v2_expires(self) -> None:
        """Expires instead of Timestamp: good until then."""
        expiring = {
            **PARAMS,
            "AWSAccessKeyId": KEY,
            "SignatureVersion": "2",
            "SignatureMethod": "HmacSHA256",
            "Expires": "2026-11-23T16:45:39Z",
        }
        self.now = NOW - 100_000
        self.principal(signers.v2_of(expiring))
        self.now = NOW + 1
        self.refused("RequestExpired", signers.v2_of(expiring))

    def test_replay(self) -> None:
        """The same signature is good twice: clients retry with it."""
        request = signers.v4(PARAMS)
        self.assertEqual(self.principal(request), self.principal(request))

    def test_several_signatures(self) -> None:
        """Which of two is meant is not guessed."""
        authorization = (b"authorization", encoded("u:p"))
        for request in (signers.presigned(PARAMS), signers.v2(PARAMS, at=NOW), signers.v4(PARAMS)):
            self.refused("IncompleteSignature", with_headers(request, authorization))
        both = evolve(signers.presigned(PARAMS), query=signers.presigned(PARAMS).query + b"&AWSAccessKeyId=x")
        self.refused("IncompleteSignature", both)
        header = signers.v4(PARAMS)
        for query in (b"X-Amz-Signature=x", b"Signature=x", b"%58-Amz-Date=x"):
            self.refused("IncompleteSignature", evolve(header, query=query))

    def test_parts(self) -> None:
        """Any part of a signature makes it one that has to be whole."""
        for query in (b"X-Amz-Algorithm=x", b"X-Amz-Unheard-Of=x"):
            self.refused("IncompleteSignature", RawRequest("GET", b"/", query, (), b""))
        for query in (b"AWSAccessKeyId=x", b"Signature=x", b"Timestamp=x", b"SignatureVersion=2"):
            self.refused("MissingParameter", RawRequest("GET", b"/", query, (), b""))
