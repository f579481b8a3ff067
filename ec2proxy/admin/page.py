"""The console: one page, made here whole, and made again in parts for who watches it live."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ec2proxy.admin import words
from ec2proxy.admin.charts import Series, sparkline
from ec2proxy.admin.history import History
from ec2proxy.admin.status import StatusReport
from ec2proxy.admin.tables import Cell, Html, html, mark, table
from ec2proxy.observing import families

#: Errors that say that a backend was not reached; others are its answers.
_UNREACHED = ("BackendUnavailable", "BackendTimeout")

_STATES = {"running": "good", "pending": "warning", "stopping": "warning", "shutting-down": "warning"}
_RESULTS = {"done": "good", "refused": "warning", "failed": "bad", "unknown": "warning"}

_SHOWN_CHANGES = 25

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ec2proxy</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="console.css">
<script src="console.js" defer></script>
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body>
<header><h1>ec2proxy</h1><div id="state">{state}</div><p id="live" role="status">as of now</p></header>
<main>
<section id="figures" aria-label="Now">{figures}</section>
<section aria-labelledby="h-regions"><h2 id="h-regions">Regions</h2><div id="regions">{regions}</div></section>
<div class="columns">
<section aria-labelledby="h-instances"><h2 id="h-instances">Instances</h2>
<div id="instances">{instances}</div></section>
<div>
<section aria-labelledby="h-work"><h2 id="h-work">Unfinished work</h2><div id="work">{work}</div></section>
<section aria-labelledby="h-changes"><h2 id="h-changes">Last changes</h2><div id="changes">{changes}</div></section>
</div>
</div>
</main>
</body>
</html>
"""


def page(report: StatusReport, history: History, now: float) -> str:
    """The whole page."""
    return _PAGE.format(**parts(report, history, now))


def parts(report: StatusReport, history: History, now: float) -> dict[str, str]:
    """What changes on the page, as HTML by the id of its element.

    :param report: of all processes together.
    :param now: epoch seconds.
    """
    regions: Mapping[str, Any] = report["regions"]
    return {
        "state": _state(report, now),
        "figures": _figures(report, history),
        "regions": _regions(regions, history, now),
        "instances": _instances(regions),
        "changes": _changes(report["changes"]),
        "work": _work(regions, now),
    }


def _state(report: StatusReport, now: float) -> str:
    regions = report["regions"]
    down = sorted(name for name, region in regions.items() if region["error"] in _UNREACHED)
    verdict = mark("bad", f"{', '.join(down)} not reached") if down else mark("good", "all is well")
    since = words.age(now - report["started"])
    workers = int(_total(report, families.WORKERS.name))
    processes = "one process" if workers == 1 else f"{workers} workers"
    return f"{verdict.text}<span>version {escape(report['version'])}, up for {since}, {processes}</span>"


def _figures(report: StatusReport, history: History) -> str:
    metrics = report["metrics"]
    spared = sum(value for labels, value in metrics[families.SOURCES.name] if labels[0] == "picture")
    lag = max((value for _, value in metrics[families.LAG.name]), default=0.0)
    p95 = words.duration(history.recent_quantile(0.95))
    calls = words.rate(history.recent_rate("calls"))
    connections = words.number(_total(report, families.CONNECTIONS.name))
    return (
        _tile(
            "Requests a second",
            words.rate(history.recent_rate("requests")),
            _key(f"{words.rate(history.recent_rate('failures'))} of them errors"),
            words.rate,
            history.rate("requests"),
            history.rate("failures"),
        )
        + _tile(
            "Latency, median",
            words.duration(history.recent_quantile(0.5)),
            _key(f"95 %: {p95}"),
            words.duration,
            history.quantile(0.5),
            history.quantile(0.95),
            top=_calm(history.quantile(0.95)),
        )
        + _tile(
            "Answered from pictures",
            words.share(history.recent_share()),
            f"{words.number(spared)} since the start",
            words.share,
            history.shares(),
            top=1.0,
        )
        + _tile("Backend calls a second", calls, _fewer(history), words.rate, history.rate("calls"))
        + _tile("Connections", connections, f"loop {words.duration(lag)} late", words.number, history.connections())
    )


def _fewer(history: History) -> str:
    """How many requests there are for each call of the backend, over all that is kept."""
    requests, calls = history.counted("requests"), history.counted("calls")
    return f"{words.rate(requests / calls)} requests for each" if calls else "none needed"


def _calm(series: Series) -> float | None:
    """What a chart's upper edge is to stand for, so that one outlier does not flatten all the rest."""
    values = sorted(value for value in series if value is not None)
    return min(values[-1], 4 * values[len(values) // 2]) if values else None


def _key(text: str) -> Html:
    """A note that is the key of the chart's second line as well."""
    return Html(f'<span class="key">{escape(text)}</span>')


def _tile(
    name: str, value: str, note: Cell, unit: Callable[[float], str], *series: Series, top: float | None = None
) -> str:
    highest = max((each for one in series for each in one if each is not None), default=None)
    peak = "" if top == 1.0 or highest is None else f'<span class="peak">peak {escape(unit(highest))}</span>'
    return (
        f'<article class="tile"><h2>{escape(name)}</h2><p class="value">{escape(value)}</p>'
        f'<p class="note">{html(note)}{peak}</p>'
        f"{sparkline(f'{name} in the last five minutes', value, *series, top=top)}</article>"
    )


def _regions(regions: Mapping[str, Any], history: History, now: float) -> str:
    def rows() -> Iterator[Sequence[Cell]]:
        for name, region in sorted(regions.items()):
            calls, errors = history.backend(name)
            median = history.recent_quantile(0.5, name)
            chart = sparkline(f"latency of {name}", words.duration(median), history.quantile(0.5, name))
            yield (
                name,
                _health(region),
                f"{words.age(now - region['reached'])} ago" if region["reached"] else "never",
                Html(chart),
                words.duration(median),
                words.duration(history.recent_quantile(0.95, name)),
                words.number(calls),
                words.number(errors),
                words.number(sum(region["states"].values())),
                words.number(region["pictures"]),
                region["backend"],
            )

    heads = ("Region", "Backend", "Asked", "Latency", "median#", "95 %#", "Calls#", "Errors#", "Instances#")
    return table("Regions, in the last five minutes", (*heads, "Pictures#", "URL"), rows(), "There is no region.")


def _health(region: Mapping[str, Any]) -> Html:
    if not region["reached"]:
        return mark("quiet", "not asked yet")
    if region["error"] in _UNREACHED:
        return mark("bad", "timed out" if region["error"] == "BackendTimeout" else "not reached")
    return mark("good", "answers")


def _instances(regions: Mapping[str, Any]) -> str:
    many = len(regions) > 1

    def rows(region: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
        for one in region["instances"]:
            state = mark(_STATES.get(one["state"], "quiet"), one["state"])
            yield one["id"], state, one["name"], one["type"], one["zone"], one["address"], one["owner"]

    told = []
    heads = ("Instance", "State", "Name", "Type", "Zone", "Address", "Owner")
    for name, region in sorted(regions.items()):
        counted = ", ".join(f"{number} {state}" for state, number in sorted(region["states"].items()))
        total, shown = sum(region["states"].values()), len(region["instances"])
        some = f"; {shown} of {words.number(total)} are shown" if shown < total else ""
        if many:
            told.append(f"<h3>{escape(name)}</h3>")
        if counted:
            told.append(f'<p class="note">{escape(counted + some)}</p>')
        nothing = "There are none." if region["seen"] else "Nobody has asked for this region's instances yet."
        told.append(table(f"Instances of {name}", heads, rows(region), nothing))
    return "".join(told)


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        (
            Html(f'<time datetime="{escape(one["time"])}">{escape(one["time"][11:19])}</time>'),
            f"{one['action']}: {one['step']}" if "step" in one else one["action"],
            mark(_RESULTS.get(one["result"], "quiet"), one["error"] or one["result"]),
            ", ".join(one["resources"]) or "-",
            one["principal"] or "-",
            one["client"] or "-",
        )
        for one in changes[:_SHOWN_CHANGES]
    )
    heads = ("At (UTC)", "Action", "Result", "What", "Who", "From")
    return table("The last changes of the cloud", heads, rows, "Nothing has been changed since the start.")


def _work(regions: Mapping[str, Any], now: float) -> str:
    rows = (
        (one["instance"], one["verb"], f"for {words.age(now - one['since'])}", name, one["owner"])
        for name, region in sorted(regions.items())
        for one in region["work"]
    )
    heads = ("Instance", "Promised", "Under way", "Region", "Owner")
    return table("What was promised and is not finished", heads, rows, "Everything that was promised is done.")


def _total(report: StatusReport, name: str) -> float:
    return sum(float(value) for _, value in report["metrics"][name])
