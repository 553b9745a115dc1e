"""What the processor holds of a trace: pieces of requests, and their sizes as pdata counts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from tests.contrib.model.sizes import framed, resource_spans_size

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, eq=False, slots=True)
class HeldSpan:
    """A span; ids of zeros only are empty, and of a duplicated key the first value counts."""

    span: Span
    attributes: Mapping[str, AnyValue]

    @property
    def is_root(self) -> bool:
        """It names no parent."""
        return not self.span.parent_span_id


@dataclass(frozen=True, eq=False, slots=True)
class HeldScope:
    """A scope and those of its spans that belong to the trace."""

    scope: InstrumentationScope
    spans: tuple[HeldSpan, ...]
    schema_url: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Arrival:
    """One ResourceSpans of a request, cut down to one trace; ``size`` in bytes, without frame."""

    trace_id: bytes  # 16 bytes
    resource: Resource
    attributes: Mapping[str, AnyValue]
    scopes: tuple[HeldScope, ...]
    size: int
    schema_url: str = ""

    @property
    def cost(self) -> int:
        """Its bytes within a request: tag and length come on top."""
        return framed(self.size)

    @property
    def spans(self) -> Iterator[HeldSpan]:
        """Its spans in order."""
        return (span for scope in self.scopes for span in scope.spans)

    @property
    def has_root(self) -> bool:
        """Whether it brought a root span."""
        return any(span.is_root for span in self.spans)


@dataclass
class Trace:
    """What a policy looks at; ``span_count`` also counts spans that are no longer held."""

    trace_id: bytes
    arrivals: list[Arrival] = field(default_factory=list)
    span_count: int = 0

    @property
    def spans(self) -> Iterator[HeldSpan]:
        """Every span in order of arrival."""
        return (span for arrival in self.arrivals for span in arrival.spans)

    @property
    def cost(self) -> int:
        """Its bytes as ``bytes_limiting`` counts them."""
        return sum(arrival.cost for arrival in self.arrivals)


def arrivals_in(request: ExportTraceServiceRequest, *, schema_urls: bool = False) -> list[Arrival]:
    """The request by ResourceSpans and trace, in order; scopes are never merged.

    ``schema_urls``: whether they are kept.
    """
    found: list[Arrival] = []
    for resource_spans in request.resource_spans:
        by_trace: dict[bytes, list[tuple[int, Span]]] = {}
        for number, scope_spans in enumerate(resource_spans.scope_spans):
            for span in scope_spans.spans:
                by_trace.setdefault(_trace_id(span), []).append((number, span))
        found.extend(_arrival(resource_spans, *item, schema_urls) for item in by_trace.items())
    return found


def _arrival(
    whole: ResourceSpans, trace_id: bytes, spans: Sequence[tuple[int, Span]], schema_urls: bool
) -> Arrival:
    scopes: dict[int, list[HeldSpan]] = {}
    for number, span in spans:
        scopes.setdefault(number, []).append(_held(span))
    resource = _known(whole.resource)
    held = tuple(
        HeldScope(
            _known(whole.scope_spans[number].scope),
            tuple(of_scope),
            whole.scope_spans[number].schema_url if schema_urls else "",
        )
        for number, of_scope in scopes.items()
    )
    url = whole.schema_url if schema_urls else ""
    sized = [(s.scope, [h.span for h in s.spans], s.schema_url) for s in held]
    size = resource_spans_size(resource, sized, url)
    return Arrival(trace_id, resource, first_values(resource.attributes), held, size, url)


def _held(span: Span) -> HeldSpan:
    copy = _known(span)
    for name in ("trace_id", "span_id", "parent_span_id"):
        if not any(getattr(copy, name)):
            copy.ClearField(name)
    return HeldSpan(copy, first_values(copy.attributes))


def _known(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy


def _trace_id(span: Span) -> bytes:
    return span.trace_id.ljust(16, b"\0")


def first_values(pairs: Iterable[KeyValue]) -> dict[str, AnyValue]:
    """Attributes by key; of a key that occurs twice the first value counts."""
    found: dict[str, AnyValue] = {}
    for pair in pairs:
        found.setdefault(pair.key, pair.value)
    return found
