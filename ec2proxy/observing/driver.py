"""A driver whose calls are counted and timed, whichever driver it is."""

from collections.abc import Callable
from functools import partial
from typing import Any

from zope.interface import implementer

from ec2proxy.ec2.trace import note_source
from ec2proxy.interfaces import ICloudDriver, IObserver
from ec2proxy.model import Capabilities, Credentials


class _Collection:
    """One collection of a driver; each method is the driver's own, observed."""

    def __init__(self, collection: Any, told: Callable[[str, float, str], None], seconds: Callable[[], float]) -> None:
        self._collection = collection
        self._told = told
        self._seconds = seconds

    def __getattr__(self, verb: str) -> Any:
        return partial(self._observed, verb, getattr(self._collection, verb))

    async def _observed(self, verb: str, method: Callable[..., Any], *args: Any) -> Any:
        note_source("backend")
        began, error = self._seconds(), ""
        try:
            return await method(*args)
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            self._told(verb, self._seconds() - began, error)


@implementer(ICloudDriver)
class ObservedDriver:
    """Passes everything on to another driver and tells an observer of each call.

    What waits for its turn with a busy backend counts as the backend's time: it is what a client waits for.

    :param region: the cloud's own name.
    :param seconds: tells the time.
    """

    realms: Any
    images: Any
    instances: Any
    keys: Any
    hardware_profiles: Any
    firewalls: Any
    networks: Any
    subnets: Any
    network_interfaces: Any
    storage_volumes: Any
    addresses: Any

    def __init__(self, region: str, driver: ICloudDriver, observer: IObserver, seconds: Callable[[], float]) -> None:
        self._driver = driver
        for name in ObservedDriver.__annotations__:

            def told(verb: str, took: float, error: str, collection: str = name) -> None:
                observer.called(region, f"{collection}.{verb}", took, error)

            setattr(self, name, _Collection(getattr(driver, name), told, seconds))

    async def capabilities(self, credentials: Credentials) -> Capabilities:
        """See :meth:`ICloudDriver.capabilities`. It is remembered, so it is no call to be counted."""
        return await self._driver.capabilities(credentials)

    async def close(self) -> None:
        """See :meth:`ICloudDriver.close`."""
        await self._driver.close()
