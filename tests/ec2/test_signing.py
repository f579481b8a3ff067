"""The mathematics of signatures, against the signers of real clients."""

import contextlib
import hashlib
import time
from collections.abc import Callable

from attrs import evolve
from botocore.auth import SigV4Auth
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.signing import times, v2, v4
from tests.ec2 import signers
from tests.ec2.properties import unhurried
from tests.ec2.signers import NOW, SECRET

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12)
NAMES = st.text("ABab.0123456789-_~", min_size=1, max_size=12)
PARAMS = st.dictionaries(NAMES.map("p".__add__), TEXT, max_size=5).map({"Action": "DescribeInstances"}.__or__)
SECRETS = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable())
PATHS = st.lists(
    st.sampled_from(["ec2", "a b", "a%20b", "..", ".", "", "~x", "\u00e9", "a+b", "%C3%A9"]), max_size=4
).map(lambda parts: "/" + "/".join(parts))
VALUES = st.text('ab ,;="', max_size=20).filter(lambda text: '"' not in text or "  " not in text)


def verified_v4(request: RawRequest, secret: str = SECRET) -> bool:
    return v4.matches(v4.from_header(request, request.header(b"authorization") or b""), request, secret)


def verified_presigned(request: RawRequest, secret: str = SECRET) -> bool:
    return v4.matches(v4.from_query(request), request, secret)


def verified_v2(request: RawRequest, secret: str = SECRET) -> bool:
    pairs = forms.pairs(request)
    return v2.matches(v2.from_pairs(pairs), request, pairs, secret)


def with_header(request: RawRequest, name: bytes, value: bytes | None) -> RawRequest:
    """The request with another value of a header, or without it."""
    others = tuple(header for header in request.headers if header[0] != name)
    return evolve(request, headers=others if value is None else (*others, (name, value)))


class RoundTripTests(SynchronousTestCase):
    """What a client signed is what we find, and another secret is not."""

    @unhurried
    @given(PARAMS, SECRETS, st.sampled_from(["GET", "POST"]), PATHS)
    def test_v4(self, params: dict[str, str], secret: str, method: str, path: str) -> None:
        request = signers.v4(params, method=method, path=path, secret=secret)
        self.assertTrue(verified_v4(request, secret))
        self.assertFalse(verified_v4(request, secret + "x"))

    @unhurried
    @given(st.dictionaries(st.sampled_from(["x-amz-a", "Accept", "X-Amz-Security-Token"]), VALUES, min_size=1))
    def test_v4_headers(self, headers: dict[str, str]) -> None:
        self.assertTrue(verified_v4(signers.v4({"Action": "X"}, headers=headers)))

    @unhurried
    @given(PARAMS, SECRETS, st.sampled_from(["/", "/ec2", "/ec2/"]))
    def test_presigned(self, params: dict[str, str], secret: str, path: str) -> None:
        request = signers.presigned(params, secret=secret, path=path)
        self.assertTrue(verified_presigned(request, secret))
        self.assertFalse(verified_presigned(request, secret + "x"))

    @unhurried
    @given(PARAMS, SECRETS, st.sampled_from(["GET", "POST"]), st.sampled_from(["/", "/ec2/", "/services/Eucalyptus"]))
    def test_v2(self, params: dict[str, str], secret: str, method: str, path: str) -> None:
        request = signers.v2(params, secret=secret, method=method, path=path)
        self.assertTrue(verified_v2(request, secret))
        self.assertFalse(verified_v2(request, secret + "x"))

    @unhurried
    @given(PARAMS, SECRETS, st.sampled_from(["/", "/services/Cloud"]))
    def test_libcloud(self, params: dict[str, str], secret: str, path: str) -> None:
        request = signers.libcloud_v2(params, secret=secret, path=path)
        self.assertTrue(verified_v2(request, secret))
        self.assertFalse(verified_v2(request, secret + "x"))


class KeepsQuoted(SigV4Auth):
    """Folds blanks as boto2 did: not in a value that has a quotation mark."""

    def _header_value(self, value: str) -> str:
        return value.strip() if '"' in value else super()._header_value(value)


class Refusals(SynchronousTestCase):
    def refused(self, code: str, call: Callable[..., object], *args: object) -> EC2Error:
        error = self.assertRaises(EC2Error, call, *args)
        self.assertEqual(error.code, code, error)
        return error


class V4Tests(Refusals):
    def setUp(self) -> None:
        self.request = signers.v4({"Action": "DescribeInstances", "Version": "2016-11-15"})
        self.authorization = self.request.header(b"authorization") or b""

    def authorized(self, authorization: bytes) -> RawRequest:
        return with_header(self.request, b"authorization", authorization)

    def test_claim(self) -> None:
        """What is known before anything is believed: the scope is taken as it comes."""
        claim = v4.from_header(self.request, self.authorization)
        self.assertEqual(
            (claim.scope.access_key, claim.scope.region, claim.scope.service), ("AKIDEXAMPLE", "us-east-1", b"ec2")
        )
        self.assertEqual((claim.signed_at, claim.expires), (NOW, None))

    def test_other_spellings_of_the_header(self) -> None:
        """boto2 has no blanks after the commas; any order of the three will do."""
        self.assertTrue(verified_v4(self.authorized(self.authorization.replace(b", ", b","))))
        scheme, credential, headers, signature = self.authorization.replace(b",", b"").split()
        for order in ((signature, headers, credential), (headers, signature, credential)):
            self.assertTrue(verified_v4(self.authorized(scheme + b" " + b", ".join(order))))

    def test_malformed_header(self) -> None:
        """What is missing, unknown or there twice is refused, not guessed at."""
        text = self.authorization
        for bad in (
            b"AWS4-HMAC-SHA256 ",
            b"AWS4-HMAC-SHA256 Signature=x",
            text.partition(b", Signature")[0],
            text + b", Signature=x",
            text + b", Credential=x",
            text + b", Extra=x",
            text.replace(b"SignedHeaders", b"Signedheaders"),
            text.replace(b"content-type;host", b"content-type"),
            text.replace(b";host", b";host;host"),
            text.replace(b"/aws4_request", b"/aws4"),
            text.replace(b"/ec2/", b"/"),
            text.replace(b"AKIDEXAMPLE", b""),
            text.replace(b"AKIDEXAMPLE", b"\xff"),
            text + b"," * 5000,
        ):
            self.refused("IncompleteSignature", verified_v4, self.authorized(bad))

    def test_access_key_with_slashes(self) -> None:
        """The scope is counted from its end."""
        self.assertTrue(verified_v4(signers.v4({"Action": "X"}, key="a/b/c")))

    def test_date(self) -> None:
        """A Date header does instead of X-Amz-Date, as botocore signs it; without any there is no signature."""
        dated = signers.v4({"Action": "X"}, headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"})
        self.assertIsNone(dated.header(b"x-amz-date"))
        self.assertTrue(verified_v4(dated))
        for bad in (None, b"yesterday", b"\xff", b"Mon, 99 Jan 2001 00:00:00 GMT"):
            self.refused("IncompleteSignature", verified_v4, with_header(dated, b"date", bad))
        for bad in (
            b"",
            b"20261123",
            b"20261123T164539",
            b"20261123T 64539Z",
            b"2026-11-23T16:45Z",
            b"20261399T164539Z",
        ):
            self.refused("IncompleteSignature", verified_v4, with_header(self.request, b"x-amz-date", bad))
        for bad in (b"20261123T246060Z", b"20261123T1645390", b"+0261123T164539Z"):
            self.refused("IncompleteSignature", verified_v4, with_header(self.request, b"x-amz-date", bad))

    def test_other_day(self) -> None:
        """The scope is of the day of the signature."""
        request = with_header(self.request, b"x-amz-date", b"20261124T164539Z")
        self.refused("SignatureDoesNotMatch", verified_v4, request)

    def test_unsigned_headers(self) -> None:
        """Nobody on the way may add an x-amz- header; what signers leave out may come and go."""
        for name in (b"x-amz-security-token", b"x-amz-content-sha256", b"x-amz-target"):
            self.refused("SignatureDoesNotMatch", verified_v4, with_header(self.request, name, b"x"))
        for name in (b"user-agent", b"x-amzn-trace-id", b"expect", b"via"):
            self.assertTrue(verified_v4(with_header(self.request, name, b"x")))

    def test_headers_that_are_gone(self) -> None:
        """A signed header that is not there is named."""
        error = self.refused("SignatureDoesNotMatch", verified_v4, with_header(self.request, b"content-type", None))
        self.assertIn("content-type", error.message)

    def test_payload_hash(self) -> None:
        """It is optional; where it is, it has to be that of the body, or to say that the body is not signed."""
        params = {"Action": "X"}
        right = hashlib.sha256(b"Action=X").hexdigest()
        self.assertTrue(verified_v4(signers.v4(params, headers={"X-Amz-Content-SHA256": right})))
        for wrong in (right.upper(), "0" * 64, "", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
            self.assertFalse(verified_v4(signers.v4(params, headers={"X-Amz-Content-SHA256": wrong})), wrong)
        unsigned = signers.v4(params, headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
        self.assertTrue(verified_v4(evolve(unsigned, body=b"Action=Y")))

    def test_repeats(self) -> None:
        """Repeated parameters and headers are signed in their order, joined."""
        twice = signers.v4({"Action": "X"}, headers={"X-Amz-Meta": "a,b"})
        others = with_header(twice, b"x-amz-meta", None).headers
        meta = (b"x-amz-meta", b"a"), (b"x-amz-meta", b"b")
        self.assertTrue(verified_v4(evolve(twice, headers=(*others, *meta))))
        self.assertFalse(verified_v4(evolve(twice, headers=(*others, *meta[::-1]))))

    def test_blanks(self) -> None:
        """Blanks are folded, also by a proxy after signing; older clients leave quoted texts alone."""
        folded = signers.v4({"Action": "X"}, headers={"X-Amz-Meta": 'a "b  c"'})
        self.assertTrue(verified_v4(folded))
        self.assertTrue(verified_v4(with_header(folded, b"x-amz-meta", b' a\t"b c"  ')))
        kept = signers.v4({"Action": "X"}, headers={"X-Amz-Meta": ' "b  c" ', "X-Amz-X": "a  b"}, signer=KeepsQuoted)
        self.assertTrue(verified_v4(kept))
        self.assertFalse(verified_v4(with_header(kept, b"x-amz-meta", b'"b c"')))

    def test_query_spellings(self) -> None:
        """A proxy may write the same query otherwise."""
        request = signers.v4({"Action": "X", "a": "b c~*\u00e9"}, method="GET")
        for query in (b"a=b+c~*%c3%a9&Action=X", b"Action=X&a=b%20c%7E%2A%C3%A9"):
            self.assertTrue(verified_v4(evolve(request, query=query)), query)
        for query in (b"Action=X&a=b%2Bc~*%c3%a9", b"Action=X&a=b%20c~*%c3%a9&a=", b"Action=X"):
            self.assertFalse(verified_v4(evolve(request, query=query)), query)


class PresignedTests(Refusals):
    def setUp(self) -> None:
        self.request = signers.presigned({"Action": "DescribeInstances"})

    def with_query(self, old: bytes, new: bytes) -> RawRequest:
        self.assertIn(old, self.request.query)
        return evolve(self.request, query=self.request.query.replace(old, new))

    def test_claim(self) -> None:
        """It says how long it is good for."""
        claim = v4.from_query(self.request)
        self.assertEqual((claim.signed_at, claim.expires), (NOW, 3600))

    def test_missing_and_twice(self) -> None:
        """Every parameter of the signature is there once."""
        for part in self.request.query.split(b"&")[1:]:
            name = part.partition(b"=")[0].decode()
            self.assertIn(
                name, self.refused("IncompleteSignature", v4.from_query, self.with_query(b"&" + part, b"")).message
            )
            self.refused("IncompleteSignature", v4.from_query, self.with_query(part, part + b"&" + part))

    def test_algorithm(self) -> None:
        """No other is known."""
        self.refused(
            "IncompleteSignature", v4.from_query, self.with_query(b"AWS4-HMAC-SHA256", b"AWS4-ECDSA-P256-SHA256")
        )

    def test_expires(self) -> None:
        """A second to a week."""
        for good in (1, 604800):
            self.assertTrue(verified_presigned(signers.presigned({"Action": "X"}, expires=good)))
        for bad in (b"0", b"604801", b"-1", b"x", b"9" * 5000, b"1.5", b"%D9%A1"):
            request = self.with_query(b"Expires=3600", b"Expires=" + bad)
            self.refused("InvalidParameterValue", v4.from_query, request)

    def test_unsigned_headers(self) -> None:
        """As with the header: no x-amz- header from elsewhere."""
        request = with_header(self.request, b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")
        self.refused("SignatureDoesNotMatch", verified_presigned, request)


class V2Tests(Refusals):
    PARAMS = {
        "Action": "X",
        "AWSAccessKeyId": "AKIDEXAMPLE",
        "SignatureVersion": "2",
        "SignatureMethod": "HmacSHA256",
        "Timestamp": "2026-11-23T16:45:39Z",
        "Signature": "x",
    }

    def claim(self, **changes: str | None) -> v2.Claim:
        params = {**self.PARAMS, **changes}
        return v2.from_pairs(tuple((name, value) for name, value in params.items() if value is not None))

    def test_claim(self) -> None:
        """Timestamp says when it was signed, Expires until when it is good."""
        self.assertEqual((self.claim().signed_at, self.claim().expires_at), (NOW, None))
        expiring = self.claim(Timestamp=None, Expires="2026-11-23T16:45:39.5Z")
        self.assertEqual((expiring.signed_at, expiring.expires_at), (None, NOW))

    def test_malformed(self) -> None:
        """What is missing, unknown or there twice is refused."""
        for name in ("AWSAccessKeyId", "Signature", "SignatureVersion", "SignatureMethod", "Timestamp"):
            self.assertIn(name, self.refused("MissingParameter", lambda name=name: self.claim(**{name: None})).message)
        self.refused("MissingParameter", lambda: self.claim(Signature=""))
        for version in ("1", "0", "3", "02"):
            self.refused("InvalidParameterValue", lambda version=version: self.claim(SignatureVersion=version))
        for method in ("HmacMD5", "hmacsha256", "none"):
            self.refused("InvalidParameterValue", lambda method=method: self.claim(SignatureMethod=method))
        for moment in ("now", "2026-11-23", "2026-13-23T16:45:39Z", "2026-11-23T16:45:39+01:00", "1795452339"):
            self.refused("InvalidParameterValue", lambda moment=moment: self.claim(Timestamp=moment))
            self.refused("InvalidParameterValue", lambda moment=moment: self.claim(Timestamp=None, Expires=moment))
        self.refused("InvalidParameterCombination", lambda: self.claim(Expires="2026-11-23T16:45:39Z"))
        pairs = (*self.PARAMS.items(), ("Signature", "x"))
        self.refused("InvalidParameterCombination", v2.from_pairs, pairs)

    def test_sha1(self) -> None:
        """The older hash; this signature was made with openssl."""
        # printf 'GET\nh\n/\nAction=X' | openssl dgst -sha1 -hmac secret -binary | base64
        request = RawRequest("GET", b"/", b"Action=X", ((b"host", b"h"),), b"")
        claim = v2.Claim("a", "sha1", "NxS8JcVa6zctr6ata8Q9zErAf0Y=", NOW, None)
        self.assertTrue(v2.matches(claim, request, forms.pairs(request), "secret"))
        self.assertFalse(v2.matches(evolve(claim, digest="sha256"), request, forms.pairs(request), "secret"))

    def test_host(self) -> None:
        """In lower case by the book, as it was configured by botocore and libcloud."""
        request = signers.v2({"Action": "X"})
        self.assertTrue(verified_v2(with_header(request, b"host", signers.HOST.upper().encode())))
        self.assertFalse(verified_v2(with_header(request, b"host", b"ec2.example")))
        self.assertFalse(verified_v2(with_header(request, b"host", None)))

    def test_foreign_signatures(self) -> None:
        """A signature in any characters is only wrong."""
        request = signers.v2_of(self.PARAMS | {"Signature": ""})
        pairs = tuple((name, "\u00e9" if name == "Signature" else value) for name, value in forms.pairs(request))
        self.assertFalse(v2.matches(v2.from_pairs(pairs), request, pairs, SECRET))


class TimesTests(SynchronousTestCase):
    @unhurried
    @given(st.integers(0, 4_000_000_000))
    def test_moments(self, at: int) -> None:
        """Both forms say what strftime wrote."""
        parts = time.gmtime(at)
        self.assertEqual(times.basic(time.strftime("%Y%m%dT%H%M%SZ", parts).encode()), at)
        self.assertEqual(times.extended(time.strftime("%Y-%m-%dT%H:%M:%SZ", parts)), at)
        self.assertEqual(times.extended(time.strftime("%Y-%m-%dT%H:%M:%S.999", parts)), at)

    @unhurried
    @given(
        st.binary(max_size=40)
        | st.from_regex(rb"(Mon, )?[0-9]{1,2} Jan [0-9]{1,4} [0-9: ]{2,8} [+-][0-9]{4}", fullmatch=True)
    )
    @example(b"Fri, 31 Dec 9999 23:59:59 -2359")
    def test_dates(self, date: bytes) -> None:
        """Any Date header is a moment or a ValueError."""
        with contextlib.suppress(ValueError):
            self.assertIsInstance(times.http_date(date), bytes)

    @unhurried
    @given(st.binary(max_size=20) | st.from_regex(rb"[0-9 +]{8}T[0-9 +_]{6}Z", fullmatch=True))
    def test_never_anything_else(self, moment: bytes) -> None:
        """Any bytes are a moment or a ValueError."""
        with contextlib.suppress(ValueError):
            self.assertIsInstance(times.basic(moment), int)
