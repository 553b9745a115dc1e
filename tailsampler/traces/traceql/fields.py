"""What can be asked of a span: the names of fields, and their values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from tailsampler.store.query import Row
from tailsampler.traces.model import KINDS, STATUSES, Span, Trace, Value
from tailsampler.traces.traceql.tree import Field, Symbol, Type

FieldValue: TypeAlias = "Value | Symbol"
"""What a field of a span holds; None if it is missing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A span, and the trace it stands in."""

    span: Span
    row: Row
    trace: Trace


@dataclass(frozen=True, slots=True)
class _Intrinsic:
    type: Type
    value: "Callable[[Seen], FieldValue]"


def _root_name(seen: Seen) -> str | None:
    return seen.trace.root.name if seen.trace.root else None


def _root_service(seen: Seen) -> str | None:
    return seen.trace.root.service if seen.trace.root else None


# Tempo's names for them; the scoped spelling is the canonical one.
_INTRINSICS: Final[Mapping[str, _Intrinsic]] = {
    "span:name": _Intrinsic(Type.STRING, lambda seen: seen.span.name),
    "span:status": _Intrinsic(
        Type.STATUS, lambda seen: Symbol(Type.STATUS, STATUSES[seen.span.status])
    ),
    "span:statusMessage": _Intrinsic(Type.STRING, lambda seen: seen.span.status_message),
    "span:kind": _Intrinsic(Type.KIND, lambda seen: Symbol(Type.KIND, KINDS[seen.span.kind])),
    "span:duration": _Intrinsic(Type.DURATION, lambda seen: seen.span.duration_ns),
    "span:id": _Intrinsic(Type.STRING, lambda seen: seen.span.span_id.hex()),
    "span:parentID": _Intrinsic(Type.STRING, lambda seen: seen.span.parent_id.hex()),
    "trace:id": _Intrinsic(Type.STRING, lambda seen: seen.trace.trace_id.hex()),
    "trace:duration": _Intrinsic(Type.DURATION, lambda seen: seen.row.duration_ns),
    "trace:rootName": _Intrinsic(Type.STRING, _root_name),
    "trace:rootService": _Intrinsic(Type.STRING, _root_service),
    "instrumentation:name": _Intrinsic(Type.STRING, lambda seen: seen.span.scope_name),
    "instrumentation:version": _Intrinsic(Type.STRING, lambda seen: seen.span.scope_version),
}
_SHORT: Final[Mapping[str, str]] = {
    "name": "span:name",
    "status": "span:status",
    "statusMessage": "span:statusMessage",
    "kind": "span:kind",
    "duration": "span:duration",
    "traceDuration": "trace:duration",
    "rootName": "trace:rootName",
    "rootServiceName": "trace:rootService",
}
INTRINSICS: Final = (*_SHORT, *_INTRINSICS)
"""Every spelling that is understood."""
UNSUPPORTED: Final = frozenset(
    {
        "parent",
        "childCount",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "span:childCount",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "link:spanID",
    }
)
"""Intrinsics of TraceQL that are not answered here."""
ID_DIGITS: Final = {"span:id": 16, "span:parentID": 16, "trace:id": 32}


def intrinsic(name: str) -> Field | None:
    """The intrinsic of that spelling, short or scoped."""
    key = _SHORT.get(name, name)
    found = _INTRINSICS.get(key)
    return Field("intrinsic", key, found.type) if found else None


def value_of(field: Field, seen: Seen) -> FieldValue:
    """The value; None if it is missing."""
    match field.scope:
        case "span":
            return seen.span.attributes.get(field.key)
        case "resource":
            return seen.span.resource.get(field.key)
        case "any":
            own = seen.span.attributes.get(field.key)
            return own if own is not None else seen.span.resource.get(field.key)
        case "intrinsic":
            return _INTRINSICS[field.key].value(seen)
