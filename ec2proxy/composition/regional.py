"""What each region is made of: a backend and the way to it, a driver, a shared picture, the frontend that passes on.

Regions share nothing but the process and the state: one that hangs or is down keeps no other waiting.
"""

import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import evolve, frozen
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from twisted.web.server import Site
from zope.interface import implementer

from ec2proxy.cloud.cloud import Cloud
from ec2proxy.configuration.regions import Region
from ec2proxy.drivers.deltacloud.turns import Turns
from ec2proxy.drivers.registry import factory_for
from ec2proxy.interfaces import ICloudDriver, IEpochs, IObserver, IStateStore
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend
from ec2proxy.tls.trust import policy
from ec2proxy.web.access import AccessLog
from ec2proxy.web.deltacloud import DeltacloudResource


@implementer(IAgentEndpointFactory)
class EmbeddedCloud:
    """The mock cloud inside this process, behind a port of the loopback interface that only we are told of."""

    backend = Backend("http://127.0.0.1/api")

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        pool = reactor.getThreadPool
        cloud = MockCloud(reactor, in_thread=lambda work: deferToThreadPool(reactor, pool(), work))
        self._site = Site(api_root(cloud))
        self._port: Any = None

    def endpointForURI(self, uri: URI | None) -> IStreamClientEndpoint:
        """Where the mock cloud listens, whatever the URI; it begins to when it is first asked."""
        if self._port is None:
            # Listening on TCP is done at once.
            listening = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(self._site)
            listening.addCallback(lambda port: setattr(self, "_port", port))
        assert self._port is not None
        return TCP4ClientEndpoint(self._reactor, "127.0.0.1", self._port.getHost().port)

    @property
    def port(self) -> int:
        """The number of its port; it begins to listen when it is first asked for."""
        self.endpointForURI(None)
        return int(self._port.getHost().port)

    async def close(self) -> None:
        """Stop listening."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)


@implementer(IAgentEndpointFactory)
@frozen
class EmbeddedElsewhere:
    """The mock cloud inside the process that has started this one.

    :param port: where it listens, of the loopback interface.
    """

    reactor: Any
    port: int

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Where it listens, whatever the URI."""
        return TCP4ClientEndpoint(self.reactor, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Leave it as it is."""


@frozen
class Network:
    """How a backend is reached.

    :param driver_agent: what the driver sends requests with; None leaves it to the driver.
    :param agent: what passes requests of ``/api`` on.
    :param embedded: the cloud itself, if this process has it.
    """

    backend: Backend
    driver_agent: IAgent | None
    agent: IAgent
    close: Callable[[], Awaitable[None]]
    embedded: EmbeddedCloud | None = None


@frozen(eq=False)
class Running:
    """A region at work.

    :param region: what it was made from.
    :param api: the frontend that passes requests on to the backend.
    """

    region: Region
    cloud: Cloud
    driver: ICloudDriver
    network: Network
    api: DeltacloudResource

    async def close(self) -> None:
        """Leave everything as it is, and let go of the backend."""
        await self.cloud.stop()
        await self.driver.close()
        await self.network.close()


def make_region(
    region: Region,
    store: IStateStore,
    reactor: Any,
    access: AccessLog,
    observer: IObserver,
    epochs: IEpochs | None = None,
    port: int | None = None,
) -> Running:
    """The region that a configuration describes; nobody is asked anything yet.

    :param epochs: what tells of the writes of other processes; None where there are none.
    :param port: of the embedded cloud, where another process has it.
    """
    settings = region.settings
    network = _network(region.backend, reactor, port)
    backend = evolve(network.backend, most_calls=settings.backend_calls, memory=settings.memory)
    driver = factory_for(backend.url).driver(backend, reactor, network.driver_agent)
    cloud = Cloud.of(
        region.name,
        driver,
        store,
        reactor,
        os.urandom,
        settings.freshness,
        epochs,
        observer,
        settings.memory,
        settings.launch_doubt,
    )
    # Of their own: the driver's are for EC2's polls, whatever goes on at /api.
    turns = Turns(_passed_on(region))
    api = DeltacloudResource(network.agent, network.backend, reactor, access, turns, cloud.changed)
    return Running(region, cloud, driver, network, api)


def most_calls(regions: Iterable[Region]) -> int:
    """How many descriptors calls of these regions' backends may take at a time; those of an embedded cloud end here."""
    calls = ((region, region.settings.backend_calls + _passed_on(region)) for region in regions)
    return sum(number if region.backend else 2 * number for region, number in calls)


def _passed_on(region: Region) -> int:
    """How many of what comes in at ``/api`` may be passed on at a time."""
    return max(1, region.settings.backend_calls // 2)


def _network(backend: Backend | None, reactor: IReactorTime, port: int | None) -> Network:
    pool = HTTPConnectionPool(reactor)
    if backend is not None:
        return Network(
            backend, None, Agent(reactor, policy(backend.authorities), pool=pool), pool.closeCachedConnections
        )
    embedded = EmbeddedCloud(reactor) if port is None else EmbeddedElsewhere(reactor, port)
    agent = Agent.usingEndpointFactory(reactor, embedded, pool)

    async def close() -> None:
        await pool.closeCachedConnections()
        await embedded.close()

    here = embedded if isinstance(embedded, EmbeddedCloud) else None
    return Network(EmbeddedCloud.backend, agent, agent, close, here)
