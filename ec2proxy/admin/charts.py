"""Small charts as inline SVG, drawn here so that they are the same with JavaScript and without."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 240, 48
"""The size of a chart's own coordinates; the page scales it."""

Series = Sequence[float | None]


def sparkline(label: str, shown: str, *series: Series, top: float | None = None) -> str:
    """A line for each series over one another, the first one filled.

    :param label: what it shows, for who cannot see it.
    :param shown: the present value in words, likewise.
    :param top: what the upper edge stands for; by default the highest value.
    """
    highest = max((value for one in series for value in one if value is not None), default=0.0)
    scale = max(top if top is not None else highest, 1e-9)
    drawn = [
        f'<path class="series-{number}" d="{path}"/>'
        for number, one in reversed(list(enumerate(series)))
        for path in _paths(one, scale)
    ]
    if series and any(value is not None for value in series[0]):
        drawn = [f'<path class="area" d="{path}"/>' for path in _paths(series[0], scale, closed=True)] + drawn
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(label)}: {escape(shown)}"><title>{escape(label)}: {escape(shown)}</title>'
        f'<line class="base" x1="0" y1="{HEIGHT - 1}" x2="{WIDTH}" y2="{HEIGHT - 1}"/>{"".join(drawn)}</svg>'
    )


def _paths(series: Series, scale: float, *, closed: bool = False) -> list[str]:
    """The lines of a series, interrupted where there is no value; the newest value is at the right edge."""
    runs: list[list[tuple[float, float]]] = [[]]
    step = WIDTH / max(len(series) - 1, 1)
    for index, value in enumerate(series):
        if value is None:
            runs.append([])
        else:
            y = HEIGHT - 1 - min(value / scale, 1.0) * (HEIGHT - 4)
            runs[-1].append((round(index * step, 1), round(y, 1)))
    return [_path(run, closed) for run in runs if run]


def _path(run: Sequence[tuple[float, float]], closed: bool) -> str:
    line = "M" + " L".join(f"{x:g},{y:g}" for x, y in run)
    if len(run) == 1:
        # A single point has no length: make it one unit long, so that it is seen.
        line += " h1"
    if closed:
        line += f" L{run[-1][0]:g},{HEIGHT - 1} L{run[0][0]:g},{HEIGHT - 1} Z"
    return line
