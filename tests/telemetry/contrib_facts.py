"""What a Collector's page showed of contrib's processor, version 0.165.1: names, kinds, labels.

And what it had counted there for the traffic below, by blocks, one processor each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.contrib.build import PARENT, condition, policy, request, span

PREFIX = "otelcol_processor_tail_sampling_"

FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "count_bytes_sampled": ("counter", ("decision", "policy", "sampled")),
    "count_spans_sampled": ("counter", ("decision", "policy", "sampled")),
    "count_spans_with_unparseable_tracestate": ("counter", ()),
    "count_traces_sampled": ("counter", ("decision", "policy", "sampled")),
    "early_releases_from_cache_decision": ("counter", ("sampled",)),
    "global_count_traces_sampled": ("counter", ("decision", "sampled")),
    "new_trace_id_received": ("counter", ()),
    "sampling_decision_timer_latency": ("histogram", ()),
    "sampling_late_span_age": ("histogram", ()),
    "sampling_policy_evaluation_error": ("counter", ()),
    "sampling_policy_execution_count": ("counter", ("policy",)),
    "sampling_policy_execution_time_sum": ("counter", ("policy",)),
    "sampling_trace_dropped_too_early": ("counter", ()),
    "sampling_trace_removal_age": ("histogram", ()),
    "sampling_traces_on_memory": ("gauge", ()),
    "traces_dropped_too_large": ("counter", ()),
}

A, B, D, E = (bytes([number]) * 16 for number in (1, 2, 3, 4))
ERROR = Status(code=Status.STATUS_CODE_ERROR)
TIMES = {"start_time_unix_nano": 10, "end_time_unix_nano": 20}

FIRST: tuple[ExportTraceServiceRequest, ...] = (
    request(
        span(A, 1, name="a", **TIMES),
        span(A, 2, name="a2", parent_span_id=PARENT, **TIMES),
        resource={"service.name": "s"},
        scope="lib",
    ),
    request(span(A, 3, name="a3", status=ERROR, **TIMES), scope="lib2"),
    request(span(B, 4, name="no", **TIMES), resource={"service.name": "s"}),
    request(span(D, 5, name="d", **TIMES), resource={"service.name": "s" * 400}),
)
LATE: tuple[ExportTraceServiceRequest, ...] = (
    request(span(A, 6, name="late a", **TIMES), scope="lib"),
    request(span(B, 7, name="late b", **TIMES)),
    request(span(D, 8, name="late d", status=ERROR, **TIMES)),
)
LAST = request(span(E, 9, name="e", status=ERROR, **TIMES))


class Counted(NamedTuple):
    """One processor there."""

    name: str
    """Behind the slash of its id; the policies' labels begin with it."""
    block: dict[str, Any]
    traces: dict[tuple[str, str], int]
    """``count_traces_sampled`` by label ``policy`` and ``decision``."""
    executions: dict[str, int]
    """``sampling_policy_execution_count`` by label ``policy``."""


def drop(name: str) -> dict[str, Any]:
    return policy("drop", name, drop_sub_policy=[condition('name == "no"')])


def composite(name: str, *subs: dict[str, Any]) -> dict[str, Any]:
    shares = [{"policy": sub["name"], "percent": 100 // len(subs)} for sub in subs]
    return policy(
        "composite",
        name,
        max_total_spans_per_second=100_000,
        composite_sub_policy=list(subs),
        rate_allocation=shares,
    )


ERRORS = policy("status_code", "errors", status_codes=["ERROR"])
ALL = policy("always_sample", "all")
HALF = policy("probabilistic", "half", sampling_percentage=50)
MOST = policy("probabilistic", "most", sampling_percentage=100)
EVERY_KIND = [
    ALL,
    HALF,
    drop("veto"),
    composite("comp", ERRORS, policy("always_sample", "rest")),
    condition("Len(nil) == 1", name="broken"),
]
CACHES = {"decision_cache": {"sampled_cache_size": 100, "non_sampled_cache_size": 100}}

COUNTED = (
    Counted(
        "",
        {"policies": EVERY_KIND},
        {
            ("veto", "dropped"): 1,
            ("veto", "not_sampled"): 3,
            ("all", "sampled"): 3,
            ("half", "sampled"): 3,
            ("comp", "sampled"): 3,
        },
        {"veto": 4, "all": 3, "half": 3, "comp": 3, "broken": 3},
    ),
    Counted(
        "1",
        {"policies": EVERY_KIND, **CACHES},
        {
            ("1.veto", "dropped"): 1,
            ("1.veto", "not_sampled"): 3,
            ("1.all", "sampled"): 3,
            ("1.half", "sampled"): 3,
            ("1.comp", "sampled"): 3,
        },
        {"1.veto": 4, "1.all": 3, "1.half": 3, "1.comp": 3, "1.broken": 3},
    ),
    Counted(
        "3",
        {"policies": [ERRORS], **CACHES},
        {("3.errors", "sampled"): 2, ("3.errors", "not_sampled"): 2},
        {"3.errors": 4},
    ),
    Counted(
        "4",
        {
            "maximum_trace_size_bytes": 300,
            "policies": [
                composite("c1", policy("always_sample", "inner1")),
                composite("c2", policy("probabilistic", "inner2", sampling_percentage=100)),
                policy("always_sample", "last"),
            ],
        },
        {("4.c1", "sampled"): 3, ("4.c2", "sampled"): 3, ("4.last", "sampled"): 3},
        {"4.c1": 3, "4.c2": 3, "4.last": 3},
    ),
    Counted(
        "5",
        {"policies": [HALF, MOST, ALL]},
        {("5.half", "sampled"): 4, ("5.most", "sampled"): 4, ("5.all", "sampled"): 4},
        {"5.half": 4, "5.most": 4, "5.all": 4},
    ),
)
