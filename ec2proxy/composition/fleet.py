"""The regions at work: made from a configuration, and made anew from another one while requests are under way."""

from collections.abc import Callable, Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.resource import IResource

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.regions import Regions
from ec2proxy.composition.regional import Running
from ec2proxy.configuration.regions import Region

#: Seconds beyond the timeout of its backend for which a region that is no more stays there for requests under way.
GRACE = 10.0


class Fleet:
    """All regions.

    :param make: makes one of its description.
    :ivar regions: which cloud a request is for.
    """

    _log = Logger()

    def __init__(self, described: Sequence[Region], make: Callable[[Region], Running], clock: IReactorTime) -> None:
        self._make = make
        self._clock = clock
        self._running = {region.name: make(region) for region in described}
        self._leaving: set[Running] = set()
        self._resumed = False
        self.regions = Regions(self._clouds(), described[0].any_name)

    def __iter__(self) -> Iterator[Running]:
        """Those that there are now, the default first."""
        return iter(tuple(self._running.values()))

    def api(self, host: str, path: str) -> IResource:
        """The frontend that passes a request on.

        :raises EC2Error: no region can be told; see :meth:`Regions.by_address`.
        """
        return self._running[self.regions.by_address(host, path).name].api

    def resume(self) -> None:
        """Take up what was left unfinished; in each region by itself, since one may take long."""
        self._resumed = True
        for running in self._running.values():
            self._resume(running)

    async def take_over(self) -> None:
        """Take up at once what a process has left unfinished that is known to have died."""
        for running in self._running.values():
            await running.cloud.take_over()

    async def replace(self, described: Sequence[Region]) -> None:
        """Have other regions. One that is described as before stays as it is, with its picture and its connections.

        Requests under way finish with the region that they began with: it goes when the time is over that one may
        take. What it pursues is stopped before its successor takes that up.
        """
        before = self._running
        kept = {name: old for name, old in before.items() if old.region in described}
        made = {region.name: kept.get(region.name) or self._make(region) for region in described}
        self._running = made
        self.regions.replace(self._clouds(), described[0].any_name)
        for name, old in before.items():
            if name not in kept:
                await self._retire(old)
        if self._resumed:
            for name, new in made.items():
                if name not in kept:
                    self._resume(new)

    async def close(self) -> None:
        """Leave everything as it is, and let go of all backends."""
        for running in (*self._running.values(), *self._leaving):
            await running.close()
        self._leaving.clear()

    def _clouds(self) -> list[Cloud]:
        return [running.cloud for running in self._running.values()]

    def _resume(self, running: Running) -> None:
        resuming = Deferred.fromCoroutine(running.cloud.resume())
        resuming.addErrback(lambda failure: self._log.failure("Unfinished work could not be taken up", failure))

    async def _retire(self, running: Running) -> None:
        await running.cloud.stop()
        self._leaving.add(running)

        def close() -> None:
            if running in self._leaving:
                self._leaving.remove(running)
                closing = Deferred.fromCoroutine(running.close())
                closing.addErrback(lambda failure: self._log.failure("A region could not be let go", failure))

        self._clock.callLater(running.region.settings.timeout + GRACE, close)
