"""A trace, decoded: what the pages, the trace store and TraceQL look at.

Everything in it came from outside. Ids may be shared, parents may be missing or form a ring, times
may lie, names may be a megabyte of anything: whoever shows a value escapes and bounds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | dict[str, Value] | None"
"""An attribute's value as Python has it; kvlists become dicts, and an empty AnyValue None."""

KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES: Final = ("unset", "ok", "error")
UNKNOWN_SERVICE: Final = "unknown_service"
# AnyValue nests as deep as a sender likes; deeper than this it is shown as None.
_DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened within a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Link:
    """A span of another trace, or of this one."""

    trace_id: bytes
    span_id: bytes
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, with the resource it came from. Times are wall clock, in ns."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    """Empty for a root."""
    name: str
    kind: int
    """Index into ``KINDS``."""
    start_ns: int
    end_ns: int
    status: int
    """Index into ``STATUSES``."""
    status_message: str
    trace_state: str
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]
    """Shared by all spans of a resource; do not change it."""
    scope_name: str
    scope_version: str
    events: tuple[Event, ...]
    links: tuple[Link, ...]

    @property
    def duration_ns(self) -> int:
        """Never negative: a span that ends before it starts lasted 0."""
        return max(0, self.end_ns - self.start_ns)

    @property
    def service(self) -> str:
        """``service.name``, as the specification has it where it is missing."""
        name = self.resource.get("service.name")
        return name if isinstance(name, str) and name else UNKNOWN_SERVICE

    @property
    def is_error(self) -> bool:
        """Whether the span's status says so."""
        return self.status == 2


@dataclass(frozen=True)
class Trace:
    """Spans of one trace by start, then as they came."""

    trace_id: bytes
    spans: tuple[Span, ...]

    @cached_property
    def root(self) -> Span | None:
        """The earliest span without a parent; None if it has not come."""
        return next((span for span in self.spans if not span.parent_id), None)

    @cached_property
    def start_ns(self) -> int:
        """The earliest start; 0 without spans."""
        return min((span.start_ns for span in self.spans), default=0)

    @cached_property
    def end_ns(self) -> int:
        """The latest end; 0 without spans."""
        return max((span.end_ns for span in self.spans), default=0)

    @property
    def duration_ns(self) -> int:
        """From the earliest start to the latest end."""
        return max(0, self.end_ns - self.start_ns)


def decode(data: bytes) -> Iterator[Trace]:
    """The traces in ``TracesData`` (or an ``ExportTraceServiceRequest``: the same bytes).

    A span id that stands there twice is taken once, the first. Raises ``DecodeError`` of protobuf.
    """
    by_trace: dict[bytes, dict[bytes, Span]] = {}
    for span in spans(trace_pb2.TracesData.FromString(data)):
        by_trace.setdefault(span.trace_id, {}).setdefault(span.span_id, span)
    for trace_id, found in by_trace.items():
        yield Trace(trace_id, tuple(sorted(found.values(), key=lambda span: span.start_ns)))


def spans(data: trace_pb2.TracesData) -> Iterator[Span]:
    """Every span, in the order of the message."""
    for group in data.resource_spans:
        resource = attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            for span in scoped.spans:
                yield Span(
                    trace_id=span.trace_id,
                    span_id=span.span_id,
                    parent_id=span.parent_span_id if any(span.parent_span_id) else b"",
                    name=span.name,
                    kind=span.kind if 0 <= span.kind < len(KINDS) else 0,
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    status=span.status.code if 0 <= span.status.code < len(STATUSES) else 0,
                    status_message=span.status.message,
                    trace_state=span.trace_state,
                    attributes=attributes(span.attributes),
                    resource=resource,
                    scope_name=scoped.scope.name,
                    scope_version=scoped.scope.version,
                    events=tuple(
                        Event(event.name, event.time_unix_nano, attributes(event.attributes))
                        for event in span.events
                    ),
                    links=tuple(
                        Link(link.trace_id, link.span_id, attributes(link.attributes))
                        for link in span.links
                    ),
                )


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """A mapping; of a key that stands there twice, the last."""
    return {pair.key: value(pair.value) for pair in pairs}


def value(message: AnyValue, depth: int = 0) -> Value:
    """An attribute's value as Python has it."""
    kind = message.WhichOneof("value")
    if kind is None or depth > _DEEPEST:
        return None
    if kind == "array_value":
        return [value(one, depth + 1) for one in message.array_value.values]
    if kind == "kvlist_value":
        return {one.key: value(one.value, depth + 1) for one in message.kvlist_value.values}
    plain: str | bool | int | float | bytes = getattr(message, kind)
    return plain
