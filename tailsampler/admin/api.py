"""The JSON API, and the books as plain text."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from tailsampler.admin.answers import problem
from tailsampler.admin.keys import CORE, POLICIES, STATUS
from tailsampler.admin.page import ledger_page
from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.telemetry.ledger import Ledger
from tailsampler.telemetry.status import Core

_REFRESH_S: Final = 2
_WRITER_GONE: Final = "stopped"
_RECENT: Final = 20
MOST_RECENT: Final = 128


def routes() -> list[web.RouteDef]:
    """Everything that programs ask for."""
    return [
        web.get("/ledger.txt", text),
        web.get("/api/v1/ledger", ledger),
        web.get("/api/v1/policies", chain),
        web.get("/api/v1/decisions/{trace_id}", decision),
        web.get("/api/v1/recent", recent),
    ]


async def text(request: web.Request) -> web.Response:
    """The books as text, read again every two seconds."""
    books = await asyncio.to_thread(request.app[CORE].ledger)
    page = ledger_page(Ledger.parse(books), request.app[STATUS])
    return web.Response(text=page, content_type="text/plain", headers={"Refresh": str(_REFRESH_S)})


async def ledger(request: web.Request) -> web.Response:
    """The books as JSON, ``balanced`` computed once more from the parts."""
    found = json.loads(await asyncio.to_thread(request.app[CORE].ledger))
    found["balanced"] = Ledger.of(found).balanced
    return web.json_response(found)


async def chain(request: web.Request) -> web.Response:
    """The chain in its order, and what each policy did since the start."""
    stats = json.loads(await asyncio.to_thread(request.app[CORE].stats))
    counts = {one["policy"]: one for one in stats.get("policies", ())}
    policies = [
        {**policy, "counts": _counts(counts.get(policy["name"], {}))}
        for policy in request.app[POLICIES]
    ]
    return web.json_response({"plan": stats.get("plan"), "policies": policies})


async def decision(request: web.Request) -> web.Response:
    """What is known of one trace: its verdict, or that it is held."""
    try:
        trace_id = parse_trace_id(request.match_info["trace_id"])
    except ValueError as error:
        return problem(400, "bad_trace_id", str(error))
    # In a thread: for a trace that is no longer remembered the verdict log is searched.
    found = await asyncio.to_thread(request.app[CORE].decision, trace_id)
    if found is None:
        say = (
            f"trace {trace_id.hex()} is not known: it was never received here, or its verdict is "
            "older than the verdict log (decisions.max_bytes)"
        )
        if await asyncio.to_thread(_has_shed, request.app[CORE]):
            say += ", or all of it was shed while more came in than could be held"
        return problem(404, "unknown_trace", say)
    return web.json_response(text=found)


def _has_shed(core: Core) -> bool:
    try:
        books = json.loads(core.ledger())
    except Exception as error:
        if error.args[:1] != (_WRITER_GONE,):
            raise
        return False  # which is said elsewhere
    return bool(books["spans"]["dropped"].get("overload"))


async def recent(request: web.Request) -> web.Response:
    """The newest verdicts, newest first: ``limit`` that kept, and as many that dropped."""
    try:
        limit = int(request.query.get("limit", _RECENT))
    except ValueError:
        limit = 0
    if not 0 < limit <= MOST_RECENT:
        say = f"limit is a whole number from 1 to {MOST_RECENT}; write limit={_RECENT}"
        return problem(400, "bad_limit", say)
    return web.json_response(text=await asyncio.to_thread(request.app[CORE].recent, limit))


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    keys = ("judged", "kept", "dropped", "spans_kept", "spans_dropped")
    return {key: int(found.get(key, 0)) for key in keys}
