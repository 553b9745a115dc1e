"""What `tailsampler size` says of the loads of our cases, beside what came of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.bench import seconds
from benchmarks.case import Case, Latency, Load, Soak, Way, at_share
from benchmarks.report import RESULTS
from benchmarks.result import OURS
from tailsampler.size import disk, memory, processor
from tailsampler.size.costs import Costs
from tailsampler.size.demand import Chain, Demand, Protocol
from tailsampler.size.part import total

STANDARD_KEPT: Final = 0.012
"""Of the generator's spans by the standard chain: one trace in a hundred has an error, of one in a
hundred that is slow a tenth, of those of the gateway service a hundredth, of others a thousandth;
the other chains of our cases keep about as much."""
LEAST_HELD: Final = 1_000_000
"""Below, what is allocated in large pieces is not a matter of single spans."""

COST: Final = ("standard_chain", "chains", "keep", "protocols", "span_bytes", "trace_shapes")
"""Cases of kind ``cost`` that the model speaks of, but for ``waits``."""
CASES: Final = (
    *COST,
    "waits",
    "latency",
    "growth",
    "growth_traces",
    "memory",
    "soak",
    "start",
    "restart",
)
DURABILITY: Final = "durability"
SPOKEN_OF: Final = 0.5
"""Shares of the top up to which the model speaks of cost: the default headroom. Beyond it both
programs fill the machine, and requests wait for each other and are taken together."""
_TOP: Final = re.compile(r"^Top of (.+), tailsampler: ([0-9,]+) spans/s")
_DURABILITY_LOAD: Final = re.compile(r"([0-9,]+) spans a second offered for .*?, (\d+) a request")


class MissingError(Exception):
    """A result is not there, or is not what a case writes; the message says what to run."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measured number, and the load that it was measured at."""

    case: str
    way: str
    figure: str
    measured: float
    """The median of the rounds; of what reached the disk the least."""
    demand: Demand
    lasting_s: float = 0.0
    """How long the load went on, where that matters."""

    def predicted(self, costs: Costs) -> float:
        """What the model makes of it, in the figure's own unit."""
        return _MODEL[self.figure](costs, self)

    def off(self, costs: Costs) -> float:
        """How far the prediction is from it: 0.1 is a tenth too much."""
        return self.predicted(costs) / self.measured - 1

    def __str__(self) -> str:
        """For people."""
        return f"{self.case}, {self.way}: {self.figure}"


def _most_disk_mb(costs: Costs, point: Point) -> float:
    _, verdicts, _ = disk.written(costs, point.demand)
    log = min(verdicts.value * point.lasting_s, disk.DECISIONS_BYTES)
    return (disk.buffer(costs, point.demand) + disk.SPARE_BYTES + log) / 1e6


_MODEL: Final[Mapping[str, Callable[[Costs, Point], float]]] = {
    "cpu_us_a_span": lambda costs, one: processor.us_a_span(costs, one.demand),
    "top_spans_a_s": lambda costs, one: processor.threads_top(costs, one.demand),
    "disk_bytes_a_span": lambda costs, one: (
        total(disk.written(costs, one.demand)) / one.demand.spans_per_second
    ),
    "bytes_a_held_span": lambda costs, one: (
        memory.trace_bytes(costs, one.demand.parts) / one.demand.spans_per_trace
    ),
    "anonymous_mb": lambda costs, one: total(memory.process(costs, one.demand)) / 1e6,
    "most_disk_mb": _most_disk_mb,
    "first_accepted_s": lambda costs, one: disk.ready_s(costs, one.demand),
    "ready_s": lambda costs, one: disk.ready_s(costs, one.demand),
}


def results(directory: Path = RESULTS) -> dict[str, str]:
    """Commit and date of every result that the model speaks of.

    Raises:
        MissingError: one is not there.
    """
    told = {name: _read(name, directory) for name in CASES}
    found = {name: f"{one['commit']}, {one['date']}" for name, one in told.items()}
    text = _durability(directory)
    said = re.search(r"^Commit: (\S+)\. Date: (\S+)\.$", text, re.MULTILINE)
    if said is None:
        raise MissingError(f"{DURABILITY}.md says no commit; run `make bench ARGS='--case ...'`")
    return found | {DURABILITY: f"{said[1]}, {said[2]}"}


def machine(directory: Path = RESULTS) -> str:
    """What they were measured on.

    Raises:
        MissingError: as ``results``.
    """
    return str(_read(COST[0], directory)["machine"])


def points(directory: Path = RESULTS) -> list[Point]:
    """Everything that the model speaks of.

    Raises:
        MissingError: a result is not there, or one of its ways or figures is not.
    """
    found: list[Point] = []
    for name in CASES:
        table = _read(name, directory)
        found += _of_case(Case.load(name), table)
    return found + list(_of_durability(_durability(directory)))


def _read(name: str, directory: Path) -> dict[str, Any]:
    path = directory / f"{name}.json"
    if not path.is_file():
        raise MissingError(f"{path} is missing; run `make bench ARGS='--case {name}'`")
    table: dict[str, Any] = json.loads(path.read_text())
    if any("figures" not in sample for sample in table["samples"]):
        raise MissingError(f"{path} is of an older form; run `make bench ARGS='--case {name}'`")
    return table


def _of_case(case: Case, table: dict[str, Any]) -> Iterator[Point]:
    figures = _medians(table)
    for way in case.ways:
        match case.measure.kind:
            case "cost":
                yield from _cost(case, way, _of(figures, case, way.name))
            case "latency":
                yield from _latency(case, way, figures, table["notes"])
            case "held":
                one = _of(figures, case, way.name)
                if one["held_spans"] >= LEAST_HELD:
                    demand = _demand(way, 1.0, {})
                    yield _point(case, way.name, "bytes_a_held_span", one, demand)
            case "soak":
                yield from _soak(case, way, _of(figures, case, way.name), table["series"])
            case "start":
                demand = _holding(way, 0.0)
                one = _of(figures, case, way.name)
                yield _point(case, way.name, "first_accepted_s", one, demand)
            case "restart":
                one = _of(figures, case, way.name)
                demand = _holding(way, one["held_spans"])
                yield _point(case, way.name, "ready_s", one, demand)


def _cost(case: Case, way: Way, one: dict[str, float]) -> Iterator[Point]:
    demand = _demand(way, one["acknowledged_spans_a_s"], one)
    yield _point(case, way.name, "cpu_us_a_span", one, demand)
    if case.name in {"keep", "trace_shapes", "span_bytes"}:
        yield _point(case, way.name, "disk_bytes_a_span", one, demand)


def _latency(
    case: Case, way: Way, figures: dict[str, dict[str, float]], notes: list[str]
) -> Iterator[Point]:
    assert isinstance(case.measure, Latency)  # noqa: S101 - it goes by kind
    sizes = {}
    for share in case.measure.shares:
        name = at_share(way.name, share)
        sizes = _of(figures, case, name)
        demand = _demand(way, sizes["acknowledged_spans_a_s"], sizes)
        if share <= SPOKEN_OF:
            yield _point(case, name, "cpu_us_a_span", sizes, demand)
    for note in notes:
        if (said := _TOP.match(note)) and said[1] == way.name:
            top = float(said[2].replace(",", ""))
            demand = _demand(way, top, sizes)
            yield Point(case.name, way.name, "top_spans_a_s", top, demand)
            return
    raise MissingError(f"{case.name}.json has no top of {way.name}; record it again")


def _soak(
    case: Case, way: Way, one: dict[str, float], series: dict[str, list[list[float]]]
) -> Iterator[Point]:
    assert isinstance(case.measure, Soak)  # noqa: S101 - it goes by kind
    demand = _demand(way, float(case.measure.spans_per_second), one)
    for figure in ("cpu_us_a_span", "anonymous_mb", "most_disk_mb"):
        point = _point(case, way.name, figure, one, demand)
        yield replace(point, lasting_s=max(at for line in series.values() for at, _ in line))


def _of_durability(text: str) -> Iterator[Point]:
    load = _DURABILITY_LOAD.search(text)
    if load is None:
        raise MissingError(f"{DURABILITY}.md does not say what was offered; record it again")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    for wait, mode, cpu, *_ in rows[1:]:
        demand = Demand(
            spans_per_second=float(load[1].replace(",", "")),
            spans_per_request=float(load[2]),
            decision_wait_s=seconds(wait),
            kept=STANDARD_KEPT,
            headroom=0.0,
            fsync="always" if mode == "always" else 1.0,
        )
        yield Point(DURABILITY, f"{wait}, {mode}", "cpu_us_a_span", float(cpu), demand)


def _durability(directory: Path) -> str:
    path = directory / f"{DURABILITY}.md"
    if not path.is_file():
        raise MissingError(f"{path} is missing; run `make bench ARGS='--case {DURABILITY}'`")
    return path.read_text()


def _point(case: Case, way: str, figure: str, one: dict[str, float], demand: Demand) -> Point:
    if figure not in one:
        raise MissingError(f"{case.name}.json has no {figure} of {way}; record it again")
    return Point(case.name, way, figure, one[figure], demand)


def _of(figures: dict[str, dict[str, float]], case: Case, way: str) -> dict[str, float]:
    if way not in figures:
        say = f"{case.name}.json has no way {way}; run `make bench ARGS='--case {case.name}'`"
        raise MissingError(say)
    return figures[way]


def _medians(table: dict[str, Any]) -> dict[str, dict[str, float]]:
    rows: dict[str, list[dict[str, float]]] = {}
    for sample in table["samples"]:
        if sample["subject"] == OURS:
            rows.setdefault(sample["way"], []).append(sample["figures"])
    return {
        way: {
            figure: _middle(figure)(one[figure] for one in told if figure in one)
            for figure in dict.fromkeys(figure for one in told for figure in one)
        }
        for way, told in rows.items()
    }


def _middle(figure: str) -> Callable[[Iterable[float]], float]:
    # What reached the disk is of all programs: whatever another one wrote is too much.
    return min if figure == "disk_bytes_a_span" else median


def _demand(way: Way, rate: float, one: dict[str, float]) -> Demand:
    load = way.load
    json_spans = load.protocol == "http-json"
    size = float(load.span_bytes) if json_spans else one.get("wire_bytes_a_span", load.span_bytes)
    kept = way.environment.get("BENCH_KEEP")
    return Demand(
        spans_per_second=rate,
        decision_wait_s=seconds(way.decision_wait),
        bytes_per_span=size,
        kept=STANDARD_KEPT if kept is None else float(kept),
        spans_per_request=load.spans_per_request,
        spans_per_trace=load.spans_per_trace,
        requests_per_trace=load.requests_per_trace,
        headroom=0.0,
        protocol=_protocol(load),
        chain=_chain(way),
    )


def _holding(way: Way, held: float) -> Demand:
    return replace(_demand(way, held, {}), decision_wait_s=1.0)


def _chain(way: Way) -> Chain:
    match Path(way.config).stem:
        case "twenty":
            return "twenty"
        case "contrib":
            return "contrib"
        case _:
            return "standard"


def _protocol(load: Load) -> Protocol:
    if load.tls:
        return "grpc+tls"
    if load.protocol == "http-json":
        return "json"
    if load.protocol == "http-protobuf":
        return "http+gzip" if load.gzip else "http"
    return "grpc+gzip" if load.gzip else "grpc"
