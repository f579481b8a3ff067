"""Numbers that only rise, though the workers that counted them come and go."""

from collections.abc import Mapping, Sequence

from ec2proxy.admin.status import StatusReport, merged
from ec2proxy.observing import counts
from ec2proxy.observing.counts import Report
from ec2proxy.observing.families import FAMILIES

MOST = 64
"""How many workers are remembered one by one that are not heard of; the oldest are then taken for dead for good."""

_RISING = tuple(family.name for family in FAMILIES if family.kind != "gauge")


class Tally:
    """Adds up reports, and keeps what those had counted that are not heard of any more.

    Else the sum would fall when a worker dies, and Prometheus would take that for a start of everything anew.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[int, float], Report] = {}
        self._dead: Report = {}

    def merged(self, reports: Sequence[StatusReport]) -> StatusReport:
        """The reports of those who were heard as one, and in its counters what the others had counted.

        :param reports: at least one.
        """
        heard = {(report["pid"], report["started"]): _rising(report["metrics"]) for report in reports}
        # One that is only too busy to answer comes back, and then counts by what it says itself.
        self._last = {**{key: kept for key, kept in self._last.items() if key not in heard}, **heard}
        while len(self._last) > MOST + len(heard):
            self._dead = counts.merged([self._dead, self._last.pop(next(iter(self._last)))])
        missing = [kept for key, kept in self._last.items() if key not in heard]
        together = merged(reports)
        return {**together, "metrics": counts.merged([together["metrics"], self._dead, *missing])}


def _rising(metrics: Report) -> Mapping[str, Sequence[tuple[Sequence[str], object]]]:
    return {name: metrics[name] for name in _RISING if name in metrics}
