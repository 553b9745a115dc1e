"""A case: what is offered, to which configuration, and which numbers it should hold."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    """One folder under ``benchmarks/cases``."""

    name: str
    about: str
    directory: Path
    spans_per_trace: int
    error_share: float
    slow_share: float
    connections: int
    in_flight: int
    rounds: int
    spans: dict[int, int]  # spans offered a round, by spans a request
    held_spans: int  # spans held at once in the memory phase; 0: no memory phase
    decision_wait: str
    cpu_goals_us: dict[int, float]  # microseconds of CPU a span, by spans a request
    memory_goal_bytes: float | None  # anonymous memory a held span

    @classmethod
    def load(cls, directory: Path, scale: float = 1.0) -> "Case":
        """Read ``case.toml``; ``scale`` makes a shorter run of the same shape."""
        table: dict[str, Any] = tomllib.loads((directory / "case.toml").read_text())
        load, goals, memory = table["load"], table["goals"], table.get("memory", {})
        return cls(
            name=directory.name,
            about=table["about"],
            directory=directory,
            spans_per_trace=load["spans_per_trace"],
            error_share=load["error_share"],
            slow_share=load["slow_share"],
            connections=load["connections"],
            in_flight=load["in_flight"],
            rounds=load["rounds"],
            spans={int(size): int(n * scale) for size, n in load["spans"].items()},
            held_spans=int(memory.get("held_spans", 0) * scale),
            decision_wait=table["gateway"]["decision_wait"],
            cpu_goals_us={int(size): goal for size, goal in goals["cpu_us_per_span"].items()},
            memory_goal_bytes=goals.get("memory_bytes_per_span"),
        )

    @staticmethod
    def names() -> Iterator[str]:
        """Every folder that holds a case."""
        return (path.parent.name for path in CASES.glob("*/case.toml"))
