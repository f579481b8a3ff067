"""Which frontend answers which path."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802, N815

from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import unquote_to_bytes

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource

from ec2proxy.asking import IEC2Service

_NOWHERE = b"Nothing is served here. The Deltacloud API is at /api.\n"


def root(frontends: frozenset[str], ec2: IResource | None, deltacloud: IResource | None) -> IResource:
    """The root of the resource tree: Deltacloud at ``/api`` and ``/regions/NAME/api``, EC2 at every other path.

    :param frontends: the names of what is served, ``ec2`` and ``deltacloud``.
    :param ec2: needed if it is served; without it, all but ``/api`` is 404.
    :param deltacloud: needed if it is served; without it, ``/api`` is a path like any other.
    :raises ValueError: a frontend is to be served that is unknown or not there.
    """
    there = {"ec2": ec2, "deltacloud": deltacloud}
    for name in frontends:
        if there.get(name) is None:
            raise ValueError(f"there is no frontend {name}")
    served = {name: resource for name, resource in there.items() if name in frontends}
    return _Root(served.get("ec2") or _Nowhere(), served.get("deltacloud"))


@runtime_checkable
class Performer(Protocol):
    """A resource that knows what would come of a request that performs an action, without rendering it."""

    def service_at(self, path: bytes) -> IEC2Service | None:
        """The service that would perform it; None if anything else would become of it.

        :param path: of the request, still percent-encoded, from the resource tree's root.
        """


def service_at(resource: IResource, path: bytes) -> IEC2Service | None:
    """See :meth:`Performer.service_at`; None for a resource that does not know."""
    return resource.service_at(path) if isinstance(resource, Performer) else None


class _Root(Resource):
    """Chooses by the first segment of the path, as it is once it is decoded."""

    def __init__(self, default: IResource, api: IResource | None) -> None:
        super().__init__()
        self._default = default
        self._api = api

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """The frontend for a path whose first segment is ``path``."""
        return self._frontend([path, *request.postpath[:2]])

    def service_at(self, path: bytes) -> IEC2Service | None:
        """See :meth:`Performer.service_at`."""
        return service_at(self._frontend([unquote_to_bytes(each) for each in path[1:].split(b"/", 3)]), path)

    def _frontend(self, segments: Sequence[bytes]) -> IResource:
        if segments[0] == b"regions":
            segments = segments[2:]
        return self._api if self._api is not None and segments[:1] == [b"api"] else self._default


class _Nowhere(Resource):
    isLeaf = True

    def render(self, request: IRequest) -> bytes:
        """Say that there is nothing."""
        request.setResponseCode(404)
        request.setHeader(b"Content-Type", b"text/plain;charset=UTF-8")
        return _NOWHERE
