"""Settings: what is in force, and how it differs from the defaults. No secret is in it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from aiohttp import web

from tailsampler.admin.keys import CONFIG_FILE, SETTINGS, STATUS
from tailsampler.admin.pages.frame import page
from tailsampler.settings.effective import Line, effective, effective_yaml, lines
from tailsampler.settings.fit import too_small
from tailsampler.settings.machine import look
from tailsampler.settings.report import report


def routes() -> list[web.RouteDef]:
    """The page, and the same for programs and for copying."""
    return [
        web.get("/settings", show),
        web.get("/settings.yaml", as_yaml),
        web.get("/api/v1/settings", as_json),
    ]


async def show(request: web.Request) -> web.Response:
    """The page; ``?only=differences`` leaves out what is as it comes."""
    settings = request.app[SETTINGS]
    every = await asyncio.to_thread(lines, settings)
    only = request.query.get("only") == "differences"
    machine = await asyncio.to_thread(look, settings.data_directory)
    said = report(
        settings, in_memory=machine.disk_in_memory, on_this_machine=too_small(settings, machine)
    )
    return await page(
        request,
        "settings.html",
        title="Settings",
        section="settings",
        lines=[line for line in every if line.differs or not only],
        only=only,
        count=sum(line.differs for line in _leaves(every)),
        file=request.app[CONFIG_FILE],
        chain=said.sentences,
        report=said,
        replayed=request.app[STATUS].found,
    )


async def as_yaml(request: web.Request) -> web.Response:
    """A configuration file that says the same, but for the secrets."""
    text = await asyncio.to_thread(effective_yaml, request.app[SETTINGS])
    return web.Response(text=text, content_type="text/plain")


async def as_json(request: web.Request) -> web.Response:
    """The settings in the file's form, and a list of those that are not the default."""
    settings = request.app[SETTINGS]
    every = await asyncio.to_thread(lines, settings)
    differences = [
        {
            "key": ".".join(map(str, line.path)),
            **{key: asdict(line)[key] for key in ("value", "default")},
        }
        for line in _leaves(every)
        if line.differs
    ]
    return web.json_response(
        {
            "file": request.app[CONFIG_FILE],
            "settings": effective(settings),
            "differences": differences,
        }
    )


def _leaves(every: Sequence[Line]) -> Iterator[Line]:
    return (line for line in every if line.value is not None)
