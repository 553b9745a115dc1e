"""Costs in round numbers, so that what follows from them can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tailsampler.size.costs import Cost, Costs

VALUES: Final[Mapping[str, float]] = {
    "cpu.span": 0.2,
    "cpu.byte": 0.001,
    "cpu.trace": 0.8,
    "cpu.part": 0.4,
    "cpu.request": 4.0,
    "cpu.wake": 96.0,
    "cpu.wakes_per_second": 1_000.0,
    "cpu.large_byte": 0.002,
    "cpu.kept_span": 1.0,
    "cpu.kept_byte": 0.01,
    "cpu.gzip.request": 8.0,
    "cpu.gzip.byte": 0.002,
    "cpu.tls.request": 16.0,
    "cpu.tls.byte": 0.001,
    "cpu.http.request": 32.0,
    "cpu.http.byte": 0.003,
    "cpu.json.request": 64.0,
    "cpu.json.byte": 0.02,
    "cpu.chain.twenty": 0.1,
    "cpu.chain.contrib": 0.5,
    "cpu.always": 64.0,
    "top.request": 10.0,
    "top.byte": 0.001,
    "top.cores": 2.0,
    "memory.program": 100e6,
    "memory.trace": 100.0,
    "memory.part": 12.0,
    "memory.verdict": 24.0,
    "memory.peer_trace": 40.0,
    "memory.in_flight_s": 0.1,
    "disk.request": 64.0,
    "disk.trace": 80.0,
    "disk.kept_span": 50.0,
    "disk.always": 8192.0,
    "start.empty_s": 0.5,
    "start.held_us": 0.2,
}
COSTS: Final = Costs(
    "a machine",
    {"some": "abc, 2026-01-01"},
    {name: Cost(value, "", ("some",), "by hand") for name, value in VALUES.items()},
)


def costs(**values: float) -> Costs:
    """With some of them changed; ``__`` stands for a dot."""
    known = dict(COSTS.known)
    for name, value in values.items():
        key = name.replace("__", ".")
        known[key] = replace(known[key], value=value)
    return replace(COSTS, known=known)
