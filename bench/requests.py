"""The requests that the load is made of, as boto3 sends them and signed by its own signer, for seconds to come."""

import base64
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "a-secret-key-for-measurements"
AGENT = (
    "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython "
    "m/g,Z,D,N,b cfg/retry-mode#legacy Botocore/1.43.11"
)
POLL = "Action=DescribeInstances&Version=2016-11-15"
_HOLE = "********"


class _Signer(SigV4Auth):
    """boto3's signer at another time than now."""

    def sign_at(self, request: AWSRequest, at: int) -> None:
        """Sign, as :meth:`add_auth` does.

        :param at: epoch seconds.
        """
        request.context["timestamp"] = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]  # not in its stubs
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        signature = self.signature(to_sign, request)
        self._inject_signature_to_request(request, signature)  # type: ignore[attr-defined]  # likewise


def signed_post(port: int, body: str, at: int) -> bytes:
    """One request, with a hole of eight ``*`` in its invocation id."""
    url = f"http://127.0.0.1:{port}/"
    content_type = "application/x-www-form-urlencoded; charset=utf-8"
    request = AWSRequest("POST", url, {"Content-Type": content_type}, body)
    _Signer(Credentials(ACCESS_KEY, SECRET_KEY), "ec2", "us-east-1").sign_at(request, at)
    head = {
        "Host": f"127.0.0.1:{port}",
        "Accept-Encoding": "identity",
        "Content-Type": content_type,
        "User-Agent": AGENT,
        "X-Amz-Date": request.headers["X-Amz-Date"],
        "Authorization": request.headers["Authorization"],
        "amz-sdk-invocation-id": f"{_HOLE}-e5e7-4251-ab87-b72b652fcd8c",
        "amz-sdk-request": "attempt=1",
        "Content-Length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n{body}".encode()


def polls(port: int, seconds: int, bodies: Sequence[str] = (POLL,)) -> "list[list[bytes]]":
    """Requests for each of some seconds from now on, every body in each."""
    now = int(time.time())
    return [[signed_post(port, body, at) for body in bodies] for at in range(now, now + seconds)]


def get(port: int, path: str) -> "list[list[bytes]]":
    """The same GET for all time."""
    return [[f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Id: {_HOLE}\r\n\r\n".encode()]]


def basic_get(port: int, user: str) -> bytes:
    """The poll of somebody who signs nothing."""
    proof = base64.b64encode(f"{user}:password".encode()).decode()
    return f"GET /?{POLL} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {proof}\r\n\r\n".encode()


def write(requests: "list[list[bytes]]", path: Path) -> None:
    """Put requests where wrk.lua finds them."""
    seconds = []
    for second in requests:
        parts = [[json.dumps(part) for part in one.decode().split(_HOLE)] for one in second]
        seconds.append(",".join(f"{{{before},{after}}}" for before, after in parts))
    path.write_text("return {from=%d, seconds={{%s}}}" % (time.time(), "},\n{".join(seconds)))  # noqa: UP031
