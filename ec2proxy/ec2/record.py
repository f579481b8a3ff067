"""A request that is over, as logs and counts want it."""

from typing import Literal, NamedTuple

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
