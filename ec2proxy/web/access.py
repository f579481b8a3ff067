"""The access log: one event a request, through twisted.logger, instead of twisted.web's own."""

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ec2proxy.ec2.trace import Trace

#: The status in the log of a request whose client went away before it was answered (nginx's number for it).
CLIENT_GONE = 499

# A path may be as long as a header; nobody reads that in a log.
_SHOWN = 200


class AccessLog:
    """Writes the line. Queries, bodies and headers stay out: they hold signatures, key names and credentials.

    :param clock: what milliseconds are told by.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def now(self) -> float:
        """The time, in seconds, to be given to :meth:`write` when the request is over."""
        return self._clock.seconds()

    def write(
        self, trace: Trace, began: float, *, client: object, method: bytes, target: bytes, status: int, error: str
    ) -> None:
        """Log one request that is over.

        :param client: the client's :class:`~twisted.internet.interfaces.IAddress`.
        :param target: the request target; what follows a ``?`` is left out.
        :param error: the error code of the answer, empty for a success.
        """
        self._log.info(
            "{client} {method} {path} {status} {milliseconds}ms id={request_id} action={action} principal={principal}"
            " region={region} error={error}",
            client=_place(client),
            method=_shown(method),
            path=_shown(target.partition(b"?")[0]),
            status=status,
            milliseconds=round((self._clock.seconds() - began) * 1000),
            request_id=trace.request_id,
            action=trace.action,
            principal=trace.principal,
            region=trace.region,
            error=error,
        )


def _place(address: object) -> str:
    """A client's address: the host, or for a Unix socket the word for that."""
    return str(getattr(address, "host", "unix"))


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN].decode("ascii", "backslashreplace").replace("\x7f", "\\x7f")
    return text if len(raw) <= _SHOWN else f"{text}..."
