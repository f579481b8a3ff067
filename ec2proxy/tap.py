"""``twistd ec2proxy``: the only place where objects are made out of configuration."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, serverFromString
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from twisted.web.server import Site
from zope.interface import implementer

from ec2proxy.actions import registry
from ec2proxy.actions.service import EC2Service
from ec2proxy.auth.authenticator import Authenticator
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.daemon import CannotStart, Daemon
from ec2proxy.drivers.registry import factory_for
from ec2proxy.ec2.paging import Pager
from ec2proxy.mockcloud.cloud import MockCloud
from ec2proxy.mockcloud.resource import api_root
from ec2proxy.model import Backend
from ec2proxy.options import Options as Options
from ec2proxy.options import the_reactor
from ec2proxy.state.errors import StateError
from ec2proxy.state.opening import make_store
from ec2proxy.web.access import AccessLog
from ec2proxy.web.deltacloud import DeltacloudResource
from ec2proxy.web.ec2 import EC2Resource
from ec2proxy.web.site import EC2Site
from ec2proxy.web.tree import root

_log = Logger()

REGION = "deltacloud"
"""The name of a cloud that was given none."""


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

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Where the mock cloud listens, whatever the URI; it begins to when it is first asked."""
        if self._port is None:
            # Listening on TCP is done at once.
            listening = TCP4ServerEndpoint(self._reactor, 0, interface="127.0.0.1").listen(self._site)
            listening.addCallback(lambda port: setattr(self, "_port", port))
        assert self._port is not None
        return TCP4ClientEndpoint(self._reactor, "127.0.0.1", self._port.getHost().port)

    async def close(self) -> None:
        """Stop listening."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)


@frozen
class Network:
    """How a backend is reached.

    :param driver_agent: what the driver sends requests with; None leaves it to the driver.
    :param agent: what passes requests of ``/api`` on.
    """

    backend: Backend
    driver_agent: IAgent | None
    agent: IAgent
    close: Callable[[], Awaitable[None]]


def makeService(options: Options, reactor: Any = None) -> Daemon:
    """The daemon that ``options`` describe.

    :param reactor: what it runs on; the process's own by default.
    """
    reactor = the_reactor() if reactor is None else reactor
    network = _network(options["backend"], reactor)
    driver = factory_for(network.backend.url).driver(network.backend, reactor, network.driver_agent)
    store = make_store(options["state"], reactor, options["state-key"])
    cloud = Cloud.of(REGION, driver, store, reactor, os.urandom, options["freshness"])
    access = AccessLog(reactor)
    pager = Pager(os.urandom(32))
    service = EC2Service(Authenticator(options["accounts"], reactor.seconds), registry.load(), cloud, pager)
    tree = root(
        options["frontends"],
        EC2Resource(service, access),
        DeltacloudResource(network.agent, network.backend, reactor, access),
    )

    def begin() -> None:
        try:
            store.open()
            store.hold()
        except StateError as error:
            raise CannotStart(f"ec2proxy: --state: {error}") from None
        # Pages go on after a restart, and on another machine that shares the state.
        pager.key = store.seal.derived("paging")
        resuming = Deferred.fromCoroutine(cloud.resume(reactor.seconds()))
        resuming.addErrback(lambda failure: _log.failure("Unfinished work could not be taken up", failure))

    async def close() -> None:
        await cloud.stop()
        await driver.close()
        await network.close()
        await store.close()

    endpoints = [(text, serverFromString(reactor, text)) for text in options["listen"]]
    return Daemon(endpoints, EC2Site(tree, reactor, access), options["drain"], begin, close)


def _network(backend: Backend | None, reactor: IReactorTime) -> Network:
    pool = HTTPConnectionPool(reactor)
    if backend is not None:
        return Network(backend, None, Agent(reactor, pool=pool), pool.closeCachedConnections)
    embedded = EmbeddedCloud(reactor)
    agent = Agent.usingEndpointFactory(reactor, embedded, pool)

    async def close() -> None:
        await pool.closeCachedConnections()
        await embedded.close()

    return Network(embedded.backend, agent, agent, close)
