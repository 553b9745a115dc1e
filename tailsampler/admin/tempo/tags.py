"""Names and values for whoever writes a query: what the editor completes."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from tailsampler.admin.tempo.asked import (
    deadline,
    in_thread,
    limit_of,
    refused,
    store_of,
    time_range,
)
from tailsampler.admin.tempo.search import within
from tailsampler.store.query import Deadline, Needs, Row, Scope, Term, TraceReader
from tailsampler.traces.model import KINDS, STATUSES, Trace
from tailsampler.traces.traceql import OutOfTimeError, Query, TraceQLError, evaluate, needs, parse
from tailsampler.traces.traceql.fields import INTRINSICS, FieldValue, Seen, value_of
from tailsampler.traces.traceql.tree import Exists, Field, Filter, Symbol, Type

MAX_NAMES: Final = 5_000
MAX_VALUES: Final = 1_000
# Traces whose spans are looked at for the values of a filtered tag.
_MAX_TRACES: Final = 500
_SCOPES: Final = ("resource", "span", "intrinsic")
_EMPTY_SCOPES: Final = ("event", "link", "instrumentation")
_EVERY_SCOPE: Final = ("", "none", "all")
_INDEXED: Final = {
    "span:name": "name",
    "trace:rootName": "rootName",
    "trace:rootService": "rootServiceName",
}
_WORDS: Final = {"span:status": STATUSES, "span:kind": KINDS}
# Of no use in a list: every span has its own.
_UNIQUE: Final = frozenset({"span:id", "span:parentID", "trace:id"})
_LONGEST: Final = 1_024


def routes() -> list[web.RouteDef]:
    """Both versions of both."""
    return [
        web.get("/api/search/tags", names_v1),
        web.get("/api/v2/search/tags", names_v2),
        web.get("/api/search/tag/{tag:.*}/values", values_v1),
        web.get("/api/v2/search/tag/{tag:.*}/values", values_v2),
    ]


async def names_v1(request: web.Request) -> web.Response:
    """All names in one list."""
    names = {name for _, tags in await _names(request) for name in tags}
    return web.json_response({"tagNames": sorted(names), "metrics": {}})


async def names_v2(request: web.Request) -> web.Response:
    """Names by scope. ``q`` does not narrow them."""
    scopes = [{"name": scope, "tags": tags} for scope, tags in await _names(request)]
    return web.json_response({"scopes": scopes, "metrics": {}})


async def values_v1(request: web.Request) -> web.Response:
    """Values of a tag without a scope, as texts."""
    tag = request.match_info["tag"]
    if tag == "status.code":
        return web.json_response({"tagValues": list(STATUSES), "metrics": {}})
    field = _field(tag) if tag in INTRINSICS else Field("any", tag)
    values = [value for _, value in await _values(request, field, None)]
    return web.json_response({"tagValues": list(dict.fromkeys(values)), "metrics": {}})


async def values_v2(request: web.Request) -> web.Response:
    """Values of a field with their types; those on spans that match ``q``, if it is given.

    A query that cannot be read narrows nothing: it is sent while somebody writes it.
    """
    field = _field(request.match_info["tag"])
    try:
        query = parse(request.query.get("q", ""))
    except TraceQLError:
        query = None
    values = [
        {"type": kind, "value": value} for kind, value in await _values(request, field, query)
    ]
    return web.json_response({"tagValues": values, "metrics": {}})


async def _names(request: web.Request) -> list[tuple[str, list[str]]]:
    scope = request.query.get("scope", "")
    if scope not in {*_SCOPES, *_EMPTY_SCOPES, *_EVERY_SCOPE}:
        raise refused(f"invalid scope: {scope[:64]}; write resource, span or intrinsic")
    limit = limit_of(request.query, MAX_NAMES)
    time_range(request.query)
    seen = await in_thread(store_of(request).tag_names)
    tags: dict[str, list[str]] = {each: [] for each in _SCOPES}
    for where, name in seen:
        tags[where].append(name[:_LONGEST])
    tags["intrinsic"] = sorted(INTRINSICS)
    wanted = _SCOPES if scope in _EVERY_SCOPE else (scope,)
    return [(each, tags[each][:limit]) for each in wanted if tags.get(each)]


def _field(tag: str) -> Field:
    """The field that a tag names, in TraceQL's spelling."""
    try:
        query = parse(f"{{ {tag} != nil }}")
    except TraceQLError as error:
        raise refused(f"please provide a valid tagName: {error.say}") from None
    if isinstance(query.root, Filter) and isinstance(query.root.condition, Exists):
        return query.root.condition.field
    raise refused("please provide a valid tagName: one field, as resource.service.name")


async def _values(
    request: web.Request, field: Field, query: Query | None
) -> Sequence[tuple[str, str]]:
    store, limit = store_of(request), limit_of(request.query, MAX_VALUES)
    start_ns, end_ns = time_range(request.query)
    if field.key in _WORDS and field.scope == "intrinsic":
        return [("keyword", word) for word in _WORDS[field.key]][:limit]
    if field.type is Type.DURATION or (field.scope == "intrinsic" and field.key in _UNIQUE):
        return []
    narrowed = query is not None and query.text.replace(" ", "") != "{}"
    if not narrowed and (field.scope != "intrinsic" or field.key in _INDEXED):
        terms = await in_thread(_stored, store, field, limit)
        return list(dict.fromkeys(typed(term.value) for term in terms))
    bounds = Needs(start_ns=start_ns, end_ns=end_ns)
    stop = deadline(request)
    return await in_thread(_looked_up, store, field, query or parse("{}"), bounds, limit, stop)


def _stored(store: TraceReader, field: Field, limit: int) -> Sequence[Term]:
    scopes: tuple[Scope, ...]
    match field.scope:
        case "any":
            scopes = ("span", "resource")
        case scope:
            scopes = (scope,)
    key = _INDEXED[field.key] if field.scope == "intrinsic" else field.key
    return store.tag_values(scopes, key, limit=limit)


def _looked_up(
    store: TraceReader,
    field: Field,
    query: Query,
    bounds: Needs,
    limit: int,
    stop: Deadline,
) -> Sequence[tuple[str, str]]:
    """Values on matching spans of the newest traces, in the order of finding."""
    found: dict[tuple[str, str], None] = {}

    def collect(row: Row, trace: Trace) -> bool | None:
        try:
            spans = evaluate(query, row, trace, stop)
        except OutOfTimeError:
            return None
        for span in spans or ():
            value = value_of(field, Seen(span, row, trace))
            if isinstance(value, str | bool | int | float):
                found[typed(value)] = None
        return True if spans else None

    store.search(
        within(bounds, needs(query)),
        collect,
        limit=_MAX_TRACES,
        deadline=lambda: len(found) >= limit or stop(),
    )
    return list(found)[:limit]


def typed(value: FieldValue) -> tuple[str, str]:
    """A value as an editor inserts it, and the name of its type."""
    match value:
        case Symbol(word=word):
            return "keyword", word
        case bool():
            return "bool", str(value).lower()
        case int():
            return "int", str(value)
        case float():
            return "float", repr(value)
        case _:
            return "string", str(value)[:_LONGEST]
