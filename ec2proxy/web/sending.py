"""Writing to a socket in the same turn of the reactor, where that can be."""

from typing import Any

from twisted.internet.tcp import Connection


def is_direct(transport: Any) -> bool:
    """Whether what is written to a transport is what its socket sends. Under TLS it is not."""
    return isinstance(transport, Connection) and not transport.TLS


def send(transport: Any, data: bytes) -> None:
    """Write to such a transport. What the socket takes at once needs neither a buffer nor another turn of the reactor.

    It rests on two names of ``FileDescriptor``, which are the same in Twisted 24.10 and 26.10: what waits to be written
    is in ``dataBuffer`` and ``_tempDataBuffer``.
    """
    if not (transport.dataBuffer or transport._tempDataBuffer or transport.disconnecting):
        try:
            sent = transport.socket.send(data)
        except OSError:
            # There is no room, or an error, which the reactor comes upon as well.
            sent = 0
        if sent == len(data):
            return
        data = data[sent:]
    transport.write(data)
