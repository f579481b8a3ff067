"""Requests as botocore and libcloud sign them, at a time of our choosing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SigV2Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from libcloud.common.aws import AWSRequestSignerAlgorithmV2

from ec2proxy.ec2.request import RawRequest

KEY = "AKIDEXAMPLE"
SECRET = "secret"
HOST = "ec2.example:3001"
FORM = "application/x-www-form-urlencoded; charset=utf-8"

#: 2026-11-23T16:45:39Z
NOW = 1795452339


def v4(
    params: Mapping[str, str],
    *,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] = {},
    at: float = NOW,
    key: str = KEY,
    secret: str = SECRET,
    region: str = "us-east-1",
    signer: type[SigV4Auth] = SigV4Auth,
) -> RawRequest:
    """Signed in its header by botocore's SigV4Auth, or a variety of it."""
    body = urlencode(params) if method == "POST" else ""
    query = "" if body or not params else "?" + urlencode(params, quote_via=quote, safe="-_.~")
    request = AWSRequest(method, f"http://{HOST}{path}{query}", {"Host": HOST, **headers}, body or None)
    if body:
        request.headers["Content-Type"] = FORM
    return signed_at(signer(Credentials(key, secret), "ec2", region), request, at, body)


def presigned(
    params: Mapping[str, str], *, path: str = "/", expires: int = 3600, at: float = NOW, secret: str = SECRET
) -> RawRequest:
    """Signed in its query by botocore's SigV4QueryAuth."""
    request = AWSRequest("GET", f"http://{HOST}{path}", {"Host": HOST}, dict(params))
    return signed_at(SigV4QueryAuth(Credentials(KEY, secret), "ec2", "us-east-1", expires), request, at, "")


def v2(
    params: Mapping[str, str], *, method: str = "GET", path: str = "/", at: float | None = None, secret: str = SECRET
) -> RawRequest:
    """Signed by botocore's SigV2Auth, whose own clock says when unless ``at`` does (epoch seconds)."""
    given = dict(params)
    signer = SigV2Auth(Credentials(KEY, secret))
    request = AWSRequest(method, f"http://{HOST}{path}", {}, *((given,) if method == "POST" else ("", given)))
    signer.add_auth(request)
    signed = request.data or request.params
    if at is not None:
        signed["Timestamp"] = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
        _, signed["Signature"] = signer.calc_signature(request, signed)
    return _v2_request(method, path, signed)


def v2_of(params: Mapping[str, str], secret: str = SECRET) -> RawRequest:
    """Signed by botocore's SigV2Auth over exactly these parameters, times and key included."""
    signer = SigV2Auth(Credentials(KEY, secret))
    given = dict(params)
    _, given["Signature"] = signer.calc_signature(AWSRequest("GET", f"http://{HOST}/"), given)
    return _v2_request("GET", "/", given)


def libcloud_v2(params: Mapping[str, str], *, path: str = "/", secret: str = SECRET) -> RawRequest:
    """Signed by libcloud's signer, as its EC2, Eucalyptus and Nimbus drivers do."""
    host, _, port = HOST.partition(":")
    connection = SimpleNamespace(host=host, port=int(port), secure=False)
    signer = AWSRequestSignerAlgorithmV2(KEY, secret, "2016-11-15", connection)
    return _v2_request("GET", path, signer.get_request_params(dict(params), "GET", path))


def _v2_request(method: str, path: str, params: Mapping[str, str]) -> RawRequest:
    form = urlencode(params).encode()
    headers = ((b"host", HOST.encode()),)
    if method == "POST":
        return RawRequest("POST", path.encode(), b"", headers, form)
    return RawRequest("GET", path.encode(), form, headers, b"")


def signed_at(signer: SigV4Auth, request: AWSRequest, at: float, body: str) -> RawRequest:
    """Signed by ``signer`` at a time of our choosing (epoch seconds)."""
    # What SigV4Auth.add_auth does, but for asking the clock.
    request.context["timestamp"] = f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    signer._modify_request_before_signing(request)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))
    parts = urlsplit(request.url)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in request.headers.items())
    return RawRequest(request.method, parts.path.encode(), parts.query.encode(), headers, body.encode())
