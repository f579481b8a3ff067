"""Signature version 4, in the Authorization header and in a presigned query.

'Create a signed AWS API request' in the IAM user guide says how it goes; the captured requests of real clients say
where they differ from it. Region and service are taken as the client signed for them, whatever they are: boto2
guesses them from the host's name.
"""

import hashlib
import hmac
import posixpath
import re
from functools import lru_cache
from urllib.parse import quote

from attrs import define, frozen

from ec2proxy.ec2 import forms
from ec2proxy.ec2.errors import EC2Error, invalid_value, shown
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.signing import times

ALGORITHM = "AWS4-HMAC-SHA256"

#: A presigned request may be good for a week at most.
MAX_EXPIRES = 7 * 24 * 3600

_ALGORITHM = ALGORITHM.encode()
_TERMINATOR = b"aws4_request"
_UNSIGNED = b"UNSIGNED-PAYLOAD"
_CREDENTIAL = "Credential must have the form <access key>/<date>/<region>/<service>/aws4_request."
_AMZ = b"x-amz-"
_MAX_AUTHORIZATION = 4096
_UNRESERVED = "-_.~"
_PLAIN_PATH = re.compile(rb"(?:/(?!\.)[A-Za-z0-9_.~-]+)+/?|/")
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
_SIGNATURE = "X-Amz-Signature"


@frozen
class Scope:
    """What of a claim stays the same for a client's whole day.

    :param access_key: who the client says it is.
    :param text: day, region, service and terminator with their slashes, as the client wrote them.
    :param headers: the names of the headers that the signature covers, as the client wrote them.
    :param form: those headers and their names as they are signed, ``%b`` for each value.
    :param amz: how often their names hold ``x-amz-``.
    """

    access_key: str
    day: bytes
    region: str
    service: bytes
    text: bytes
    headers: tuple[bytes, ...]
    form: bytes
    amz: int


# Not frozen: one is made for each request, and making a frozen one takes twice as long.
@define
class Claim:
    """A signature that is yet to be believed.

    :param moment: when it was made, as it was signed.
    :param signed_at: the same in epoch seconds.
    :param expires: seconds that a presigned request is good for, else None.
    """

    scope: Scope
    signature: bytes
    moment: bytes
    signed_at: int
    expires: int | None = None


def from_header(request: RawRequest, authorization: bytes) -> Claim:
    """The claim in an Authorization header, whose scheme is known to be :data:`ALGORITHM`.

    :raises EC2Error: ``IncompleteSignature``, something is missing or malformed; ``SignatureDoesNotMatch``, the
        scope is of another day.
    """
    if len(authorization) > _MAX_AUTHORIZATION:
        raise _incomplete("The Authorization header is too long.")
    # The other fields are the same all day: what they say is remembered.
    fields, comma, signature = authorization.rpartition(b", Signature=")
    if not comma or b"," in signature or b" " in signature or b"Signature=" in fields:
        fields, signature = _signature_apart(authorization)
    scope = _scope_in(fields)
    moment = request.by_name.get(b"x-amz-date")
    if moment is None:
        moment = _moment_of_date(request.header(b"date"))
    return Claim(scope, signature, moment, signed_at(moment, scope))


def from_query(request: RawRequest) -> Claim:
    """The claim in the parameters of a presigned query.

    :raises EC2Error: as :func:`from_header`, and ``InvalidParameterValue`` for ``X-Amz-Expires``.
    """
    given = [pair for pair in forms.parse(request.query) if pair[0] == _SIGNATURE or pair[0] in _PRESIGNED]
    values = dict(given)
    if len(values) != len(given):
        raise _incomplete("A parameter of the signature was given more than once.")
    for name in (*_PRESIGNED, _SIGNATURE):
        if not values.get(name):
            raise _incomplete(f"AWS query-string parameters must include '{name}'.")
    algorithm, credential, moment, expires, headers = (values[name] for name in _PRESIGNED)
    if algorithm != ALGORITHM:
        raise _incomplete(f"The algorithm '{shown(algorithm)}' is not supported.")
    if not (expires.isascii() and expires.isdigit()) or len(expires) > 6 or not 0 < int(expires) <= MAX_EXPIRES:
        raise invalid_value("X-Amz-Expires", expires, f"It must be between 1 and {MAX_EXPIRES} seconds.")
    scope = _scope(credential.encode(), headers.encode())
    at = signed_at(moment.encode(), scope)
    return Claim(scope, values[_SIGNATURE].encode(), moment.encode(), at, int(expires))


def matches(claim: Claim, request: RawRequest, secret: str, body_hash: bytes | None = None) -> bool:
    """Whether the claim's signature was made over this request with this secret; in constant time.

    :param body_hash: :func:`body_hash` of its body, if it is known.
    :raises EC2Error: ``SignatureDoesNotMatch``, the signature covers too little or what is not there.
    """
    right = False
    for signature in signatures(claim.scope, claim.moment, request, secret, body_hash):
        right |= hmac.compare_digest(signature, claim.signature)
    return right


def signatures(
    scope: Scope, moment: bytes, request: RawRequest, secret: str, body_hash: bytes | None = None
) -> list[bytes]:
    """The signatures that a request may have: one, or one for each way in which clients write its headers.

    :param moment: when it was made, as it was signed; other parameters and errors are those of :func:`matches`.
    """
    values = _signed_values(request, scope)
    payload = _payload_hash(request, body_hash)
    path = request.path if request.path == b"/" else _canonical_path(request.path)
    query = _canonical_query(request.query) if request.query else b""
    start = b"%b\n%b\n%b\n" % (request.method.encode(), path, query)
    mac = _signing_mac(secret, scope.day, scope.region, scope.service)
    plain = scope.form % values
    found = []
    for headers in _folded(scope, values) if _is_folded(plain) else (plain,):
        digest = hashlib.sha256(start + headers + payload).hexdigest().encode()
        signed = mac.copy()
        signed.update(b"%b\n%b\n%b\n%b" % (_ALGORITHM, moment, scope.text, digest))
        found.append(signed.hexdigest().encode())
    return found


def signed_at(moment: bytes, scope: Scope) -> int:
    """When a request was signed, in epoch seconds.

    :param moment: the same as it was signed.
    :raises EC2Error: ``IncompleteSignature``, it is no time; ``SignatureDoesNotMatch``, it is not on the scope's day.
    """
    try:
        at = times.basic(moment)
    except ValueError:
        raise _incomplete("X-Amz-Date must have the form YYYYMMDDTHHMMSSZ.") from None
    if moment[:8] != scope.day:
        raise EC2Error("SignatureDoesNotMatch", "The date in the credential scope is not the day of X-Amz-Date.")
    return at


def body_hash(body: bytes) -> bytes:
    """What is signed of a body."""
    return hashlib.sha256(body).hexdigest().encode()


def _incomplete(message: str) -> EC2Error:
    return EC2Error("IncompleteSignature", message)


def _signature_apart(authorization: bytes) -> tuple[bytes, bytes]:
    """The header without its signature, and that; wherever it stands, and however the fields are separated."""
    start, name, end = authorization.partition(b"Signature=")
    start = start.rstrip(b" ")
    signature, _, end = end.partition(b",")
    if not name or (not start.endswith(b",") and start != _ALGORITHM):
        raise _incomplete("Authorization header requires 'Signature' parameter.")
    return start + b" " + end if end else start.removesuffix(b","), signature.rstrip(b" ")


@lru_cache(1024)
def _scope_in(authorization: bytes) -> Scope:
    """What an Authorization header says without its signature."""
    values: dict[bytes, bytes] = {}
    for field in authorization[len(_ALGORITHM) :].split(b","):
        name, _, value = field.strip(b" ").partition(b"=")
        if name in values or name not in (b"Credential", b"SignedHeaders"):
            raise _incomplete("The Authorization header is not key=value pairs, each once, separated by commas.")
        values[name] = value
    for wanted in ("Credential", "SignedHeaders"):
        if not values.get(wanted.encode()):
            raise _incomplete(f"Authorization header requires '{wanted}' parameter.")
    return _scope(values[b"Credential"], values[b"SignedHeaders"])


def _scope(credential: bytes, signed_headers: bytes) -> Scope:
    try:
        access_key, day, region, service, terminator = credential.rsplit(b"/", 4)
        names = access_key.decode(), region.decode()
    except ValueError:
        raise _incomplete(_CREDENTIAL) from None
    headers = tuple(signed_headers.split(b";"))
    if terminator != _TERMINATOR or not access_key:
        raise _incomplete(_CREDENTIAL)
    if b"host" not in headers or len(set(headers)) != len(headers):
        raise _incomplete("SignedHeaders must name 'host', and no header twice.")
    text = b"/".join((day, region, service, terminator))
    lines = [name.replace(b"%", b"%%") for name in headers]
    form = b"".join(line + b":%b\n" for line in lines) + b"\n" + b";".join(lines) + b"\n"
    return Scope(names[0], day, names[1], service, text, headers, form, signed_headers.count(_AMZ))


def _moment_of_date(date: bytes | None) -> bytes:
    """The moment of a request that has no ``X-Amz-Date``: botocore signs a ``Date`` that it finds instead."""
    if date is None:
        raise _incomplete("The request requires an 'X-Amz-Date' or a 'Date' header.")
    try:
        return times.http_date(date)
    except ValueError:
        raise _incomplete("The 'Date' header is not a date.") from None


def _signed_values(request: RawRequest, scope: Scope) -> tuple[bytes, ...]:
    """The values of the signed headers.

    Every ``x-amz-`` header must be signed, else somebody on the way could add one.
    """
    by_name = request.by_name
    try:
        values = tuple(map(by_name.__getitem__, scope.headers))
    except KeyError as error:
        raise _unsigned(error.args[0], "missing") from None
    # All that is signed is there: where there is no more of the kind, counting tells it.
    if b"\n".join(by_name).count(_AMZ) != scope.amz:
        for name in by_name:
            if name.startswith(_AMZ) and name not in scope.headers:
                raise _unsigned(name, "not signed")
    return values


def _unsigned(name: bytes, what: str) -> EC2Error:
    return EC2Error("SignatureDoesNotMatch", f"The header '{shown(name.decode('latin-1'))}' is {what}.")


def _payload_hash(request: RawRequest, known: bytes | None) -> bytes:
    """What has to be signed for the body. A client that signed another hash in its header does not match this one."""
    if request.by_name.get(b"x-amz-content-sha256") == _UNSIGNED:
        return _UNSIGNED
    return body_hash(request.body) if known is None else known


def _is_folded(plain: bytes) -> bool:
    """Whether there may be something to fold: several blanks, tabs, or blanks at either end of a value."""
    return b"  " in plain or b"\t" in plain or b": " in plain or b" \n" in plain


def _folded(scope: Scope, values: tuple[bytes, ...]) -> list[bytes]:
    """The ways in which clients write the signed headers: all fold blanks, but older ones not in quoted texts."""
    folded = tuple(b" ".join(value.split()) for value in values)
    kept = tuple(value.strip() if b'"' in value else fold for value, fold in zip(values, folded, strict=True))
    return [scope.form % folded, scope.form % kept] if kept != folded else [scope.form % folded]


def _canonical_path(path: bytes) -> bytes:
    """The path without ``.``, ``..`` and empty parts, what is encoded in it encoded once more."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    if path.startswith(b"/"):
        slash = b"/" if path.endswith(b"/") else b""
        path = posixpath.normpath(b"/" + path.lstrip(b"/")).rstrip(b"/") + slash or b"/"
    return quote(path, safe="/" + _UNRESERVED).encode()


def _canonical_query(query: bytes) -> bytes:
    """The query decoded and encoded again as RFC 3986 has it, sorted; the signature itself left out."""
    encoded = sorted(
        (quote(name, safe=_UNRESERVED), quote(value, safe=_UNRESERVED))
        for name, value in forms.parse(query)
        if name != _SIGNATURE
    )
    return "&".join(f"{name}={value}" for name, value in encoded).encode()


@lru_cache(1024)
def _signing_mac(secret: str, day: bytes, region: str, service: bytes) -> hmac.HMAC:
    """What signs with a client's key of a day, to be copied: the key is made once, and hashed once."""
    key = b"AWS4" + secret.encode()
    for part in (day, region.encode(), service, _TERMINATOR):
        key = hmac.digest(key, part, "sha256")
    return hmac.new(key, digestmod="sha256")
