"""What a daemon stands in: where clients come in, with TLS or without, and who looks after it."""

# Much of twisted.application has no types.
# mypy: disable-error-code="no-untyped-call"

import os
from collections.abc import Callable
from typing import Any

from attrs import frozen
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint

from ec2proxy.configuration.configuration import tls_files
from ec2proxy.configuration.settings import Settings
from ec2proxy.daemon import CannotStart
from ec2proxy.listening.opening import endpoint_of
from ec2proxy.systemd import Notifier, Supervised, notifier, watchdog_seconds
from ec2proxy.timekeeping import Timekeeper
from ec2proxy.tls.pair import PairError
from ec2proxy.tls.serving import ServerCertificate, secured


@frozen(eq=False)
class Entrances:
    """Where clients come in.

    :param endpoints: each with its description, for messages.
    :param certificate: what those are shown who speak TLS; None for no TLS of ours.
    """

    endpoints: list[tuple[str, IStreamServerEndpoint]]
    certificate: ServerCertificate | None

    @classmethod
    def of(
        cls, settings: Settings, reactor: Any, made: Callable[[int, str], IStreamServerEndpoint] | None = None
    ) -> "Entrances":
        """Those that were configured; nobody listens there yet.

        :param made: makes the endpoint with a number, from 0, of its description; on the reactor if not given.
        :raises CannotStart: the certificate or a key cannot be used.
        """

        def here(number: int, text: str) -> IStreamServerEndpoint:
            return endpoint_of(reactor, text)

        try:
            return cls._of(settings, reactor, made or here)
        except (PairError, ValueError, OSError) as error:
            raise CannotStart(f"ec2proxy: --listen: {error}") from None

    @classmethod
    def _of(cls, settings: Settings, reactor: Any, made: Callable[[int, str], IStreamServerEndpoint]) -> "Entrances":
        files = tls_files(settings)
        certificate = None if files is None else ServerCertificate(files, reactor)
        endpoints = [
            (text, secured(made(number, text), text, certificate, reactor))
            for number, text in enumerate(settings.listen)
        ]
        return cls(endpoints, certificate)

    def look(self) -> None:
        """Take a certificate that was renewed."""
        if self.certificate is not None:
            self.certificate.look()


@frozen(eq=False)
class Manager:
    """The service manager, systemd, as this process's environment tells of it.

    :param watchdog: seconds within which it wants a sign of life, or None.
    """

    notifier: Notifier
    watchdog: float | None

    @classmethod
    def found(cls) -> "Manager":
        """The one that there is; it may be none."""
        return cls(notifier(os.environ), watchdog_seconds(os.environ, os.getpid()))

    def attended(
        self,
        service: IService,
        reactor: Any,
        drain: float,
        status: Callable[[], str],
        begun: "Callable[[], Deferred[None] | None]" = lambda: None,
    ) -> MultiService:
        """A service with those that look after it: the time's keeper, and who tells the service manager.

        :param drain: seconds that it may take to stop.
        :param status: one line on how it is going.
        :param begun: as for :class:`~ec2proxy.systemd.Supervised`.
        """
        whole = MultiService()
        service.setServiceParent(whole)
        Timekeeper(reactor).setServiceParent(whole)
        if self.notifier.heard:
            Supervised(self.notifier, reactor, self.watchdog, drain, status, begun).setServiceParent(whole)
        return whole
