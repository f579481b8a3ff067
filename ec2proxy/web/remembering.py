"""Polls that come again, known by what was read of them.

:mod:`ec2proxy.web.repeats` knows them by their bytes, without reading them. Here twisted.web has read them, and what
is spared is to find out once more who asks for what.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from ec2proxy.asking import IEC2Service, IRepeat
from ec2proxy.ec2.request import RawRequest
from ec2proxy.ec2.trace import Trace

MOST = 4096
"""How many are remembered."""

_LONGEST = 8192
"""Bytes of one that is, about; a poll has under one thousand."""

_Key = tuple[str | bytes, ...]


@implementer(IEC2Service)
class Remembering:
    """A service that knows requests which repeat one, and has another perform the rest.

    What was found out about a request is true of any with the same method, path, query, body and headers, but for the
    moment and the signature, which are looked at each time, and an id of the client's own that nobody looks at.

    :param service: performs requests.
    :param now: what time it is, in epoch seconds.
    """

    def __init__(self, service: IEC2Service, now: Callable[[], float], most: int = MOST) -> None:
        self._service = service
        self._now = now
        self._most = most
        self._known: dict[_Key, IRepeat] = {}
        # Of those that came once, that they did, and nothing else: what is in them may be anything.
        self._once: set[int] = set()

    def perform(self, request: RawRequest, trace: Trace) -> bytes | Coroutine[Deferred[Any], Any, bytes]:
        """See :meth:`IEC2Service.perform`."""
        same = dict(request.by_name)
        moment = same.pop(b"x-amz-date", None)
        fields, _, signature = same.pop(b"authorization", b"").rpartition(b"Signature=")
        if moment is None or not fields or len(request.body) + len(request.query) > _LONGEST:
            return self._service.perform(request, trace)
        same.pop(b"amz-sdk-invocation-id", None)
        key: _Key = (request.method, request.path, request.query, request.body, fields, *same, *same.values())
        repeat = self._known.get(key)
        if repeat is not None:
            envelope = repeat.answer(moment, signature, self._now())
            if envelope is not None:
                like = repeat.trace
                trace.principal, trace.action, trace.source = like.principal, like.action, like.source
                trace.region, trace.cloud = like.region, like.cloud
                return envelope.around(trace.request_id)
        body = self._service.perform(request, trace)
        if isinstance(body, bytes):
            self._learn(key, request)
        return body

    def repeatable(self, request: RawRequest) -> IRepeat | None:
        """See :meth:`IEC2Service.repeatable`."""
        return self._service.repeatable(request)

    def _learn(self, key: _Key, request: RawRequest) -> None:
        """Have the next one known, if this one has come before and was answered at once each time."""
        known = self._known.get(key)
        if known is not None and not known.over:
            return
        if sum(map(len, key)) > _LONGEST:
            return
        number = hash(key)
        if number not in self._once:
            if len(self._once) >= self._most:
                self._once.clear()
            self._once.add(number)
            return
        repeat = self._service.repeatable(request)
        if repeat is None:
            return
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[key] = repeat
