"""One cloud, as the actions see it."""

from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from ec2proxy.cloud.epochs import LocalEpochs
from ec2proxy.cloud.inventory import MEMORY, Inventory
from ec2proxy.cloud.launch import DOUBT_SECONDS, Launcher
from ec2proxy.cloud.lifecycle import Lifecycle
from ec2proxy.cloud.succession import Succession
from ec2proxy.interfaces import ICloudDriver, IEpochs, IObserver, IStateStore
from ec2proxy.observing.driver import ObservedDriver
from ec2proxy.observing.nobody import NOBODY


@frozen(eq=False)
class Cloud:
    """A backend with its shared picture and its planner.

    :param name: the region's name; with one backend only, it takes any name that a client signs for.
    :param epochs: how far the writes to it have come.
    """

    name: str
    driver: ICloudDriver
    inventory: Inventory
    lifecycle: Lifecycle
    launcher: Launcher
    clock: IReactorTime
    epochs: IEpochs
    succession: Succession

    @classmethod
    def of(
        cls,
        name: str,
        driver: ICloudDriver,
        store: IStateStore,
        clock: IReactorTime,
        entropy: Callable[[int], bytes],
        freshness: float,
        epochs: IEpochs | None = None,
        observer: IObserver = NOBODY,
        memory: int = MEMORY,
        doubt: float = DOUBT_SECONDS,
    ) -> "Cloud":
        """The cloud behind ``driver``.

        :param entropy: gives that many random bytes.
        :param freshness: how old an answer about it may be, in seconds.
        :param epochs: what tells of the writes of others who share this cloud; None where there are none.
        :param observer: is told of the calls of the backend and of what was read without one.
        :param memory: about how many bytes the pictures of it may hold.
        :param doubt: for how many seconds a launch that was not answered may still lead to instances.
        """
        epochs = LocalEpochs() if epochs is None else epochs
        driver = ObservedDriver(name, driver, observer, clock.seconds)
        inventory = Inventory(name, driver, epochs, clock, freshness, observer=observer, memory=memory)
        lifecycle = Lifecycle(name, driver, inventory, store, clock, epochs, observer)
        launcher = Launcher(driver, inventory, lifecycle, store, clock, entropy, doubt)
        succession = Succession(lifecycle.unfinished, store, clock, lifecycle.resume, launcher.resume)
        return cls(name, driver, inventory, lifecycle, launcher, clock, epochs, succession)

    async def resume(self) -> None:
        """Take up what processes have left unfinished that are no more, now and from time to time."""
        await self.succession.begin()

    async def take_over(self) -> None:
        """Take up what they have left, at once: one is known to have died."""
        await self.succession.soon()

    async def changed(self, user: str) -> None:
        """Note that a cloud user has changed something past us; when this returns, no read shows what was before."""
        self.inventory.wrote_anything(user)
        await self.epochs.settled()

    async def stop(self) -> None:
        """Leave everything as it is; what is not finished is remembered."""
        self.succession.stop()
        await self.launcher.stop()
        await self.lifecycle.stop()
