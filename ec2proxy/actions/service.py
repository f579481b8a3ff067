"""From a request to the bytes of its answer: who, what, and then the action itself."""

from collections.abc import Mapping

from zope.interface import implementer

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.errors import from_cloud
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.ec2 import forms, params, versions, xml
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace
from ec2proxy.errors import CloudError
from ec2proxy.interfaces import IEC2Service


@implementer(IEC2Service)
class EC2Service:
    """The EC2 API of one cloud.

    :param actions: by EC2's name.
    """

    def __init__(
        self, authenticator: Authenticator, actions: Mapping[str, type[Action]], cloud: Cloud, pager: Pager
    ) -> None:
        self._authenticator = authenticator
        self._actions = actions
        self._cloud = cloud
        self._pager = pager

    async def perform(self, request: RawRequest, trace: Trace) -> bytes:
        """See :meth:`IEC2Service.perform`."""
        pairs = forms.pairs(request)
        principal = self._authenticator.authenticate(request, pairs)
        trace.principal = principal.name
        trace.region = principal.region or self._cloud.name
        named = params.single(pairs, "Version") or None
        version = versions.checked(named)
        name = params.single(pairs, "Action")
        if not name:
            raise EC2Error("MissingAction", "The request must contain the parameter Action.")
        known = self._actions.get(name)
        if known is None:
            raise EC2Error("InvalidAction", f"The action {shown(name)} is not valid for this web service.")
        trace.action = name
        action = params.bind(known, pairs)
        call = Call(principal, self._cloud, trace.region, named, self._pager)
        try:
            payload = await action.perform(call)
        except CloudError as error:
            raise from_cloud(error) from error
        return xml.response(name, version, trace.request_id, payload)
