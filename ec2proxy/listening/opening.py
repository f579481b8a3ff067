"""Endpoints of descriptions, with room for those who wait to be taken."""

import re
from contextlib import suppress
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint

#: How many connections may wait to be taken where a description does not say. Twisted's default, 50, is soon reached:
#: Linux then drops further ones, and their clients try again after a second. The system has a limit of its own
#: (net.core.somaxconn, 4096 on today's Linux).
BACKLOG = 1024

#: Descriptions that can say it.
_QUEUED = re.compile(r"(haproxy:)?(tcp6?|ssl|unix):")


def endpoint_of(reactor: Any, description: str) -> IStreamServerEndpoint:
    """The server endpoint of a description, where :data:`BACKLOG` connections may wait if that says nothing else.

    :raises ValueError: it describes none; so do TypeError and OSError.
    """
    if _QUEUED.match(description) and "backlog=" not in description:
        # It may say it without a name, by its place.
        with suppress(TypeError):
            queued: IStreamServerEndpoint = serverFromString(reactor, f"{description}:backlog={BACKLOG}")
            return queued
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint
