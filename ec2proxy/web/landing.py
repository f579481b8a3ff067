"""What somebody gets who asks the EC2 frontend for nothing in particular."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"

import re
from html import escape

from twisted.web.server import Request

from ec2proxy.web.answers import Answer

# A host and a port as they may stand in a Location or in a page: anything else in a Host header is made up.
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

_TEXT = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>ec2proxy</title></head>
<body>
<h1>ec2proxy</h1>
<p>This is an Amazon EC2 Query API in front of another cloud. It is meant for EC2 clients, not for browsers.
Its endpoint is <code>{endpoint}</code>.</p>
<h2>AWS CLI</h2>
<pre>export AWS_ENDPOINT_URL_EC2={endpoint}
aws ec2 describe-instances</pre>
<h2>boto3</h2>
<pre>import boto3
ec2 = boto3.client("ec2", endpoint_url="{endpoint}")
print(ec2.describe_instances())</pre>
<p>Both sign with the access key and the secret key that your administrator gave you.</p>
</body>
</html>
"""


def answer(request: Request) -> Answer:
    """The page for a browser, for everybody else a redirect to ``/ec2`` (recording 90)."""
    host = _host(request)
    base = ""
    if host is not None:
        base = f"{'https' if request.isSecure() else 'http'}://{host}"
    # One URL has two answers: a cache must keep them apart.
    vary = (b"Vary", b"Accept")
    if b"text/html" in b",".join(request.requestHeaders.getRawHeaders(b"Accept", [])).lower():
        page = _TEXT.format(endpoint=escape(f"{base or 'http://localhost:3001'}/ec2"))
        policy = (b"Content-Security-Policy", b"default-src 'none'")
        return Answer(200, page.encode(), b"text/html;charset=UTF-8", (vary, policy))
    return Answer(301, b"", b"text/html;charset=utf-8", (vary, (b"Location", f"{base}/ec2".encode())))


def _host(request: Request) -> str | None:
    """The Host header, if there is one and it looks like one."""
    hosts = request.requestHeaders.getRawHeaders(b"Host", [])
    if len(hosts) == 1 and _HOST.fullmatch(hosts[0]):
        return str(hosts[0], "ascii")
    return None
