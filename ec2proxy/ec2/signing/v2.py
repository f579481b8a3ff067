"""Signature version 2: parameters of the query or the form, as libcloud, Eucalyptus's tools and txaws send them.

'Signature Version 2' in the general reference of AWS says how it goes.
"""

import base64
import hmac
from collections.abc import Iterable
from urllib.parse import quote

from attrs import frozen

from ec2proxy.ec2.errors import EC2Error, invalid_value
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.signing import times

#: The parameters that make a request one of signature version 2.
PARAMETERS = frozenset({"AWSAccessKeyId", "Expires", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"})

_DIGESTS = {"HmacSHA256": "sha256", "HmacSHA1": "sha1"}
_UNRESERVED = "-_.~"


@frozen
class Claim:
    """A signature that is yet to be believed; one of the two moments (epoch seconds) is None.

    :param digest: the name of its hash, ``sha256``.
    """

    access_key: str
    digest: str
    signature: str
    signed_at: int | None
    expires_at: int | None


def from_pairs(pairs: Iterable[tuple[str, str]]) -> Claim:
    """The claim in a request's parameters.

    :raises EC2Error: ``MissingParameter``, ``InvalidParameterValue`` or ``InvalidParameterCombination``.
    """
    given = [pair for pair in pairs if pair[0] in PARAMETERS]
    values = dict(given)
    if len(values) != len(given):
        raise EC2Error("InvalidParameterCombination", "A parameter of the signature was given more than once.")
    for name in ("AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"):
        if not values.get(name):
            raise EC2Error("MissingParameter", f"The request must contain the parameter {name}")
    if values["SignatureVersion"] != "2":
        raise invalid_value("SignatureVersion", values["SignatureVersion"], "Signature versions 2 and 4 are supported.")
    digest = _DIGESTS.get(values["SignatureMethod"])
    if digest is None:
        raise invalid_value("SignatureMethod", values["SignatureMethod"], "It must be HmacSHA256 or HmacSHA1.")
    if ("Timestamp" in values) == ("Expires" in values):
        code = "InvalidParameterCombination" if "Timestamp" in values else "MissingParameter"
        raise EC2Error(code, "The request must contain either the parameter Timestamp or the parameter Expires")
    return Claim(
        values["AWSAccessKeyId"], digest, values["Signature"], _moment("Timestamp", values), _moment("Expires", values)
    )


def matches(claim: Claim, request: RawRequest, pairs: Iterable[tuple[str, str]], secret: str) -> bool:
    """Whether the claim's signature was made over this request with this secret; in constant time.

    :param pairs: all the parameters of the request.
    """
    host = request.header(b"host") or b""
    query = "&".join(
        f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}"
        for name, value in sorted(pairs)
        if name != "Signature"
    )
    right = False
    # In lower case says AWS; botocore and libcloud take the host as it was configured.
    for spelling in {host, host.lower()}:
        signed = b"\n".join((request.method.encode(), spelling, request.path or b"/", query.encode()))
        expected = base64.b64encode(hmac.digest(secret.encode(), signed, claim.digest))
        right |= hmac.compare_digest(expected, claim.signature.encode())
    return right


def _moment(name: str, values: dict[str, str]) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        return times.extended(value)
    except ValueError:
        raise invalid_value(name, value, "Must be in ISO8601 format.") from None
