"""The numbers in Prometheus's text form, by its own library (the extra ``ec2proxy[metrics]``)."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from ec2proxy.observing.counts import Report
from ec2proxy.observing.families import BUCKETS, FAMILIES, Family

NEEDED = "/metrics needs the Python package prometheus-client: pip install 'ec2proxy[metrics]'"


def exported(report: Report) -> tuple[bytes, bytes]:
    """What Prometheus is told, and its Content-Type.

    :raises ImportError: prometheus-client is not installed; :data:`NEEDED` says what to do.
    """
    from prometheus_client.core import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(report))
    return generate_latest(registry), CONTENT_TYPE_LATEST.encode()


class _Collector:
    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Any]:
        """Every metric with all its series."""
        for family in FAMILIES:
            yield _metric(family, self._report)


def _metric(family: Family, report: Report) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    metric: Any
    if family.kind == "histogram":
        metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    elif family.kind == "counter":
        metric = CounterMetricFamily(family.name, family.help, labels=family.labels)
    else:
        metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in report.get(family.name, ()):
        if family.kind == "histogram":
            bounds = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]
            buckets = list(zip(bounds, accumulate(value[:-1]), strict=True))
            metric.add_metric(list(labels), buckets, sum_value=value[-1])
        else:
            metric.add_metric(list(labels), value)
    return metric
