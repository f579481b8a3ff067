"""What the daemon tells its operator, put together: logs, counts, the audit log and the admin endpoint."""

# Much of twisted.application and twisted.python has no types.
# mypy: disable-error-code="no-untyped-call"

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from attrs import frozen
from twisted.application.service import IService, MultiService
from twisted.internet.endpoints import serverFromString
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from ec2proxy.admin.health import Health, backend_answers, store_answers
from ec2proxy.admin.monitor import Monitor
from ec2proxy.admin.resources import tree
from ec2proxy.admin.site import AdminSite
from ec2proxy.admin.status import Status, StatusReport
from ec2proxy.composition.regional import Network, Running
from ec2proxy.configuration.regions import Region
from ec2proxy.configuration.settings import Settings
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.interfaces import IStateStore
from ec2proxy.observing import families
from ec2proxy.observing.audit import Audit
from ec2proxy.observing.counts import Counts
from ec2proxy.observing.lag import Lag
from ec2proxy.observing.lines import through_logger
from ec2proxy.observing.logs import LogWriter
from ec2proxy.observing.sink import STDOUT, Lines, Sink
from ec2proxy.observing.store import observed_store
from ec2proxy.web.access import AccessLog

_log = Logger()

Gather = Callable[[], Awaitable[Sequence[StatusReport]]]


class Reached(Protocol):
    """A region, and the way to its backend."""

    @property
    def region(self) -> Region:
        """What it was made from."""

    @property
    def network(self) -> Network:
        """The way."""


@frozen(eq=False)
class Observation:
    """Everything in one process that takes notice.

    :param writer: the log, where it is ours to write; None where twistd writes it its own way.
    """

    settings: Settings
    reactor: Any
    counts: Counts
    audit: Audit
    lag: Lag
    writer: LogWriter | None
    access: AccessLog

    @classmethod
    def of(
        cls, settings: Settings, regions: Iterable[str], reactor: Any, log: Lines | None, audit: Lines | None
    ) -> "Observation":
        """What ``settings`` ask for.

        :param regions: the names of the clouds.
        :param log: where the log is written; None leaves it to twisted.logger.
        :param audit: where the audit log is written, if anywhere.
        """
        kept = Audit(audit)
        counts = Counts(frozenset(regions), reactor.seconds, kept.note, kept.note_later)
        writer = None if log is None else LogWriter(log, settings.log_format, settings.log_level)
        access = AccessLog(reactor, counts, through_logger if writer is None else writer.requests)
        lag = Lag(reactor)
        counts.watch(families.LAG, lambda: [((), lag.worst())])
        counts.watch(
            families.LOST, lambda: [(("log",), writer.lost if writer is not None else 0), (("audit",), kept.lost)]
        )
        return cls(settings, reactor, counts, kept, lag, writer, access)

    def store(self, store: IStateStore) -> IStateStore:
        """``store``, with its calls timed."""
        return observed_store(store, self.counts, self.reactor.seconds)

    def status(self, regions: Callable[[], Iterable[Running]], connections: Callable[[], int]) -> Status:
        """What tells of this process.

        :param regions: those that there are now.
        :param connections: how many clients' connections are open.
        """
        self.counts.watch(families.CONNECTIONS, lambda: [((), connections())])
        return Status(
            self.counts, self.audit, lambda: [(each.cloud, shown(each)) for each in regions()], self.reactor.seconds()
        )

    def admin(self, gather: Gather, regions: Callable[[], Iterable[Reached]], store: IStateStore) -> Daemon | None:
        """The admin endpoint, if it is wanted.

        :param gather: the reports of all processes.
        :param regions: those whose backends are to be reached.
        """
        settings, reactor = self.settings, self.reactor
        if not settings.admin_listen:
            return None

        def checks() -> Mapping[str, Callable[[], Awaitable[None]]]:
            found: dict[str, Callable[[], Awaitable[None]]] = {"state": partial(store_answers, store)}
            for each in regions():
                answers = partial(backend_answers, each.network.agent, each.network.backend)
                found[f"region {each.region.name}"] = answers
            return found

        monitor = Monitor(reactor, gather)
        site = AdminSite(
            tree(monitor, Health(reactor, checks), reactor.seconds), reactor, _token(settings), settings.admin_hosts
        )

        def begin() -> None:
            monitor.start()
            _log.info("ec2proxy tells its operator at {where}", where=", ".join(settings.admin_listen))

        async def close() -> None:
            monitor.stop()

        endpoints = [(text, serverFromString(reactor, text)) for text in settings.admin_listen]
        # Nobody's work is lost when a page that shows it is cut off.
        admin = Daemon(endpoints, site, 0.0, begin, close, announce=False)
        admin.setName("admin")
        return admin

    def reopen(self) -> None:
        """Go on in new files where logrotate has moved the old ones away."""
        if self.writer is not None:
            self.writer.reopen()
        self.audit.reopen()


class Observed(MultiService):
    """The services of a daemon, and the log that ours is written by instead of twistd's own."""

    def __init__(self, observation: Observation, *services: IService | None) -> None:
        super().__init__()
        self._observation = observation
        for service in services:
            if service is not None:
                service.setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:  # noqa: N802  # Twisted's name
        """Become the application's: twistd looks there for who writes its log, before it writes anything."""
        if isinstance(parent, Componentized) and self._observation.writer is not None:
            parent.setComponent(ILogObserver, self._observation.writer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        """Begin."""
        self._observation.lag.start()
        super().startService()

    def stopService(self) -> Any:
        """End; what waits to be logged is written when the rest has ended."""
        self._observation.lag.stop()

        def last(result: Any) -> Any:
            self._observation.access.flush()
            return result

        return super().stopService().addBoth(last)


def log_of(twistd: Mapping[str, Any] | None) -> Sink | None:
    """Where twistd was told to log; None where it does so in a way of its own.

    That is with ``--syslog`` and ``--logger``, and always with ``twist``.

    :param twistd: its options.
    :raises CannotStart: that file cannot be written.
    """
    if twistd is None or "nodaemon" not in twistd or twistd.get("syslog") or twistd.get("logger"):
        return None
    name, foreground = twistd.get("logfile"), twistd.get("nodaemon")
    if name == STDOUT and not foreground:
        # It refuses that itself.
        return None
    return _sink("--logfile", name or (STDOUT if foreground else "twistd.log"))


def audit_of(settings: Settings) -> Sink | None:
    """Where the audit log goes.

    :raises CannotStart: that file cannot be written.
    """
    return None if settings.audit_log is None else _sink("--audit-log", settings.audit_log)


def shown(running: Running) -> str:
    """A region's backend as the operator is shown it: without any credentials that its URL may hold."""
    settings = running.region.settings
    about = [
        f"{name} {value}" for name, value in (("driver", settings.driver), ("provider", settings.provider)) if value
    ]
    url = re.sub(r"//[^/@]*@", "//", settings.backend)
    return f"{url} ({', '.join(about)})" if about else url


def _sink(option: str, name: str) -> Sink:
    try:
        return Sink(name)
    except OSError as error:
        raise CannotStart(f"ec2proxy: {option}: {name}: {error.strerror}") from None


def _token(settings: Settings) -> str:
    if settings.admin_token is None:
        return ""
    try:
        with open(settings.admin_token, encoding="utf-8") as stream:
            token = stream.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"ec2proxy: --admin-token: {settings.admin_token}: {error}") from None
    if not token:
        raise CannotStart(f"ec2proxy: --admin-token: {settings.admin_token}: it is empty")
    return token
