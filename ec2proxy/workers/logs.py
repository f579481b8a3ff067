"""A worker's log, written where the first process writes its own."""

from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer


@implementer(ILogObserver)
class Forwarding:
    """Sends what is logged to where it is written.

    Twisted's own form of events for sending leaves out what an exception says, so the text is made here.

    :param send: takes an event as JSON can hold it.
    """

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send

    def __call__(self, event: LogEvent) -> None:
        """Send an event."""
        text, failure = formatEvent(event), event.get("log_failure")
        if failure is not None:
            text = f"{text}\n{failure.getTraceback()}"
        level = event.get("log_level") or LogLevel.info
        self._send([event.get("log_time"), level.name, str(event.get("log_namespace", "-")), text])


class SentLines:
    """Lines of a log that are written in another process.

    :param tell: sends them.
    :ivar lost: how many are known to be lost: none, since whoever writes them counts that.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self.lost = 0

    def write(self, text: str) -> None:
        """Send whole lines."""
        self._tell("lines", text)

    def reopen(self) -> None:
        """Do nothing: whoever writes them has the file."""

    def close(self) -> None:
        """Do nothing, likewise."""


def forwarded(number: int, publish: Callable[[LogEvent], None]) -> Callable[[Any], None]:
    """What writes that here.

    :param number: the worker whose log it is, which becomes a field of the event.
    :param publish: takes an event.
    """

    def write(sent: Any) -> None:
        at, level, namespace, text = sent
        event = {"log_format": "{text}", "text": text, "log_namespace": namespace, "worker": number}
        publish({**event, "log_time": at, "log_level": LogLevel.levelWithName(level)})

    return write
