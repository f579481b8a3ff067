"""The EC2 frontend: from an HTTP request to the service that performs it, and back."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N815

from typing import BinaryIO

from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from ec2proxy.asking import IEC2Service
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.web import landing
from ec2proxy.web.access import AccessLog
from ec2proxy.web.answers import Answer
from ec2proxy.web.errors import refusal
from ec2proxy.web.exchange import Exchange
from ec2proxy.web.remembering import Remembering


class EC2Resource(Resource):
    """Everything that no other frontend has taken, whatever its path: clients sign the path they were given.

    A GET without an Action is sent to ``/ec2``, as Deltacloud's own frontend did (recording 90), or shown a page
    if a browser asks. HEAD is answered where GET performs nothing, and refused where it would: it must be safe.

    :param service: what performs requests.
    """

    isLeaf = True

    def __init__(self, service: IEC2Service, access: AccessLog) -> None:
        super().__init__()
        self._service = service
        self._access = access
        self._remembering = Remembering(service, access.now)

    def service_at(self, path: bytes) -> IEC2Service:
        """See :meth:`~ec2proxy.web.tree.Performer.service_at`."""
        return self._service

    def render(self, request: IRequest) -> int:
        """Take a request on; the answer follows."""
        assert isinstance(request, Request)
        exchange = Exchange(request, self._access)
        query = request.uri.partition(b"?")[2]
        # An Action in disguise ('%41ction') is told from none by the service, if it is not a GET.
        method, acts = request.method, b"Action=" in query
        if method == b"POST" or (method == b"GET" and acts):
            exchange.perform(self._remembering, _raw(request, query))
        elif method in (b"GET", b"HEAD") and not acts:
            exchange.send(landing.answer(request))
        else:
            exchange.send(_not_allowed(method, b"GET, POST" if acts else b"GET, HEAD, POST", exchange.trace))
        return NOT_DONE_YET


def _raw(request: Request, query: bytes) -> RawRequest:
    """What came off the wire. Repeats of a header stand where its first one stood."""
    received = request.requestHeaders.getAllRawHeaders()
    # A list is made in half of the time that a generator takes.
    headers = tuple([(name.lower(), value) for name, values in received for value in values])
    content: BinaryIO = request.content  # type: ignore[assignment]  # it is there once the request is
    content.seek(0)
    return RawRequest(request.method.decode("ascii"), request.path, query, headers, content.read())


def _not_allowed(method: bytes, allowed: bytes, trace: Trace) -> Answer:
    return refusal(
        405,
        "MethodNotAllowed",
        f"The method {method.decode('ascii')} is not allowed here. Use {allowed.decode('ascii')}.",
        trace.request_id,
        ((b"Allow", allowed),),
    )
