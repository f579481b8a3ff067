"""What one process knows of itself and its clouds, and how several processes' knowledge becomes one."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ec2proxy import __version__
from ec2proxy.cloud.cloud import Cloud
from ec2proxy.cloud.overview import MOST_INSTANCES, MOST_WORK, overview
from ec2proxy.observing import counts, families
from ec2proxy.observing.audit import KEPT, Audit
from ec2proxy.observing.counts import Counts

#: A process's report; plain JSON, so that a worker can send it to the master.
StatusReport = Mapping[str, Any]


@frozen(eq=False)
class Status:
    """Tells what one process knows.

    :param clouds: those that there are now, with the text that their backends are shown by.
    :param seconds: tells the time.
    """

    counts: Counts
    audit: Audit
    clouds: Callable[[], Iterable[tuple[Cloud, str]]]
    started: float

    async def report(self) -> StatusReport:
        """All that is known now, bounded in size."""
        regions = {}
        work = []
        for cloud, backend in self.clouds():
            reached, error = self.counts.reached.get(cloud.name, (0.0, ""))
            found = await overview(cloud)
            regions[cloud.name] = {"backend": backend, "reached": reached, "error": error, **found}
            work.append(((cloud.name,), found["unfinished"]))
        metrics = {**self.counts.report(), families.WORK.name: work}
        metrics[families.PICTURES.name] = [((name,), region["pictures"]) for name, region in regions.items()]
        metrics[families.PICTURE_BYTES.name] = [((name,), region["bytes"]) for name, region in regions.items()]
        return {
            "pid": os.getpid(),
            "version": __version__,
            "started": self.started,
            "metrics": metrics,
            "regions": regions,
            "changes": self.audit.last(),
        }


def merged(reports: Sequence[StatusReport]) -> StatusReport:
    """The reports of several processes as that of one.

    :param reports: at least one.
    """
    regions: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, region in report["regions"].items():
            regions[name] = _joined(regions[name], region) if name in regions else dict(region)
    changes = [change for report in reports for change in report["changes"]]
    return {
        "pid": reports[0]["pid"],
        "version": reports[0]["version"],
        "started": min(report["started"] for report in reports),
        "metrics": counts.merged(report["metrics"] for report in reports),
        "regions": regions,
        "changes": sorted(changes, key=lambda change: str(change["time"]), reverse=True)[:KEPT],
    }


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    # Each worker has pictures of what its own clients asked for, and largely of the same instances.
    newer = one if one["reached"] >= other["reached"] else other
    instances = {each["id"]: each for each in (*one["instances"], *other["instances"])}
    work = {(each["instance"], each["verb"]): each for each in (*one["work"], *other["work"])}
    larger = one if sum(one["states"].values()) >= sum(other["states"].values()) else other
    whole = sum(larger["states"].values()) <= len(instances) < MOST_INSTANCES
    states = dict(Counter(each["state"] for each in instances.values())) if whole else larger["states"]
    return {
        "backend": one["backend"],
        "reached": newer["reached"],
        "error": newer["error"],
        "pictures": one["pictures"] + other["pictures"],
        "bytes": one["bytes"] + other["bytes"],
        "seen": one["seen"] or other["seen"],
        "states": states,
        "instances": list(instances.values())[:MOST_INSTANCES],
        "unfinished": max(one["unfinished"], other["unfinished"], len(work)),
        "work": list(work.values())[:MOST_WORK],
    }
