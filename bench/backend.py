"""A Deltacloud server that costs almost nothing and counts: the mock cloud's documents, made once and kept.

It takes any user. ``/count`` tells how often each path was asked for.
"""

# Much of twisted.web and treq's testing has no types.
# mypy: disable-error-code="no-untyped-call"

import argparse
import json
import re
from collections import Counter
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.client import readBody
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Site

from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root

_INSTANCE = re.compile(rb"<instance .*?</instance>", re.DOTALL)
_STATE = re.compile(rb"<state>\w+</state>")
_COLLECTION = re.compile(rb"<link href='http://127\.0\.0\.1(/api/\w+)'")


def documents(instances: int) -> dict[str, bytes]:
    """What the mock cloud answers, by path.

    :param instances: how many there are.
    """
    cloud = MockCloud(reactor)
    cloud.seed(max(instances - 2, 0))
    agent = RequestTraversalAgent(api_root(cloud))
    headers = Headers({"Authorization": ["Basic bW9ja3VzZXI6bW9ja3Bhc3N3b3Jk"], "Accept": ["application/xml"]})
    found: dict[str, bytes] = {}

    def get(path: str) -> bytes:
        answered: Deferred[Any] = agent.request(b"GET", b"http://127.0.0.1" + path.encode(), headers)
        answered.addCallback(readBody).addCallback(lambda body: found.update({path: body}))
        agent.flush()
        return found[path]

    for path in _COLLECTION.findall(get("/api")):
        get(path.decode())
    # The mock cloud begins with two.
    for surplus in _INSTANCE.findall(found["/api/instances"])[instances:]:
        found["/api/instances"] = found["/api/instances"].replace(surplus, b"")
    return found


class Kept(Resource):
    """The documents, and how often each was asked for.

    :param churn: how many instances change their state with every list of them.
    """

    isLeaf = True  # noqa: N815  # twisted.web's name

    def __init__(self, kept: dict[str, bytes], churn: int) -> None:
        super().__init__()
        self._kept = kept
        self._churn = churn
        self._places = [match.span() for match in _INSTANCE.finditer(kept["/api/instances"])] if churn else []
        self._count: Counter[str] = Counter()

    def render_GET(self, request: Any) -> bytes:
        """Answer."""
        path = request.path.decode().rstrip("/")
        if path == "/count":
            return json.dumps(self._count).encode()
        self._count[path] += 1
        if path not in self._kept:
            request.setResponseCode(404)
            return b""
        request.setHeader(b"Content-Type", b"application/xml")
        return self._instances() if path == "/api/instances" and self._churn else self._kept[path]

    def _instances(self) -> bytes:
        body = self._kept["/api/instances"]
        begun = self._count["/api/instances"] * self._churn
        for number in range(begun, begun + self._churn):
            first, end = self._places[number % len(self._places)]
            state = b"<state>%s</state>" % (b"STOPPED" if number // len(self._places) % 2 else b"PENDING")
            one = _STATE.sub(state.ljust(len(state)), body[first:end], count=1)
            body = body[:first] + one + b" " * (end - first - len(one)) + body[end:]
        return body


def main() -> None:
    """Serve, until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--instances", type=int, default=4)
    parser.add_argument("--churn", type=int, default=0)
    chosen = parser.parse_args()
    site = Site(Kept(documents(chosen.instances), chosen.churn))
    site.log = lambda request: None  # type: ignore[method-assign]
    listening: Any = reactor
    listening.listenTCP(chosen.port, site, 1024, "127.0.0.1")
    listening.run()


if __name__ == "__main__":
    main()
