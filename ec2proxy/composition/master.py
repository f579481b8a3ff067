"""The first of several processes, as a Twisted service: it opens the sockets, and has workers serve them."""

# Much of twisted.application and twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Awaitable, Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.logger import Logger

from ec2proxy.daemon import CannotStart, listen
from ec2proxy.workers.crew import Crew


class _Nobody(Factory):
    """Serves nobody: what comes is for the workers."""

    noisy = False


class Master(Service):
    """Has workers serve some endpoints.

    :param endpoints: each with its description, for messages.
    :param crew: makes the workers, given the descriptors of the sockets.
    :param begin: what else is to be done at the start, in the process and as the user that goes on, before workers
        serve.
    :param close: lets go of everything else, once no worker is left.
    """

    name = "ec2proxy"
    _log = Logger()

    def __init__(
        self,
        endpoints: Sequence[tuple[str, IStreamServerEndpoint]],
        crew: Callable[[Sequence[int]], Crew],
        begin: Callable[[], None],
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._endpoints = endpoints
        self._make_crew = crew
        self._begin = begin
        self._close = close
        self._ports: list[IListeningPort] = []
        self.crew: Crew | None = None

    def privilegedStartService(self) -> None:
        """Open the sockets, while the process still may use low ports.

        :raises CannotStart: one cannot be opened, or not be shared.
        """
        for port in listen(self._endpoints, _Nobody()):
            self._ports.append(port)
            if not isinstance(port, Port):
                raise CannotStart(f"ec2proxy: workers cannot share {port}; --workers=1 can use it")
            # Before the reactor runs, so that nothing is ever taken here.
            port.stopReading()

    def startService(self) -> None:
        """Start the workers, and have them begin when all they need is there.

        :raises SystemExit: something that is needed cannot be used; the message says why.
        """
        if not self._ports:
            self.privilegedStartService()
        self.crew = crew = self._make_crew([port.fileno() for port in self._ports if isinstance(port, Port)])
        # They take some time to load what they are made of, and end by themselves if this process does.
        crew.start()
        self._begin()
        crew.serve()
        super().startService()
        crew.ready.addCallback(self._tell)

    def stopService(self) -> "Deferred[None]":
        """Close the sockets, have the workers let requests under way finish, then close the rest."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    def _tell(self, result: None) -> None:
        for port in self._ports:
            self._log.info("ec2proxy listens at {where}", where=port.getHost())

    async def _stop(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            await maybeDeferred(port.stopListening)
        if self.crew is not None:
            await self.crew.stop()
        await self._close()
