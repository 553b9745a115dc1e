"""The admin listener: which address is answered by what."""

import asyncio
import functools
import ipaddress
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from jinja2 import Environment

from tailsampler.access.audit import Audit
from tailsampler.access.operators import Access
from tailsampler.admin import api, stream, tempo
from tailsampler.admin import status as status_routes
from tailsampler.admin.assets import Assets
from tailsampler.admin.authenticated import authenticated
from tailsampler.admin.guards import add_headers, no_other_sites, only_this_machine
from tailsampler.admin.keys import (
    ADDRESSES,
    CONFIG_FILE,
    CORE,
    HISTORY,
    POLICIES,
    SETTINGS,
    STATUS,
    STORE,
)
from tailsampler.admin.pages import explain, flow, traces
from tailsampler.admin.pages import settings as settings_page
from tailsampler.admin.pages.drawing import pygal
from tailsampler.admin.pages.frame import ENVIRONMENT, environment, html_problems
from tailsampler.settings.root import Settings
from tailsampler.store.query import TraceReader
from tailsampler.telemetry.history import History
from tailsampler.telemetry.listener import containing
from tailsampler.telemetry.status import Core, Status


def admin_app(  # noqa: PLR0913 - each is something that pages show
    core: Core,
    status: Status,
    policies: Sequence[Mapping[str, Any]],
    host: str,
    *,
    settings: Settings | None = None,
    store: Callable[[], TraceReader | None] = lambda: None,
    addresses: Mapping[str, str] | None = None,
    config_file: str | None = None,
    audit: Audit | None = None,
) -> web.Application:
    """The pages, the JSON API and Tempo's read API.

    ``policies`` is the chain as JSON-ready values; ``host`` the address that is listened on;
    ``settings`` those in force (by default the defaults); ``store`` gives the local trace store;
    ``addresses`` says where the other listeners are (by default as ``settings`` has them);
    ``config_file`` is the name of the file that the settings were read from; ``audit`` is where
    operations are written down.
    """
    loopback = ipaddress.ip_address(host).is_loopback
    settings = settings or Settings()
    access = Access(settings.admin.auth)
    app = web.Application(
        middlewares=[
            containing(status.contained, "admin"),
            # A page that points its name here has no token, and a proxy that does has one.
            *([only_this_machine] if loopback and not access.needs_tokens else []),
            no_other_sites,
            authenticated(access, audit),
            html_problems,
        ]
    )
    app.on_response_prepare.append(add_headers)
    app[CORE] = core
    app[STATUS] = status
    app[POLICIES] = policies
    app[SETTINGS] = settings
    app[STORE] = store
    app[CONFIG_FILE] = config_file
    app[ADDRESSES] = _addresses(settings) if addresses is None else addresses
    app[HISTORY] = History(core, status.clock, status.contained)
    app[stream.VIEWERS] = stream.Viewers()
    app.cleanup_ctx.append(_looking)
    app.on_shutdown.append(_send_viewers_home)
    assets, app[ENVIRONMENT] = _files()
    app.router.add_get("/static/{digest}/{name}", assets.serve)
    app.add_routes([*api.routes(), *status_routes.routes(), *stream.routes(), *tempo.routes()])
    app.add_routes([*flow.routes(), *traces.routes()])
    app.add_routes([*explain.routes(), *settings_page.routes()])
    return app


def _addresses(settings: Settings) -> dict[str, str]:
    return {str(where[-1]): str(endpoint) for where, endpoint in settings.listeners()}


@functools.cache
def _files() -> tuple[Assets, Environment]:
    """What is read from this package once, for every application in the process."""
    assets = Assets.load()
    return assets, environment(assets)


def _warm(app: web.Application) -> None:
    """What the first visitor of each page would wait for: templates, and the library for charts."""
    for name in app[ENVIRONMENT].list_templates():
        app[ENVIRONMENT].get_template(name)
    pygal()


async def _looking(app: web.Application) -> AsyncIterator[None]:
    """Look at the core every second while pages are served."""
    contained = app[STATUS].contained
    warming = contained.once("warm", lambda: asyncio.to_thread(_warm, app))
    tasks = [
        asyncio.create_task(warming, name="warm"),
        asyncio.create_task(contained.keep("history", app[HISTORY].run), name="history"),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _send_viewers_home(app: web.Application) -> None:
    """End the streams: the listener waits for every answer that is under way."""
    app[HISTORY].close()
