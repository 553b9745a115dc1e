"""The configuration in force and the state of the process, for programs that judge both."""

import asyncio
import functools
import json
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from tailsampler.admin.answers import problem
from tailsampler.admin.api import MOST_RECENT
from tailsampler.admin.keys import ADDRESSES, CONFIG_FILE, CORE, HISTORY, SETTINGS, STATUS
from tailsampler.settings.effective import effective
from tailsampler.telemetry import machine
from tailsampler.telemetry.history import Path, Step, Window


def routes() -> list[web.RouteDef]:
    """What ``tailsampler doctor`` asks for."""
    return [web.get("/api/v1/config", config), web.get("/api/v1/status", status)]


async def config(request: web.Request) -> web.Response:
    """Every setting in force in the file's own form, and where the listeners are; no secret."""
    addresses = request.app[ADDRESSES]
    found = {
        "file": request.app[CONFIG_FILE],
        "config": effective(request.app[SETTINGS]),
        "addresses": {**addresses},
    }
    return web.json_response(found)


async def status(request: web.Request) -> web.Response:
    """The books, the counters, what grew in the last minutes, and what the machine gives.

    ``recent``: so many of the newest verdicts that kept, and as many that dropped; none if absent.
    """
    app = request.app
    try:
        recent = int(request.query.get("recent", 0))
    except ValueError:
        recent = -1
    if not 0 <= recent <= MOST_RECENT:
        say = f"recent is a whole number from 0 to {MOST_RECENT}; write recent=20"
        return problem(400, "bad_recent", say)
    state, core, directory = app[STATUS], app[CORE], app[SETTINGS].data_directory
    books, stats = await asyncio.to_thread(lambda: (core.ledger(), core.stats()))
    # In a thread: it walks the data directory.
    newest = await asyncio.to_thread(core.recent, recent) if recent else "[]"
    given = await asyncio.to_thread(functools.partial(machine.look, directory))
    window = grown(app[HISTORY].steps())
    now_s = state.clock.monotonic_s()
    found: dict[str, Any] = {
        "version": state.version,
        "ready": state.ready,
        "troubles": [{"component": one.component, "say": one.say} for one in state.troubles()],
        "uptime_seconds": round(state.uptime_s, 3),
        "wall_ns": state.clock.wall_ns(),
        "ledger": json.loads(books),
        "stats": json.loads(stats),
        "window": {
            "seconds": round(window.seconds, 3),
            "increase": [[list(path), count] for path, count in window.increase.items()],
        },
        "exporters": {name: one.describe(now_s) for name, one in state.exporters.items()},
        "contained": dict(state.contained.counts),
        "machine": given.as_json(),
        "recent": json.loads(newest),
    }
    return web.json_response(found)


def grown(steps: Iterable[Step]) -> Window:
    """All that is remembered, added up: fifteen minutes, or less after a start.

    Gaps are counted with their time: an average over a gap is right, where a rate is not.
    """
    seconds, increase = 0.0, dict[Path, int]()
    for step in steps:
        seconds += step.lasted_s
        for path, count in step.increase.items():
            increase[path] = increase.get(path, 0) + count
    return Window(seconds, increase)
