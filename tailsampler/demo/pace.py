"""Plans at their time: what is due is made, late spans wait, everything is tallied."""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tailsampler.demo.emit import Emitter, Late
from tailsampler.demo.mix import Arrival
from tailsampler.demo.plan import TracePlan
from tailsampler.demo.scenarios import SCENARIOS

# A machine that slept, or is too slow for the rate, does not make up for it in one flood.
_MOST_BEHIND_S: Final = 1.0


@dataclass(slots=True)
class Tally:
    """What was made of one scenario."""

    traces: int = 0
    spans: int = 0
    late_spans: int = 0
    """Of the spans, those that came after the rest of their trace."""


@dataclass(slots=True)
class Pace:
    """Makes what is due. Times are seconds since the start of the demo."""

    emitter: Emitter
    arrivals: Iterator[Arrival]
    tallies: dict[str, Tally] = field(
        default_factory=lambda: {scenario.name: Tally() for scenario in SCENARIOS}
    )
    skipped_s: float = 0.0
    """How much of the plan's time was left out, because the machine was behind."""
    _next: Arrival | None = None
    _late: list[tuple[int, int, Late]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def step(self, at_s: float, now_ns: int) -> None:
        """Make every trace that is due by ``at_s``, and every late span by ``now_ns``."""
        self.step_late(now_ns)
        while True:
            self._next = self._next or next(self.arrivals)
            behind_s = at_s - self.skipped_s - self._next.at_s
            if behind_s < 0:
                return
            self.skipped_s += max(0.0, behind_s - _MOST_BEHIND_S)
            for plan in self._next.plans:
                self._make(plan, now_ns)
            self._next = None

    def step_late(self, now_ns: int) -> None:
        """Make the late spans that are due, and begin no trace."""
        while self._late and self._late[0][0] <= now_ns:
            _, _, late = heapq.heappop(self._late)
            count = self.emitter.emit_late(late)
            tally = self.tallies[late.scenario]
            tally.spans += count
            tally.late_spans += count

    @property
    def waiting(self) -> int:
        """Late spans that are not made yet."""
        return len(self._late)

    @property
    def traces(self) -> int:
        """Made so far."""
        return sum(tally.traces for tally in self.tallies.values())

    @property
    def spans(self) -> int:
        """Made so far."""
        return sum(tally.spans for tally in self.tallies.values())

    def _make(self, plan: TracePlan, now_ns: int) -> None:
        # Its end is now: a trace that is sent has happened.
        emitted = self.emitter.emit(plan, now_ns - plan.duration_ns)
        tally = self.tallies[plan.scenario]
        tally.traces += len(emitted.trace_ids)
        tally.spans += emitted.spans
        for late in emitted.late:
            heapq.heappush(self._late, (late.due_ns, next(self._order), late))
