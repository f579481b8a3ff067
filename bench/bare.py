"""The yardstick: bare twisted.web, without an access log. ``/4096`` answers so many bytes to a GET."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"

import sys
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site


class Sized(Resource):
    """A resource with one answer.

    :param size: its bytes.
    """

    isLeaf = True  # noqa: N815  # twisted.web's name

    def __init__(self, size: int) -> None:
        super().__init__()
        self._body = b"x" * size

    def render_GET(self, request: Any) -> bytes:
        """Answer."""
        return self._body


class Root(Resource):
    """Finds the resource of a size, made once."""

    def getChild(self, path: bytes, request: Any) -> Resource:
        """The resource that ``path``, a number of bytes, names."""
        child = Sized(int(path))
        self.putChild(path, child)
        return child


class Silent(Site):
    """Without an access log. Where none is configured, Site formats its lines all the same."""

    def log(self, request: Any) -> None:
        """Do nothing."""


if __name__ == "__main__":
    listening: Any = reactor
    listening.listenTCP(int(sys.argv[1]), Silent(Root()), 1024, "127.0.0.1")
    listening.run()
