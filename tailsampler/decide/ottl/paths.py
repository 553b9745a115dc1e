"""What a condition can read, by context, and how a path is resolved.

Kinds and meanings are part of what the core implements; see ``expression.py``.
"""

from __future__ import annotations

import difflib
from typing import Final, Literal, NamedTuple, TypeAlias

Context: TypeAlias = Literal["span", "spanevent"]
Owner: TypeAlias = Literal["resource", "scope", "span", "event"]


class Field(NamedTuple):
    """What a field gives, and how it is indexed: not at all, as a map, or by one text."""

    gives: str
    indexed: Literal["no", "map", "text"] = "no"


_ATTRIBUTES: Final = Field("map", "map")
_COUNT: Final = Field("int")

RESOURCE: Final = {
    "attributes": _ATTRIBUTES,
    "dropped_attributes_count": _COUNT,
    # Schema URLs do not reach contrib's policies, so conditions see "" whatever was sent.
    "schema_url": Field('string: always ""'),
}
SCOPE: Final = {
    "name": Field("string"),
    "version": Field("string"),
    "attributes": _ATTRIBUTES,
    "dropped_attributes_count": _COUNT,
    "schema_url": Field('string: always ""'),
}
SPAN: Final = {
    "trace_id": Field("trace_id"),
    "trace_id.string": Field("string: 32 hex digits, lower case"),
    "span_id": Field("span_id"),
    "span_id.string": Field("string: 16 hex digits, lower case"),
    "parent_span_id": Field("span_id: all zero for a root"),
    "parent_span_id.string": Field('string: 16 hex digits; "0000000000000000" for a root'),
    "trace_state": Field(
        "string: the header as sent; with a key: string, or nil if unreadable", "text"
    ),
    "name": Field("string"),
    "kind": Field("int: as in OTLP"),
    "kind.string": Field(
        'string: Unspecified, Internal, Server, Client, Producer, Consumer; "" for other numbers'
    ),
    "kind.deprecated_string": Field(
        'string: SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL ...; "" for other numbers'
    ),
    "start_time": Field("time: the 64 bits read as signed"),
    "end_time": Field("time: the 64 bits read as signed"),
    "start_time_unix_nano": Field("int: the 64 bits read as signed"),
    "end_time_unix_nano": Field("int: the 64 bits read as signed"),
    "attributes": _ATTRIBUTES,
    "dropped_attributes_count": _COUNT,
    "events": Field("list: for Len and IsList only"),
    "dropped_events_count": _COUNT,
    "links": Field("list: for Len and IsList only"),
    "dropped_links_count": _COUNT,
    "status": Field("status"),
    "status.code": Field("int: 0 unset, 1 ok, 2 error, other numbers as sent"),
    "status.message": Field("string"),
    "flags": Field("int: the 32 bits read as unsigned"),
}
EVENT: Final = {
    "time": Field("time: the 64 bits read as signed"),
    "time_unix_nano": Field("int: the 64 bits read as signed"),
    "name": Field("string"),
    "attributes": _ATTRIBUTES,
    "dropped_attributes_count": _COUNT,
}
FIELDS: Final[dict[Owner, dict[str, Field]]] = {
    "resource": RESOURCE,
    "scope": SCOPE,
    "span": SPAN,
    "event": EVENT,
}
COUNTED: Final = frozenset({"events", "links"})
"""Fields that only ``Len`` and ``IsList`` can use: their members are no values of the language."""

_NAMED: Final[dict[str, Owner]] = {
    "resource": "resource",
    "scope": "scope",
    "instrumentation_scope": "scope",
    "span": "span",
}
_BARE: Final[dict[Context, Owner]] = {"span": "span", "spanevent": "event"}

_NOT_HERE: Final = {
    "cache": "is always empty in a condition; read attributes instead",
    "event_index": "has no value in tail sampling; tell events apart by name or attributes",
    "otelcol": "tells of the request that brought the span, which is gone when a trace is judged; "
    "read resource.attributes instead",
}


class UnknownPathError(ValueError):
    """There is no such path; the text says what to write."""


class NotHereError(ValueError):
    """There is such a path in OTTL, and it is of no use here; the text says why."""


def resolve(words: tuple[str, ...], context: Context) -> tuple[Owner, str]:
    """Whose field it is, and its dotted name; ``words`` are the path's, without keys."""
    shown = ".".join(words)
    named = {**_NAMED, "spanevent": "event"} if context == "spanevent" else _NAMED
    owner = named.get(words[0])
    rest = words[1:] if owner else words
    owner = owner or _BARE[context]
    if why := _NOT_HERE.get(rest[0]) if rest else None:
        raise NotHereError(f"the path {shown} {why}")
    if words[0] == "spanevent" and context == "span":
        raise UnknownPathError(
            f"{shown} is of an event, and this is a condition on spans; "
            "put the condition under spanevent"
        )
    field = ".".join(rest)
    if field in FIELDS[owner]:
        return owner, field
    raise UnknownPathError(f"there is no path {shown}; {_instead(words, field, context)}")


def _instead(words: tuple[str, ...], field: str, context: Context) -> str:
    if not field:
        return f"write what of it you mean, e.g. {words[0]}.attributes"
    if context == "spanevent" and words[0] not in {*_NAMED, "spanevent"} and field in SPAN:
        return f"a bare path is of the event, so write span.{field}"
    # Nearest first among the fields of the same owner, for they are what is meant most.
    prefix = f"{words[0]}." if words[0] in _NAMED or words[0] == "spanevent" else ""
    owner = _NAMED.get(words[0]) or ("event" if context == "spanevent" else "span")
    if len(words) > 1 and not prefix:
        contexts = difflib.get_close_matches(words[0], list(_NAMED), n=1, cutoff=0.7)
        if contexts:
            return f"did you mean {'.'.join((*contexts, *words[1:]))}?"
    near = difflib.get_close_matches(field, list(FIELDS[owner]), n=1, cutoff=0.7)
    if near:
        return f"did you mean {prefix}{near[0]}?"
    return f'for an attribute write {prefix}attributes["{field}"]'
