"""Requests that are over."""

from typing import Any

from twisted.internet.address import IPv4Address

from ec2proxy.ec2.record import Record
from ec2proxy.ec2.trace import Trace


def record(
    *,
    at: float = 1_000_000_000.25,
    seconds: float = 0.002,
    method: bytes = b"POST",
    target: bytes = b"/ec2?AWSAccessKeyId=AK&Signature=tOpSeCrEt",
    status: int = 200,
    error: str = "",
    **about: Any,
) -> Record:
    """A request that is over, its trace as ``about`` says."""
    told = {"action": "DescribeInstances", "principal": "AK", "region": "eu-1", "cloud": "eu", **about}
    client = IPv4Address("TCP", "192.0.2.1", 4)
    return Record(at, Trace("r-1", **told), seconds, client, method, target, status, error)
