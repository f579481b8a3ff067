"""How many descriptors this process may have, and so how many connections."""

import resource

from twisted.logger import Logger

_log = Logger()

#: What is asked for where the hard limit is none at all: Linux allows a process no more by itself (fs.nr_open).
_PLENTY = 1024 * 1024

#: Descriptors kept for all but clients and backends: the state, logs, refusals, threads' pipes.
_OWN = 64


def raise_descriptor_limit() -> None:
    """Raise the soft limit of descriptors to the hard one.

    The soft one is low by tradition, for programs that use select(2). Children inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _PLENTY if hard == resource.RLIM_INFINITY else hard
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        # A filter of system calls may forbid it (systemd's @resources).
        _log.warn("The limit of {soft} descriptors cannot be raised: {error}", soft=soft, error=str(error))
    else:
        _log.info("The limit of descriptors is raised from {soft} to {wanted}", soft=soft, wanted=wanted)


def descriptor_limit() -> int:
    """How many descriptors this process may have now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _PLENTY if soft == resource.RLIM_INFINITY else soft


def most_connections(descriptors: int, calls: int) -> int:
    """How many connections of clients there is room for; at least half of all, however few there are.

    :param descriptors: how many this process may have.
    :param calls: how many connections to backends there may be at a time.
    """
    return max(descriptors - _OWN - calls, descriptors // 2)
