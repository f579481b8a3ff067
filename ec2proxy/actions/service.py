"""From a request to the bytes of its answer: who, what, and then the action itself."""

from collections.abc import Coroutine, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.errors import from_cloud
from ec2proxy.actions.throttle import Throttle
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.cloud import Cloud
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
    """The EC2 API of one cloud.

    :param actions: by EC2's name.
    :param throttle: how often anybody may ask; None lets everybody.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        actions: Mapping[str, type[Action]],
        cloud: Cloud,
        pager: Pager,
        throttle: Throttle | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._actions = actions
        self._cloud = cloud
        self._pager = pager
        self._throttle = throttle

    def perform(self, request: RawRequest, trace: Trace) -> Coroutine[Deferred[Any], Any, bytes]:
        """See :meth:`IEC2Service.perform`."""
        pairs = forms.pairs(request)
        if ("Version", sts.VERSION) in pairs:
            trace.api = "sts"
        principal = self._authenticator.authenticate(request, pairs)
        trace.principal = principal.name
        trace.region, trace.cloud = principal.region or self._cloud.name, self._cloud.name
        named = params.single(pairs, "Version") or None
        version = versions.checked(named)
        name = params.single(pairs, "Action")
        if not name:
            raise EC2Error("MissingAction", "The request must contain the parameter Action.")
        known = self._known(name, trace.api)
        trace.action = name
        if known.CHANGES:
            trace.changes, trace.resources = True, audited.named(pairs)
        action = params.bind(known, pairs)
        if self._throttle is not None:
            self._throttle.admit(principal.credentials, trace.region, action)
        host = (request.header(b"host") or b"").decode("ascii", "replace")
        path = request.path.decode("ascii", "replace")
        call = Call(principal, self._cloud, trace.region, named, self._pager, host, path)
        return self._carried_out(action, call, version, trace)

    async def _carried_out(self, action: Action, call: Call, version: str, trace: Trace) -> bytes:
        CURRENT.set(trace)
        try:
            payload = await action.perform(call)
        except CloudError as error:
            raise from_cloud(error) from error
        finally:
            # Who hears of the answer, an error too, is to find what was changed wherever it asks next.
            await self._cloud.epochs.settled()
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
