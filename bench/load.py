"""The load generator: wrk, on a core of its own."""

import json
import resource
import subprocess
import tempfile
from pathlib import Path

from attrs import frozen

from bench.requests import write

CORE = "1"
_SCRIPT = Path(__file__).with_name("wrk.lua")


@frozen
class Load:
    """What came of one run.

    :param rate: answers a second.
    :param p50: milliseconds, as :param p99: and :param longest:.
    :param size: bytes of an answer, with its head.
    :param generating: processors that wrk itself was busy on, on average.
    """

    rate: float
    p50: float
    p99: float
    longest: float
    size: float
    generating: float


class Refused(Exception):
    """Some answers were no successes, so that the run says nothing."""


def load(port: int, requests: "list[list[bytes]]", connections: int, seconds: float, core: str = CORE) -> Load:
    """Send requests for some seconds.

    :param core: the processors that wrk may use, as taskset names them.
    :raises Refused: an answer was no success, or none came.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "requests.lua")
        write(requests, made)
        command = ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "10s",
                   "-s", str(_SCRIPT), f"http://127.0.0.1:{port}", "--", str(made)]  # fmt: skip
        before = _used_by_children()
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = _used_by_children() - before
    said = json.loads(printed.strip().splitlines()[-1])
    if said["refused"] or said["broken"] or not said["requests"]:
        raise Refused(f"{said['refused']} refused, {said['broken']} broken of {said['requests']}")
    return Load(
        rate=said["requests"] / said["microseconds"] * 1e6,
        p50=said["p50"] / 1000,
        p99=said["p99"] / 1000,
        longest=said["max"] / 1000,
        size=said["bytes"] / said["requests"],
        generating=used / said["microseconds"] * 1e6,
    )


def _used_by_children() -> float:
    """Seconds that processors have spent on programs of ours that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
