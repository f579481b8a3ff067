"""Polls that repeat themselves: who asks and what, found out once."""

from collections.abc import Hashable

from zope.interface import implementer

from ec2proxy.actions.polls import Polls
from ec2proxy.asking import IRepeat
from ec2proxy.auth.authenticator import Proof
from ec2proxy.cloud.regions import Regions
from ec2proxy.ec2.trace import Trace
from ec2proxy.ec2.xml import Envelope


@implementer(IRepeat)
class Repeat:
    """Requests that are the same but for when they were signed.

    :param proof: that they are signed by who signed the first.
    :param trace: what was learnt of the first, which was answered at once.
    :param key: its question, as ``polls`` knows it.
    """

    def __init__(self, proof: Proof, trace: Trace, polls: Polls, key: Hashable, regions: Regions) -> None:
        self.trace = trace
        self._proof = proof
        self._polls = polls
        self._key = key
        self._slot = polls.slot(key)
        self._regions = regions
        self._generation = regions.generation

    @property
    def over(self) -> bool:
        """See :class:`IRepeat`."""
        return self._proof.over or self._regions.generation != self._generation

    def answer(self, moment: bytes, signature: bytes, now: float) -> Envelope | None:
        """See :meth:`IRepeat.answer`."""
        if not self._proof.holds(moment, signature, now) or self._regions.generation != self._generation:
            return None
        slot = self._slot
        if slot is None or slot.value is None:
            # It had to go meanwhile; the answer may be kept elsewhere since.
            slot = self._slot = self._polls.slot(self._key)
            if slot is None or slot.value is None:
                return None
        slot.used = True
        kept = slot.value
        return kept.envelope if kept.holds(now=now) else None
