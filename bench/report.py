"""Findings as docs/performance.rst tells them: tables, and a plot of how costs grow."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import matplotlib

from bench.figures import Figure, Findings, Growth

DOCS = Path(__file__).resolve().parent.parent / "docs"
_BEGIN, _END = ".. figures begin\n", ".. figures end\n"


def write(findings: Findings, docs: Path = DOCS) -> None:
    """Put the figures into performance.rst, between its marks, and the plot beside it."""
    page = docs / "performance.rst"
    before, _, rest = page.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    lines = "\n".join(_told(findings))
    page.write_text(f"{before}{_BEGIN}\n{lines}\n{_END}{after}")
    if findings.growths:
        plot(findings.growths, docs / "performance.svg")


def line(figure: Figure) -> str:
    """A figure in one line, for the terminal."""
    seen = _seen(figure)
    verdict = {None: "", True: "reached", False: "MISSED"}[figure.reached]
    against = f" against {figure.against}" if figure.against else ""
    return f"{figure.what}{against}: {seen} {_goal(figure)} {verdict} {figure.note}".rstrip()


def _told(findings: Findings) -> Iterable[str]:
    cores = len(os.sched_getaffinity(0))
    yield f"Measured on {datetime.now(UTC):%Y-%m-%d} with {cores} cores, Python {platform.python_version()}."
    yield ""
    rows = [
        (figure.what, figure.against or "—", _seen(figure), _goal(figure), _absolute(figure), figure.note)
        for figure in findings.figures
    ]
    yield from _table("What polls cost", ("what", "against", "seen", "goal", "medians", "note"), rows)
    for growth in findings.growths:
        head = (growth.of, *(f"{name} ({growth.unit})" for name in growth.lines))
        yield from _table(
            growth.title,
            head,
            [
                (f"{size:,}", *(_number(values[place]) for values in growth.lines.values()))
                for place, size in enumerate(growth.sizes)
            ],
        )
    if findings.growths:
        yield from (".. image:: performance.svg", "   :alt: The same tables as lines.", "")


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    yield from (f".. list-table:: {title}", "   :header-rows: 1", "")
    for row in (head, *rows):
        yield from (f"   {'*' if place == 0 else ' '} - {cell}".rstrip() for place, cell in enumerate(row))
    yield ""


def _seen(figure: Figure) -> str:
    values = figure.ratios if figure.theirs else figure.ours
    unit = "times" if figure.theirs else figure.unit
    spread = f" ({_number(min(values))} to {_number(max(values))})" if len(values) > 1 else ""
    return f"{_number(median(values))} {unit}{spread}"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return "—"
    return f"at {'most' if figure.at_most else 'least'} {_number(figure.goal)}"


def _absolute(figure: Figure) -> str:
    if not figure.theirs:
        return "—"
    return f"{_number(median(figure.ours))} {figure.unit} to {_number(median(figure.theirs))} {figure.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def plot(growths: Sequence[Growth], path: Path) -> None:
    """Draw how things grow, one beside the other, both axes logarithmic."""
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ec2proxy", "font.size": 9})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(growths), figsize=(5 * len(growths), 3.6), squeeze=False)
    for growth, axis in zip(growths, axes[0], strict=True):
        for name, values in growth.lines.items():
            axis.plot(growth.sizes, values, marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel=growth.of, ylabel=growth.unit, title=growth.title)
        axis.grid(visible=True, alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
