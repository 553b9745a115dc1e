"""Traces: search what is kept here, as a diagram and as a list."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from tailsampler.admin.answers import problem
from tailsampler.admin.keys import ADDRESSES, STATUS, STORE, url_of
from tailsampler.admin.pages.frame import page, problem_page
from tailsampler.admin.pages.trace import TracePages
from tailsampler.admin.pages.trace_words import iso
from tailsampler.admin.pages.traces_form import LIMITS, NS_PER_S, SINCE, SORTS, STATUSES, Form
from tailsampler.admin.pages.traces_scatter import scatter
from tailsampler.admin.pages.traces_search import MOST, Choices, Result, choices, find, newer
from tailsampler.clock import Clock
from tailsampler.store.options import StoreUnavailableError
from tailsampler.store.query import Row, Totals, TraceReader
from tailsampler.traces.traceql import TraceQLError

_CARET_WINDOW: Final = 72


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a page needs of the store, read in one go, in a thread."""

    totals: Totals
    choices: Choices
    result: Result | None
    error: TraceQLError | None
    diagram: Markup


def routes() -> list[web.RouteDef]:
    """The list, how many are newer, and a page for each trace."""
    return [
        web.get("/traces", traces),
        web.get("/traces/newer", newer_traces),
        *TracePages().routes(),
    ]


async def traces(request: web.Request) -> web.Response:
    """The form and what it finds. 400 if it cannot be searched for, the form still filled."""
    form, store = Form.of(request.query), request.app[STORE]()
    if store is None:
        return await page(request, "traces_none.html", title="Traces", section="traces")
    clock = request.app[STATUS].clock
    problems = form.problems()
    try:
        seen = await asyncio.to_thread(_look, store, form, clock, searching=not problems)
    except StoreUnavailableError as error:
        say = f"{error}. Traces that are kept now wait in the outbox."
        return await problem_page(request, 503, "Store not available", say, section="traces")
    rows = _ordered(seen.result, form) if seen.result else []
    now_ns = clock.wall_ns()
    return await page(
        request,
        "traces.html",
        title="Traces",
        section="traces",
        status=400 if problems or seen.error else 200,
        iso=iso,
        form=form,
        problems=problems,
        seen=seen,
        rows=rows,
        most=MOST,
        longest_ns=max((row.duration_ns for row in rows), default=0) or 1,
        since=SINCE,
        statuses=STATUSES,
        limits=LIMITS,
        sorts=SORTS,
        otlp={name: url_of(request.app, name) for name in request.app[ADDRESSES]},
        links=None if problems else _links(form, seen.result, now_ns),
        place=_place(form, seen.error) if seen.error else None,
    )


async def newer_traces(request: web.Request) -> web.Response:
    """How many traces match that start after ``after``, in ns: ``{"newer": 3, "most": 100}``."""
    form, store = Form.of(request.query), request.app[STORE]()
    after = request.query.get("after", "")
    if not after.isdecimal() or len(after) > 20 or form.problems():
        return problem(400, "bad_search", "write after=<ns since 1970>, and fields as in /traces")
    if store is None:
        return problem(404, "no_store", "there is no local trace store: export has no type: local")
    try:
        count = await asyncio.to_thread(newer, store, form, int(after), request.app[STATUS].clock)
    except TraceQLError as error:
        return problem(400, error.code, str(error))
    except StoreUnavailableError as error:
        return problem(503, "store_unavailable", str(error))
    return web.json_response({"newer": count, "most": 100})


def _look(store: TraceReader, form: Form, clock: Clock, *, searching: bool) -> _Seen:
    result, wrong = None, None
    if searching:
        try:
            result = find(store, form, clock)
        except TraceQLError as error:
            wrong = error
    # Drawing takes a tenth of a second, which the event loop does not have.
    diagram = scatter(result.rows if result else ())
    return _Seen(store.totals(), choices(store), result, wrong, diagram)


def _ordered(result: Result, form: Form) -> list[Row]:
    rows = list(result.rows)
    if form.sort == "longest":
        rows.sort(key=lambda row: row.duration_ns, reverse=True)
    return rows[: int(form.limit)]


def _links(form: Form, result: Result | None, now_ns: int) -> dict[str, str]:
    found = {"api": form.api_address(now_ns)}
    if form.since and not (form.start or form.end):
        start_s = (now_ns - SINCE[form.since][1] * NS_PER_S) // NS_PER_S
        end_s = -(-now_ns // NS_PER_S)
        found["pinned"] = form.address(since="", start=str(start_s), end=str(end_s))
    if result is not None and not form.end:
        newest_ns = max((row.start_ns for row in result.rows), default=now_ns)
        query = form.query_string()
        found["newer"] = f"/traces/newer?{query}&after={newest_ns}".replace("?&", "?")
    return found


def _place(form: Form, error: TraceQLError) -> dict[str, Any]:
    """The line that is wrong, cut to what is around the column, and how far in that is."""
    lines = form.q.splitlines() or [""]
    line = lines[min(max(error.line, 1), len(lines)) - 1]
    begin = max(0, error.column - 1 - _CARET_WINDOW // 2)
    return {
        "text": line[begin : begin + _CARET_WINDOW],
        "caret": " " * (max(error.column, 1) - 1 - begin) + "^",
        "say": error.say,
        "where": f"line {error.line}, column {error.column}",
    }
