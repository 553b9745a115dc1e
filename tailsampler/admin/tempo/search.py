"""Search: TraceQL, or tags."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from tailsampler.admin.tempo.asked import (
    BUDGET_S,
    SearchRequest,
    deadline,
    in_thread,
    search_request,
    store_of,
)
from tailsampler.admin.tempo.by_tags import has_tags
from tailsampler.admin.tempo.hits import hit, matched
from tailsampler.store.query import Deadline, Found, Needs, Row
from tailsampler.traces.model import Trace
from tailsampler.traces.traceql import OutOfTimeError, Query, evaluate, needs
from tailsampler.traces.traceql.walk import fields_of

INCOMPLETE: Final = "X-Tailsampler-Incomplete"
"""Says in words what a search that ran out of time has not looked at."""


def routes() -> list[web.RouteDef]:
    """The one address."""
    return [web.get("/api/search", search)]


async def search(request: web.Request) -> web.Response:
    """The newest traces that match; within the budget, and saying so if it ran out.

    As Tempo has it, ``completedJobs`` below ``totalJobs`` means that not all was looked at.
    """
    asked = search_request(request)
    store, stop = store_of(request), deadline(request)
    wanted, judge = _matcher(asked, stop)
    found = await in_thread(store.search, wanted, judge, limit=asked.limit, deadline=stop)
    answer = {"traces": [each for _, each in found.hits], "metrics": _metrics(found)}
    headers = {} if found.complete else {INCOMPLETE: _incomplete(found)}
    return web.json_response(answer, headers=headers)


def within(bounds: Needs, wanted: Needs) -> Needs:
    """What a query needs, within the times and durations that were asked for."""
    most = [each for each in (bounds.max_duration_ns, wanted.max_duration_ns) if each is not None]
    return replace(
        wanted,
        start_ns=bounds.start_ns,
        end_ns=bounds.end_ns,
        min_duration_ns=max(bounds.min_duration_ns, wanted.min_duration_ns),
        max_duration_ns=min(most, default=None),
    )


def _matcher(
    asked: SearchRequest, stop: Deadline
) -> tuple[Needs, Callable[[Row, Trace], dict[str, Any] | None]]:
    if asked.query is None:
        tags: Mapping[str, str] = asked.tags
        return asked.within, lambda row, trace: hit(row, trace) if has_tags(trace, tags) else None
    query: Query = asked.query
    fields = fields_of(query)

    def judge(row: Row, trace: Trace) -> dict[str, Any] | None:
        try:
            spans = evaluate(query, row, trace, stop)
        except OutOfTimeError:
            # The store asks for the time before the next trace, and says that it is not all.
            return None
        return None if spans is None else matched(row, trace, spans, fields, asked.spans)

    return within(asked.within, needs(query)), judge


def _metrics(found: Found[dict[str, Any]]) -> dict[str, Any]:
    metrics = {"completedJobs": 1, "totalJobs": 1 if found.complete else 2}
    return {"inspectedTraces": found.inspected, **metrics} if found.inspected else metrics


def _incomplete(found: Found[dict[str, Any]]) -> str:
    say = f"stopped after {BUDGET_S:g} s and {found.inspected:,} traces"
    if found.oldest_ns is not None:
        reached = datetime.fromtimestamp(found.oldest_ns // 1_000_000_000, UTC)
        say += f", back to {reached:%Y-%m-%dT%H:%M:%SZ}"
    return f"{say}; ask for a shorter time, or for what is indexed"
