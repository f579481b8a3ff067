"""Who a request comes from: HTTP Basic, signature v4 and v2."""

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Sequence

from attrs import evolve

from ec2proxy.auth.accounts import Account, Accounts
from ec2proxy.auth.principal import Principal
from ec2proxy.ec2.errors import EC2Error
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.signing import v2, v4
from ec2proxy.model import Credentials

_PRESIGNED = "X-Amz-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_V4_SCHEME = v4.ALGORITHM.encode() + b" "

# What a client signs that is the same in each of its requests, and when it signs.
_SAME = frozenset({b"content-length", b"content-type", b"host", b"x-amz-content-sha256", b"x-amz-date"})

# Moments for which a signature is remembered: clients' clocks differ somewhat.
_MOMENTS = 4


class Authenticator:
    """Tells who sent a request, or refuses it. Replays are not refused: clients retry with the same signature.

    :ivar accounts: whose signatures are known; others may be put in their place at any time.
    :param now: what time it is, in epoch seconds.
    :param skew: seconds that a client's clock may be off, either way.
    """

    def __init__(self, accounts: Accounts, now: Callable[[], float], skew: float = 900) -> None:
        self.accounts = accounts
        self._now = now
        self._skew = skew
        # Stands in for an unknown account's, so that its requests cost what others cost.
        self._nobody = Account("", secrets.token_hex(20), Credentials("", ""))

    def authenticate(self, request: RawRequest, pairs: Sequence[tuple[str, str]]) -> Principal:
        """Who sent a request.

        :param pairs: its parameters, as :func:`ec2proxy.ec2.forms.pairs` gives them.
        :raises EC2Error: ``MissingAuthenticationToken``, nothing says who; ``IncompleteSignature`` or an error of a
            parameter, what says so is malformed; ``InvalidClientTokenId``, unknown or disabled;
            ``SignatureDoesNotMatch``; ``RequestExpired``; ``AuthFailure``, Basic that is not Basic.
        """
        presigned, signed_v2 = _signatures(pairs)
        if (request.header(b"authorization") is not None) + presigned + signed_v2 > 1:
            raise EC2Error("IncompleteSignature", "The request is signed in more than one way.")
        if presigned:
            return self._v4(v4.from_query(request), request)
        if signed_v2:
            return self._v2(request, pairs)
        return self.by_header(request)

    def by_header(self, request: RawRequest, body_hash: bytes | None = None) -> Principal:
        """Who sent a request of whose parameters none is of a signature, as :func:`is_signed` tells.

        :param body_hash: :func:`~ec2proxy.ec2.signing.v4.body_hash` of its body, if it is known.
        :raises EC2Error: as :meth:`authenticate`.
        """
        authorization = request.by_name.get(b"authorization")
        if authorization is None:
            # Not AuthFailure: the JavaScript SDK takes that for a wrong clock and tries again.
            raise EC2Error("MissingAuthenticationToken", "The request must contain credentials: a signature, or Basic.")
        if authorization.startswith(_V4_SCHEME):
            return self._v4(v4.from_header(request, authorization), request, body_hash)
        return _basic(authorization)

    def proof(self, request: RawRequest, body_hash: bytes) -> "Proof | None":
        """What proves requests that repeat one whose signature in its header was right.

        :param body_hash: :func:`~ec2proxy.ec2.signing.v4.body_hash` of its body.
        :returns: None if more is signed of it than what stays the same and ``X-Amz-Date``.
        """
        authorization = request.by_name.get(b"authorization", b"")
        if not authorization.startswith(_V4_SCHEME) or b"x-amz-date" not in request.by_name:
            return None
        claim = v4.from_header(request, authorization)
        account = self.accounts.lookup(claim.scope.access_key)
        if account is None or not _SAME.issuperset(claim.scope.headers):
            return None
        return Proof(self, account, claim.scope, request, body_hash)

    def _v4(self, claim: v4.Claim, request: RawRequest, body_hash: bytes | None = None) -> Principal:
        account = self.accounts.lookup(claim.scope.access_key)
        right = v4.matches(claim, request, (account or self._nobody).secret_key, body_hash)
        account = _proved(account, right)
        self.check_time(claim.signed_at, None if claim.expires is None else claim.signed_at + claim.expires)
        region = claim.scope.region or None
        return Principal(account.access_key, region, account.credentials_in(region), account)

    def _v2(self, request: RawRequest, pairs: Sequence[tuple[str, str]]) -> Principal:
        claim = v2.from_pairs(pairs)
        account = self.accounts.lookup(claim.access_key)
        right = v2.matches(claim, request, pairs, (account or self._nobody).secret_key)
        account = _proved(account, right)
        self.check_time(claim.signed_at, claim.expires_at)
        return Principal(account.access_key, None, account.credentials, account)

    def check_time(self, signed_at: int | None, expires_at: float | None = None) -> None:
        """See to it that a signature is of now.

        :param signed_at: epoch seconds, as :param expires_at:; None where it does not say.
        :raises EC2Error: ``RequestExpired``.
        """
        now = self._now()
        if signed_at is not None:
            earliest, latest = self.window(signed_at)
            if now < earliest:
                raise EC2Error("RequestExpired", "The request was signed for a time that has not come yet.")
            expires_at = latest if expires_at is None else expires_at
        if expires_at is not None and expires_at < now:
            raise EC2Error("RequestExpired", "Request has expired.")

    def window(self, signed_at: float) -> tuple[float, float]:
        """The first and the last moment at which a signature counts that says when it was made, but not for how long.

        :param signed_at: epoch seconds, as are the results.
        """
        return signed_at - self._skew, signed_at + self._skew


class Proof:
    """What a signature has to be at other moments, for requests that are the same but for that.

    It is worked out once for a moment, which is a second: a client that polls more often than that signs the same.

    :param request: one that was proved.
    """

    def __init__(
        self, authenticator: Authenticator, account: Account, scope: v4.Scope, request: RawRequest, body_hash: bytes
    ) -> None:
        self._authenticator = authenticator
        self._accounts = authenticator.accounts
        self._secret = account.secret_key
        self._scope = scope
        self._request = request
        self._body_hash = body_hash
        self._expected: dict[bytes, tuple[float, float, list[bytes]]] = {}
        self.over = False

    def holds(self, moment: bytes, signature: bytes, now: float) -> bool:
        """Whether a signature is right and of now; where it is not, the whole request is to be looked at.

        :param moment: its ``X-Amz-Date``.
        :param now: epoch seconds.
        """
        if self._authenticator.accounts is not self._accounts:
            self.over = True
            return False
        try:
            earliest, latest, expected = self._expected.get(moment) or self._worked_out(moment)
        except EC2Error:
            self.over = True
            return False
        if not earliest <= now <= latest:
            self.over = True
            return False
        right = False
        for each in expected:
            right |= hmac.compare_digest(each, signature)
        return right

    def _worked_out(self, moment: bytes) -> tuple[float, float, list[bytes]]:
        at = v4.signed_at(moment, self._scope)
        headers = {**self._request.by_name, b"x-amz-date": moment}
        request = evolve(self._request, headers=headers.items())
        expected = v4.signatures(self._scope, moment, request, self._secret, self._body_hash)
        if len(self._expected) >= _MOMENTS:
            self._expected.clear()
        earliest, latest = self._authenticator.window(at)
        self._expected[moment] = earliest, latest, expected
        return earliest, latest, expected


def is_signed(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether any parameter belongs to a signature."""
    return any(_signatures(pairs))


def _signatures(pairs: Sequence[tuple[str, str]]) -> tuple[bool, bool]:
    """Whether parameters belong to a presigned query, and whether to signature version 2."""
    presigned = signed_v2 = False
    for name, _ in pairs:
        presigned = presigned or name.startswith(_PRESIGNED)
        signed_v2 = signed_v2 or name in v2.PARAMETERS
    return presigned, signed_v2


def _proved(account: Account | None, right: bool) -> Account:
    if account is None:
        raise EC2Error("InvalidClientTokenId", "The access key ID provided does not exist in our records.")
    if not right:
        raise EC2Error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your secret access key and signing method.",
        )
    return account


def _basic(authorization: bytes) -> Principal:
    """Whom Basic names; whether the password is right is the cloud's to say."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        raise EC2Error("IncompleteSignature", "The scheme of the Authorization header is not supported.")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        user = colon = password = ""
    if not user or not colon or _CONTROL.search(user + password):
        raise EC2Error("AuthFailure", "The Authorization header is not valid HTTP Basic authentication.")
    return Principal(user, None, Credentials(user, password))
