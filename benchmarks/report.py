"""The table beside its goals, for people and for programs."""

import dataclasses
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import process
from benchmarks.measure import Held, Result, Sample

COLUMNS = (
    "spans a request",
    "CPU us a span",
    "goal",
    "acknowledged spans/s",
    "p99 ms",
    "refusals",
    "other programs, cores",
    "accounted",
)
RESULTS = Path(__file__).parent / "results"


def render(result: Result) -> str:
    """The report as Markdown."""
    case = result.case
    lines = [
        f"# {case.name}",
        "",
        case.about,
        "",
        f"Machine: {process.machine()}.",
        f"Commit: {commit()}. Date: {datetime.now(UTC):%Y-%m-%d}.",
        "Medians of rounds, with the smallest and the largest; sizes alternate within a round.",
        "CPU is user and system time of the gateway process,",
        "from the first request until every span is judged, exported and forgotten.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---:|---|---:|---|---|---:|---|---|",
    ]
    lines += [_row(result, size) for size in case.spans]
    lines += ["", f"Idle: {result.idle_cpu_ms_per_s:.1f} ms of CPU a second."]
    if result.held:
        lines += ["", *_memory(result.held, case.memory_goal_bytes)]
    return "\n".join(lines) + "\n"


def _row(result: Result, size: int) -> str:
    samples = [sample for sample in result.samples if sample.spans_per_request == size]

    def spread(value: Callable[[Sample], float], digits: int) -> str:
        values = sorted(value(sample) for sample in samples)
        low, middle, high = values[0], median(values), values[-1]
        return f"{middle:,.{digits}f} ({low:,.{digits}f} - {high:,.{digits}f})"

    accounted = "every span" if all(sample.accounted for sample in samples) else "NO"
    cells = [
        str(size),
        spread(lambda sample: sample.cpu_us_per_span, 2),
        f"{result.case.cpu_goals_us[size]}",
        spread(lambda sample: sample.acked_spans_per_s, 0),
        spread(lambda sample: sample.latency_ms["p99"], 1),
        str(sum(sample.refusals for sample in samples)),
        spread(lambda sample: sample.others_cpu_share, 2),
        accounted,
    ]
    return f"| {' | '.join(cells)} |"


def _memory(held: Held, goal: float | None) -> list[str]:
    wanted = f"{goal:g}" if goal else "-"
    both = held.anonymous_bytes_per_span + held.disk_bytes_per_span
    bound = held.wire_bytes_per_span * 1.1 + (goal or 0)
    return [
        f"Held at once: {held.spans:,} spans of {held.wire_bytes_per_span:.0f} bytes on the wire.",
        "",
        "| bytes a held span | measured | goal |",
        "|---|---:|---:|",
        f"| anonymous memory | {held.anonymous_bytes_per_span:.1f} | {wanted} |",
        f"| mapped files in the process | {held.mapped_bytes_per_span:.1f} | - |",
        f"| data directory on disk | {held.disk_bytes_per_span:.1f} | - |",
        f"| anonymous memory and data directory | {both:.1f} | {bound:.0f} |",
        "",
        f"The process before: {held.resident_before / 1e6:.0f} MB resident.",
        f"Accounted: {'every span' if held.accounted else 'NO'}.",
    ]


def write(result: Result, text: str) -> None:
    """Write ``<case>.md`` and ``<case>.json`` to ``benchmarks/results``."""
    RESULTS.mkdir(exist_ok=True)
    name = result.case.name
    (RESULTS / f"{name}.md").write_text(text)
    table = {
        "case": name,
        "machine": process.machine(),
        "commit": commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "samples": [dataclasses.asdict(sample) for sample in result.samples],
        "held": dataclasses.asdict(result.held) if result.held else None,
        "idle_cpu_ms_per_s": result.idle_cpu_ms_per_s,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(table, indent=2) + "\n")


def commit() -> str:
    """The commit that was measured, marked if the source differed from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
