"""twisted.web's channel for a while: what a fast channel does not read itself goes here."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from ec2proxy.web.fast import FastChannel
from ec2proxy.web.wire import Channel


class LentChannel(Channel):
    """twisted.web's channel on a connection that it gives back as soon as it has nothing to do.

    :param owner: whose connection it is.
    """

    def __init__(self, owner: FastChannel) -> None:
        super().__init__()
        self._owner: FastChannel | None = owner
        self._taking = False

    def connectionMade(self) -> None:
        """Begin; the site knows the owner."""
        self.begin()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End, and let what was under way know."""
        self._owner = None
        self.end(reason)

    def dataReceived(self, data: bytes) -> None:
        """Take in bytes."""
        if self._taking:
            # It gives itself what it has put by.
            super().dataReceived(data)
            return
        self._taking = True
        try:
            super().dataReceived(data)
        finally:
            self._taking = False
        self._give_back()

    def requestDone(self, request: Any) -> None:
        """Go on to the next request, once one has been answered."""
        super().requestDone(request)
        self._give_back()

    def resumeProducing(self) -> None:
        """Go on: the client has taken what was for it."""
        super().resumeProducing()
        self._give_back()

    def _give_back(self) -> None:
        under_way = self.requests or self._arriving or self._taking
        if self._owner is None or under_way or self._leaving or not self.persistent or self._waitingForTransport:
            return
        owner, self._owner = self._owner, None
        self.let_go()
        owner.take_back(self.clearLineBuffer())
