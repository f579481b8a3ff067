"""One exchange with a Deltacloud server: sent once, timed as a whole, limited in number and size."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Never, cast

from attrs import frozen
from OpenSSL import SSL
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet import error as net
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import HTTPConnectionPool, ResponseFailed
from twisted.web.http import UNAUTHORIZED
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from ec2proxy.drivers.deltacloud import connecting
from ec2proxy.drivers.deltacloud.body import Form, RawAgent, TooLong, read_body
from ec2proxy.drivers.deltacloud.turns import Turns
from ec2proxy.drivers.deltacloud.urls import checked_base, url_below
from ec2proxy.errors import (
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    CloudError,
    InvalidRequest,
    NotFound,
    Unauthenticated,
)
from ec2proxy.model import Backend, Credentials
from ec2proxy.tls.trust import policy

_log = Logger()

# Shorter than the 30 seconds after which thin, Deltacloud's own server, closes an idle connection.
_IDLE_SECONDS = 20

_SUCCESSES = range(200, 300)

# What a Deltacloud server tells anybody, beside its entry point (recording 04).
_OPEN = frozenset({"drivers", "hardware_profiles", "instance_states"})


@frozen
class Answer:
    """What the server answered, whatever its status. The body is kept out of the repr: it may hold a private key.

    :param digest: of the body: the same for the same bytes only.
    """

    status: int
    headers: Headers
    body: bytes
    digest: bytes

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"

    @property
    def location(self) -> str:
        """The Location header, or an empty text."""
        value = self.headers.getRawHeaders("location", [""])[0]
        return str(value)


class Transport:
    """The way to one backend, shared by all its callers; it keeps nothing of any of them.

    A treq client is made for each call, since a client keeps cookies. Reads share persistent connections, and
    Twisted repeats one, once, on a new connection when a kept one turns out to be closed. A call that changes
    something has a connection of its own: it cannot meet a closed one, and nothing ever repeats it.

    :raises ValueError: the backend's URL, driver or provider cannot be sent, or its authorities cannot be read.
    """

    def __init__(self, backend: Backend, reactor: IReactorTime, agent: IAgent | None = None) -> None:
        self._base = checked_base(backend.url)
        self._headers = _fixed_headers(backend)
        self._backend = backend
        self._reactor = reactor
        self._turns = Turns(backend.most_calls)
        self._pool: HTTPConnectionPool | None = None
        reads = changes = agent
        if reads is None or changes is None:
            self._pool = HTTPConnectionPool(reactor)
            self._pool.maxPersistentPerHost = backend.most_calls
            self._pool.cachedConnectionTimeout = _IDLE_SECONDS
            trusted = policy(backend.authorities)
            reads, changes = connecting.agent(reactor, trusted, self._pool), connecting.agent(reactor, trusted)
        self._reads, self._changes = RawAgent(reads), RawAgent(changes)

    async def exchange(
        self,
        credentials: Credentials,
        method: str,
        path: Sequence[str],
        form: Sequence[tuple[str, str]] | None = None,
    ) -> Answer:
        """Send a request and receive its whole answer. No redirect is followed.

        :param method: ``GET``, ``POST`` or ``DELETE``; all but GET may change something.
        :param path: the segments behind the base, a collection first; each is encoded whole.
        :param form: the fields to send as a form.
        :raises NotFound: an id that no URL can hold; nothing was sent.
        :raises InvalidRequest: a value that is not valid Unicode; nothing was sent.
        :raises Unauthenticated: a user name that HTTP Basic cannot carry; nothing was sent.
        :raises BackendTimeout: the backend's ``timeout`` went by, or half of it waiting for one's turn.
        :raises BackendUnavailable: no connection, or it was lost before the answer was complete.
        :raises BackendError: the answer is not HTTP, or longer than the backend's ``max_body``.
        """
        url = url_below(self._base, tuple(path))
        if url is None:
            raise NotFound(path[0], path[1:2])
        if ":" in credentials.user:
            # Basic ends the user name at the first colon: this would log in as someone else.
            raise Unauthenticated("a user name with a colon cannot be sent")
        _check_text(form or ())
        progress = _Progress(self._backend.url, changing=method != "GET")
        whole = Deferred.fromCoroutine(self._exchange(progress, credentials, method, path, url, form))
        whole.addTimeout(self._backend.timeout, self._reactor, progress.time_is_up)
        return await whole

    async def close(self) -> None:
        """Close the idle connections."""
        if self._pool is not None:
            await self._pool.closeCachedConnections()

    async def _exchange(
        self,
        progress: "_Progress",
        credentials: Credentials,
        method: str,
        path: Sequence[str],
        url: str,
        form: Sequence[tuple[str, str]] | None,
    ) -> Answer:
        # Begun with little time left it would most likely end unanswered, a change in doubt.
        latest_start = self._reactor.seconds() + self._backend.timeout / 2
        await self._turns.take(credentials)
        try:
            if self._reactor.seconds() > latest_start:
                raise BackendTimeout("the backend is too busy to be asked")
            client = HTTPClient(self._changes if progress.changing else self._reads, None, Form)
            response = await client.request(
                method,
                url,
                headers=self._headers.copy(),
                auth=(credentials.user, credentials.password),
                data=None if form is None else list(form),
                allow_redirects=False,
                unbuffered=True,
                reactor=cast(Any, self._reactor),
            )
            progress.answered = True
            self._recognize(credentials, path, response.code)
            body = await read_body(response, self._backend.max_body)
            return Answer(response.code, response.headers, body.content, body.digest)
        except CloudError:
            raise
        except Exception as error:
            progress.broken_off(error)
        finally:
            self._turns.give_back(credentials)

    def _recognize(self, credentials: Credentials, path: Sequence[str], status: int) -> None:
        """Learn from an answer whether the backend knows the caller."""
        if status == UNAUTHORIZED:
            self._turns.recognize(credentials, False)
        elif status in _SUCCESSES and not _OPEN.issuperset(path[:1]):
            self._turns.recognize(credentials, True)


class _Progress:
    """How far an exchange has come, and so what its end means."""

    def __init__(self, url: str, changing: bool) -> None:
        self._url = url
        self.changing = changing
        self.answered = False
        self._arrived = False

    def broken_off(self, error: Exception) -> Never:
        """Raise what an exchange's end means: CancelledError if it was cancelled, else a CloudError."""
        reasons = list(_reasons(error))
        self._arrived = self.answered or not any(isinstance(reason, _NOT_SENT) for reason in reasons)
        if any(isinstance(reason, _CANCELLED) for reason in reasons):
            raise CancelledError from None
        kind, message = _meaning(reasons)
        if any(isinstance(reason, _TLS) for reason in reasons) and not self.answered:
            # OpenSSL says no more than 'certificate verify failed'; docs/operations.rst tells how to see why.
            _log.warn(
                "The TLS handshake with {url} failed: {why}: {reason}", url=self._url, why=message, reason=reasons[-1]
            )
        raise kind(message, ambiguous=self.changing and self._arrived) from error

    def time_is_up(self, result: Any, seconds: float) -> Any:
        """Turn the cancellation of a late exchange into a timeout; what ended otherwise in the same turn stays."""
        if not isinstance(result, Failure) or not result.check(CancelledError):
            return result
        ambiguous = self.changing and self._arrived
        raise BackendTimeout(f"the backend did not answer within {seconds:g} seconds", ambiguous=ambiguous)


_CANCELLED = (CancelledError, net.ConnectingCancelledError)
_TLS = (SSL.Error, VerificationError)
# With these the request cannot have reached the server. A failure of TLS is one of the handshake.
_NOT_SENT = (net.ConnectError, net.DNSLookupError, net.ConnectingCancelledError, *_TLS)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """An error, and behind it those that Twisted's client wrapped in it."""
    yield error
    for failure in getattr(error, "reasons", ()):
        yield from _reasons(failure.value)


def _meaning(reasons: Sequence[BaseException]) -> tuple[type[BackendError], str]:
    # Twisted gives several reasons at once (a reset in the body is one, and the loss of data another).
    for kinds, error, message in _MEANINGS:
        if any(isinstance(reason, kinds) for reason in reasons):
            return error, message
    _log.failure("an exchange with the backend failed", Failure(reasons[0]))
    return BackendError, "the exchange with the backend failed"


_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], type[BackendError], str], ...] = (
    ((TooLong,), BackendError, "the backend's answer is too long"),
    ((VerificationError,), BackendUnavailable, "the backend's TLS certificate is for another host"),
    (_TLS, BackendUnavailable, "no trusted TLS connection to the backend"),
    (_NOT_SENT, BackendUnavailable, "the backend cannot be reached"),
    ((net.ConnectionClosed,), BackendUnavailable, "the backend closed the connection before its answer was complete"),
    ((zlib.error, ResponseFailed), BackendError, "the backend's answer is not HTTP"),
)


def _fixed_headers(backend: Backend) -> Headers:
    headers = Headers({"Accept": ["application/xml"]})
    for name, value in (("X-Deltacloud-Driver", backend.driver), ("X-Deltacloud-Provider", backend.provider)):
        if value is None:
            continue
        if not value.isascii() or not value.isprintable() or value != value.strip() or not value:
            raise ValueError(f"the backend's {name.rpartition('-')[2].lower()} cannot be sent in a header")
        headers.setRawHeaders(name, [value])
    return headers


def _check_text(form: Sequence[tuple[str, str]]) -> None:
    for name, value in form:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(f"{name} is not valid Unicode") from None
