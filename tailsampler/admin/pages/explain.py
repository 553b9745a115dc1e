"""Explain: what became of any trace, and on what evidence."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from yarl import URL

from tailsampler.admin.keys import CORE, HISTORY, SETTINGS, STORE
from tailsampler.admin.pages.frame import page
from tailsampler.admin.pages.marks import marked
from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.decide.chosen import how_of
from tailsampler.explain import sentences

_ALL: Final = 1 << 56
_MARKS: Final = {
    "first": "matched first, so it decided",
    "later": "matches as well, but stands later",
    "perhaps": "may match as well, but stands later",
    "no": "does not match",
    "unknown": "not known",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """R and T as shares of the way from 0 to 2^56, in per cent."""

    randomness: str
    r: float
    threshold: str
    t: float


def routes() -> list[web.RouteDef]:
    """The page, and the short address of any trace."""
    return [
        web.get("/explain", explain),
        web.get("/t", find),
        web.get("/t/{trace_id}", go),
    ]


async def find(request: web.Request) -> web.Response:
    """From the search box of the frame to the short address."""
    text = request.query.get("trace_id", "").strip()
    try:
        where = URL(f"/t/{parse_trace_id(text).hex()}")
    except ValueError:
        where = _explain_url(text)
    raise web.HTTPSeeOther(where)


async def go(request: web.Request) -> web.Response:
    """To the trace if it is stored here, else to what is known of it."""
    text = request.match_info["trace_id"]
    try:
        trace_id = parse_trace_id(text)
    except ValueError:
        raise web.HTTPSeeOther(_explain_url(text)) from None
    if await _stored(request.app, trace_id):
        raise web.HTTPSeeOther(URL(f"/traces/{trace_id.hex()}"))
    raise web.HTTPSeeOther(_explain_url(trace_id.hex()))


async def explain(request: web.Request) -> web.Response:
    """The form, and the answer if there is a question."""
    text = request.query.get("trace_id", "").strip()
    if not text:
        return await _show(request, asked="")
    try:
        trace_id = parse_trace_id(text)
    except ValueError as error:
        return await _show(request, asked=text, wrong=str(error))
    # In a thread: for a trace that is no longer remembered the verdict log is searched.
    known = await asyncio.to_thread(request.app[CORE].decision, trace_id)
    if known is None:
        return await _show(request, asked=trace_id.hex(), unknown=True)
    found = json.loads(known)
    look = await request.app[HISTORY].newest()
    same_plan = look.stats.get("plan") == found.get("plan")
    return await _show(
        request,
        asked=trace_id.hex(),
        found=found,
        sentences=list(sentences(found)),
        chain=marked(request.app[SETTINGS], found, same_plan=same_plan),
        how=how_of(request.app[SETTINGS]),
        same_plan=same_plan,
        scale=_scale(found),
        stored=await _stored(request.app, trace_id),
    )


async def _show(request: web.Request, **context: Any) -> web.Response:
    """Always 200: to a person "not known" is an answer; programs ask ``/api/v1/decisions``."""
    absent = {"wrong": None, "unknown": False, "found": None}
    return await page(
        request,
        "explain.html",
        title="Explain",
        section="explain",
        marks=_MARKS,
        **{**absent, **context},
    )


async def _stored(app: web.Application, trace_id: bytes) -> bool:
    store = app[STORE]()
    return store is not None and await asyncio.to_thread(store.get, trace_id) is not None


def _explain_url(text: str) -> URL:
    return URL("/explain").with_query(trace_id=text)


def _scale(found: Mapping[str, Any]) -> Scale | None:
    """Nothing where R was not asked: all are kept, or none."""
    if found["state"] != "judged" or not 0 < found["threshold"] < _ALL:
        return None
    return Scale(
        randomness=found["randomness"],
        r=int(found["randomness"], 16) / _ALL * 100,
        threshold=f"{found['threshold']:014x}",
        t=found["threshold"] / _ALL * 100,
    )
