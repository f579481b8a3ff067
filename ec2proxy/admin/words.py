"""Figures as a person reads them."""


def duration(seconds: float | None) -> str:
    """A time that something took: ``0.4 ms``, ``1.2 s``."""
    if seconds is None:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s"


def age(seconds: float) -> str:
    """How long ago: ``12 s``, ``5 min``, ``3 h``, ``2 d``."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def rate(value: float) -> str:
    """How many a second, with as many digits as mean something."""
    return number(value) if value >= 10 else f"{value:.1f}"


def number(value: float) -> str:
    """A count, its thousands apart by a thin space."""
    return f"{value:,.0f}".replace(",", "\u202f")


def share(value: float | None) -> str:
    """A part of a whole: ``99.3 %``; never 100 where something is missing."""
    if value is None:
        return "-"
    percent = value * 100
    return f"{min(percent, 99.9):.1f} %" if percent < 100 else "100 %"
