"""Build traces in a line, with defaults that a reader can guess.

::

    payload = request(
        resource(
            "shop",
            span("GET /cart", trace_id=7, span_id=1, attributes={"http.response.status_code": 503}),
            span("SELECT", trace_id=7, span_id=2, parent_id=1, start_ms=2, duration_ms=5),
        )
    ).SerializeToString()
"""

from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

# 2023-11-14T22:13:20Z: round, and clearly not "now".
EPOCH_NS: Final = 1_700_000_000_000_000_000
NS_PER_MS: Final = 1_000_000

Value = str | bool | int | float | bytes | Sequence["Value"]


def trace_id_of(number: int | str | bytes) -> bytes:
    """16 bytes from a number, hexadecimal digits, or bytes."""
    return _id_of(number, 16)


def span_id_of(number: int | str | bytes) -> bytes:
    """8 bytes from a number, hexadecimal digits, or bytes."""
    return _id_of(number, 8)


def span(  # noqa: PLR0913 - a builder: every argument has a default and a name
    name: str = "GET /",
    *,
    trace_id: int | str | bytes = 1,
    span_id: int | str | bytes = 1,
    parent_id: int | str | bytes | None = None,
    start_ms: float = 0,
    duration_ms: float = 10,
    kind: "Span.SpanKind.ValueType" = Span.SPAN_KIND_SERVER,
    status: "Status.StatusCode.ValueType" = Status.STATUS_CODE_UNSET,
    attributes: Mapping[str, Value] | None = None,
    trace_state: str = "",
) -> Span:
    """One span; times are from ``EPOCH_NS`` on. Without ``parent_id`` it is a root."""
    start_ns = EPOCH_NS + int(start_ms * NS_PER_MS)
    return Span(
        name=name,
        trace_id=trace_id_of(trace_id),
        span_id=span_id_of(span_id),
        parent_span_id=b"" if parent_id is None else span_id_of(parent_id),
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + int(duration_ms * NS_PER_MS),
        status=Status(code=status) if status else None,
        attributes=key_values(attributes or {}),
        trace_state=trace_state,
    )


def trace(
    trace_id: int | str | bytes, *, spans: int = 3, first_span_id: int = 1, duration_ms: float = 10
) -> list[Span]:
    """A root and its children, one below the other in time; ids count from ``first_span_id``."""
    root = span(trace_id=trace_id, span_id=first_span_id, duration_ms=duration_ms)
    children = [
        span(
            f"child {number}",
            trace_id=trace_id,
            span_id=first_span_id + number,
            parent_id=first_span_id,
            start_ms=1,
            duration_ms=min(1.0, duration_ms),
            kind=Span.SPAN_KIND_INTERNAL,
        )
        for number in range(1, spans)
    ]
    return [root, *children]


def resource(
    service: str, *spans: Span, attributes: Mapping[str, Value] | None = None
) -> ResourceSpans:
    """Spans of one service, under one scope."""
    return ResourceSpans(
        resource=Resource(attributes=key_values({"service.name": service, **(attributes or {})})),
        scope_spans=[
            ScopeSpans(scope=InstrumentationScope(name="tailsampler.testing"), spans=spans)
        ],
    )


def request(*resources: ResourceSpans) -> ExportTraceServiceRequest:
    """What a sender puts on the wire; ``.SerializeToString()`` gives the bytes."""
    return ExportTraceServiceRequest(resource_spans=resources)


def key_values(attributes: Mapping[str, Value]) -> list[KeyValue]:
    """Attributes as OTLP writes them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Value) -> AnyValue:
    """One attribute value, by the type it has in Python."""
    # bool before int: it is one.
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def _id_of(number: int | str | bytes, length: int) -> bytes:
    if isinstance(number, int):
        return number.to_bytes(length, "big")
    return bytes.fromhex(number) if isinstance(number, str) else number
