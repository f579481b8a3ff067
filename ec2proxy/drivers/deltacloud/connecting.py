"""How backends are connected to."""

# Much of Twisted's web client has no types.
# mypy: disable-error-code="no-untyped-call"

from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgent, IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

TAKEN_IN = 512 * 1024
"""Bytes that are received in one turn of the reactor, where Twisted takes in 64 KiB.

Each turn answers polls, too. With a thousand connections that takes tens of milliseconds, and a list of 10,000
instances, which is 12 MB, would need two hundred turns. To receive this much takes less than a millisecond.
"""


def agent(reactor: Any, trusted: IPolicyForHTTPS, pool: HTTPConnectionPool | None = None) -> IAgent:
    """A client of Twisted's that takes long answers in few turns of the reactor.

    :param trusted: what is asked of https servers.
    :param pool: where connections are kept; None to keep none.
    """
    made: IAgent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, trusted), pool)
    return made


@frozen
@implementer(IAgentEndpointFactory)
class _Endpoints:
    _reactor: Any
    _trusted: IPolicyForHTTPS

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """As Agent's own."""
        endpoint = _Wide(HostnameEndpoint(self._reactor, uri.host.decode("ascii"), uri.port))
        if uri.scheme == b"http":
            return endpoint
        return wrapClientTLS(self._trusted.creatorForNetloc(uri.host, uri.port), endpoint)


@frozen
@implementer(IStreamClientEndpoint)
class _Wide:
    _endpoint: HostnameEndpoint

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and have the transport take in :data:`TAKEN_IN` at a time."""
        return self._endpoint.connect(factory).addCallback(_widened)


def _widened(protocol: Any) -> IProtocol:
    protocol.transport.bufferSize = TAKEN_IN
    connected: IProtocol = protocol
    return connected
