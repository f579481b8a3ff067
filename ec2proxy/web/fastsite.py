"""The site of fast channels: what all connections have in common."""

# Much of twisted.web has no types.
# mypy: disable-error-code="no-untyped-call"
# Twisted's names.
# ruff: noqa: N802

from typing import Any, cast

from twisted.internet.interfaces import IAddress, IDelayedCall, IReactorTime
from twisted.web.resource import IResource

from ec2proxy.asking import IEC2Service
from ec2proxy.web.access import AccessLog
from ec2proxy.web.fast import FastChannel
from ec2proxy.web.lent import LentChannel
from ec2proxy.web.repeats import Shapes
from ec2proxy.web.site import IDLE, EC2Site
from ec2proxy.web.tree import service_at

#: How often timeouts are looked for, as a part of the timeout itself.
_SWEEP = 1 / 20

# Paths whose frontend is remembered. Clients use one or two; somebody else might make up any number.
_PATHS = 256


class FastSite(EC2Site):
    """Serves a resource tree by :class:`FastChannel`; parameters are those of :class:`EC2Site`.

    One sweep looks after the timeouts of all connections, so one is closed up to a twentieth of ``idle`` late. A timer
    for each would cost more than the request that moves it.
    """

    clock: IReactorTime

    def __init__(self, root: IResource, clock: IReactorTime, access: AccessLog, idle: float = IDLE) -> None:
        super().__init__(root, clock, access, idle)
        self.clock = clock
        self.idle = idle
        self._sweeping: IDelayedCall | None = None
        self.shapes = Shapes()
        self._services: dict[bytes, IEC2Service | None] = {}

    def buildProtocol(self, address: IAddress | None) -> Any:
        """A new connection's protocol."""
        return FastChannel(self)

    def lent_channel(self, owner: FastChannel) -> LentChannel:
        """What takes over a connection for a while."""
        channel: Any = LentChannel(owner)
        channel.site = self
        channel.requestFactory = self.requestFactory
        channel.callLater = self.clock.callLater
        channel.timeOut = self.idle
        return cast(LentChannel, channel)

    def made(self, channel: FastChannel) -> None:
        """Note a new connection."""
        self.connections.made(channel)
        if self._sweeping is None:
            self._sweeping = self.clock.callLater(self.idle * _SWEEP, self._sweep)

    def lost(self, channel: FastChannel) -> None:
        """Note that a connection has ended."""
        if len(self.connections) == 1 and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self.connections.lost(channel)

    def _sweep(self) -> None:
        self._sweeping = self.clock.callLater(self.idle * _SWEEP, self._sweep)
        now = self.clock.seconds()
        for channel in tuple(self.connections):
            assert isinstance(channel, FastChannel)
            channel.expire(now)

    def service_at(self, path: bytes) -> IEC2Service | None:
        """The service that performs actions asked for at a path; None if that is for the resource tree."""
        try:
            return self._services[path]
        except KeyError:
            service = service_at(self.resource, path)
            if len(self._services) < _PATHS:
                self._services[path] = service
            return service
