"""Serve an aiohttp application on an address: what the health and the admin listener share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from tailsampler.errors import StartError

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
    """Have every answer, errors included, say how little a browser may do with it."""
    response.headers.update(_HEADERS)


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int, name: str) -> AsyncIterator[str]:
    """Serve ``app`` while the context lasts; yields the bound ``host:port``.

    ``name`` is the setting that holds the address. Raises ``StartError`` if it cannot be had.
    """
    app.on_response_prepare.append(add_headers)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_WITHIN_S
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise StartError(
                "listen_failed",
                f"cannot listen on {host}:{port} ({error.strerror or error}); "
                f"stop what has the address, or set {name}.endpoint to another one",
            ) from error
        bound = runner.addresses[0]
        yield f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"
    finally:
        await runner.cleanup()
