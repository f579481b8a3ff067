"""SIGHUP: the accounts and the regions are read again, while requests go on."""

# Much of twisted.application has no types.
# mypy: disable-error-code="no-untyped-call"

import signal
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ec2proxy.composition.surroundings import Manager
from ec2proxy.configuration.configuration import Configuration, Source
from ec2proxy.configuration.reading import ConfigurationError
from ec2proxy.systemd import Notifier


def on_hangup(reactor: Any, act: Callable[[], None]) -> None:
    """Have something done in the reactor's turn when SIGHUP comes, from when the reactor runs."""

    def install() -> None:
        signal.signal(signal.SIGHUP, lambda number, frame: reactor.callFromThread(act))

    reactor.callWhenRunning(install)


def reloader_of(
    source: Source,
    present: Configuration,
    adopt: Callable[[Configuration], Awaitable[None]],
    also: Sequence[Callable[[], None]],
    manager: Manager,
    reactor: Any,
) -> "Reloader":
    """What heeds SIGHUP in this process; parameters are :class:`Reloader`'s."""
    return Reloader(source, present, adopt, also, manager.notifier, partial(on_hangup, reactor))


class Reloader(Service):
    """Reads a configuration again when it is told to.

    :param source: what it is read from.
    :param present: what it is now.
    :param adopt: has other accounts and regions from now on.
    :param also: what else is to be looked at again: log files that were moved away, certificates.
    :param listen: has something done when the signal comes.
    """

    _log = Logger()

    def __init__(
        self,
        source: Source,
        present: Configuration,
        adopt: Callable[[Configuration], Awaitable[None]],
        also: Sequence[Callable[[], None]],
        notifier: Notifier,
        listen: Callable[[Callable[[], None]], None],
    ) -> None:
        self._source = source
        self._present = present
        self._adopt = adopt
        self._also = also
        self._notifier = notifier
        self._listen = listen
        self._under_way = False
        self._again = False

    def startService(self) -> None:  # Twisted's name
        """Begin to heed the signal."""
        super().startService()
        self._listen(self.hang_up)

    def hang_up(self) -> None:
        """Read the configuration again; once more, if that is under way already."""
        self._again = True
        if not self._under_way and self.running:
            self._under_way = True
            Deferred.fromCoroutine(self._reload_all()).addErrback(
                lambda failure: self._log.failure("The configuration could not be read again", failure)
            )

    async def _reload_all(self) -> None:
        self._notifier.reloading()
        try:
            while self._again:
                self._again = False
                for look in self._also:
                    look()
                await self._reload()
        finally:
            self._under_way = False
            self._notifier.ready()

    async def _reload(self) -> None:
        try:
            found = self._source.read()
        except ConfigurationError as error:
            for mistake in error.mistakes:
                self._log.error("The configuration stays as it was: {mistake}", mistake=mistake)
            return
        renewed = self._present.renewed(found)
        await self._adopt(renewed)
        self._present = renewed
        self._log.info(
            "The configuration was read again: {accounts} accounts, regions {regions}",
            accounts=sum(1 for _ in renewed.accounts),
            regions=", ".join(region.name for region in renewed.regions),
        )
        if later := renewed.differences(found):
            self._log.warn("A restart is needed for what has changed of {names}", names=", ".join(later))
