"""What a data source asks before anything else, and what is answered with a no."""

from typing import Final

from aiohttp import web

from tailsampler.admin.keys import STATUS
from tailsampler.admin.tempo.asked import refused, store_of

# Of Tempo, whose API this is: older Grafanas choose by it what they ask for.
_API_LEVEL: Final = "2.7.0"


def routes() -> list[web.RouteDef]:
    """Health, build information, and TraceQL metrics."""
    metrics = [f"/api/metrics/{kind}" for kind in ("query_range", "query", "summary")]
    return [
        web.get("/api/echo", echo),
        web.get("/ready", ready),
        web.get("/api/status/buildinfo", build_info),
        *(web.get(path, no_metrics) for path in metrics),
    ]


async def echo(request: web.Request) -> web.Response:
    """Grafana's "Save & test": well if there is a store to ask."""
    store_of(request)
    return web.Response(text="echo")


async def ready(request: web.Request) -> web.Response:
    """Whether searches are answered."""
    store_of(request)
    return web.Response(text="ready")


async def build_info(request: web.Request) -> web.Response:
    """The level of the API as ``version``, our own version as ``revision``."""
    return web.json_response(
        {
            "version": _API_LEVEL,
            "revision": f"tailsampler {request.app[STATUS].version}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
    )


async def no_metrics(_request: web.Request) -> web.Response:
    """TraceQL metrics would count kept traces only, which is what sampling falsifies."""
    raise refused(
        "not supported here: TraceQL metrics; kept traces are a sample, so counts of them mislead"
    )
