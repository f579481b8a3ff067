"""A state store whose calls are timed, whichever store it is."""

from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, cast

from ec2proxy.interfaces import IObserver, IStateStore


class _ObservedStore:
    """Passes everything on; what is a coroutine is observed."""

    def __init__(self, store: IStateStore, observer: IObserver, seconds: Callable[[], float]) -> None:
        self._store = store
        self._observer = observer
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return partial(self._observed, name, found) if iscoroutinefunction(found) else found

    async def _observed(self, operation: str, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        began, error = self._seconds(), ""
        try:
            return await method(*args, **named)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            self._observer.stored(operation, self._seconds() - began, error)


def observed_store(store: IStateStore, observer: IObserver, seconds: Callable[[], float]) -> IStateStore:
    """``store``, with each of its calls told to an observer.

    :param seconds: tells the time.
    """
    return cast(IStateStore, _ObservedStore(store, observer, seconds))
