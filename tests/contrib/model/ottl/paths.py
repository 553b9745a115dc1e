"""What the paths of a condition read from a span, its surroundings, or one of its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.contrib.model import w3c
from tests.contrib.model.ottl.values import (
    Opaque,
    OttlError,
    SpanId,
    SyntaxFault,
    Time,
    TraceId,
    Value,
    map_of,
    wrapped,
)
from tests.contrib.model.trace import Arrival, HeldScope, HeldSpan

ENUMS = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
    "STATUS_CODE_UNSET": 0,
    "STATUS_CODE_OK": 1,
    "STATUS_CODE_ERROR": 2,
}
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")


@dataclass(frozen=True, eq=False, slots=True)
class Context:
    """A span with what stands around it, and one of its events under ``spanevent``."""

    arrival: Arrival
    scope: HeldScope
    held: HeldSpan
    event: Span.Event | None = None
    event_index: int = 0

    @property
    def span(self) -> Span:
        """The span itself."""
        return self.held.span


Reader = Callable[[Context], Value]


def _event(context: Context) -> Span.Event:
    if context.event is None:
        raise OttlError("there is no event here")
    return context.event


def _kind(context: Context) -> str:
    return KINDS[context.span.kind] if context.span.kind < len(KINDS) else ""


SPAN: Mapping[str, Reader] = {
    "": lambda _: Opaque("span"),
    "attributes": lambda c: map_of(c.span.attributes),
    "dropped_attributes_count": lambda c: c.span.dropped_attributes_count,
    "dropped_events_count": lambda c: c.span.dropped_events_count,
    "dropped_links_count": lambda c: c.span.dropped_links_count,
    "end_time": lambda c: Time(wrapped(c.span.end_time_unix_nano)),
    "end_time_unix_nano": lambda c: wrapped(c.span.end_time_unix_nano),
    "events": lambda c: Opaque("events", len(c.span.events)),
    "flags": lambda c: c.span.flags,
    "kind": lambda c: c.span.kind,
    "kind.string": _kind,
    "links": lambda c: Opaque("links", len(c.span.links)),
    "name": lambda c: c.span.name,
    "parent_span_id": lambda c: SpanId(c.span.parent_span_id.ljust(8, b"\0")),
    "parent_span_id.string": lambda c: c.span.parent_span_id.ljust(8, b"\0").hex(),
    "span_id": lambda c: SpanId(c.span.span_id.ljust(8, b"\0")),
    "span_id.string": lambda c: c.span.span_id.ljust(8, b"\0").hex(),
    "start_time": lambda c: Time(wrapped(c.span.start_time_unix_nano)),
    "start_time_unix_nano": lambda c: wrapped(c.span.start_time_unix_nano),
    "status": lambda _: Opaque("status"),
    "status.code": lambda c: c.span.status.code,
    "status.message": lambda c: c.span.status.message,
    "trace_id": lambda c: TraceId(c.arrival.trace_id),
    "trace_id.string": lambda c: c.arrival.trace_id.hex(),
    "trace_state": lambda c: c.span.trace_state,
}
RESOURCE: Mapping[str, Reader] = {
    "": lambda _: Opaque("resource"),
    "attributes": lambda c: map_of(c.arrival.resource.attributes),
    "dropped_attributes_count": lambda c: c.arrival.resource.dropped_attributes_count,
    "schema_url": lambda _: "",  # it is lost on arrival
}
SCOPE: Mapping[str, Reader] = {
    "": lambda _: Opaque("instrumentation_scope"),
    "attributes": lambda c: map_of(c.scope.scope.attributes),
    "dropped_attributes_count": lambda c: c.scope.scope.dropped_attributes_count,
    "name": lambda c: c.scope.scope.name,
    "schema_url": lambda _: "",  # it is lost on arrival
    "version": lambda c: c.scope.scope.version,
}
EVENT: Mapping[str, Reader] = {
    "": lambda _: Opaque("spanevent"),
    "attributes": lambda c: map_of(_event(c).attributes),
    "dropped_attributes_count": lambda c: _event(c).dropped_attributes_count,
    "event_index": lambda c: c.event_index,
    "name": lambda c: _event(c).name,
    "time": lambda c: Time(wrapped(_event(c).time_unix_nano)),
    "time_unix_nano": lambda c: wrapped(_event(c).time_unix_nano),
}
OUTER = {"resource": RESOURCE, "scope": SCOPE, "instrumentation_scope": SCOPE}
TABLES: Mapping[str, Mapping[str, Mapping[str, Reader]]] = {
    "span": {**OUTER, "span": SPAN},
    "spanevent": {**OUTER, "span": SPAN, "spanevent": EVENT},
}


def reader_of(names: tuple[str, ...], *, within: str) -> tuple[str, Reader]:
    """A path's last part and what it reads; ``within`` is ``span`` or ``spanevent``.

    A path begins with the name of its context, or else is of the span, or of the event.

    Raises:
        SyntaxFault: if nothing is called so.
    """
    tables = TABLES[within]
    head, *rest = names
    table, path = (tables[head], ".".join(rest)) if head in tables else (tables[within], None)
    path = ".".join(names) if path is None else path
    if path == "cache":
        return "cache", lambda _: {}  # new for every evaluation, and conditions cannot write
    if path not in table:
        raise SyntaxFault(f"invalid {within} path expression {'.'.join(names)!r}")
    return path, table[path]


def trace_state_member(context: Context, key: str) -> str | None:
    """One member of the tracestate: "" if it is absent, nil if the header does not parse."""
    members = w3c.parse(context.span.trace_state)
    return None if members is None else members.get(key, "")
