"""A Deltacloud server whose misbehaviour is switched on over HTTP: ``python -m tests.e2e.troubled --machine=fgcp``.

``POST /trouble/hold?path=/api/realms`` takes such requests and does nothing about them until ``POST /trouble/release``;
``POST /trouble/late?path=…`` does what they ask for and answers no sooner; ``html`` answers them with a page,
``garbage`` with noise, ``slow`` after half a second, ``cut`` with half of the answer, ``endless`` without an end,
``silent`` never, ``lost`` with a closed connection. All take ``method`` and ``times`` too. ``GET /trouble`` tells how
many requests are held, how many of those that were held had their connection closed by the client, and all requests so
far that were to change something.
"""

import json
import sys
from argparse import ArgumentParser
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

    async def _released(self) -> None:
        def left(held: "Deferred[None]") -> None:
            self._held.discard(held)
            self._gone += 1

        held: Deferred[None] = Deferred(left)
        self._held.add(held)
        await held

    async def _hold(self, exchange: Exchange) -> None:
        await self._released()
        exchange.send(await exchange.carry_out())

    async def _late(self, exchange: Exchange) -> None:
        answer = await exchange.carry_out()
        await self._released()
        exchange.send(answer)

    def render_POST(self, request: Request) -> bytes:
        """Switch trouble on or off."""
        what = request.postpath[0]
        trouble = self._cloud.trouble
        if what == b"release":
            trouble.clear()
            held, self._held = self._held, set()
            for waiting in held:
                waiting.callback(None)
            return b""
        given = {name.decode(): values[0].decode() for name, values in request.args.items()}
        criteria: dict[str, Any] = {**given, "times": int(given["times"]) if "times" in given else None}
        {
            b"hold": lambda: trouble.add(self._hold, **criteria),
            b"late": lambda: trouble.add(self._late, **criteria),
            b"html": lambda: trouble.html(**criteria),
            b"garbage": lambda: trouble.answer(200, bytes(range(256)) * 4, **criteria),
            b"slow": lambda: trouble.delay(0.5, **criteria),
            b"cut": lambda: trouble.cut(**criteria),
            b"endless": lambda: trouble.drip(1024 * 1024, 0.001, endless=True, **criteria),
            b"silent": lambda: trouble.lose_answer(silent=True, **criteria),
            b"lost": lambda: trouble.lose_answer(**criteria),
        }[what]()
        return b""

    def render_GET(self, request: Request) -> bytes:
        """Tell what has come of it."""
        writes = [f"{one.method} {one.path}" for one in self._cloud.requests if one.method != "GET"]
        return json.dumps({"held": len(self._held), "gone": self._gone, "writes": writes}).encode()


async def main(reactor: Any, *arguments: str) -> None:
    """Serve on a free port until the process is killed."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fresh-ids", action="store_true")
    parser.add_argument("--machine", default="mock")
    parser.add_argument("--feature", action="append", default=[])
    parser.add_argument("--pending", type=float, default=0.0)
    parser.add_argument("--stopping", type=float, default=0.0)
    told = parser.parse_args(arguments)
    cloud = MockCloud(
        reactor,
        machine=told.machine,
        features=told.feature,
        pending=told.pending,
        stopping=told.stopping,
        reuse_ids=not told.fresh_ids,
        keep_requests=10_000,
    )
    root = api_root(cloud)
    root.putChild(b"trouble", Trouble(cloud))
    port = await TCP4ServerEndpoint(reactor, told.port, interface="127.0.0.1").listen(Site(root))
    sys.stdout.write(f"listens at {port.getHost().port}\n")
    sys.stdout.flush()
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *arguments: Deferred.fromCoroutine(main(reactor, *arguments)), sys.argv[1:])
