"""The history as JSON, and live: server-sent events, one sample a second."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp_sse import sse_response

from tailsampler.admin.answers import problem
from tailsampler.admin.keys import HISTORY, STATUS
from tailsampler.telemetry.history import EVERY_S, KEEP, History, Step

MOST_VIEWERS: Final = 64
_STALLED_S: Final = 10.0
"""A viewer that reads nothing for so long is dropped; until then the kernel's buffers hold it."""
_RETRY_MS: Final = 2000


@dataclass(slots=True)
class Viewers:
    """How many streams are open."""

    count: int = 0


VIEWERS: Final = web.AppKey("viewers", Viewers)


def routes() -> list[web.RouteDef]:
    """Past and present."""
    return [web.get("/api/v1/history", past), web.get("/api/v1/stream", live)]


async def past(request: web.Request) -> web.Response:
    """What is remembered, the oldest first; ``seconds`` bounds how far back."""
    try:
        seconds = int(request.query.get("seconds", KEEP))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= KEEP:
        say = f"seconds is a whole number from 1 to {KEEP}; write seconds=60"
        return problem(400, "bad_seconds", say)
    history = request.app[HISTORY]
    await history.newest()
    text = await asyncio.to_thread(_history_text, history.epoch, history.steps()[-seconds:])
    response = web.json_response(text=text)
    response.enable_compression()
    return response


async def live(request: web.Request) -> web.StreamResponse:
    """Events ``sample``, each with a step as JSON.

    An id that comes back as ``Last-Event-ID`` continues where it stopped, if this process still
    remembers it. Ends when the gateway does.
    """
    viewers, history = request.app[VIEWERS], request.app[HISTORY]
    if viewers.count >= MOST_VIEWERS:
        say = f"{MOST_VIEWERS} pages are watching already; close one, or ask /api/v1/history"
        return problem(503, "too_many_viewers", say)
    viewers.count += 1
    try:
        return await _follow(request, history)
    finally:
        viewers.count -= 1


async def _follow(request: web.Request, history: History) -> web.StreamResponse:
    await history.newest()
    number = _resume(request.headers.get("Last-Event-ID", ""), history)
    async with sse_response(request, send_timeout=_STALLED_S) as events:
        # A viewer that went away or stalled is the normal end of a stream, and none of our errors.
        with suppress(ConnectionResetError, TimeoutError):
            while steps := await history.after(number):
                for step in steps:
                    name = f"{history.epoch}-{step.number}"
                    text = _step_text(step, request.app)
                    await events.send(text, id=name, event="sample", retry=_RETRY_MS)
                number = steps[-1].number
    return events


def _resume(last: str, history: History) -> int:
    """The number after which to go on; of a stranger's id nothing is believed."""
    epoch, _, number = last.partition("-")
    if epoch == history.epoch and number.isascii() and number.isdigit() and len(number) < 16:
        return min(int(number), history.last_number)
    return history.last_number - 1


def _step_text(step: Step, app: web.Application) -> str:
    return json.dumps({**step.as_json(), "phase": app[STATUS].phase.value})


def _history_text(epoch: str, steps: Sequence[Step]) -> str:
    return json.dumps(
        {"epoch": epoch, "every_s": EVERY_S, "steps": [step.as_json() for step in steps]}
    )
