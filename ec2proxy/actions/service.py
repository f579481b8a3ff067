"""From a request to the bytes of its answer: who, what, and then the action itself."""

from collections.abc import Coroutine, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.errors import from_cloud
from ec2proxy.actions.throttle import Throttle
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2 import audited, forms, params, sts, versions, xml
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.known_actions import known_actions
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import CURRENT, Trace
from ec2proxy.errors import CloudError
from ec2proxy.interfaces import IEC2Service


@implementer(IEC2Service)
class EC2Service:
    """The EC2 API of all regions.

    :param actions: by EC2's name.
    :param throttle: how often anybody may ask; None lets everybody.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        actions: Mapping[str, type[Action]],
        regions: Regions,
        pager: Pager,
        throttle: Throttle | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._actions = actions
        self._regions = regions
        self._pager = pager
        self._throttle = throttle

    def perform(self, request: RawRequest, trace: Trace) -> Coroutine[Deferred[Any], Any, bytes]:
        """See :meth:`IEC2Service.perform`."""
        pairs = forms.pairs(request)
        if ("Version", sts.VERSION) in pairs:
            trace.api = "sts"
        principal = self._authenticator.authenticate(request, pairs)
        trace.principal = principal.name
        named = params.single(pairs, "Version") or None
        version = versions.checked(named)
        name = params.single(pairs, "Action")
        if not name:
            raise EC2Error("MissingAction", "The request must contain the parameter Action.")
        if not principal.may(trace.api, name):
            # The only thing that EC2 says, too, to somebody who may not know more.
            raise EC2Error("UnauthorizedOperation", "You are not authorized to perform this operation.")
        known = self._known(name, trace.api)
        trace.action = name
        host = (request.header(b"host") or b"").decode("ascii", "replace")
        path = request.path.decode("ascii", "replace")
        cloud = self._regions.pick(principal.region, host, path, trace.api == "sts")
        trace.cloud = cloud.name
        trace.region = (self._regions.any_name and principal.region) or cloud.name
        principal = principal.in_region(trace.region)
        if known.CHANGES:
            trace.changes, trace.resources = True, audited.named(pairs)
        action = params.bind(known, pairs)
        if self._throttle is not None:
            self._throttle.admit(principal.credentials, trace.region, action)
        call = Call(principal, cloud, self._regions, trace.region, named, self._pager, host, path)
        return self._carried_out(action, call, version, trace)

    async def _carried_out(self, action: Action, call: Call, version: str, trace: Trace) -> bytes:
        CURRENT.set(trace)
        try:
            payload = await action.perform(call)
        except CloudError as error:
            raise from_cloud(error) from error
        finally:
            # Who hears of the answer, an error too, is to find what was changed wherever it asks next.
            await call.cloud.epochs.settled()
        if trace.changes:
            trace.resources = audited.with_made(trace.resources, payload)
        name, request_id = type(action).__name__, trace.request_id
        if action.API == "sts":
            return sts.response(name, request_id, payload or {})
        return xml.response(name, action.namespace(call, version), request_id, payload)

    def _known(self, name: str, api: str) -> type[Action]:
        """The action of a name.

        :raises EC2Error: ``InvalidAction`` for a name that means nothing, ``UnsupportedOperation`` for what EC2 has
            and ec2proxy has not.
        """
        action = self._actions.get(name)
        if action is not None and api == action.API:
            return action
        if api == "ec2" and name in known_actions():
            raise EC2Error("UnsupportedOperation", f"The action {name} is not offered here.")
        raise EC2Error("InvalidAction", f"The action {shown(name)} is not valid for this web service.")
