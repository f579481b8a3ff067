"""What an answer looks like, whatever its values are, and what two of them do not have in common."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen


@frozen
class Outcome:
    """What became of a call.

    :param status: the HTTP status.
    :param code: EC2's error code; empty if the call succeeded.
    :param shape: the type at each path of the answer, as ``Reservations[].Instances[].InstanceId``.
    """

    status: int
    code: str
    shape: dict[str, str]

    def __str__(self) -> str:
        return f"{self.code or 'success'} ({self.status})"


@frozen(order=True)
class Difference:
    """What the two servers do differently.

    :param action: the action that was called.
    :param what: the path of an element; for an outcome that differs, what was tried.
    :param moto: the element's type or the outcome there, ``absent`` for an element that is not there.
    :param ours: the same of ec2proxy.
    """

    action: str
    what: str
    moto: str
    ours: str


ABSENT = "absent"


def shape(answer: Any, path: str = "") -> dict[str, str]:
    """The type at each path of an answer; the elements of a list are taken together.

    :param answer: what boto3 gave, without its metadata.
    """
    return dict(_paths(answer, path))


def _paths(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if path:
        yield path, type(value).__name__
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _paths(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for child in value:
            yield from _paths(child, f"{path}[]")


def differences(action: str, case: str, moto: Outcome, ours: Outcome) -> Iterator[Difference]:
    """How two outcomes of one call differ.

    Of an element that only one of them has, what is inside of it is not told as well.

    :param case: what was tried.
    """
    if (moto.status, moto.code) != (ours.status, ours.code):
        yield Difference(action, case, str(moto), str(ours))
        return
    told: set[str] = set()
    for path in sorted(moto.shape.keys() | ours.shape.keys()):
        there, here = moto.shape.get(path, ABSENT), ours.shape.get(path, ABSENT)
        if there != here and not any(path.startswith((f"{outer}.", f"{outer}[")) for outer in told):
            told.add(path)
            yield Difference(action, path, there, here)
