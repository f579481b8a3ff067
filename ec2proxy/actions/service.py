"""From a request to the bytes of its answer: who, what, and then the action itself."""

from collections.abc import Coroutine, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ec2proxy.actions.action import Action, Call
from ec2proxy.actions.errors import from_cloud
from ec2proxy.actions.fragments import Fragments
from ec2proxy.actions.polls import Polls
from ec2proxy.actions.questions import Question, Questions
from ec2proxy.actions.repeats import Repeat
from ec2proxy.actions.throttle import Throttle
from ec2proxy.asking import IEC2Service
from ec2proxy.auth.authenticator import Authenticator, is_signed
from ec2proxy.auth.principal import Principal
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2 import audited, forms, params, sts, versions, xml
from ec2proxy.ec2.errors import EC2Error, shown
from ec2proxy.ec2.known_actions import known_actions
from ec2proxy.ec2.paging import Pager
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import CURRENT, Trace
from ec2proxy.errors import CloudError


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
        self._counts_polls = throttle is not None and throttle.of_polls
        self._questions = Questions()
        self._polls = Polls()
        self._fragments = Fragments()

    def kept(self) -> Sequence[tuple[tuple[str], int]]:
        """About how many bytes are kept, by what they are of."""
        sizes = {"questions": self._questions.size, "answers": self._polls.size, "fragments": self._fragments.bytes}
        return [((what,), size) for what, size in sizes.items()]

    def perform(self, request: RawRequest, trace: Trace) -> bytes | Coroutine[Deferred[Any], Any, bytes]:
        """See :meth:`IEC2Service.perform`."""
        question = self._questions.get(request)
        if question is not None:
            principal = self._authenticator.by_header(request, question.body_hash)
            trace.principal, trace.action = principal.name, question.name
            self._authorize(request, principal, trace)
            return self._answered(request, question, principal, trace)
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
        known = self._known(name, trace.api)
        trace.action = name
        if known.CHANGES:
            # Before it is refused: the audit log tells that, too.
            trace.changes, trace.resources = True, audited.named(pairs)
        self._authorize(request, principal, trace)
        question = Question(params.bind(known, pairs), name, named, version)
        if known.POLL and not is_signed(pairs):
            question = self._questions.put(request, question)
        return self._answered(request, question, principal, trace)

    def repeatable(self, request: RawRequest) -> Repeat | None:
        """See :meth:`IEC2Service.repeatable`."""
        question = self._questions.get(request)
        if question is None or question.body_hash is None or self._counts_polls:
            return None
        proof = self._authenticator.proof(request, question.body_hash)
        if proof is None:
            return None
        # All of this has just been found to be right.
        first = Trace("")
        principal = self._authenticator.by_header(request, question.body_hash)
        first.principal, first.action, first.source = principal.name, question.name, "picture"
        key = self._key(question, *self._located(request, principal, first), principal.in_region(first.region))
        return Repeat(proof, first, self._polls, key, self._regions)

    def _key(self, question: Question, cloud: Cloud, host: str, path: str, principal: Principal) -> Hashable:
        """All that the answer to a poll depends on beside pictures, ledgers and time."""
        return (question, cloud, principal.credentials, principal.region, self._regions.any_name, host, path)

    def _authorize(self, request: RawRequest, principal: Principal, trace: Trace) -> None:
        """See to it that the caller may do what it asks for.

        :raises EC2Error: it may not.
        """
        if not principal.may(trace.api, trace.action):
            # The operator is to learn where it was tried, if that can be told.
            with suppress(EC2Error):
                self._located(request, principal, trace)
            # The only thing that EC2 says, too, to somebody who may not know more.
            raise EC2Error("UnauthorizedOperation", "You are not authorized to perform this operation.")

    def _answered(
        self, request: RawRequest, question: Question, principal: Principal, trace: Trace
    ) -> bytes | Coroutine[Deferred[Any], Any, bytes]:
        """The answer to a question of a caller who may ask it."""
        action = question.action
        cloud, host, path = self._located(request, principal, trace)
        principal = principal.in_region(trace.region)
        if self._throttle is not None:
            self._throttle.admit(principal.credentials, trace.region, action)
        key = self._key(question, cloud, host, path, principal)
        standing = self._polls.standing(key)
        if standing is not None:
            trace.source = "picture"
            return standing.around(trace.request_id)
        call = Call(
            principal, cloud, self._regions, trace.region, question.named, self._pager, self._fragments, host, path
        )
        if question.is_kept:
            # Who asks decides how long all of these are, and the answer may be short.
            size = question.size + len(host) + len(path)
            return self._polls.answer(key, size, action, call, question.version, trace)
        return self._carried_out(action, call, question.version, trace)

    def _located(self, request: RawRequest, principal: Principal, trace: Trace) -> tuple[Cloud, str, str]:
        """The cloud that a request is for, and the host and path by which it came.

        :raises EC2Error: it is for none.
        """
        host = request.by_name.get(b"host", b"").decode("ascii", "replace")
        path = request.path.decode("ascii", "replace")
        cloud = self._regions.pick(principal.region, host, path, trace.api == "sts")
        trace.cloud = cloud.name
        trace.region = (self._regions.any_name and principal.region) or cloud.name
        return cloud, host, path

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
