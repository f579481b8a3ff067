"""What Twisted leaves to its users when several coroutines are under way at once."""

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

T = TypeVar("T")


async def settle(coroutines: Iterable[Coroutine[Deferred[Any], Any, T]]) -> list[T | Failure]:
    """Run all at once, and wait until each has ended.

    :returns: for each, in order, its result or its Failure.
    """
    outcomes = await DeferredList([Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True)
    return [outcome for _, outcome in outcomes]


def shielded(coroutine: Coroutine[Deferred[Any], Any, T], log: Logger = _log) -> "Deferred[T]":
    """Run something that must not be cut off halfway: who waits for it can leave, and it goes on.

    :returns: a Deferred with its outcome; cancelling it cancels only the waiting. An error that nobody waits for any
        more is logged.
    """
    left = False

    def leave(_: "Deferred[T]") -> None:
        nonlocal left
        left = True

    def ended(outcome: T | Failure) -> None:
        if not left:
            waiting.callback(outcome)
        elif isinstance(outcome, Failure):
            log.failure("What a client no longer waited for has failed", outcome)

    waiting: Deferred[T] = Deferred(leave)
    Deferred.fromCoroutine(coroutine).addBoth(ended)
    return waiting
