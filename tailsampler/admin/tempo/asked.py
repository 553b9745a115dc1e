"""What a request asks for, and the store that is asked."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from tailsampler.admin.keys import STATUS, STORE
from tailsampler.store.options import StoreUnavailableError
from tailsampler.store.query import Needs, TraceReader
from tailsampler.traces.traceql import Query, TraceQLError, parse
from tailsampler.traces.traceql.literals import duration_ns

P = ParamSpec("P")
T = TypeVar("T")

BUDGET_S: Final = 2.0
"""No search takes longer."""
MAX_LIMIT: Final = 1_000
MAX_SPANS: Final = 100
"""Of one trace in an answer to a search."""
_DEFAULT_LIMIT: Final = 20
_DEFAULT_SPANS: Final = 3
_MAX_SECONDS: Final = (1 << 32) - 1
_NS_PER_S: Final = 1_000_000_000
_PAIR: Final = re.compile(r'\s*([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)')


def store_of(request: web.Request) -> TraceReader:
    """The local trace store; 503 in words where there is none."""
    store = request.app[STORE]()
    if store is None:
        say = "no local trace store; add '- type: local' to export"
        raise web.HTTPServiceUnavailable(text=say)
    return store


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the store answers; 503 in words while its file cannot be used."""
    try:
        return await asyncio.to_thread(call, *args, **kwargs)
    except StoreUnavailableError as error:
        raise web.HTTPServiceUnavailable(text=f"the trace store cannot be used: {error}") from error


def deadline(request: web.Request) -> Callable[[], bool]:
    """Whether the budget of a search that begins now is spent."""
    clock = request.app[STATUS].clock
    by = clock.monotonic_s() + BUDGET_S
    return lambda: clock.monotonic_s() >= by


def refused(say: str) -> web.HTTPBadRequest:
    """400, with the text that Grafana shows."""
    return web.HTTPBadRequest(text=say)


def traceql(text: str) -> Query:
    """The query; 400 says where it is wrong or not supported."""
    try:
        return parse(text)
    except TraceQLError as error:
        raise refused(f"invalid TraceQL query: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """``/api/search``, checked."""

    query: Query | None
    """None: by tags."""
    tags: Mapping[str, str]
    limit: int
    spans: int
    within: Needs
    """Start, end, and duration of the trace."""


def search_request(request: web.Request) -> SearchRequest:
    """What is searched for; 400 says what is wrong with it."""
    asked = request.query
    text, tags = asked.get("q", ""), asked.get("tags", "")
    if text and tags:
        raise refused("invalid request: can't specify tags and q in the same query")
    limit = _number(asked, "limit") or _DEFAULT_LIMIT
    if limit > MAX_LIMIT:
        raise refused(f"limit {limit} exceeds max limit {MAX_LIMIT}")
    # 0 means all of them to Tempo.
    spans = _number(asked, "spss", _DEFAULT_SPANS) or MAX_SPANS
    if spans > MAX_SPANS:
        raise refused(f"spans per span set exceeds {MAX_SPANS}; received {spans}")
    start_ns, end_ns = time_range(asked)
    least, most = _duration(asked, "minDuration"), _duration(asked, "maxDuration")
    if least and most is not None and least > most:
        raise refused("invalid maxDuration: must be greater than minDuration")
    within = Needs(
        start_ns=start_ns, end_ns=end_ns, min_duration_ns=least or 0, max_duration_ns=most
    )
    return SearchRequest(
        query=traceql(text) if text.strip() else None,
        tags=logfmt(tags),
        limit=limit,
        spans=spans,
        within=within,
    )


def time_range(asked: Mapping[str, str]) -> tuple[int | None, int | None]:
    """``start`` and ``end`` (seconds since 1970) in ns; both None if neither is given."""
    start, end = _number(asked, "start"), _number(asked, "end")
    if not start and not end:
        return None, None
    if end <= start:
        raise refused(f"http parameter start must be before end. received start={start} end={end}")
    return start * _NS_PER_S, end * _NS_PER_S


def limit_of(asked: Mapping[str, str], most: int) -> int:
    """``limit`` where it only shortens a list."""
    return min(_number(asked, "limit") or most, most)


def logfmt(text: str) -> dict[str, str]:
    """``a=b c="d e"``; 400 if it is anything else."""
    tags: dict[str, str] = {}
    at = 0
    text = text.strip()
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            raise refused(f'invalid tags: syntax error at pos {at + 1}; write a=b c="d e"')
        key, quoted, bare = found.groups()
        if key in tags:
            raise refused(f"invalid tags: tag {key} has been set twice")
        tags[key] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare or ""
        at = found.end()
    return tags


def _number(asked: Mapping[str, str], name: str, default: int = 0) -> int:
    text = asked.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _MAX_SECONDS:
        raise refused(f"invalid {name}: {text[:32]!r}; write a whole number, 0 or more")
    return int(text)


def _duration(asked: Mapping[str, str], name: str) -> int | None:
    text = asked.get(name, "")
    if not text:
        return None
    try:
        found = duration_ns(text)
    except ValueError as error:
        raise refused(f"invalid {name}: {error}") from None
    return min(found, (1 << 63) - 1)
