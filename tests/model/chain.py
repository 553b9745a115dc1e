"""The standard chain: the spans of one trace in, a verdict out.

Every rule is spelled out as an operator would say it, over protobuf objects, with no regard to
speed: a trace is a list of spans, and every question walks all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import mmh3
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.model.tracestate import NEVER, RANDOM_BITS, TraceState

HTTP_STATUS_KEYS = ("http.response.status_code", "http.status_code")
GRPC_CODE_KEY = "rpc.grpc.status_code"
GRPC_NAME_KEY = "rpc.response.status_code"
GRPC_SERVER_FAULTS = {
    2: "UNKNOWN",
    4: "DEADLINE_EXCEEDED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
}
MASK = NEVER - 1


@dataclass(frozen=True)
class Policy:
    """One rule; every criterion that is set must hold, none set matches every trace."""

    name: str
    sample_rate: float
    error_status_codes: tuple[int, ...] | None = None
    error_status: bool = True
    duration_threshold_ms: int | None = None
    service_name: str | None = None
    wait_ms: int | None = None


@dataclass(frozen=True)
class Chain:
    """Policies in the operator's order, and how long a trace is held."""

    policies: tuple[Policy, ...]
    wait_ms: int
    wait_after_root_ms: int | None = None
    hash_trace_ids: bool = False


@dataclass(frozen=True)
class Received:
    """One accepted span with what stood around it in the request."""

    span: Span
    resource: Resource
    resource_schema: str
    scope: InstrumentationScope
    scope_schema: str


@dataclass(frozen=True)
class Verdict:
    """What became of a trace; ``threshold`` is T and ``randomness`` R, both of 56 bits."""

    kept: bool
    policy: str | None
    reason: str
    threshold: int
    randomness: int


def threshold_of(rate: float) -> int:
    """T of a sampling rate between 0 and 1; rate 0 is above every R."""
    return NEVER - floor(Fraction(rate) * NEVER + Fraction(1, 2))


def is_valid(span: Span) -> bool:
    """A trace id is 16 bytes and a span id 8, neither all zero."""
    return (
        len(span.trace_id) == 16
        and any(span.trace_id)
        and len(span.span_id) == 8
        and any(span.span_id)
    )


def is_root(span: Span) -> bool:
    """A root span names no parent."""
    return not span.parent_span_id


def integer_of(value: AnyValue) -> int | None:
    """An integer, or a string of decimal digits as its number."""
    if value.HasField("int_value"):
        return value.int_value
    text = value.string_value
    return int(text) if text.isascii() and text.isdigit() else None


def integers(attributes: Iterable[KeyValue], keys: Sequence[str]) -> set[int]:
    """Every integer found under one of these keys."""
    found = (integer_of(pair.value) for pair in attributes if pair.key in keys)
    return {number for number in found if number is not None}


def strings(attributes: Iterable[KeyValue], key: str) -> set[str]:
    """Every string found under this key."""
    return {
        pair.value.string_value
        for pair in attributes
        if pair.key == key and pair.value.HasField("string_value")
    }


def error_reason(policy: Policy, trace: Sequence[Received]) -> str | None:
    """Why the trace counts as an error, or None if it does not."""
    codes = set(policy.error_status_codes or ())
    spans = [received.span for received in trace]
    if any(integers(span.attributes, HTTP_STATUS_KEYS) & codes for span in spans):
        return "http_status"
    if not policy.error_status:
        return None
    if any(span.status.code == Status.STATUS_CODE_ERROR for span in spans):
        return "span_status"
    for span in spans:
        numbers = integers(span.attributes, [GRPC_CODE_KEY])
        names = strings(span.attributes, GRPC_NAME_KEY)
        if numbers & set(GRPC_SERVER_FAULTS) or names & set(GRPC_SERVER_FAULTS.values()):
            return "grpc_status"
    return None


def duration_ns(trace: Sequence[Received]) -> int:
    """Last end minus first start; unset times do not count, and it is never negative."""
    starts = [r.span.start_time_unix_nano for r in trace if r.span.start_time_unix_nano]
    ends = [r.span.end_time_unix_nano for r in trace if r.span.end_time_unix_nano]
    return max(0, max(ends) - min(starts)) if starts and ends else 0


def match(policy: Policy, trace: Sequence[Received]) -> str | None:
    """The reason for which the policy matches the trace, or None if it does not."""
    reasons = []
    if policy.error_status_codes is not None:
        reasons.append(error_reason(policy, trace))
    if policy.duration_threshold_ms is not None:
        slow = duration_ns(trace) >= policy.duration_threshold_ms * 1_000_000
        reasons.append("duration" if slow else None)
    if policy.service_name is not None:
        named = any(
            policy.service_name in strings(r.resource.attributes, "service.name") for r in trace
        )
        reasons.append("service_name" if named else None)
    if not reasons:
        return "default"
    return None if None in reasons else reasons[0]


def randomness_of(chain: Chain, trace: Sequence[Received]) -> int:
    """R: the root's ``rv``, else the smallest, else from the trace id."""
    roots: list[int] = []
    children: list[int] = []
    for received in trace:
        explicit = TraceState.parse(received.span.trace_state).randomness
        if explicit is not None:
            (roots if is_root(received.span) else children).append(explicit)
    if roots or children:
        return min(roots or children)
    trace_id = trace[0].span.trace_id
    if chain.hash_trace_ids:
        return mmh3.hash64(trace_id, seed=0, x64arch=True, signed=False)[0] & MASK
    return int.from_bytes(trace_id[-RANDOM_BITS // 8 :], "big")


def first_match(chain: Chain, trace: Sequence[Received]) -> tuple[Policy, str] | None:
    """The first policy that matches, with the reason; None if there is none."""
    for policy in chain.policies:
        reason = match(policy, trace)
        if reason is not None:
            return policy, reason
    return None


def judge(chain: Chain, trace: Sequence[Received]) -> Verdict:
    """Run the chain once; a trace that no policy matches is dropped."""
    randomness = randomness_of(chain, trace)
    found = first_match(chain, trace)
    if found is None:
        return Verdict(
            kept=False, policy=None, reason="no_match", threshold=NEVER, randomness=randomness
        )
    policy, reason = found
    threshold = threshold_of(policy.sample_rate)
    return Verdict(threshold <= randomness, policy.name, reason, threshold, randomness)


def wait_ms(chain: Chain, trace: Sequence[Received]) -> int:
    """How long the trace is held: the wait of the first policy that matches so far."""
    found = first_match(chain, trace)
    if found is None or found[0].wait_ms is None:
        return chain.wait_ms
    return found[0].wait_ms
