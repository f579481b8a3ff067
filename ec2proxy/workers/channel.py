"""What the first process and a worker tell one another: JSON messages on a socket that only the two of them have."""

# Twisted's names.
# ruff: noqa: N802

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

Handler = Callable[[Any], Awaitable[Any] | None]
"""Does what a message asks for; what it gives is the answer."""


class Failed(Exception):
    """The other side could not do what it was asked for; it has logged why."""


class Channel(Int32StringReceiver):
    """One end. Each side may tell the other something, and ask it for something, by a name.

    Messages are handled in the order in which they were sent. A message is trusted: whoever is at the other end has
    all that this process has.

    :param handlers: what to do about messages, by name.
    :ivar gone: fires when the other side is not there any more.
    """

    # Configuration and reports are all that is said, so this is never reached but by mistake.
    MAX_LENGTH = 256 * 1024 * 1024
    _log = Logger()

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.gone: Deferred[None] = Deferred()
        self._handlers = handlers
        self._asked: dict[int, Deferred[Any]] = {}
        self._numbers = 0
        self._there = False

    def connectionMade(self) -> None:
        """Begin."""
        self._there = True

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End: nothing that was asked for will be answered."""
        self._there = False
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(ConnectionDone())
        self.gone.callback(None)

    def tell(self, name: str, value: Any = None) -> None:
        """Send a message that needs no answer; it is lost where nobody is there any more."""
        if self._there:
            self._send(name, 0, value)

    def ask(self, name: str, value: Any = None) -> "Deferred[Any]":
        """Send a message and give its answer.

        The Deferred fails with :class:`Failed`, or with ConnectionDone if the other side is gone.
        """
        answer: Deferred[Any] = Deferred()
        if not self._there:
            answer.errback(ConnectionDone())
            return answer
        self._numbers += 1
        self._asked[self._numbers] = answer
        self._send(name, self._numbers, value)
        return answer

    def stringReceived(self, string: bytes) -> None:
        """Take in one message."""
        name, number, value = json.loads(string)
        if name == "":
            if (answer := self._asked.pop(number, None)) is not None:
                answer.callback(value)
        elif name == "failed":
            if (answer := self._asked.pop(number, None)) is not None:
                answer.errback(Failed(value))
        else:
            self._handle(name, number, value)

    def close(self) -> None:
        """Let go of the other side."""
        if self.transport is not None:
            self.transport.loseConnection()

    def _handle(self, name: str, number: int, value: Any) -> None:
        async def handled() -> Any:
            found = self._handlers[name](value)
            return found if found is None else await found

        def failed(failure: Failure) -> None:
            self._log.failure("What the other process said could not be done: {name}", failure, name=name)
            if number and self._there:
                self._send("failed", number, name)

        def done(answer: Any) -> None:
            if number and self._there:
                self._send("", number, answer)

        Deferred.fromCoroutine(handled()).addCallback(done).addErrback(failed)

    def _send(self, name: str, number: int, value: Any) -> None:
        self.sendString(json.dumps([name, number, value]).encode())  # type: ignore[no-untyped-call]


class Joining(Factory):
    """Makes the one protocol of a connection that is there already."""

    noisy = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def buildProtocol(self, addr: object) -> Channel:
        """Give it."""
        return self._channel
