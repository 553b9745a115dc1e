"""What was measured of one gateway, each number with the cases that it comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

FILE: Final = "costs.toml"


@dataclass(frozen=True, slots=True)
class Cost:
    """One number."""

    value: float
    unit: str
    cases: tuple[str, ...]
    """Folders below ``benchmarks/cases``; empty for a bound that the program itself keeps."""
    how: str
    """How it comes from them, in words."""


@dataclass(frozen=True, slots=True)
class Costs:
    """All of them, by names such as ``cpu.span``."""

    machine: str
    """What they were measured on."""
    results: Mapping[str, str]
    """Commit and date of the result of each case."""
    known: Mapping[str, Cost]

    def __getitem__(self, name: str) -> float:
        """The number alone."""
        return self.known[name].value

    def cases(self, *names: str) -> tuple[str, ...]:
        """Where these come from, each case once."""
        return tuple(dict.fromkeys(case for name in names for case in self.known[name].cases))

    @classmethod
    def parse(cls, text: str) -> Costs:
        """From TOML, as ``costs.toml`` has it."""
        table = tomllib.loads(text)
        machine, results = table.pop("machine"), table.pop("results")
        known = {
            name: Cost(float(one["value"]), one["unit"], tuple(one["cases"]), one["how"])
            for name, one in _leaves(table, "")
        }
        return cls(machine, results, known)


def _leaves(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, one in table.items():
        if "value" in one:
            yield before + key, one
        else:
            yield from _leaves(one, f"{before}{key}.")


@cache
def measured() -> Costs:
    """Those that the program comes with."""
    return Costs.parse((files("tailsampler.size") / FILE).read_text(encoding="ascii"))
