"""Decoded spans without a wire in between."""

from collections.abc import Iterable, Mapping
from typing import Any

from tailsampler.testing.spans import EPOCH_NS, NS_PER_MS, span_id_of, trace_id_of
from tailsampler.traces.model import Span, Trace, Value


def made(
    span_id: int,
    parent_id: int | None = None,
    *,
    start_ms: float = 0,
    duration_ms: float = 10,
    service: str = "shop",
    resource: Mapping[str, Value] | None = None,
    **changes: Any,
) -> Span:
    """A span of trace 1; times are from ``EPOCH_NS`` on."""
    start_ns = EPOCH_NS + int(start_ms * NS_PER_MS)
    fields: dict[str, Any] = {
        "trace_id": trace_id_of(1),
        "span_id": span_id_of(span_id),
        "parent_id": b"" if parent_id is None else span_id_of(parent_id),
        "name": f"span {span_id}",
        "kind": 1,
        "start_ns": start_ns,
        "end_ns": start_ns + int(duration_ms * NS_PER_MS),
        "status": 0,
        "status_message": "",
        "trace_state": "",
        "attributes": {},
        "resource": {"service.name": service, **(resource or {})},
        "scope_name": "",
        "scope_version": "",
        "events": (),
        "links": (),
    }
    return Span(**{**fields, **changes})


def trace_of(spans: Iterable[Span]) -> Trace:
    """As ``decode`` gives it: by start."""
    return Trace(trace_id_of(1), tuple(sorted(spans, key=lambda span: span.start_ns)))
