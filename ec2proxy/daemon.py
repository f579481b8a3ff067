"""The daemon as a Twisted service: it begins by listening and ends by letting requests finish."""

# Much of twisted.application and twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Awaitable, Callable, Iterator, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ec2proxy.listening.acceptor import take_over
from ec2proxy.web.site import EC2Site


class CannotStart(SystemExit, Exception):
    """The daemon cannot be started; the message is one line that says why.

    It is a SystemExit so that ``twistd -n`` ends with that line and without a traceback. It is an Exception since a
    twistd that goes to the background reports nothing else to the one in the foreground, which would wait for ever.
    """


def listen(
    endpoints: Sequence[tuple[str, IStreamServerEndpoint]], factory: IProtocolFactory
) -> Iterator[IListeningPort]:
    """Listen at all of some endpoints.

    :param endpoints: each with its description, for messages.
    :raises CannotStart: that cannot be done at one of them.
    """
    for description, endpoint in endpoints:
        ports: list[IListeningPort] = []
        refused: list[Failure] = []
        endpoint.listen(factory).addCallbacks(ports.append, refused.append)
        if refused:
            why = refused[0].value
            cause = why.socketError if isinstance(why, CannotListenError) else why
            raise CannotStart(f"ec2proxy: cannot listen at {description}: {cause}")
        yield from ports


class Daemon(Service):
    """Serves a site at some endpoints.

    :param endpoints: each with its description, for messages.
    :param drain: seconds that requests under way have to finish.
    :param begin: what else is to be done at the start, in the process and as the user that goes on.
    :param close: lets go of everything else, once no request is under way.
    :param door: makes the protocols of connections; the site by itself where nothing stands before it.
    :param announce: whether to tell in the log where it listens.
    """

    name = "ec2proxy"
    _log = Logger()

    def __init__(
        self,
        endpoints: Sequence[tuple[str, IStreamServerEndpoint]],
        site: EC2Site,
        drain: float,
        begin: Callable[[], None],
        close: Callable[[], Awaitable[None]],
        door: IProtocolFactory | None = None,
        announce: bool = True,
    ) -> None:
        self._endpoints = endpoints
        self._site = site
        self._drain = drain
        self._begin = begin
        self._close = close
        self._door = site if door is None else door
        self._announce = announce
        self._ports: list[IListeningPort] = []

    def privilegedStartService(self) -> None:
        """Listen, while the process still may use low ports.

        :raises CannotStart: it cannot listen somewhere.
        """
        for port in listen(self._endpoints, self._door):
            self._ports.append(take_over(port))

    def startService(self) -> None:
        """Begin; requests are taken when the reactor runs.

        :raises SystemExit: something that it needs cannot be used; the message says why.
        """
        if not self._ports:
            self.privilegedStartService()
        self._begin()
        super().startService()
        for port in self._ports if self._announce else ():
            self._log.info("ec2proxy listens at {where}", where=port.getHost())

    def stopService(self) -> "Deferred[None]":
        """Stop listening, let requests under way finish, then close the rest."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            await maybeDeferred(port.stopListening)
        self._log.info("ec2proxy waits for {count} connections to finish", count=len(self._site.connections))
        await self._site.connections.drained(self._drain)
        self._site.access.flush()
        await self._close()
