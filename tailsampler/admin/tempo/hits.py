"""A trace that was found, as ``tempopb.TraceSearchMetadata`` in JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tailsampler.store.query import Row
from tailsampler.traces.model import Span, Trace
from tailsampler.traces.traceql.fields import FieldValue, Seen, value_of
from tailsampler.traces.traceql.tree import Field, Symbol

NO_ROOT: Final = "<root span not yet received>"
_NS_PER_MS: Final = 1_000_000
_MAX_MS: Final = (1 << 32) - 1
# What a list shows of a text, in characters: names and attributes may be a megabyte of anything.
_SHOWN: Final = 1_024
_MAX_SERVICES: Final = 100
# In the columns of a list anyway, so Tempo does not repeat them as attributes.
_COLUMNS: Final = frozenset(
    {
        "span:name",
        "span:duration",
        "span:id",
        "trace:duration",
        "trace:rootName",
        "trace:rootService",
        "trace:id",
    }
)


def hit(row: Row, trace: Trace) -> dict[str, Any]:
    """The trace alone, as for a search by tags; what is empty or 0 is left out."""
    found: dict[str, Any] = {
        # Tempo leaves leading zeros out.
        "traceID": row.trace_id.hex().lstrip("0"),
        "rootServiceName": _shown(row.service) if row.has_root else NO_ROOT,
        "startTimeUnixNano": str(row.start_ns),
    }
    if row.has_root and row.name:
        found["rootTraceName"] = _shown(row.name)
    if row.duration_ns >= _NS_PER_MS:
        found["durationMs"] = min(row.duration_ns // _NS_PER_MS, _MAX_MS)
    found["serviceStats"] = _services(trace.spans)
    return found


def matched(
    row: Row, trace: Trace, spans: Sequence[Span], fields: Sequence[Field], most: int
) -> dict[str, Any]:
    """The trace with its matching spans, at most ``most``, and the fields that were asked for."""
    shown = [_span(Seen(span, row, trace), fields) for span in spans[:most]]
    spanset = {"spans": shown, "matched": len(spans)}
    # The first is for Grafana before 10.1, as Tempo has it.
    return {**hit(row, trace), "spanSet": spanset, "spanSets": [spanset]}


def _services(spans: Sequence[Span]) -> dict[str, dict[str, int]]:
    counts = Counter(_shown(span.service) for span in spans)
    errors = Counter(_shown(span.service) for span in spans if span.is_error)
    return {
        service: {"spanCount": count} | ({"errorCount": errors[service]} if errors[service] else {})
        for service, count in counts.most_common(_MAX_SERVICES)
    }


def _span(seen: Seen, fields: Sequence[Field]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "spanID": seen.span.span_id.hex(),
        "startTimeUnixNano": str(seen.span.start_ns),
    }
    if seen.span.name:
        found["name"] = _shown(seen.span.name)
    if seen.span.duration_ns:
        found["durationNanos"] = str(seen.span.duration_ns)
    attributes = list(_attributes(seen, fields))
    if attributes:
        found["attributes"] = attributes
    return found


def _attributes(seen: Seen, fields: Sequence[Field]) -> Iterator[dict[str, Any]]:
    for field in fields:
        if field.key in _COLUMNS:
            continue
        found = any_value(value_of(field, seen))
        if found:
            yield {"key": field.key.removeprefix("span:"), "value": found}


def any_value(value: FieldValue) -> dict[str, Any]:
    """An ``AnyValue`` in JSON; empty for what is no scalar."""
    match value:
        case Symbol(word=word):
            return {"stringValue": word}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": _double(value)}
        case str():
            return {"stringValue": _shown(value)}
        case _:
            return {}


def _double(value: float) -> float | str:
    """Protobuf's JSON has words for what JSON cannot say."""
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return words.get(str(value), value)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
