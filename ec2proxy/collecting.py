"""When Python looks for garbage: seldom enough that nobody who polls has to wait for it."""

import gc

#: New objects before the youngest are looked at, and how many such looks before one at the older and at the oldest.
#: By Python's own (700, 10, 10) a list of 10,000 instances has all that there is looked at, 0.1 s and more at a time.
#: To look at those that have outlived a few looks costs the same in all, however often it is done; seldom, it is long.
THRESHOLDS = (5_000, 2, 500)


def collect_seldom() -> None:
    """Leave what a process has loaded at its start out of every later collection, and collect less often.

    To be called once, when the process has what it needs: modules and interfaces alone are a hundred thousand objects.
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
