"""A small case and its results, for the tests of what reads and shows them."""

from __future__ import annotations

from typing import Any

from benchmarks.case import Case
from benchmarks.result import OURS, Result, Sample

TABLE: dict[str, Any] = {
    "about": "Two ways.",
    "measure": {"kind": "cost"},
    "rounds": 3,
    "load": {"spans": 5_120},
    "ways": [{"name": "plain"}, {"name": "rich", "load": {"spans_per_request": 64}}],
    "goals": [
        {"figure": "cpu_us_a_span", "of": "plain", "at_most": 1.0, "unit": "us"},
        {
            "figure": "cpu_us_a_span",
            "of": "rich",
            "against": "plain",
            "at_most": 1.5,
            "unit": "times",
        },
    ],
}


def case(**changes: Any) -> Case:
    """The case, with some of its table changed."""
    return Case.of("small", TABLE | changes, "small/case.toml")


def sample(
    way: str, number: int, cpu_us: float, *, accounted: bool | None = True, subject: str = OURS
) -> Sample:
    return Sample(way, number, {"cpu_us_a_span": cpu_us, "p99_ms": 2.0}, accounted, subject)


def result(*samples: Sample) -> Result:
    return Result(case(), list(samples))
