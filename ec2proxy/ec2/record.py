"""A request that is over, as logs and counts want it."""

from typing import NamedTuple

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
