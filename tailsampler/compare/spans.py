"""The spans of an OTLP request, whichever way it is written, without judging it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

_MOST_NS: Final = (1 << 64) - 1
_ID_BYTES: Final = {"traceId": 16, "spanId": 8}
_OTHER_SIGNALS: Final = ("resourceLogs", "resourceMetrics", "resourceProfiles")


class BadRequestError(ValueError):
    """Not a request with spans; says what is wrong."""


class Span(NamedTuple):
    """What is compared of a span. An id that is not valid is empty, a time that is missing 0."""

    trace_id: bytes
    span_id: bytes
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """OTLP JSON: ids in hexadecimal digits, or in base64, as protobuf's own mapping has them."""

    body: dict[str, Any]
    spans: list[Span]

    @classmethod
    def parse(cls, text: bytes) -> JsonRequest:
        """Read one; ``BadRequestError`` says what is wrong with it."""
        try:
            body = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"it is not JSON ({error})") from error
        if not isinstance(body, dict):
            raise BadRequestError("it is JSON, but no object with resourceSpans")
        if "resourceSpans" not in body and body and not any(key in body for key in _OTHER_SIGNALS):
            raise BadRequestError("it has no resourceSpans, as a request of OTLP has")
        return cls(body, [_span(span) for _, _, span in _walk(body)])

    def only(self, wanted: Container[bytes]) -> Iterator[tuple[Span, bytes]]:
        """The spans of these traces, each as a request of its own in JSON."""
        for found, (resource, scope, span) in zip(self.spans, _walk(self.body), strict=True):
            if found.trace_id in wanted:
                inner = {**scope, "spans": [_with_hex_ids(span, found)]}
                whole = {"resourceSpans": [{**resource, "scopeSpans": [inner]}]}
                yield found, json.dumps(whole).encode()


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """OTLP in protobuf: ``ExportTraceServiceRequest``, or what has the same form."""

    body: ExportTraceServiceRequest
    spans: list[Span]

    @classmethod
    def parse(cls, payload: bytes) -> MessageRequest:
        """Read one; ``BadRequestError``."""
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - slow to import
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
            ExportTraceServiceRequest,
        )

        try:
            body = ExportTraceServiceRequest.FromString(payload)
        except DecodeError as error:
            raise BadRequestError("it is not protobuf, or no request of OTLP") from error
        return cls(body, [_of_message(span) for _, _, span in _walk_message(body)])

    def only(self, wanted: Container[bytes]) -> Iterator[tuple[Span, bytes]]:
        """The spans of these traces, each as a request of its own."""
        walk = _walk_message(self.body)
        for found, (resource, scope, span) in zip(self.spans, walk, strict=True):
            if found.trace_id not in wanted:
                continue
            alone = type(self.body)()
            group = alone.resource_spans.add(schema_url=resource.schema_url)
            group.resource.CopyFrom(resource.resource)
            inner = group.scope_spans.add(schema_url=scope.schema_url)
            inner.scope.CopyFrom(scope.scope)
            inner.spans.add().CopyFrom(span)
            yield found, alone.SerializeToString()


Request = JsonRequest | MessageRequest


def _walk(body: dict[str, Any]) -> Iterator[tuple[dict[str, Any], ...]]:
    """Each span with its resource and scope."""
    for resource in _objects(body, "resourceSpans"):
        for scope in _objects(resource, "scopeSpans"):
            for span in _objects(scope, "spans"):
                yield resource, scope, span


def _walk_message(
    body: ExportTraceServiceRequest,
) -> Iterator[tuple[ResourceSpans, ScopeSpans, ProtoSpan]]:
    for resource in body.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield resource, scope, span


def _of_message(span: ProtoSpan) -> Span:
    return Span(
        span.trace_id if _is_trace_id(span.trace_id) else b"",
        span.span_id if len(span.span_id) == 8 else b"",
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _objects(owner: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = owner.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadRequestError(f"{key} is no list of objects")
    return found


def _span(span: dict[str, Any]) -> Span:
    trace_id = _id(span, "traceId")
    return Span(
        trace_id if _is_trace_id(trace_id) else b"",
        _id(span, "spanId"),
        _nanoseconds(span, "startTimeUnixNano"),
        _nanoseconds(span, "endTimeUnixNano"),
    )


def _id(span: dict[str, Any], key: str) -> bytes:
    text, size = span.get(key, ""), _ID_BYTES[key]
    if not isinstance(text, str):
        raise BadRequestError(f"{key} is no text")
    try:
        if len(text) == 2 * size:
            return bytes.fromhex(text)
        found = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
    return found if len(found) == size else b""


def _is_trace_id(trace_id: bytes) -> bool:
    return len(trace_id) == 16 and any(trace_id)


def _nanoseconds(span: dict[str, Any], key: str) -> int:
    value = span.get(key, 0)
    try:
        found = int(value) if isinstance(value, int | str) else -1
    except ValueError:
        found = -1
    if not 0 <= found <= _MOST_NS:
        raise BadRequestError(f"{key} is no number of nanoseconds since 1970")
    return found


def _with_hex_ids(span: dict[str, Any], found: Span) -> dict[str, Any]:
    """As OTLP writes them: this one is read by a stricter reader."""
    ids = {"traceId": found.trace_id.hex(), "spanId": found.span_id.hex()}
    parent = {"parentSpanId": _parent(span)} if "parentSpanId" in span else {}
    return {**span, **ids, **parent}


def _parent(span: dict[str, Any]) -> str:
    text = span["parentSpanId"]
    if not isinstance(text, str) or len(text) == 16:
        return text if isinstance(text, str) else ""
    try:
        return base64.b64decode(text, validate=True).hex()
    except (ValueError, binascii.Error):
        return ""
