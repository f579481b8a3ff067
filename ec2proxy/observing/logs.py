"""The daemon's log: what twisted.logger is told and one line a request, as text, as JSON lines or for the journal."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
)
from zope.interface import implementer

from ec2proxy.ec2.record import Again, Record
from ec2proxy.observing.audit import stamp
from ec2proxy.observing.lines import fields, place, whole
from ec2proxy.observing.sink import Lines

FORMATS = ("text", "json", "journal")
LEVELS = ("debug", "info", "warn", "error", "critical")

_ACCESS = "ec2proxy.access"

#: How many lines are remembered, but for what differs each time, and how long a target may be for that.
_MOST_FRAMES = 4096
_LONG = 256

# They tell of each connection to a backend that it begins and ends.
_CHATTY = frozenset({"twisted.web.client._HTTP11ClientFactory"})

_PLAIN = re.compile(r"[\w./:@%+-]+", re.ASCII)

# What would end a line, begin another or steer a terminal; a traceback's line ends are dealt with before.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# systemd reads a syslog priority in front of each line (sd-daemon(3)).
_PRIORITIES = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}


@implementer(ILogObserver)
class LogWriter:
    """Writes events and requests to one place in one form. A value from outside can neither end nor forge a line.

    :param form: one of :data:`FORMATS`.
    :param level: the least that is written, one of :data:`LEVELS`.
    """

    def __init__(self, sink: Lines, form: str, level: str) -> None:
        self._sink = sink
        self._least = LEVELS.index(level)
        self._line: Callable[[float, str, str, str], str] = {"text": _text, "journal": _journal, "json": _json}[form]
        self._stamped = form == "text"
        self._around: dict[object, tuple[str, str]] = {}
        self._request = _json_request if form == "json" else self._text_request

    def __call__(self, event: LogEvent) -> None:
        """Write an event of twisted.logger."""
        level = event.get("log_level") or LogLevel.info
        namespace = str(event.get("log_namespace", "-"))
        if namespace in _CHATTY and level is LogLevel.info:
            level = LogLevel.debug
        if LEVELS.index(level.name) >= self._least:
            self._sink.write(self._line(event.get("log_time", 0.0), level.name, namespace, _message(event)))

    def requests(self, records: Sequence[Record | Again]) -> None:
        """Write the lines of requests that are over, all at once."""
        if LEVELS.index("info") >= self._least:
            self._sink.write("".join([self._request(record) for record in records]))

    def reopen(self) -> None:
        """See :meth:`Sink.reopen`."""
        self._sink.reopen()

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._sink.lost

    def _text_request(self, record: Record | Again) -> str:
        # A client that polls has the same line over and over, but for what is filled in here.
        key: object
        if isinstance(record, Again):
            key, request_id = record.alike, record.request_id.decode()
        else:
            trace = record.trace
            request_id = trace.request_id
            key = (
                place(record.client), record.method, record.target, record.status,
                trace.action, trace.principal, trace.region, record.error, trace.source,
            )  # fmt: skip
        before, after = self._around.get(key) or self._framed(key, whole(record))
        at = f"{stamp(record.at)} " if self._stamped else ""
        return f"{at}{before}request_id={request_id} milliseconds={record.seconds * 1000:.0f}{after}"

    def _framed(self, key: object, record: Record) -> tuple[str, str]:
        """What stands around the id and the milliseconds of a request's line, made safe and remembered."""
        about = fields(record)
        head = " ".join(str(about.pop(name) or "-") for name in ("client", "method", "path", "status"))
        values = {name: str(about[name]) or "-" for name in ("action", "principal", "region", "error", "source")}
        safe = [f"{name}={text if _PLAIN.fullmatch(text) else json.dumps(text)}" for name, text in values.items()]
        where = f"[{_ACCESS}#info]" if self._stamped else f"<{_PRIORITIES['info']}>[{_ACCESS}]"
        before, after = (_CONTROLS.sub(_escaped, text) for text in (head, " ".join(safe)))
        framed = f"{where} {before} ", f" {after}\n"
        if len(self._around) >= _MOST_FRAMES:
            self._around.clear()
        if len(record.target) <= _LONG:
            self._around[key] = framed
        return framed


def _message(event: LogEvent) -> str:
    text = formatEvent(event)
    failure = event.get("log_failure")
    return f"{text}\n{failure.getTraceback()}" if failure is not None else text


def _text(at: float, level: str, namespace: str, message: str) -> str:
    # Further lines of a message are indented, so that none of them passes for a line of its own.
    return f"{stamp(at)} [{namespace}#{level}] " + "\n\t".join(_lines(message)) + "\n"


def _journal(at: float, level: str, namespace: str, message: str) -> str:
    priority = _PRIORITIES[level]
    return "".join(f"<{priority}>[{namespace}] {line}\n" for line in _lines(message))


def _json(at: float, level: str, namespace: str, message: str) -> str:
    return _dumped({"time": stamp(at), "level": level, "logger": namespace, "message": message})


def _json_request(record: Record | Again) -> str:
    return _dumped({"time": stamp(record.at), "level": "info", "logger": _ACCESS, **fields(whole(record))})


def _dumped(value: dict[str, Any]) -> str:
    # Its escapes of all that is not ASCII include every control character.
    return json.dumps(value) + "\n"


def _lines(message: str) -> list[str]:
    return [_CONTROLS.sub(_escaped, line) for line in message.split("\n")]


def _escaped(control: re.Match[str]) -> str:
    code = ord(control[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
