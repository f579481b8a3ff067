"""One descriptor of the reactor's for a crowd of connections.

The reactor lays a context for log lines around every call of a descriptor, and asks it each time who it is and whether
it is still there. For a poll that is a fifth of all that it costs. Here that is done once in a turn, for all
connections that have sent something.
"""

# Twisted's names.
# ruff: noqa: N802

import select
from contextlib import suppress
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableDescriptor,
    IProtocolFactory,
    IReactorFDSet,
    IReadDescriptor,
    IReadWriteDescriptor,
    IWriteDescriptor,
)
from twisted.internet.posixbase import PosixReactorBase
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

#: How many connections have their turn before timers and all other descriptors have theirs.
MOST = 128


@implementer(IReactorFDSet, IReadDescriptor)
class Crowd:
    """Waits for many descriptors by an epoll(7) of its own, which is one descriptor of the reactor's.

    To a transport it is the reactor. What happens to a descriptor is what the reactor would do with it.

    :param reactor: for all but the descriptors.
    """

    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._epoll = select.epoll()
        self._members: dict[int, IReadWriteDescriptor] = {}
        # Each with its number, which it cannot tell any more once it is closed, and what is waited for.
        self._awaited: dict[Any, tuple[int, int]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def adoptStreamConnection(self, descriptor: int, family: int, factory: IProtocolFactory) -> Any:
        """Make a transport of a connected socket, as the reactor does, but one of this crowd."""
        return type(self._reactor).adoptStreamConnection(self, descriptor, family, factory)

    # What a transport calls.

    def addReader(self, reader: IReadDescriptor) -> None:
        """Wait for something to read."""
        self._add(reader, select.EPOLLIN)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Wait for room to write."""
        self._add(writer, select.EPOLLOUT)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Wait for nothing to read any more."""
        self._remove(reader, select.EPOLLIN)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Wait for no room to write any more."""
        self._remove(writer, select.EPOLLOUT)

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """Wait for none of them any more."""
        members = list(self._awaited)
        for member in members:
            self._remove(member, select.EPOLLIN | select.EPOLLOUT)
        return members

    def getReaders(self) -> list[IReadDescriptor]:
        """Those that wait for something to read."""
        return [member for member, (_, events) in self._awaited.items() if events & select.EPOLLIN]

    def getWriters(self) -> list[IWriteDescriptor]:
        """Those that wait for room to write."""
        return [member for member, (_, events) in self._awaited.items() if events & select.EPOLLOUT]

    def _add(self, member: Any, event: int) -> None:
        number, events = self._awaited.get(member, (-1, 0))
        if events & event:
            return
        if events:
            self._epoll.modify(number, events | event)
        else:
            number = member.fileno()
            self._epoll.register(number, event)
            self._members[number] = member
            if len(self._members) == 1:
                self._reactor.addReader(self)
        self._awaited[member] = number, events | event

    def _remove(self, member: Any, event: int) -> None:
        number, events = self._awaited.get(member, (-1, 0))
        if not events & event:
            return
        events &= ~event
        if events:
            self._epoll.modify(number, events)
            self._awaited[member] = number, events
            return
        # The system forgets by itself what is closed.
        with suppress(OSError):
            self._epoll.unregister(number)
        del self._members[number], self._awaited[member]
        if not self._members:
            self._reactor.removeReader(self)

    # What the reactor calls.

    def fileno(self) -> int:
        """The descriptor of the epoll: there is something to read if any member has something to do."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """What the reactor calls it in the log."""
        return "Crowd"

    def connectionLost(self, reason: Failure) -> None:
        """End all connections; the reactor says so when it ends itself."""
        for member in self.removeAll():
            member.connectionLost(reason)

    def doRead(self) -> None:
        """Let those do their work that have some."""
        members = self._members
        for number, events in self._epoll.poll(0, MOST):
            # One before may have closed it.
            member = members.get(number)
            if member is None:
                continue
            try:
                if events == select.EPOLLIN:
                    why, reading = member.doRead(), True
                else:
                    why, reading = self._served(member, events)
                if why:
                    self._disconnect(member, why, reading)
            except BaseException as error:
                # So does the reactor: a bug on the way of one connection is not the end of the others.
                self._log.failure("Unhandled error on a connection, which is closed")
                self._disconnect_broken(member, error)

    def _served(self, member: IReadWriteDescriptor, events: int) -> tuple[Any, bool]:
        """Deal with anything; why it is over, if it is, and whether the client's side has ended by itself."""
        if events & (select.EPOLLHUP | select.EPOLLERR) and not events & select.EPOLLIN:
            reads = bool(self._awaited[member][1] & select.EPOLLIN)
            return ConnectionDone() if reads else ConnectionLost(), reads
        why = member.doRead() if events & select.EPOLLIN else None
        if why or not events & select.EPOLLOUT:
            return why, True
        return member.doWrite(), False

    def _disconnect(self, member: IReadWriteDescriptor, why: Any, reading: bool) -> None:
        self.removeReader(member)
        reason = Failure(why)
        if reading and type(why) is ConnectionDone and IHalfCloseableDescriptor.providedBy(member):
            member.readConnectionLost(reason)
        else:
            self.removeWriter(member)
            member.connectionLost(reason)

    def _disconnect_broken(self, member: IReadWriteDescriptor, why: BaseException) -> None:
        try:
            self._disconnect(member, why, False)
        except BaseException:
            self._log.failure("Unhandled error at the end of a connection")


def crowd_of(reactor: Any) -> Any:
    """A crowd on a reactor; the reactor itself where the system or the reactor cannot have one."""
    return Crowd(reactor) if hasattr(select, "epoll") and isinstance(reactor, PosixReactorBase) else reactor
