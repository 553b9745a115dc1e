"""What the admin listener's handlers find in their application."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from tailsampler.settings.root import Settings
from tailsampler.store.query import TraceReader
from tailsampler.telemetry.history import History
from tailsampler.telemetry.status import Core, Status

STATUS: Final = web.AppKey("status", Status)
CORE: Final[web.AppKey[Core]] = web.AppKey("core")
POLICIES: Final[web.AppKey[Sequence[Mapping[str, Any]]]] = web.AppKey("policies")
SETTINGS: Final = web.AppKey("settings", Settings)
STORE: Final[web.AppKey[Callable[[], TraceReader | None]]] = web.AppKey("store")
"""Gives the local trace store; None where ``export`` has no ``type: local``."""
ADDRESSES: Final[web.AppKey[Mapping[str, str]]] = web.AppKey("addresses")
"""``host:port`` by listener: ``otlp_grpc``, ``otlp_http``, ``telemetry``, ..."""
HISTORY: Final = web.AppKey("history", History)


def url_of(app: web.Application, listener: str) -> str | None:
    """``http(s)://host:port`` of a listener; None if it is not open."""
    address = app[ADDRESSES].get(listener)
    scheme = "https" if listener in app[SETTINGS].encrypted() else "http"
    return None if address is None else f"{scheme}://{address}"


CONFIG_FILE: Final[web.AppKey[str | None]] = web.AppKey("config_file")
"""Where the settings were read from; None if nobody said."""
