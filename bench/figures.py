"""What was measured: figures, and how they compare."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from attrs import field, frozen


@frozen
class Figure:
    """One line of the table: ours against something that ran beside it, or ours alone.

    :param what: what was measured, in words.
    :param against: what it is compared with; empty where nothing is.
    :param unit: of :param ours: and :param theirs:.
    :param ours: one value a round.
    :param theirs: the other's, in the same rounds.
    :param goal: a ratio, or a value where nothing is compared; None where there is none.
    :param at_most: whether the goal is not to be exceeded, instead of reached.
    """

    what: str
    against: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    goal: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def ratios(self) -> Sequence[float]:
        """Ours to theirs, round by round."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def judged(self) -> float:
        """What the goal is about, the median over all rounds."""
        return median(self.ratios if self.theirs else self.ours)

    @property
    def reached(self) -> bool | None:
        """Whether the goal is; None where there is none."""
        if self.goal is None:
            return None
        return self.judged <= self.goal if self.at_most else self.judged >= self.goal


@frozen
class Growth:
    """How something grows: one value for each size, of one thing or several.

    :param sizes: the sizes, of :param of:.
    :param lines: by name, a value for each size.
    """

    title: str
    of: str
    unit: str
    sizes: Sequence[int]
    lines: Mapping[str, Sequence[float]]


@frozen
class Findings:
    """All of it."""

    figures: list[Figure] = field(factory=list)
    growths: list[Growth] = field(factory=list)


def rounds(number: int, ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Measure two things in turn, so that what slows the machine slows both.

    :param number: how often.
    """
    ours_, theirs_ = [], []
    for _ in range(number):
        theirs_.append(theirs())
        ours_.append(ours())
    return ours_, theirs_
