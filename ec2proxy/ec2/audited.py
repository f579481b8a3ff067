"""What a request that changes the cloud is about, for the audit log."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ec2proxy.ec2.xml import Payload

MOST = 20
"""How many ids and names are told of one request."""

_LONGEST = 255

# InstanceId.2, KeyName, ImageId, PublicIp: what names a thing. Tags' keys and all values stay out.
_NAMES = re.compile(r"(?:[A-Za-z]*(?:Id|Name)|PublicIp)(?:\.\d+)?")


def named(pairs: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The ids and names that a request's parameters hold, in their order."""
    return _bounded(value for name, value in pairs if value and name != "AWSAccessKeyId" and _NAMES.fullmatch(name))


def with_made(resources: tuple[str, ...], payload: Payload | None) -> tuple[str, ...]:
    """``resources`` and the ids of what an answer says was made."""
    return _bounded((*resources, *_made(payload or {})))


def _made(payload: Payload) -> Iterator[str]:
    for name, value in payload.items():
        if name in ("instanceId", "imageId") and isinstance(value, str):
            yield value
        elif name == "instancesSet" and isinstance(value, Sequence):
            for one in value:
                if isinstance(one, Mapping):
                    yield from _made({"instanceId": one.get("instanceId")})


def _bounded(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:_LONGEST] for value in values))[:MOST]
