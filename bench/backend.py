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
# Seven letters, as those that take its place have.
_STATE = re.compile(rb"<state>\w{7}</state>")
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

    :param churn: how many instances change their state with every list of them; the next ones each time.
    """

    isLeaf = True  # noqa: N815  # twisted.web's name

    def __init__(self, kept: dict[str, bytes], churn: int) -> None:
        super().__init__()
        self._kept = kept
        self._churn = churn
        # Changed in place: what the backend takes is taken from wrk, which shares its core.
        self._instances = bytearray(kept["/api/instances"])
        self._places = [match.span() for match in _INSTANCE.finditer(self._instances)]
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
        if path == "/api/instances" and self._churn:
            self._change()
            return bytes(self._instances)
        return self._kept[path]

    def _change(self) -> None:
        end = self._count["/api/instances"] * self._churn
        for number in range(end - self._churn, end):
            state = b"PENDING" if number // len(self._places) % 2 else b"STOPPED"
            place = slice(*self._places[number % len(self._places)])
            self._instances[place] = _STATE.sub(b"<state>%s</state>" % state, self._instances[place], count=1)


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
