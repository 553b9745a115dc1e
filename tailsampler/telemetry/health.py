"""The health listener: alive, ready, metrics. No secrets, no authentication."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from aiohttp import web

from tailsampler.telemetry.listener import containing
from tailsampler.telemetry.status import Core, Phase, Status

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

STATUS: Final = web.AppKey("status", Status)


def health_app(core: Core, status: Status) -> web.Application:
    """``/`` and ``/healthz``, ``/livez``, ``/readyz``, ``/metrics``."""
    app = web.Application(middlewares=[containing(status.contained, "telemetry")])
    app[STATUS] = status
    app.router.add_get("/", healthz)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", Metrics(core, status).page)
    return app


async def healthz(request: web.Request) -> web.Response:
    """Alive: 200 as long as the event loop turns, also while starting and closing.

    The body is that of the Collector's health_check extension.
    """
    status = request.app[STATUS]
    since = datetime.fromtimestamp(status.started_ns / 1e9, tz=UTC).isoformat()
    return web.json_response(
        {
            "status": "Server available",
            "upSince": since,
            "uptime": f"{status.uptime_s:.3f}s",
            "phase": status.phase.value,
        }
    )


async def livez(request: web.Request) -> web.Response:
    """Worth keeping: 503 once a thread of the data plane has ended, which only a restart mends.

    What was acknowledged is in the logs, and the next process goes on with it.
    """
    status = request.app[STATUS]
    ended = status.phase is not Phase.CLOSING and status.failed_threads
    return web.json_response(
        {"alive": not ended, "ended": list(ended or ())}, status=503 if ended else 200
    )


async def readyz(request: web.Request) -> web.Response:
    """Ready: 200 while the doors are open and what spans need is well, else 503.

    ``troubles`` names what does not do its work; not all of it is ``needed``.
    """
    status = request.app[STATUS]
    ready = status.ready
    troubles = [trouble.as_json() for trouble in status.troubles()]
    return web.json_response(
        {"ready": ready, "phase": status.phase.value, "troubles": troubles},
        status=200 if ready else 503,
    )


class Metrics:
    """The metrics page; its library is imported on the first scrape, not at the start."""

    def __init__(self, core: Core, status: Status) -> None:
        self._core, self._status = core, status
        # Its own thread: pages that wait take those of the loop.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._registry: CollectorRegistry | None = None

    async def page(self, request: web.Request) -> web.Response:
        """OpenMetrics, or Prometheus' older text, as the reader prefers."""
        # In a thread: a cut across the books may wait for the data plane.
        body, content_type = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._render, request.headers.get("Accept", "")
        )
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    def _render(self, accept: str) -> tuple[bytes, str]:
        from tailsampler.telemetry.exposition import registry, render  # noqa: PLC0415 - see above

        if self._registry is None:
            self._registry = registry(self._core, self._status)
        return render(self._registry, accept)
