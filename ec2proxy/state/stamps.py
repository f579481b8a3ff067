"""The stamp of a scope: it tells which change was the last, and no two changes share one.

Whoever knows a scope's values keeps the stamp that they go with. A change names the stamp that it was worked out from
and the one that it leaves, so several can be on their way at once, each resting on the one before: where somebody
else's came between, the first of them is refused, and with it all that rest on it.
"""

import os

NONE = ""
"""The stamp of a scope that was never changed."""


def following(stamp: str) -> str:
    """A new stamp for the change after ``stamp``."""
    return f"{number_of(stamp) + 1}.{os.urandom(8).hex()}"


def number_of(stamp: str) -> int:
    """How many changes have led to a stamp."""
    return int(stamp.partition(".")[0]) if stamp else 0
