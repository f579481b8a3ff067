"""What one process has counted: plain numbers in dictionaries, which several processes can add up."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from zope.interface import implementer

from ec2proxy.ec2.record import Pursued, Record
from ec2proxy.ec2.trace import Trace
from ec2proxy.interfaces import IObserver
from ec2proxy.observing import families
from ec2proxy.observing.families import BUCKETS, FAMILIES, Family

Labels = tuple[str, ...]

#: A report: by metric, the values by labels, as JSON can hold them. A histogram's value is the number in each bucket,
#: the last without a bound, and then the sum of all.
Report = Mapping[str, Sequence[tuple[Sequence[str], Any]]]

MOST_SERIES = 2000
"""How many series a metric may have in one process; what is new after that counts as ``other``."""

OTHER = "other"


@implementer(IObserver)
class Counts:
    """Counts what it is told.

    :param regions: the names of the clouds; a region by any other name counts as ``other``.
    :param seconds: tells the time.
    :param changed: is handed on the requests that were meant to change a cloud.
    :param kept: is handed on what was done for them later.
    """

    def __init__(
        self,
        regions: Collection[str],
        seconds: Callable[[], float],
        changed: Callable[[Record], None] = lambda record: None,
        kept: Callable[[Pursued], None] = lambda pursued: None,
    ) -> None:
        self._seconds = seconds
        self._changed = changed
        self._kept = kept
        self.regions = frozenset(regions)
        self._requests: dict[Labels, int] = {}
        self._request_seconds: dict[str, list[float]] = {}
        self._sources: dict[str, int] = {}
        self._reads: dict[Labels, int] = {}
        self._fetched: dict[Labels, float] = {}
        self._calls: dict[Labels, int] = {}
        self._call_seconds: dict[Labels, list[float]] = {}
        self._state_seconds: dict[str, list[float]] = {}
        self._state_errors: dict[str, int] = {}
        self._gauges: list[tuple[Family, Callable[[], Iterable[tuple[Labels, float]]]]] = []
        self.reached: dict[str, tuple[float, str]] = {}
        """By region, when a call last ended and with which error."""

    def watch(self, family: Family, read: Callable[[], Iterable[tuple[Labels, float]]]) -> None:
        """Have a report hold what ``read`` tells then."""
        self._gauges.append((family, read))

    def answered(self, record: Record) -> None:
        """See :meth:`IObserver.answered`."""
        trace = record.trace
        code = record.error or ("ClientGone" if record.status == 499 else "")
        self._count(trace, code, [record.seconds])
        if trace.changes:
            self._changed(record)

    def answered_again(self, trace: Trace, seconds: Sequence[float]) -> None:
        """See :meth:`IObserver.answered_again`."""
        self._count(trace, "", seconds)

    def _count(self, trace: Trace, code: str, seconds: Sequence[float]) -> None:
        """Count requests that came to the same.

        :param code: of the error; empty for successes.
        """
        action = trace.action or "none"
        region = trace.cloud if trace.cloud in self.regions else OTHER if trace.cloud else "none"
        key = (action, code, region)
        requests = self._requests
        if key not in requests and len(requests) >= MOST_SERIES:
            key = (OTHER, OTHER, OTHER)
        requests[key] = requests.get(key, 0) + len(seconds)
        _add(self._request_seconds, action, seconds)
        if not code:
            source = trace.source or "none"
            self._sources[source] = self._sources.get(source, 0) + len(seconds)

    def pursued(self, pursued: Pursued) -> None:
        """See :meth:`IObserver.pursued`."""
        self._kept(pursued)

    def read(self, region: str, collection: str, hit: bool) -> None:
        """See :meth:`IObserver.read`."""
        key = (region, collection, "hit" if hit else "miss")
        self._reads[key] = self._reads.get(key, 0) + 1

    def called(self, region: str, operation: str, seconds: float, error: str) -> None:
        """See :meth:`IObserver.called`."""
        now = self._seconds()
        self._calls[region, operation, error] = self._calls.get((region, operation, error), 0) + 1
        _add(self._call_seconds, (region, operation), [seconds])
        collection, _, verb = operation.partition(".")
        if verb == "list" and not error:
            self._fetched[region, collection] = now
        # A call that nobody wanted any more says nothing about the backend.
        if error not in ("CancelledError", "GeneratorExit"):
            self.reached[region] = (now, error)

    def stored(self, operation: str, seconds: float, error: str) -> None:
        """See :meth:`IObserver.stored`."""
        _add(self._state_seconds, operation, [seconds])
        if error:
            self._state_errors[operation] = self._state_errors.get(operation, 0) + 1

    def report(self) -> Report:
        """All numbers, as JSON can hold them."""
        now = self._seconds()
        ages = {key: max(0.0, now - when) for key, when in self._fetched.items()}
        found: dict[str, list[tuple[Sequence[str], Any]]] = {
            families.REQUESTS.name: list(self._requests.items()),
            families.REQUEST_SECONDS.name: _listed(self._request_seconds),
            families.SOURCES.name: [((source,), value) for source, value in self._sources.items()],
            families.READS.name: list(self._reads.items()),
            families.PICTURE_AGE.name: list(ages.items()),
            families.CALLS.name: list(self._calls.items()),
            families.CALL_SECONDS.name: [(key, list(value)) for key, value in self._call_seconds.items()],
            families.STATE_SECONDS.name: _listed(self._state_seconds),
            families.STATE_ERRORS.name: [((name,), value) for name, value in self._state_errors.items()],
            families.WORKERS.name: [((), 1)],
        }
        for family, read in self._gauges:
            found.setdefault(family.name, []).extend(read())
        return found


def merged(reports: Iterable[Report]) -> Report:
    """The numbers of several processes as those of one."""
    together: dict[str, dict[Labels, Any]] = {family.name: {} for family in FAMILIES}
    for report in reports:
        for family in FAMILIES:
            values = together[family.name]
            for labels, value in report.get(family.name, ()):
                key = tuple(labels)
                values[key] = _joined(family, values[key], value) if key in values else value
    return {name: list(values.items()) for name, values in together.items()}


def _joined(family: Family, one: Any, other: Any) -> Any:
    if family.kind == "histogram":
        return [a + b for a, b in zip(one, other, strict=True)]
    return {"sum": lambda: one + other, "max": lambda: max(one, other), "min": lambda: min(one, other)}[
        family.together
    ]()


def _add(histograms: dict[Any, list[float]], key: Any, seconds: Sequence[float]) -> None:
    histogram = histograms.get(key)
    if histogram is None:
        histogram = histograms[key] = [0] * (len(BUCKETS) + 1) + [0.0]
    for each in seconds:
        histogram[bisect_left(BUCKETS, each)] += 1
    histogram[-1] += sum(seconds)


def _listed(histograms: Mapping[str, Sequence[float]]) -> list[tuple[Sequence[str], Any]]:
    return [((key,), list(value)) for key, value in histograms.items()]
