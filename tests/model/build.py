"""Small builders of OTLP objects, for tests that write traces by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.model.chain import Received
from tests.model.gateway import received_in

Value = str | int | float | bool
SECOND = 1_000_000_000


def attributes(pairs: Mapping[str, Value]) -> list[KeyValue]:
    """Attributes from a mapping."""
    return [KeyValue(key=key, value=_any(value)) for key, value in pairs.items()]


def _any(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)


def trace_id(number: int, low: int = 0) -> bytes:
    """A trace id whose low 56 bits are ``low``; ``number`` tells traces apart."""
    return number.to_bytes(9, "little") + low.to_bytes(7, "big")


def span(
    trace: bytes,
    number: int = 1,
    *,
    parent: bytes = b"",
    start: int = 1_000 * SECOND,
    end: int | None = None,
    error: bool = False,
    state: str = "",
    values: Mapping[str, Value] | None = None,
) -> Span:
    """A span, a root unless ``parent`` is given; times in nanoseconds."""
    return Span(
        trace_id=trace,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent,
        name=f"span {number}",
        start_time_unix_nano=start,
        end_time_unix_nano=start if end is None else end,
        trace_state=state,
        status=Status(code=Status.STATUS_CODE_ERROR) if error else None,
        attributes=attributes(values or {}),
    )


def request(spans: Sequence[Span], service: str | None = "shop") -> ExportTraceServiceRequest:
    """One request with one resource."""
    resource = Resource(attributes=attributes({} if service is None else {"service.name": service}))
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])]
    )


def received(*spans: Span, service: str | None = "shop") -> list[Received]:
    """Spans as the chain sees them."""
    return list(received_in(request(spans, service)))
