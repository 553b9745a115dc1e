"""Sizes in bytes as pdata's encoder counts them, which differ from plain protobuf.

pdata always writes resource, scope, span id, parent id and status (and likewise the ids of links
and the value of an attribute): each takes two bytes even when it is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

M = TypeVar("M", bound=Message)
EMPTY_FIELD = 2  # a tag and a length of zero


def framed(size: int) -> int:
    """A message of ``size`` bytes inside another one: tag, length, message."""
    length = max(1, -(-size.bit_length() // 7))
    return 1 + length + size


def resource_spans_size(
    resource: Resource,
    scopes: Sequence[tuple[InstrumentationScope, Sequence[Span], str]],
    schema_url: str,
) -> int:
    """A ResourceSpans without its own frame; each scope with its spans and schema URL."""
    size = framed(_with_attributes(resource)) + _text(schema_url)
    for scope, spans, url in scopes:
        inner = framed(_with_attributes(scope)) + sum(framed(span_size(span)) for span in spans)
        size += framed(inner + _text(url))
    return size


def _text(text: str) -> int:
    return framed(len(text.encode())) if text else 0


def span_size(span: Span) -> int:
    """A span without its frame."""
    size = _without(span, "attributes", "events", "links", "status").ByteSize()
    size += _attributes(span.attributes)
    size += EMPTY_FIELD * sum(not i for i in (span.trace_id, span.span_id, span.parent_span_id))
    size += sum(framed(_with_attributes(event)) for event in span.events)
    size += sum(framed(_link_size(link)) for link in span.links)
    return size + framed(span.status.ByteSize())


def _link_size(link: Span.Link) -> int:
    empty = [name for name in ("trace_id", "span_id") if not any(getattr(link, name))]
    return _with_attributes(_without(link, *empty)) + EMPTY_FIELD * len(empty)


def _with_attributes(message: Resource | InstrumentationScope | Span.Event | Span.Link) -> int:
    return _without(message, "attributes").ByteSize() + _attributes(message.attributes)


def _attributes(pairs: Iterable[KeyValue]) -> int:
    return sum(framed(_pair_size(pair)) for pair in pairs)


def _pair_size(pair: KeyValue) -> int:
    return _without(pair, "value").ByteSize() + framed(_value_size(pair.value))


def _value_size(value: AnyValue) -> int:
    match value.WhichOneof("value"):
        case "array_value":
            return framed(sum(framed(_value_size(item)) for item in value.array_value.values))
        case "kvlist_value":
            return framed(_attributes(value.kvlist_value.values))
        case _:
            return value.ByteSize()


def _without(message: M, *names: str) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    for name in names:
        copy.ClearField(name)
    return copy
