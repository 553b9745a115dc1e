"""Trace: one trace as a waterfall, and why it was kept."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from google.protobuf.message import DecodeError

from tailsampler.admin.keys import CORE, STATUS, STORE
from tailsampler.admin.pages.frame import page, problem_page
from tailsampler.admin.pages.trace_cache import Opened, TraceCache
from tailsampler.admin.pages.trace_rows import WINDOW, View, Window, page_of, window
from tailsampler.admin.pages.trace_words import clock_hint, iso
from tailsampler.admin.trace_ids import parse_trace_id
from tailsampler.explain import sentences
from tailsampler.store.options import StoreUnavailableError
from tailsampler.store.query import TraceReader
from tailsampler.telemetry.status import Core

_MOST_HINTS: Final = 8
_KEEP_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class _Read:
    opened: Opened
    window: Window
    verdict: Mapping[str, Any] | None


class TracePages:
    """The handlers; they share the traces that were opened last."""

    def __init__(self, cache: TraceCache | None = None) -> None:
        self._cache = cache or TraceCache()
        self._forget: asyncio.TimerHandle | None = None

    def routes(self) -> list[web.RouteDef]:
        """The page of a trace."""
        return [web.get("/traces/{trace_id}", self.trace)]

    async def trace(self, request: web.Request) -> web.StreamResponse:
        """A window of the trace; what is not stored here goes to Explain, or is a 404 in words."""
        text = request.match_info["trace_id"]
        try:
            trace_id = parse_trace_id(text)
        except ValueError as error:
            return await problem_page(request, 400, "No trace id", str(error), section="traces")
        if text != trace_id.hex():
            query = f"?{request.query_string}" if request.query_string else ""
            raise web.HTTPFound(f"/traces/{trace_id.hex()}{query}")
        store, view = request.app[STORE](), View.of(request.query)
        try:
            read = await asyncio.to_thread(self._read, store, request.app[CORE], trace_id, view)
        except StoreUnavailableError as error:
            return await problem_page(request, 503, "Store not available", str(error))
        except DecodeError:
            say = f"What is stored of {trace_id.hex()} is damaged. Its verdict may still be known."
            return await problem_page(request, 500, "Damaged trace", say, section="traces")
        if read is None:
            return await _not_here(request, trace_id, store)
        self._forget_later()
        return await _show(request, read, view)

    def _read(
        self, store: TraceReader | None, core: Core, trace_id: bytes, view: View
    ) -> _Read | None:
        stored = store.get(trace_id) if store else None
        if stored is None:
            return None
        opened = self._cache.open(stored)
        found = core.decision(trace_id)
        return _Read(opened, window(opened, view), json.loads(found) if found else None)

    def _forget_later(self) -> None:
        """Nobody reads a trace for ever, and its spans are many."""
        if self._forget is not None:
            self._forget.cancel()
        self._forget = asyncio.get_running_loop().call_later(_KEEP_S, self._cache.clear)


async def _show(request: web.Request, read: _Read, view: View) -> web.Response:
    opened, shown, row = read.opened, read.window, read.opened.row
    return await page(
        request,
        "trace.html",
        title=f"{row.service[:40]}: {row.name[:60]}",
        section="traces",
        iso=iso,
        row=row,
        trace_id=row.trace_id.hex(),
        opened=opened,
        tree=opened.tree,
        window=shown,
        view=view,
        step=WINDOW,
        first_error=page_of(opened, opened.errors[0]) if opened.errors else None,
        hints=[clock_hint(skew) for skew in opened.clocks[:_MOST_HINTS]],
        more_hints=max(0, len(opened.clocks) - _MOST_HINTS),
        verdict=read.verdict,
        sentences=_sentences(read.verdict),
    )


def _sentences(verdict: Mapping[str, Any] | None) -> list[str]:
    if verdict is None:
        return []
    found = list(sentences(verdict))
    # That this trace was kept is what its page says anyway.
    return found[1:] if verdict.get("kept") else found


async def _not_here(
    request: web.Request, trace_id: bytes, store: TraceReader | None
) -> web.StreamResponse:
    known = await asyncio.to_thread(request.app[CORE].decision, trace_id)
    if known is not None:
        raise web.HTTPFound(f"/explain?trace_id={trace_id.hex()}")
    status = request.app[STATUS]
    say = (
        f"Trace {trace_id.hex()} is not known here: it was never received, or it is older than "
        "what is remembered."
    )
    if store is None:
        say += " There is no local trace store either: export has no entry with type: local."
    elif not status.ready:
        say += f" The gateway is {status.phase.value}; ask again in a moment."
    return await problem_page(request, 404, "Unknown trace", say, section="traces")
