"""What is known of one request while it is under way, for its answer and its log line."""

from typing import Literal

from attrs import define


@define
class Trace:
    """The id of a request, and what has been learnt of it so far.

    :param request_id: stands in the answer's body, its ``x-amzn-RequestId`` header and the log line.
    :param api: whose answers the client reads, ``ec2`` or ``sts``.
    :param action: the EC2 action asked for; empty until it is known to be one of ours.
    :param principal: the access key id or cloud user that proved itself; empty before that.
    :param region: the region it is carried out in.
    """

    request_id: str
    api: Literal["ec2", "sts"] = "ec2"
    action: str = ""
    principal: str = ""
    region: str = ""
