"""Long work in short slices, so that nobody waits for it but who asked for it."""

from collections.abc import Iterable
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

SLICE = 0.004
"""Seconds that a slice may take: what every other request has to wait."""

T = TypeVar("T")


async def in_slices(clock: IReactorTime, steps: Iterable[T]) -> list[T]:
    """All that ``steps`` gives. Others have their turn whenever a slice is over.

    :param clock: measures the slices.
    :param steps: each of its steps takes much less than a slice.
    """
    found: list[T] = []
    end = clock.seconds() + SLICE
    for step in steps:
        found.append(step)
        if clock.seconds() >= end:
            await deferLater(clock, 0)
            end = clock.seconds() + SLICE
    return found
