"""What stands around every page: navigation, the gateway's state, a search box, the footer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from tailsampler.admin.assets import Assets
from tailsampler.admin.keys import HISTORY, STATUS, url_of
from tailsampler.admin.pages.words import FILTERS
from tailsampler.telemetry.listener import Handler

ENVIRONMENT: Final = web.AppKey("environment", Environment)

Section = Literal["flow", "traces", "explain", "settings", ""]

NAV: Final = (
    ("flow", "Flow", "/", "f"),
    ("traces", "Traces", "/traces", "t"),
    ("explain", "Explain", "/explain", "e"),
    ("settings", "Settings", "/settings", "s"),
)
"""Name, label, address, and the key after ``g``."""


@dataclass(frozen=True, slots=True)
class State:
    """How the gateway is, in the header of every page."""

    phase: str
    balanced: bool
    troubled: bool = False
    """Whether something that spans need does not do its work."""

    @property
    def well(self) -> bool:
        """Whether there is nothing to look after."""
        return self.balanced and self.phase == "ready" and not self.troubled

    @property
    def words(self) -> str:
        """In a few."""
        state = f"{self.phase}, but in trouble" if self.troubled else self.phase
        return f"{state}, books {'balanced' if self.balanced else 'NOT balanced'}"


def environment(assets: Assets) -> Environment:
    """The templates, with everything escaped and nothing undefined."""
    made = Environment(
        loader=PackageLoader("tailsampler.admin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals.update(asset=assets.url, nav=NAV)
    return made


async def page(
    request: web.Request,
    template: str,
    *,
    title: str,
    section: Section = "",
    status: int = 200,
    **context: Any,
) -> web.Response:
    """A page inside the frame.

    ``template`` extends ``base.html``; ``section`` is what the navigation marks. The rendering is
    done in a thread, beside the exporters that live on the event loop.
    """
    state = await _state(request.app)
    around = _frame(request.app, state, title=title, section=section)
    text = await asyncio.to_thread(_render, request.app, template, {**around, **context})
    return web.Response(text=text, content_type="text/html", status=status)


async def problem_page(
    request: web.Request, status: int, title: str, say: str, *, section: Section = ""
) -> web.Response:
    """What is wrong and what to do, inside the frame."""
    return await page(request, "problem.html", title=title, section=section, status=status, say=say)


@web.middleware
async def html_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have people who follow a dead link stay inside the frame; programs get what they got."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if request.path.startswith(("/api/", "/static/")) or "text/html" not in request.headers.get(
            "Accept", ""
        ):
            raise
        say = "There is no page at this address. The pages are Flow, Traces, Explain and Settings."
        return await problem_page(request, 404, "Not found", say)


def _render(app: web.Application, template: str, context: Mapping[str, Any]) -> str:
    return app[ENVIRONMENT].get_template(template).render(context)


def _frame(app: web.Application, state: State, *, title: str, section: Section) -> dict[str, Any]:
    return {
        "title": title,
        "section": section,
        "state": state,
        "version": app[STATUS].version,
        "metrics_url": url_of(app, "telemetry"),
    }


async def _state(app: web.Application) -> State:
    look = await app[HISTORY].newest()
    troubled = any(trouble.needed for trouble in app[STATUS].troubles())
    return State(app[STATUS].phase.value, look.ledger.balanced, troubled)
