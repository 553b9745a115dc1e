"""Flow: what came in, what was kept, what was dropped and why."""

from aiohttp import web

from tailsampler.admin.pages.frame import page


def routes() -> list[web.RouteDef]:
    """The page."""
    return [web.get("/", flow)]


async def flow(request: web.Request) -> web.Response:
    """The first page."""
    return await page(request, "flow.html", title="Flow", section="flow")
