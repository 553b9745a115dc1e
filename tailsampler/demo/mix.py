"""Which trace comes when: an endless row of plans, the same for the same seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tailsampler.demo.parts import Parts
from tailsampler.demo.plan import TracePlan
from tailsampler.demo.scenarios import SCENARIOS, Scenario


@dataclass(frozen=True, slots=True)
class Arrival:
    """Traces that begin at the same moment."""

    at_s: float
    """Since the start of the demo."""
    plans: tuple[TracePlan, ...]


def arrivals(random: Random, rate: float) -> Iterator[Arrival]:
    """Traces at ``rate`` a second on average, in bursts and gaps as strangers come.

    Every scenario has its turn at the beginning, so that nobody has to wait for the rare ones.
    """
    parts = Parts(random)
    at_s = 0.0
    for scenario in _turns(random):
        plans = tuple(scenario.plan(parts) for _ in range(scenario.times))
        yield Arrival(at_s, plans)
        # Whoever comes after a crowd comes later, so that bursts do not raise the rate.
        at_s += random.expovariate(rate / sum(plan.traces for plan in plans))


def _turns(random: Random) -> Iterator[Scenario]:
    yield from SCENARIOS
    weights = [scenario.weight for scenario in SCENARIOS]
    while True:
        yield from random.choices(SCENARIOS, weights, k=64)
