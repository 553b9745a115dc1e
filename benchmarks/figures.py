"""Everything that is measured, with its unit: a figure that is not here is not reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TIMES: Final = "times"


@dataclass(frozen=True, slots=True)
class Figure:
    """One column."""

    label: str
    unit: str
    digits: int = 2


FIGURES: Final[Mapping[str, Figure]] = {
    "cpu_us_a_span": Figure("CPU a span", "us"),
    "kernel_cpu_us_a_span": Figure("of kernel threads", "us"),
    "offered_spans_a_s": Figure("offered", "spans/s", 0),
    "acknowledged_spans_a_s": Figure("acknowledged", "spans/s", 0),
    "refused_requests": Figure("refused", "requests", 0),
    "generator_headroom": Figure("a processor could offer one of ours", TIMES, 1),
    "times_top": Figure("offered, of the top", TIMES, 1),
    "p50_ms": Figure("p50", "ms"),
    "p99_ms": Figure("p99", "ms"),
    "p999_ms": Figure("p99.9", "ms"),
    "anonymous_mb": Figure("memory, anonymous", "MB", 0),
    "file_mb": Figure("memory, files", "MB", 0),
    "disk_bytes_a_span": Figure("reached the disk", "bytes/span", 0),
    "wire_bytes_a_span": Figure("on the wire", "bytes/span", 0),
    "others_cores": Figure("other programs", "cores"),
    "held_spans": Figure("held", "spans", 0),
    "bytes_a_held_span": Figure("anonymous memory a held span", "bytes/span", 1),
    "first_accepted_s": Figure("start to first accepted request", "s", 3),
    "ready_s": Figure("start to ready", "s"),
    "replay_s": Figure("of it, reading the logs", "s"),
    "cpu_s": Figure("CPU", "s"),
    "judge_ms": Figure("judging", "ms"),
    "ingest_us_a_span": Figure("taking in, the core alone", "us", 3),
    "growth_mb_a_minute": Figure("growth of anonymous memory", "MB/min"),
    "most_disk_mb": Figure("most on disk", "MB", 0),
    "segments_deleted": Figure("segments deleted", "files", 0),
}
"""By the name that goals and JSON use."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "cost": (
        "cpu_us_a_span",
        "kernel_cpu_us_a_span",
        "offered_spans_a_s",
        "acknowledged_spans_a_s",
        "refused_requests",
        "generator_headroom",
        "p99_ms",
        "anonymous_mb",
        "file_mb",
        "disk_bytes_a_span",
        "wire_bytes_a_span",
        "others_cores",
    ),
    "latency": (
        "offered_spans_a_s",
        "acknowledged_spans_a_s",
        "refused_requests",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "others_cores",
    ),
    "overload": (
        "offered_spans_a_s",
        "times_top",
        "acknowledged_spans_a_s",
        "refused_requests",
        "cpu_us_a_span",
        "p99_ms",
        "anonymous_mb",
    ),
    "held": (
        "held_spans",
        "bytes_a_held_span",
        "cpu_us_a_span",
        "acknowledged_spans_a_s",
        "p99_ms",
        "anonymous_mb",
        "others_cores",
    ),
    "start": ("first_accepted_s", "anonymous_mb"),
    "restart": ("held_spans", "ready_s", "replay_s", "cpu_s", "bytes_a_held_span"),
    "judge": ("judge_ms", "ingest_us_a_span"),
    "soak": (
        "cpu_us_a_span",
        "acknowledged_spans_a_s",
        "refused_requests",
        "p99_ms",
        "anonymous_mb",
        "growth_mb_a_minute",
        "most_disk_mb",
        "segments_deleted",
    ),
}
"""By kind of measure, in the order of the table; the first is drawn unless ``DRAWN`` says else."""

DRAWN: Final[Mapping[str, str]] = {"latency": "p99_ms", "held": "cpu_us_a_span"}
