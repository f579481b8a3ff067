"""The last minutes, as rates: what the console's charts show."""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from attrs import frozen

from ec2proxy.observing import families
from ec2proxy.observing.counts import Report
from ec2proxy.observing.families import BUCKETS

EVERY = 2.0
"""Seconds between two samples."""

KEPT = 150
"""How many samples are kept: five minutes."""

_RECENT = 15
"""Over how many samples the figures of 'now' are made: half a minute."""


@frozen
class Sample:
    """What had been counted by one moment.

    :param at: in seconds.
    :param durations: of requests, as a histogram.
    :param spared: successful answers that were made without the backend.
    :param fetched: those that the backend was asked for.
    :param backends: by region, calls and errors so far and their durations as a histogram.
    """

    at: float
    requests: float
    failures: float
    durations: Sequence[float]
    spared: float
    fetched: float
    calls: float
    connections: float
    backends: Mapping[str, tuple[float, float, Sequence[float]]]


def sample(at: float, metrics: Report) -> Sample:
    """What the charts need of a report."""
    requests = metrics.get(families.REQUESTS.name, ())
    sources = {labels[0]: value for labels, value in metrics.get(families.SOURCES.name, ())}
    calls = metrics.get(families.CALLS.name, ())
    timed = metrics.get(families.CALL_SECONDS.name, ())
    return Sample(
        at,
        sum(value for _, value in requests),
        sum(value for labels, value in requests if labels[1]),
        _added(value for _, value in metrics.get(families.REQUEST_SECONDS.name, ())),
        sources.get("picture", 0),
        sources.get("backend", 0),
        sum(value for _, value in calls),
        sum(value for _, value in metrics.get(families.CONNECTIONS.name, ())),
        {
            region: (
                sum(value for labels, value in calls if labels[0] == region),
                sum(value for labels, value in calls if labels[0] == region and labels[2]),
                _added(value for labels, value in timed if labels[0] == region),
            )
            for region in {labels[0] for labels, _ in calls}
        },
    )


class History:
    """The samples of the last minutes."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT + 1)

    def add(self, one: Sample) -> None:
        """Keep a sample; the oldest goes."""
        self._samples.append(one)

    def rate(self, name: str) -> list[float]:
        """How many a second, between each two samples.

        :param name: ``requests``, ``failures`` or ``calls``.
        """
        return [
            max(0.0, getattr(new, name) - getattr(old, name)) / max(0.001, new.at - old.at)
            for old, new in self._pairs()
        ]

    def quantile(self, share: float, region: str | None = None) -> list[float | None]:
        """The duration that this share stays below, in seconds; None where nothing was counted.

        :param region: of its backend's calls; None means of requests.
        """
        return [
            quantile(_between(_durations(old, region), _durations(new, region)), share) for old, new in self._pairs()
        ]

    def recent_rate(self, name: str) -> float:
        """As :meth:`rate`, over the last half minute."""
        old, new = self._recent()
        return max(0.0, getattr(new, name) - getattr(old, name)) / max(0.001, new.at - old.at) if new else 0.0

    def recent_quantile(self, share: float, region: str | None = None) -> float | None:
        """As :meth:`quantile`, over the last half minute; for a backend, over all that is kept."""
        old, new = self._recent() if region is None else self._ends()
        return quantile(_between(_durations(old, region), _durations(new, region)), share) if new else None

    def backend(self, region: str) -> tuple[float, float]:
        """Calls and errors of a backend in the time that is kept."""
        old, new = self._ends()
        if new is None:
            return 0.0, 0.0
        before, after = old.backends.get(region, (0.0, 0.0, ())), new.backends.get(region, (0.0, 0.0, ()))
        return max(0.0, after[0] - before[0]), max(0.0, after[1] - before[1])

    def connections(self) -> list[float]:
        """How many connections there were, at each sample."""
        return [one.connections for one in self._samples]

    def counted(self, name: str) -> float:
        """As :meth:`rate`, but how many in all the time that is kept."""
        old, new = self._ends()
        return max(0.0, getattr(new, name) - getattr(old, name)) if new else 0.0

    def shares(self) -> list[float | None]:
        """The share of answers that pictures gave, between each two samples; None where there were none."""
        return [_share(new.spared - old.spared, new.fetched - old.fetched) for old, new in self._pairs()]

    def recent_share(self) -> float | None:
        """As :meth:`shares`, over all that is kept."""
        old, new = self._ends()
        return _share(new.spared - old.spared, new.fetched - old.fetched) if new else None

    def _pairs(self) -> list[tuple[Sample, Sample]]:
        samples = list(self._samples)
        return list(pairwise(samples))

    def _recent(self) -> tuple[Any, Any]:
        samples = list(self._samples)[-_RECENT - 1 :]
        return (samples[0], samples[-1]) if len(samples) > 1 else (None, None)

    def _ends(self) -> tuple[Any, Any]:
        return (self._samples[0], self._samples[-1]) if len(self._samples) > 1 else (None, None)


def quantile(histogram: Sequence[float], share: float) -> float | None:
    """The value that a share of a histogram stays below, by a straight line through its bucket."""
    total = sum(histogram[:-1])
    if total <= 0:
        return None
    wanted, passed = share * total, 0.0
    for bucket, number in enumerate(histogram[:-1]):
        if number > 0 and passed + number >= wanted:
            if bucket == len(BUCKETS):
                break
            low = BUCKETS[bucket - 1] if bucket else 0.0
            return low + (BUCKETS[bucket] - low) * (wanted - passed) / number
        passed += number
    return BUCKETS[-1]


def _durations(one: Sample, region: str | None) -> Sequence[float]:
    return one.durations if region is None else one.backends.get(region, (0.0, 0.0, ()))[2]


def _between(old: Sequence[float], new: Sequence[float]) -> Sequence[float]:
    if len(old) != len(new):
        return new
    # A worker that was started anew counts from nothing.
    return [max(0.0, b - a) for a, b in zip(old, new, strict=True)]


def _added(histograms: Any) -> Sequence[float]:
    return [sum(column) for column in zip(*histograms, strict=True)]


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part >= 0 and rest >= 0 and part + rest > 0 else None
