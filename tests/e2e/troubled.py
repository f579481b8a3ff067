"""A Deltacloud server whose misbehaviour is switched on over HTTP: ``python -m tests.e2e.troubled``.

``POST /trouble/hold?path=/api/realms`` takes such requests and answers none of them until ``POST /trouble/release``;
``POST /trouble/html?path=…`` answers them with a page. ``GET /trouble`` tells how many requests are held, and how many
of those that were held had their connection closed by the client.
"""

import json
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import react
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.mockcloud.trouble import Exchange


class Trouble(Resource):
    """The switch."""

    isLeaf = True  # noqa: N815  # twisted.web's name

    def __init__(self, cloud: MockCloud) -> None:
        super().__init__()
        self._cloud = cloud
        self._held: set[Deferred[None]] = set()
        self._gone = 0

    async def _hold(self, exchange: Exchange) -> None:
        def left(held: "Deferred[None]") -> None:
            self._held.discard(held)
            self._gone += 1

        held: Deferred[None] = Deferred(left)
        self._held.add(held)
        await held
        exchange.send(await exchange.carry_out())

    def render_POST(self, request: Request) -> bytes:
        """Switch trouble on or off."""
        what = request.postpath[0]
        if what == b"release":
            self._cloud.trouble.clear()
            held, self._held = self._held, set()
            for waiting in held:
                waiting.callback(None)
            return b""
        path = request.args[b"path"][0].decode()
        if what == b"hold":
            self._cloud.trouble.add(self._hold, path=path, times=None)
        else:
            self._cloud.trouble.html(path=path, times=None)
        return b""

    def render_GET(self, request: Request) -> bytes:
        """Tell what has come of it."""
        return json.dumps({"held": len(self._held), "gone": self._gone}).encode()


async def main(reactor: Any) -> None:
    """Serve on a free port until the process is killed."""
    cloud = MockCloud(reactor)
    root = api_root(cloud)
    root.putChild(b"trouble", Trouble(cloud))
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Site(root))
    sys.stdout.write(f"listens at {port.getHost().port}\n")
    sys.stdout.flush()
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
