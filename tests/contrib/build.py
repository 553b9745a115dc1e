"""Short ways to make traces and to ask the model about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.contrib.model.chain import Outcome, decide
from tests.contrib.model.compat import COMPAT, NEWEST
from tests.contrib.model.config import decode
from tests.contrib.model.evaluators import build
from tests.contrib.model.trace import Trace, arrivals_in
from tests.contrib.model.votes import Ballot, Decision

TRACE = bytes(range(1, 17))
PARENT = b"\x09" * 8
MS = 1_000_000
SECOND = 1_000_000_000


def any_value(value: Any) -> AnyValue:  # noqa: PLR0911 - one for each kind
    """An attribute's value; None is one that is not set."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
        case _:
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))


def pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def span(trace_id: bytes = TRACE, number: int = 1, **fields: Any) -> Span:
    """A root span, unless a parent is given; attributes may be a mapping."""
    if isinstance(fields.get("attributes"), Mapping):
        fields["attributes"] = pairs(fields["attributes"])
    return Span(trace_id=trace_id, span_id=number.to_bytes(8, "big"), **fields)


def request(
    *spans: Span, resource: Mapping[str, Any] | None = None, scope: str = ""
) -> ExportTraceServiceRequest:
    """One request with one resource and one scope."""
    scope_spans = ScopeSpans(scope=InstrumentationScope(name=scope), spans=spans)
    whole = ResourceSpans(
        resource=Resource(attributes=pairs(resource or {})), scope_spans=[scope_spans]
    )
    return ExportTraceServiceRequest(resource_spans=[whole])


def trace_of(*requests: ExportTraceServiceRequest) -> Trace:
    """A trace of all spans of these requests, which all belong to it."""
    arrivals = [arrival for each in requests for arrival in arrivals_in(each)]
    (trace_id,) = {arrival.trace_id for arrival in arrivals}
    count = sum(len([*arrival.spans]) for arrival in arrivals)
    return Trace(trace_id, arrivals, count)


def outcome(
    policies: Sequence[Mapping[str, Any]],
    trace: Trace,
    *,
    compat: str = NEWEST,
    first_match: bool = False,
) -> Outcome:
    """What these policies together say about a trace at second 0."""
    built = build(decode({"policies": policies}, compat), COMPAT[compat], use_tracestate=False)
    return decide(built, trace, 0, first_match=first_match)


def ballot(
    kind: str,
    block: Mapping[str, Any],
    trace: Trace,
    *,
    compat: str = NEWEST,
    use_tracestate: bool = False,
) -> Ballot:
    """What one policy says about a trace at second 0."""
    config = decode({"policies": [policy(kind, **block)]}, compat)
    (named,) = build(config, COMPAT[compat], use_tracestate=use_tracestate)
    return named.policy.evaluate(trace, 0)


def sampled(kind: str, block: Mapping[str, Any], trace: Trace, *, compat: str = NEWEST) -> bool:
    """Whether one policy samples a trace."""
    found = ballot(kind, block, trace, compat=compat)
    return getattr(found, "decision", None) is Decision.SAMPLED


def policy(kind: str, name: str = "p", **block: Any) -> dict[str, Any]:
    """A policy's mapping."""
    return {"name": name, "type": kind} | ({kind: block} if block else {})


def condition(*span_conditions: str, name: str = "p", mode: str = "propagate") -> dict[str, Any]:
    """An ``ottl_condition``."""
    return policy("ottl_condition", name, error_mode=mode, span=[*span_conditions])
