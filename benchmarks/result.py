"""What came out: samples of rounds, their medians and ratios, and the goals beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.case import Case, Goal

OURS = "tailsampler"


@dataclass(frozen=True, slots=True)
class Sample:
    """One way in one round."""

    way: str
    round: int
    figures: Mapping[str, float]
    """By names of ``FIGURES``."""
    accounted: bool | None
    """Whether every span was; None where nobody can be asked, as with a peer."""
    subject: str = OURS


@dataclass(frozen=True, slots=True)
class Spread:
    """Of several rounds."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None of nothing."""
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal, and what came of it."""

    goal: Goal
    measured: Spread | None
    cores: int
    """Of the machine."""

    @property
    def met(self) -> bool | None:
        """None: it was not measured, or this machine cannot measure it."""
        if self.measured is None or self.cores < self.goal.cpus:
            return None
        if self.goal.at_most is not None:
            return self.measured.middle <= self.goal.at_most
        return self.goal.at_least is not None and self.measured.middle >= self.goal.at_least


@dataclass(slots=True)
class Result:
    """Everything measured in one run of a case."""

    case: Case
    samples: list[Sample] = field(default_factory=list)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Seconds and values, by name, where something is drawn over time."""
    notes: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> bool:
        """Whether no sample has a span that is unaccounted for."""
        return all(sample.accounted is not False for sample in self.samples)

    def subjects(self) -> list[str]:
        """Who was measured, we first."""
        return list(dict.fromkeys([OURS, *(sample.subject for sample in self.samples)]))

    def rounds(self, way: str, figure: str, subject: str = OURS) -> dict[int, float]:
        """A figure of every round."""
        return {
            sample.round: sample.figures[figure]
            for sample in self.samples
            if (sample.way, sample.subject) == (way, subject) and figure in sample.figures
        }

    def spread(self, way: str, figure: str, subject: str = OURS) -> Spread | None:
        """Median, smallest and largest of the rounds."""
        return Spread.of(list(self.rounds(way, figure, subject).values()))

    def ratio(self, figure: str, over: tuple[str, str], under: tuple[str, str]) -> Spread | None:
        """Of two ways, each with its subject: ratios within rounds, and of these the median.

        A round has both within a minute or so; what changes on the machine between rounds is not
        in it.
        """
        above, below = (
            self.rounds(over[0], figure, over[1]),
            self.rounds(under[0], figure, under[1]),
        )
        return Spread.of([above[at] / below[at] for at in above if below.get(at)])

    def judge(self, cores: int) -> list[Judged]:
        """Every goal of the case, by what we measured of ourselves."""
        judged = []
        for goal in self.case.goals:
            if goal.against is None:
                measured = self.spread(goal.of, goal.figure)
            else:
                measured = self.ratio(goal.figure, (goal.of, OURS), (goal.against, OURS))
            judged.append(Judged(goal, measured, cores))
        return judged


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Of the straight line nearest to them, by least squares; 0 of fewer than two moments."""
    known = list(points)
    if len({at for at, _ in known}) < 2:
        return 0.0
    mean_x = sum(at for at, _ in known) / len(known)
    mean_y = sum(value for _, value in known) / len(known)
    over = sum((at - mean_x) * (value - mean_y) for at, value in known)
    return over / sum((at - mean_x) ** 2 for at, _ in known)
