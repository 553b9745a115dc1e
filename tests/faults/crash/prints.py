"""A span's print: eight bytes that say whether it came out as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.model.tracestate import TraceState

PREFIX = "tailsampler."


class Print(NamedTuple):
    """One span as it went in or came out, without what a gateway adds, and that by itself."""

    span_id: bytes
    trace_id: bytes
    digest: bytes
    threshold: str | None
    """``th`` of its tracestate."""
    policy: str | None
    """``tailsampler.policy``, which stands on roots."""
    size: int
    """Bytes of the Span message."""


def prints(message: ExportTraceServiceRequest) -> Iterator[Print]:
    """The prints of a request's spans, in order; takes the message apart."""
    for group in message.resource_spans:
        around = group.resource.SerializeToString(deterministic=True) + group.schema_url.encode()
        for scope in group.scope_spans:
            inside = scope.scope.SerializeToString(deterministic=True) + scope.schema_url.encode()
            for span in scope.spans:
                yield _print(span, around + b"\0" + inside)


def _print(span: Span, envelope: bytes) -> Print:
    size, state = span.ByteSize(), TraceState.parse(span.trace_state)
    policy = None
    for position in reversed(range(len(span.attributes))):
        pair = span.attributes[position]
        if pair.key.startswith(PREFIX):
            policy = pair.value.string_value if pair.key == f"{PREFIX}policy" else policy
            del span.attributes[position]
    span.trace_state = ",".join(state.others)
    whole = blake2b(envelope, digest_size=8)
    whole.update(span.SerializeToString(deterministic=True))
    return Print(span.span_id, span.trace_id, whole.digest(), state.ot.get("th"), policy, size)
