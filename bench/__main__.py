"""``make bench``: measure, print, and write docs/performance.rst."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Mapping

from bench import memory, report, scenarios
from bench.figures import Findings
from bench.scenarios import Pace

SCENARIOS: Mapping[str, Callable[[Pace, Findings], None]] = {
    "bare": scenarios.against_bare,
    "nginx": scenarios.against_nginx,
    "moto": scenarios.against_moto,
    "workers": scenarios.workers,
    "backend": scenarios.backend_calls,
    "idle": memory.per_idle_connection,
    "refresh": memory.refresh_stall,
    "memory": memory.held,
    "start": scenarios.starting,
    "connections": scenarios.by_connections,
    "instances": scenarios.by_instances,
}
PROGRAMS = {"wrk": "wrk", "nginx": "nginx-light", "taskset": "util-linux"}


def missing() -> list[str]:
    """What has to be installed first, in words."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    found = [
        f"{program} (Debian's package {package})"
        for program, package in PROGRAMS.items()
        if shutil.which(program, path=path) is None
    ]
    if len(os.sched_getaffinity(0)) < 2:
        found.append("a second core, for the load generator")
    return found


def main() -> None:
    """Run the scenarios that were asked for; all of them go into the docs."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help=f"which to run, of: {', '.join(SCENARIOS)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each comparison is made")
    parser.add_argument("--seconds", type=int, default=3, help="how long each run of one takes")
    chosen = parser.parse_args()
    if unknown := set(chosen.scenarios) - set(SCENARIOS):
        parser.error(f"there is no scenario {min(unknown)!r}")
    if lacking := missing():
        sys.exit("bench: this is missing: " + "; ".join(lacking))
    findings = Findings()
    for name in chosen.scenarios or SCENARIOS:
        told = len(findings.figures)
        SCENARIOS[name](Pace(chosen.rounds, chosen.seconds), findings)
        for figure in findings.figures[told:]:
            print(report.line(figure), flush=True)
    for growth in findings.growths:
        print(growth, flush=True)
    if not chosen.scenarios:
        report.write(findings)


if __name__ == "__main__":
    main()
