"""A request that is over, as logs and counts want it."""

from typing import Literal, NamedTuple

from attrs import evolve

from ec2proxy.ec2.trace import Trace


class Record(NamedTuple):
    """One request that is over. Making one is all that the request's own path pays for logs and counts.

    :param at: when it ended, in epoch seconds.
    :param trace: what was learnt of it.
    :param seconds: how long it took.
    :param client: the client's :class:`~twisted.internet.interfaces.IAddress`.
    :param target: the request target; what follows a ``?`` is not for logs.
    :param status: the HTTP status; 499 where the client went away before it was answered.
    :param error: the error code of the answer, empty for a success.
    """

    at: float
    trace: Trace
    seconds: float
    client: object
    method: bytes
    target: bytes
    status: int
    error: str


class Alike:
    """What requests that repeat one have in common for logs and counts: all but their ids and times.

    Two of these are never the same, so that what is made of one can be found quickly.

    :param record: the one.
    """

    __slots__ = ("record",)

    def __init__(self, record: Record) -> None:
        self.record = record


class Again(NamedTuple):
    """One more such request that is over.

    :param at: when it ended, in epoch seconds.
    :param request_id: in ASCII.
    :param seconds: how long it took.
    """

    at: float
    alike: Alike
    request_id: bytes
    seconds: float

    @property
    def record(self) -> Record:
        """All that is known of it."""
        like = self.alike.record
        trace = evolve(like.trace, request_id=self.request_id.decode())
        return like._replace(at=self.at, trace=trace, seconds=self.seconds)


class Pursued(NamedTuple):
    """What was done after a request had been answered, to keep what the answer promised.

    :param at: when it ended, in epoch seconds.
    :param region: the cloud's own name.
    :param request_id: of the request that was promised something; empty where that is not known any more.
    :param principal: who sent it; likewise.
    :param action: the EC2 action that was promised.
    :param instance: what it is about.
    :param step: what was asked of the backend, or that nothing more will be.
    :param error: the name of the error's class, empty for a success; ``NeverFinished`` where its time was up.
    """

    at: float
    region: str
    request_id: str
    principal: str
    action: str
    instance: str
    step: Literal["start", "stop", "destroy", "give up"]
    seconds: float
    error: str
