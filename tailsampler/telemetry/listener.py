"""Serve an aiohttp application on a socket: what the health and the admin listener share."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Nothing we serve loads anything from anywhere, and nothing may put us into a frame.
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
# A connection that is under way when we stop gets this long; every answer is small.
_STOP_WITHIN_S: Final = 1.0


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Have every answer, errors included, say how little a browser may do with it.

    An application that needs more says so first.
    """
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


@asynccontextmanager
async def listening(app: web.Application, bound: socket.socket) -> AsyncIterator[None]:
    """Serve ``app`` on a listening socket while the context lasts; closes it then."""
    app.on_response_prepare.append(add_headers)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_WITHIN_S
    )
    await runner.setup()
    try:
        await web.SockSite(runner, bound).start()
        yield
    finally:
        await runner.cleanup()
        bound.close()
