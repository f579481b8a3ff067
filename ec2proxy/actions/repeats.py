"""Polls that repeat themselves: who asks and what, found out once."""

from collections.abc import Hashable

from zope.interface import implementer

from ec2proxy.actions.polls import Polls
from ec2proxy.asking import IRepeat
from ec2proxy.auth.authenticator import Proof
from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2.trace import Trace


@implementer(IRepeat)
class Repeat:
    """Requests that are the same but for when they were signed.

    :param proof: that they are signed by who signed the first.
    :param first: what was learnt of that; it was answered at once.
    :param key: its question, as ``polls`` knows it.
    """

    def __init__(self, proof: Proof, first: Trace, polls: Polls, key: Hashable, regions: Regions) -> None:
        self._proof = proof
        self._first = first
        self._polls = polls
        self._key = key
        self._regions = regions
        self._generation = regions.generation

    @property
    def over(self) -> bool:
        """See :class:`IRepeat`."""
        return self._proof.over or self._regions.generation != self._generation

    def answer(self, moment: bytes, signature: bytes, trace: Trace) -> bytes | None:
        """See :meth:`IRepeat.answer`."""
        if not self._proof.holds(moment, signature) or self._regions.generation != self._generation:
            return None
        standing = self._polls.standing(self._key)
        if standing is None:
            return None
        first = self._first
        trace.principal, trace.action = first.principal, first.action
        trace.cloud, trace.region = first.cloud, first.region
        trace.source = "picture"
        return standing.around(trace.request_id)
