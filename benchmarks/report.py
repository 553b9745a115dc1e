"""The report: what came out beside its goals, for people and for programs."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import plots, process
from benchmarks.case import CASES, Goal
from benchmarks.figures import COLUMNS, FIGURES
from benchmarks.result import OURS, Judged, Result, Spread

RESULTS: Final = Path(__file__).parent / "results"
SUMMARY: Final = "README.md"
_TELLING: Final = ("cpu_us_a_span", "p99_ms", "first_accepted_s", "anonymous_mb")
"""What a peer is compared by, where it was measured."""


def render(result: Result, *, plot: str | None = None) -> str:
    """The report of one case as Markdown; ``plot`` is the name of its drawing."""
    case = result.case
    lines = [
        f"# {case.name}",
        "",
        case.about,
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        f"Medians of {_rounds(result)}, with the smallest and the largest.",
        "What stands in one table took turns in one run.",
        "",
        *_table(result),
    ]
    if case.goals:
        lines += ["", *_goals(result.judge(cores()))]
    if len(result.subjects()) > 1:
        lines += ["", *_ratios(result)]
    lines += [f"\n{note}" for note in result.notes]
    if plot:
        lines += ["", f"![{plots.alternative(result)}]({plot})"]
    return "\n".join(lines) + "\n"


def _rounds(result: Result) -> str:
    count = len({sample.round for sample in result.samples})
    return "one round" if count == 1 else f"{count} rounds"


def _table(result: Result) -> Iterator[str]:
    names = [
        name
        for name in COLUMNS[result.case.measure.kind]
        if any(name in sample.figures for sample in result.samples)
    ]
    several = len(result.subjects()) > 1
    heads = ["", *(["of"] if several else []), *map(_head, names), "accounted"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for way in result.case.measured:
        for who in result.subjects():
            mine = [one for one in result.samples if (one.way, one.subject) == (way, who)]
            if not mine:
                continue
            cells = [_spread(result.spread(way, name, who), name) for name in names]
            told = {sample.accounted for sample in mine}
            books = "NO" if False in told else "not asked" if None in told else "every span"
            yield f"| {' | '.join([way, *([who] if several else []), *cells, books])} |"


def _head(name: str) -> str:
    return f"{FIGURES[name].label}, {FIGURES[name].unit}"


def _spread(spread: Spread | None, name: str) -> str:
    if spread is None:
        return ""
    digits = FIGURES[name].digits
    low, middle, high = (
        f"{value:,.{digits}f}" for value in (spread.low, spread.middle, spread.high)
    )
    return middle if low == high else f"{middle} ({low} - {high})"


def _goals(judged: list[Judged]) -> Iterator[str]:
    yield "| goal | wanted | measured | met |"
    yield "|---|---|---|---|"
    for one in judged:
        yield f"| {words(one.goal)} | {wanted(one.goal)} | {measured(one)} | {verdict(one)} |"


def words(goal: Goal) -> str:
    """What a goal is about."""
    against = f", against {goal.against}" if goal.against else ""
    return f"{FIGURES[goal.figure].label}: {goal.of}{against}"


def wanted(goal: Goal) -> str:
    """The number of a goal and its unit."""
    bound = f"<= {goal.at_most:g}" if goal.at_most is not None else f">= {goal.at_least:g}"
    reach = f", reach for {goal.reach:g}" if goal.reach is not None else ""
    return f"{bound} {goal.unit}{reach}"


def measured(one: Judged) -> str:
    """What came of a goal."""
    if one.measured is None:
        return "-"
    return f"{one.measured.middle:,.2f} ({one.measured.low:,.2f} - {one.measured.high:,.2f})"


def verdict(one: Judged) -> str:
    """In a word, or why there is none."""
    if one.met is not None:
        return "yes" if one.met else "NO"
    if one.measured is not None:
        return f"needs {one.goal.cpus} processors; this machine has {one.cores}"
    return "not measured"


def _ratios(result: Result) -> Iterator[str]:
    names = [
        name
        for name in (*_TELLING, "bytes_a_held_span", "acknowledged_spans_a_s")
        if name in COLUMNS[result.case.measure.kind]
    ]
    for peer in result.subjects()[1:]:
        yield f"What {peer} takes for one of ours, in the same round; of rates, what it reaches."
        yield ""
        yield f"| | {' | '.join(FIGURES[name].label for name in names)} |"
        yield f"|{'---|' * (len(names) + 1)}"
        for way in result.case.measured:
            ratios = [result.ratio(name, (way, peer), (way, OURS)) for name in names]
            if any(ratios):
                told = [
                    f"{one.middle:.2f} ({one.low:.2f} - {one.high:.2f})" if one else ""
                    for one in ratios
                ]
                yield f"| {way} | {' | '.join(told)} |"


def table(result: Result) -> dict[str, Any]:
    """Everything, as JSON has it."""
    return {
        "case": result.case.name,
        "machine": process.machine(),
        "cores": cores(),
        "commit": commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "accounted": result.accounted,
        "samples": [dataclasses.asdict(sample) for sample in result.samples],
        "goals": [
            {
                "goal": words(one.goal),
                "wanted": wanted(one.goal),
                "measured": measured(one),
                "met": verdict(one),
            }
            for one in result.judge(cores())
        ],
        "series": result.series,
        "notes": result.notes,
    }


def write(result: Result, directory: Path = RESULTS) -> None:
    """``<case>.md``, ``<case>.json`` and ``<case>.svg``, and the summary of all cases anew."""
    directory.mkdir(parents=True, exist_ok=True)
    name = result.case.name
    (directory / f"{name}.svg").write_bytes(plots.svg(result))
    (directory / f"{name}.md").write_text(render(result, plot=f"{name}.svg"))
    (directory / f"{name}.json").write_text(json.dumps(table(result), indent=2) + "\n")
    (directory / SUMMARY).write_text(summary(directory))


def summary(directory: Path = RESULTS) -> str:
    """All goals of all cases whose results are there, each with its commit and date."""
    lines = [
        "# Results",
        "",
        "Written by `make bench` and `make bench-all`; every row is a case that anyone can run.",
        "",
        "| case | goal | wanted | measured | met | commit, date |",
        "|---|---|---|---|---|---|",
    ]
    machines = set()
    for path in sorted(directory.glob("*.json")):
        one = json.loads(path.read_text())
        if "goals" not in one or not (CASES / path.stem).is_dir():
            continue
        machines.add(one["machine"])
        books = "" if one["accounted"] else " **spans are unaccounted for**"
        lines += [
            f"| [{path.stem}]({path.stem}.md){books} | {goal['goal']} | {goal['wanted']} "
            f"| {goal['measured']} | {goal['met']} | {one['commit']}, {one['date']} |"
            for goal in one["goals"] or [dict.fromkeys(("goal", "wanted", "measured", "met"), "-")]
        ]
    return "\n".join([*lines, "", *(f"Machine: {each}.\n" for each in sorted(machines))])


def cores() -> int:
    """Processors that this run may use."""
    return len(os.sched_getaffinity(0))


def commit() -> str:
    """The commit that was measured, marked if the source differed from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
