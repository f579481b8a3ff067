"""The captured requests of real clients, as test data (tests/captures)."""

import json
from pathlib import Path

from attrs import frozen

from ec2proxy.ec2.request import RawRequest

SECRETS = {"AKIDEXAMPLE": "secret", "test": "test", "a": "b"}

_FOLDER = Path(__file__).parent.parent / "captures"


@frozen
class Capture:
    """One request: the client's name and its number, when it was received (epoch seconds), and its bytes."""

    name: str
    received: float
    request: RawRequest


def captures() -> list[Capture]:
    """All of them."""
    found = []
    for path in sorted(_FOLDER.glob("*.jsonl")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found.append(_capture(f"{path.stem} {number}", json.loads(line)))
    return found


def _capture(name: str, record: dict) -> Capture:
    method, target, _ = record["request_line"].split(" ")
    path, _, query = target.partition("?")
    headers = tuple((key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in record["headers"])
    body = record["body"].encode("latin-1")
    request = RawRequest(method, path.encode(), query.encode(), headers, body)
    return Capture(name, record["received"], request)
