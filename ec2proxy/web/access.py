"""The access log: one line a request, written in batches off the request's path."""

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ec2proxy.ec2.record import Again, Alike, Record
from ec2proxy.ec2.trace import Trace
from ec2proxy.interfaces import IObserver
from ec2proxy.observing.lines import through_logger
from ec2proxy.observing.nobody import NOBODY

#: The status in the log of a request whose client went away before it was answered (nginx's number for it).
CLIENT_GONE = 499

#: Seconds that a line may wait for others; a crash loses what waits.
FLUSH_SECONDS = 0.1

#: With so many waiting they are written in the reactor's next turn: formatting more at once would be felt.
BATCH = 256


class AccessLog:
    """Takes note of requests that are over, for the log, the counts and the audit.

    Queries, bodies and headers stay out: they hold signatures, key names and credentials.

    :param clock: what milliseconds are told by.
    :param observer: is told of each request, when its line is written.
    :param write_lines: where the lines go; by default each is an event of twisted.logger.
    """

    def __init__(
        self,
        clock: IReactorTime,
        observer: IObserver = NOBODY,
        write_lines: Callable[[Sequence[Record | Again]], None] = through_logger,
    ) -> None:
        self._clock = clock
        self._observer = observer
        self._write_lines = write_lines
        self._waiting: list[Record | Again] = []
        self._flushing: IDelayedCall | None = None

    def now(self) -> float:
        """The time, in seconds, to be given to :meth:`write` when the request is over."""
        return self._clock.seconds()

    def write(
        self, trace: Trace, began: float, *, client: object, method: bytes, target: bytes, status: int, error: str
    ) -> None:
        """Note one request that is over; see :class:`Record`."""
        now = self._clock.seconds()
        self._waiting.append(Record(now, trace, now - began, client, method, target, status, error))
        if trace.changes:
            # Its line in the audit log is written before anything else happens.
            self.flush()
        else:
            self._flush_soon(len(self._waiting))

    def write_again(self, alike: Alike, request_id: bytes, began: float) -> None:
        """Note one request that is over, just as another was, which changed nothing.

        :param began: as for :meth:`write`.
        """
        now = self._clock.seconds()
        waiting = self._waiting
        waiting.append(Again(now, alike, request_id, now - began))
        count = len(waiting)
        if count == 1 or count == BATCH:
            self._flush_soon(count)

    def _flush_soon(self, count: int) -> None:
        if count == 1:
            self._flushing = self._clock.callLater(FLUSH_SECONDS, self.flush)
        elif count == BATCH and self._flushing is not None:
            self._flushing.reset(0)

    def flush(self) -> None:
        """Write what waits."""
        if self._flushing is not None and self._flushing.active():
            self._flushing.cancel()
        self._flushing = None
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        again: dict[int, tuple[Trace, list[float]]] = {}
        for record in batch:
            if isinstance(record, Again):
                trace = record.alike.record.trace
                again.setdefault(id(trace), (trace, []))[1].append(record.seconds)
            else:
                self._observer.answered(record)
        for trace, seconds in again.values():
            self._observer.answered_again(trace, seconds)
        self._write_lines(batch)
