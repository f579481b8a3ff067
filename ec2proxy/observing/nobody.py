"""The observer for where nobody looks."""

from collections.abc import Sequence

from zope.interface import implementer

from ec2proxy.ec2.record import Pursued, Record
from ec2proxy.ec2.trace import Trace
from ec2proxy.interfaces import IObserver


@implementer(IObserver)
class Nobody:
    """Takes no notice."""

    def answered(self, record: Record) -> None:
        """Do nothing."""

    def answered_again(self, trace: Trace, seconds: Sequence[float]) -> None:
        """Do nothing."""

    def pursued(self, pursued: Pursued) -> None:
        """Do nothing."""

    def read(self, region: str, collection: str, hit: bool) -> None:
        """Do nothing."""

    def called(self, region: str, operation: str, seconds: float, error: str) -> None:
        """Do nothing."""

    def stored(self, operation: str, seconds: float, error: str) -> None:
        """Do nothing."""


NOBODY = Nobody()
"""The only one that is needed."""
