"""The Deltacloud frontend of several regions: which backend's API a request is for."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N815

from collections.abc import Callable
from typing import Any

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from ec2proxy.ec2.errors import EC2Error
from ec2proxy.web.access import AccessLog
from ec2proxy.web.answers import Answer
from ec2proxy.web.exchange import Exchange


class RegionalResource(Resource):
    """Leaves each request to the frontend of its region.

    :param pick: gives it, for the request's host and its path; raises EC2Error where there is none.
    """

    isLeaf = True

    def __init__(self, pick: Callable[[str, str], IResource], access: AccessLog) -> None:
        super().__init__()
        self._pick = pick
        self._access = access

    def render(self, request: IRequest) -> Any:
        """Have it answered."""
        assert isinstance(request, Request)
        try:
            frontend = self._pick(request.getHeader("Host") or "", request.path.decode("ascii", "replace"))
        except EC2Error as error:
            body = f"{error.message}\n".encode("utf-8", "replace")
            Exchange(request, self._access).send(Answer(404, body, b"text/plain;charset=UTF-8", code=error.code))
            return NOT_DONE_YET
        return frontend.render(request)
