"""The certificate that clients are shown: read again when it was renewed, without a connection being dropped."""

# Twisted's names.
# ruff: noqa: N802, N803

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ec2proxy.tls.pair import PairError, PairFiles

#: Seconds between two looks at the files. A renewal comes weeks before the old certificate's end.
LOOK_EVERY = 10.0

#: Seconds that a client has to agree to the end of a connection. Idle ones do not, and would hold up the daemon's end.
CLOSE_PATIENCE = 1.0

#: Days before its end from which a certificate is complained of. Let's Encrypt's clients renew 30 days before it.
SOON = 7


@implementer(IOpenSSLServerConnectionCreator)
class ServerCertificate:
    """A server's certificate, as its files have it.

    The files are looked at when a client comes, once in :data:`LOOK_EVERY` seconds. Renewed ones are for the clients
    that come from then on; those that are there go on with what they began with. What cannot be used is logged, once,
    and the pair that was read last goes on.

    :param clock: tells how long ago the last look was.
    :raises PairError: the files cannot be used now.
    """

    _log = Logger()

    def __init__(self, files: PairFiles, clock: IReactorTime) -> None:
        self._files = files
        self._clock = clock
        self._stamp = files.stamp()
        self._pair = files.load()
        self._looked = clock.seconds()
        self._warn_of_end()

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """A connection for a client that has just come."""
        if abs(self._clock.seconds() - self._looked) >= LOOK_EVERY:
            self.look()
        return SSL.Connection(self._pair.context, None)

    def look(self) -> None:
        """Read the files if they have changed since they were last read."""
        self._looked = self._clock.seconds()
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._pair = self._files.load()
        except PairError as error:
            self._log.error("The renewed TLS certificate is not taken, the old one stays: {why}", why=error)
            return
        self._log.info("The TLS certificate was renewed, until {until}", until=self._pair.until)
        self._warn_of_end()

    def _warn_of_end(self) -> None:
        days = self._pair.days_left(self._clock.seconds())
        if days < SOON:
            self._log.warn(
                "The TLS certificate in {path} ends at {until}; clients refuse it from then on",
                path=self._files.certificate,
                until=self._pair.until,
            )


class _Connection(BufferingTLSTransport):
    """A connection that its client cannot keep open by not answering to its end, as Twisted would wait for.

    Whoever closes has said all by then (RFC 8446, 6.1): what is not sent yet is sent, and then TCP's end.
    """

    _closing: IDelayedCall | None = None

    def loseConnection(self) -> None:
        """Close, soon at the latest."""
        super().loseConnection()
        if self._closing is None and self.connected and self.transport is not None:
            self._closing = self.factory._clock.callLater(CLOSE_PATIENCE, self.transport.loseConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """End."""
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
        super().connectionLost(reason)


class _Factory(TLSMemoryBIOFactory):
    protocol = _Connection


def over_tls(factory: IProtocolFactory, certificate: ServerCertificate, clock: IReactorTime) -> IProtocolFactory:
    """A factory like ``factory``, whose clients have to speak TLS."""
    return _Factory(certificate, False, factory, clock)


def speaks_plainly(endpoint: str) -> bool:
    """Whether TLS is not to be laid over a server endpoint.

    ``ssl:`` has it already, with a certificate of its own, and who can open a ``unix:`` socket is a matter of its mode.

    :param endpoint: its description.
    """
    return endpoint.partition(":")[0] in ("ssl", "unix")


def secured(
    endpoint: IStreamServerEndpoint, description: str, certificate: ServerCertificate | None, clock: IReactorTime
) -> IStreamServerEndpoint:
    """An endpoint with TLS laid over it, if there is a certificate and the endpoint is one for it."""
    if certificate is None or speaks_plainly(description):
        return endpoint
    return SecureEndpoint(endpoint, certificate, clock)


@implementer(IStreamServerEndpoint)
@frozen
class SecureEndpoint:
    """A server endpoint whose clients have to speak TLS.

    :param endpoint: where they come in.
    """

    endpoint: IStreamServerEndpoint
    certificate: ServerCertificate
    clock: IReactorTime

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen, as IStreamServerEndpoint says."""
        return self.endpoint.listen(over_tls(protocolFactory, self.certificate, self.clock))
