"""Who may ask the admin listener, and what a browser may do with the answer."""

import ipaddress
from typing import Final

from aiohttp import web

from tailsampler.admin.answers import problem
from tailsampler.telemetry.listener import Handler

# Our own scripts and styles, from files: nothing inline, nothing from elsewhere.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_OUR_SITES: Final = ("same-origin", "none")


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Have every answer, errors included, say it; a handler may say something of its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def only_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that a foreign page made a browser send.

    A page whose host name is made to point to 127.0.0.1 (DNS rebinding) may read our answers as
    its own, but its name stands in the Host header.
    """
    name = _host_name(request.host)
    if name == "localhost" or name.endswith(".localhost") or _is_loopback(name):
        return await handler(request)
    say = "this listener answers on loopback only; ask it as 127.0.0.1 or localhost"
    return problem(421, "foreign_host", say)


@web.middleware
async def no_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a page of another site loads from here; following a link to here is fine.

    That page could not read the answer, but it could open streams until none is left, or post
    with the password that the browser remembers. Programs that are no browsers send none of these
    headers.
    """
    site = request.headers.get("Sec-Fetch-Site") or _site_of_origin(request)
    follows_a_link = (
        request.method in {"GET", "HEAD"}
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )
    if site is None or site in _OUR_SITES or follows_a_link:
        return await handler(request)
    say = "a page of another site asked for this; open it in a tab of its own"
    return problem(403, "foreign_site", say)


def _site_of_origin(request: web.Request) -> str | None:
    """What browsers without Sec-Fetch-Site say, where it matters: with everything but GET."""
    origin = request.headers.get("Origin")
    if origin is None or origin.partition("://")[2] == request.host:
        return None
    return "cross-site"


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
