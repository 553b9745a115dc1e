"""What can be measured: one module a kind."""

from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.bench import Bench
from benchmarks.measures import cost, held, judge, latency, restart, soak, start
from benchmarks.result import Result

MEASURES: Final[Mapping[str, Callable[[Bench], Result]]] = {
    "cost": cost.run,
    "held": held.run,
    "judge": judge.run,
    "latency": latency.run,
    "overload": latency.overload,
    "restart": restart.run,
    "soak": soak.run,
    "start": start.run,
}
"""By kind, but for modules, which have reports of their own."""
