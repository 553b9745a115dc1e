"""Flow: what came in, what was kept, what was dropped and why."""

import asyncio
import json
from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

from aiohttp import web

from tailsampler.admin.keys import ADDRESSES, CORE, HISTORY, POLICIES, SETTINGS, STATUS
from tailsampler.admin.pages.chart import chart, points
from tailsampler.admin.pages.frame import page
from tailsampler.admin.pages.headline import headline
from tailsampler.admin.pages.picture import MINUTE_S, picture
from tailsampler.admin.pages.sankey import draw

RECENT: Final = 6
"""Verdicts of each kind: a burst of drops does not push the kept ones off the page."""


def routes() -> list[web.RouteDef]:
    """The page."""
    return [web.get("/", flow)]


async def flow(request: web.Request) -> web.Response:
    """The first page. ``?by=minute`` and ``?by=total`` choose what the picture shows."""
    app = request.app
    look = await app[HISTORY].newest()
    window = app[HISTORY].window(MINUTE_S)
    chosen = request.query.get("by")
    by_minute = chosen == "minute" or (chosen != "total" and window.count("spans", "received") > 0)
    shown = picture(look, window, app[STATUS], app[POLICIES], by_minute=by_minute)
    recent = json.loads(await asyncio.to_thread(app[CORE].recent, RECENT))
    return await page(
        request,
        "flow.html",
        title="Flow",
        section="flow",
        shown=shown,
        chosen=chosen,
        headline=headline(shown, app[STATUS]),
        drawing=draw(shown),
        chart=await asyncio.to_thread(chart, points(app[HISTORY].steps())),
        recent=list(_recent(recent, look.wall_ns)),
        doors=doors(app[ADDRESSES], app[SETTINGS].encrypted()),
    )


def doors(addresses: Mapping[str, str], encrypted: Container[str] = ()) -> dict[str, str]:
    """Where to send spans from this machine, by listener."""
    found = {}
    for name in ("otlp_grpc", "otlp_http"):
        if name in addresses:
            host, _, port = addresses[name].rpartition(":")
            everywhere = host in {"0.0.0.0", "[::]", "::"}  # noqa: S104 - compared with
            scheme = "https" if name in encrypted else "http"
            found[name] = f"{scheme}://{'127.0.0.1' if everywhere else host}:{port}"
    return found


def _recent(verdicts: list[Mapping[str, Any]], now_ns: int) -> Iterator[dict[str, Any]]:
    for verdict in verdicts:
        ago_s = max(0.0, (now_ns - int(verdict["judged_at_ns"])) / 1e9)
        yield {**verdict, "ago_s": float(int(ago_s)) if ago_s >= 1 else 0.0}
