"""Tempo's read API over the local trace store, for Grafana's Tempo data source.

What is answered, and how it differs from Tempo, stands in docs/tempo-api.md. Errors are plain text,
as Tempo's are: Grafana shows the body to whoever asked.
"""

from aiohttp import web

from tailsampler.admin.tempo import health, search, tags, trace


def routes() -> list[web.RouteDef]:
    """Everything that the data source asks for."""
    return [*health.routes(), *search.routes(), *tags.routes(), *trace.routes()]
