"""What is known of one request while it is under way, for its answer and its log line."""

from contextvars import ContextVar
from typing import Literal

from attrs import define

Source = Literal["", "picture", "backend"]


@define
class Trace:
    """The id of a request, and what has been learnt of it so far.

    :param request_id: stands in the answer's body, its ``x-amzn-RequestId`` header and the log line.
    :param api: whose answers the client reads, ``ec2`` or ``sts``.
    :param action: the EC2 action asked for; empty until it is known to be one of ours.
    :param principal: the access key id or cloud user that proved itself; empty before that.
    :param region: the region it is carried out in.
    :param cloud: the cloud's own name, of which there are few; a client may call its region anything.
    :param source: what the answer was made from: ``backend`` if anything had to be fetched or done there for it.
    :param changes: whether the action is one that changes the cloud, so that it belongs in the audit log.
    :param resources: what such an action is about, ids and names, bounded in number.
    """

    request_id: str
    api: Literal["ec2", "sts"] = "ec2"
    action: str = ""
    principal: str = ""
    region: str = ""
    cloud: str = ""
    source: Source = ""
    changes: bool = False
    resources: tuple[str, ...] = ()


CURRENT: ContextVar[Trace | None] = ContextVar("CURRENT", default=None)
"""The trace of the request that a coroutine works for. Each Deferred.fromCoroutine has its own copy of the context."""


def note_source(source: Source) -> None:
    """Note what the current request, if there is one, is being answered from."""
    trace = CURRENT.get()
    if trace is not None and trace.source != "backend":
        trace.source = source


def is_change() -> bool:
    """Whether the current request, if there is one, is one that changes the cloud."""
    trace = CURRENT.get()
    return trace is not None and trace.changes
