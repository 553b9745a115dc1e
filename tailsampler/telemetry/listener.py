"""Serve an aiohttp application on a socket: what the health and the admin listener share."""

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from tailsampler.telemetry.contained import Contained, is_ending, place_of

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
_LONGEST_PATH: Final = 200


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Have every answer, errors included, say how little a browser may do with it.

    An application that needs more says so first.
    """
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def containing(contained: Contained, component: str) -> Middleware:
    """Have an answer that raises cost itself alone: 500 in words, counted, said in the log.

    The first middleware of an application, so that it catches what the others raise.
    """

    @web.middleware
    async def contain(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPException, ConnectionError):
            raise  # an answer, and a reader who went away
        except BaseException as error:
            if is_ending(error):
                raise
            contained.failed(component, error, path=request.path[:_LONGEST_PATH])
            if request.writer.output_size > 0:
                # Half an answer is out. aiohttp closes the connection on this, so that nobody
                # takes it for a whole one.
                raise ConnectionAbortedError from error
            where = f"{type(error).__name__} at {place_of(error)}"
            say = f"this page failed ({where}); the log says more, and the gateway goes on"
            if "text/html" in request.headers.get("Accept", ""):
                # Not through the templates: they may be what failed.
                return web.Response(text=f"500: {say}\n", status=500)
            return web.json_response({"code": "page_failed", "say": say}, status=500)

    return contain


Renew = Callable[[ssl.SSLContext], Awaitable[None]]
"""Serves new connections with another TLS context; those that are open keep theirs."""


@asynccontextmanager
async def listening(
    app: web.Application, bound: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Renew]:
    """Serve ``app`` on a listening socket while the context lasts; closes it then.

    Yields what changes the certificate.
    """
    app.on_response_prepare.append(add_headers)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_WITHIN_S
    )
    await runner.setup()
    site = web.SockSite(runner, bound.dup(), ssl_context=tls)

    async def renew(new: ssl.SSLContext) -> None:
        nonlocal site
        old, site = site, web.SockSite(runner, bound.dup(), ssl_context=new)
        # The new one first: between the two nobody is turned away.
        await site.start()
        await old.stop()

    try:
        await site.start()
        yield renew
    finally:
        await runner.cleanup()
        bound.close()
