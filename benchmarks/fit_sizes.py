"""Write what `tailsampler size` multiplies with, from recorded results; renew docs/sizing.md.

A constant is where the model comes nearest to what was measured: the least sum of fourth powers of
how far off it is in parts of the measurement, so that a span of 0.4 us counts as much as one of 4,
and nothing is far off for the sake of others that are very near.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import geometric_mean
from typing import Final

import numpy as np
from numpy.typing import NDArray

import tailsampler.size.costs as of_program
from benchmarks.report import RESULTS
from benchmarks.sizes import DURABILITY, MissingError, Point, machine, points, results
from scripts.sizing import refresh
from tailsampler.size.costs import Cost, Costs

FILE: Final = Path(of_program.__file__).with_name(of_program.FILE)
WITHIN: Final = 0.25
"""How far off a prediction may be."""
_WAKES: Final = "cpu.wakes_per_second"
_OF_PROGRAM: Final = "a bound that the program itself keeps"


@dataclass(frozen=True, slots=True)
class Constant:
    """One that is looked for."""

    unit: str
    cases: tuple[str, ...]
    """Those that tell it."""
    how: str


_CPU: Final = {
    "cpu.span": Constant("us a span", ("standard_chain", "latency"), "the rest of all cases"),
    "cpu.byte": Constant("us a byte", ("span_bytes",), "spans of 270 and 2,000 bytes"),
    "cpu.trace": Constant("us a trace", ("trace_shapes",), "1, 8 and 200 spans a trace"),
    "cpu.part": Constant(
        "us a further request of a trace", ("trace_shapes",), "traces in 4 and 25 requests"
    ),
    "cpu.request": Constant(
        "us a request", ("standard_chain", "latency"), "2048, 512, 64 and 8 spans a request"
    ),
    "cpu.wake": Constant(
        "us a request that comes alone", ("latency",), "loads at shares of the top, and at it"
    ),
    "cpu.large_byte": Constant(
        "us a byte of requests over 256 KiB",
        ("standard_chain", "span_bytes"),
        "2048 spans a request, and 512 of 2,000 bytes",
    ),
    "cpu.kept_span": Constant("us a kept span", ("keep",), "0.1 to 100 % kept"),
    "cpu.kept_byte": Constant("us a kept byte", ("keep",), "spans of 270 and 2,000 bytes"),
    **{
        f"cpu.{step}.{per}": Constant(
            f"us a {per}", ("protocols",), "beside gRPC, 512 and 64 spans a request"
        )
        for step in ("gzip", "tls", "http", "json")
        for per in ("request", "byte")
    },
    "cpu.chain.twenty": Constant("us a span", ("chains",), "beside the standard chain"),
    "cpu.chain.contrib": Constant("us a span", ("chains",), "beside the standard chain"),
    "cpu.always": Constant(
        "us a request", (DURABILITY,), "fsync: always beside an interval, 64 spans a request"
    ),
}
_GROUPS: Final[Mapping[str, Mapping[str, Constant]]] = {
    "cpu_us_a_span": _CPU,
    "top_spans_a_s": {
        "top.request": Constant("us a request", ("latency",), "the top of the smallest"),
        "top.byte": Constant("us a byte", ("latency",), "the tops of larger ones"),
    },
    "bytes_a_held_span": {
        "memory.trace": Constant(
            "bytes a trace", ("growth", "growth_traces", "memory"), "a million held and more"
        ),
    },
    "disk_bytes_a_span": {
        "disk.request": Constant("bytes a request", ("span_bytes",), "beside the wire"),
        "disk.trace": Constant("bytes a trace", ("trace_shapes",), "1, 8 and 200 spans a trace"),
        "disk.kept_span": Constant("bytes a kept span", ("keep",), "beside the wire"),
    },
    "first_accepted_s": {
        "start.empty_s": Constant("s", ("start",), "the median"),
    },
    "ready_s": {
        "start.held_us": Constant("us a held span", ("restart",), "beside an empty directory"),
    },
    "anonymous_mb": {
        "memory.program": Constant(
            "bytes", ("soak",), "without the index, verdicts and bodies of that load"
        ),
    },
}
_FIXED: Final = {
    "memory.part": Cost(12.0, "bytes a request of a trace", (), _OF_PROGRAM),
    "memory.verdict": Cost(24.0, "bytes a verdict", (), _OF_PROGRAM),
    "memory.peer_trace": Cost(40.0, "bytes a trace", (), _OF_PROGRAM),
    "memory.in_flight_s": Cost(0.1, "s", (), "the age at which requests are refused"),
    "top.cores": Cost(2.0, "cores", ("latency",), "of the machine; the generator ran there, too"),
    "disk.always": Cost(
        8192.0, "bytes a request", (DURABILITY,), "two blocks, which is what reached the disk"
    ),
}
_STEPS: Final = 50
_EXACT: Final = 1e-9
_Numbers = NDArray[np.float64]
WAKES_TRIED: Final = [500.0 * 1.1**step for step in range(50)]


def fit(found: Sequence[Point], said: Mapping[str, str], where: str) -> Costs:
    """All constants, by the points that tell them."""
    known = dict(_FIXED)
    for group in _GROUPS.values():
        known |= {name: Cost(0.0, one.unit, one.cases, one.how) for name, one in group.items()}
    known[_WAKES] = Cost(
        1.0, "a second", ("latency", "standard_chain"), "where it comes nearest to all of them"
    )
    costs = Costs(where, said, known)
    best = min(
        (_cpu(costs, found, wakes) for wakes in WAKES_TRIED),
        key=lambda one: _fourths(one, found),
    )
    for figure, group in _GROUPS.items():
        if figure not in {"cpu_us_a_span", "top_spans_a_s"}:
            best = _group(best, found, figure, list(group))
    return _with(best, _tops(found))


def _cpu(costs: Costs, found: Sequence[Point], wakes: float) -> Costs:
    return _group(_with(costs, {_WAKES: wakes}), found, "cpu_us_a_span", list(_CPU))


def _fourths(costs: Costs, found: Sequence[Point]) -> float:
    return sum(one.off(costs) ** 4 for one in found if one.figure == "cpu_us_a_span")


def _tops(found: Sequence[Point]) -> dict[str, float]:
    """Of the smallest requests what one takes, of all others what a byte takes."""
    told = [one for one in found if one.figure == "top_spans_a_s"]
    smallest = min(one.demand.spans_per_request for one in told)
    of_request, of_byte = [], []
    for one in told:
        us = 1e6 / one.measured
        if one.demand.spans_per_request == smallest:
            of_request.append(us * smallest)
        else:
            of_byte.append(us / one.demand.bytes_per_span)
    return {"top.request": geometric_mean(of_request), "top.byte": geometric_mean(of_byte)}


def _group(costs: Costs, found: Sequence[Point], figure: str, names: list[str]) -> Costs:
    """Those constants in which the figure is a sum; none of them is under 0."""
    told = [one for one in found if one.figure == figure]
    wanted = np.array([one.measured for one in told])
    looked_for = list(names)
    while looked_for:
        nothing = _with(costs, dict.fromkeys(names, 0.0))
        base = np.array([one.predicted(nothing) for one in told])
        alone = [_with(nothing, {name: 1.0}) for name in looked_for]
        table = np.array([[each.predicted(costs) for costs in alone] for each in told])
        table = (table - base[:, None]) / wanted[:, None]
        rest = 1 - base / wanted
        answer = _nearest(table, rest)
        below = [name for name, value in zip(looked_for, answer, strict=True) if value < 0]
        if not below:
            return _with(nothing, dict(zip(looked_for, map(float, answer), strict=True)))
        looked_for = [name for name in looked_for if name not in below]
    return _with(costs, dict.fromkeys(names, 0.0))


def _nearest(table: _Numbers, wanted: _Numbers) -> _Numbers:
    """The least sum of fourth powers, by least squares with weights."""
    answer = _squares(table, wanted)
    for _ in range(_STEPS):
        off = np.abs(table @ answer - wanted)
        if off.max() < _EXACT:
            break
        weight = np.maximum(off, off.max() / 1000)
        better = _squares(table * weight[:, None], wanted * weight)
        # Steps of a third come to rest where whole ones go to and fro.
        answer += (better - answer) / 3
    return answer


def _squares(table: _Numbers, wanted: _Numbers) -> _Numbers:
    return np.asarray(np.linalg.lstsq(table, wanted, rcond=None)[0], np.float64)


def _with(costs: Costs, values: Mapping[str, float]) -> Costs:
    changed = {name: replace(costs.known[name], value=value) for name, value in values.items()}
    return replace(costs, known={**costs.known, **changed})


def text(costs: Costs) -> str:
    """As ``costs.toml`` has it."""
    lines = [
        "# Made by `python -m benchmarks.fit_sizes` from benchmarks/results; do not edit.",
        "# What one gateway takes, as `tailsampler size` multiplies it.",
        "",
        f'machine = "{costs.machine}"',
        "",
        "[results] # commit and date of each",
        *(f'{case} = "{said}"' for case, said in costs.results.items()),
    ]
    for name, one in costs.known.items():
        cases = ", ".join(f'"{case}"' for case in one.cases)
        lines += [
            "",
            f"[{name}]",
            f"value = {_digits(one.value)}",
            f'unit = "{one.unit}"',
            f"cases = [{cases}]",
            f'how = "{one.how}"',
        ]
    return "\n".join(lines) + "\n"


def _digits(value: float) -> str:
    """Three that mean something."""
    return repr(float(f"{value:.3g}"))


def table(costs: Costs, found: Iterable[Point]) -> Iterable[str]:
    """Every point beside its prediction, the worst last."""
    for one in sorted(found, key=lambda one: abs(one.off(costs))):
        predicted = one.predicted(costs)
        yield f"{one.off(costs):+7.1%}  {predicted:12,.2f} for {one.measured:12,.2f}  {one}"


def main(line: Sequence[str] | None = None) -> int:
    """Fit, print, write; status 1 if a prediction is further off than it may be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_sizes", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--no-write", action="store_true", help="print only")
    arguments = parser.parse_args(line)
    try:
        found = points(arguments.results)
        where = machine(arguments.results)
        costs = fit(found, results(arguments.results), where)
    except MissingError as error:
        print(f"fit_sizes: {error}", file=sys.stderr)
        return 2
    if not arguments.no_write:
        FILE.write_text(text(costs))
        print(f"wrote {FILE}")
        refresh()
    print("\n".join(table(costs, found)))
    return int(any(abs(one.off(costs)) > WITHIN for one in found))


if __name__ == "__main__":
    sys.exit(main())
