"""The audit log: one JSON line for everything that changed a cloud, or was refused to."""

import json
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from ec2proxy.ec2.record import Pursued, Record
from ec2proxy.observing.lines import place
from ec2proxy.observing.sink import Lines

KEPT = 100
"""How many entries are kept in memory, for the console."""

#: What the client would have been told had it not asked only whether it could: nothing was changed.
_DRY_RUN = "DryRunOperation"


#: Errors of ours that end a call before its answer: when the daemon stops, and leaves the rest to the next.
_UNHEARD = dict.fromkeys(("CancelledError", "GeneratorExit"), "unknown")


class Audit:
    """Notes requests that change the cloud. An entry is written in the turn in which its answer is sent.

    It is handed to the system then, but not forced to the disk: that would take longer than the request. So a crash
    of the daemon loses nothing, one of the machine may.

    :param sink: where the lines go; None keeps the last ones in memory only.
    """

    def __init__(self, sink: Lines | None = None) -> None:
        self._sink = sink
        self._last: deque[dict[str, object]] = deque(maxlen=KEPT)

    def note(self, record: Record) -> None:
        """Write an entry, if the request was meant to change anything."""
        if not record.trace.changes or record.error == _DRY_RUN:
            return
        self._write(_entry(record))

    def note_later(self, pursued: Pursued) -> None:
        """Write an entry about what was done after the answer."""
        self._write(_later(pursued))

    def _write(self, entry: dict[str, object]) -> None:
        self._last.append(entry)
        if self._sink is not None:
            self._sink.write(json.dumps(entry) + "\n")

    def last(self) -> Sequence[dict[str, object]]:
        """The last entries, the newest first."""
        return list(reversed(self._last))

    def reopen(self) -> None:
        """See :meth:`Sink.reopen`."""
        if self._sink is not None:
            self._sink.reopen()

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._sink.lost if self._sink is not None else 0


def _entry(record: Record) -> dict[str, object]:
    trace = record.trace
    return {
        "time": stamp(record.at),
        "request_id": trace.request_id,
        "principal": trace.principal,
        "client": place(record.client),
        "region": trace.cloud,
        "action": trace.action,
        "resources": list(trace.resources),
        "result": _result(record.status),
        "error": record.error,
        "milliseconds": round(record.seconds * 1000),
    }


def _later(pursued: Pursued) -> dict[str, object]:
    return {
        "time": stamp(pursued.at),
        "request_id": pursued.request_id,
        "principal": pursued.principal,
        "client": "",
        "region": pursued.region,
        "action": pursued.action,
        "step": pursued.step,
        "resources": [pursued.instance],
        "result": _UNHEARD.get(pursued.error, "failed") if pursued.error else "done",
        "error": pursued.error,
        "milliseconds": round(pursued.seconds * 1000),
    }


def _result(status: int) -> str:
    if status == 499:
        # Its client went away, but what changes the cloud goes on to its end.
        return "unknown"
    return "done" if status < 400 else "refused" if status < 500 else "failed"


def stamp(seconds: float) -> str:
    """A time as logs have it: UTC, with milliseconds.

    :param seconds: epoch seconds.
    """
    whole = int(seconds // 1)
    return f"{_whole(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(16)
def _whole(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]
