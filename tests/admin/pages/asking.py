"""Pages over a real socket, with a clock in hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tailsampler.admin.app import admin_app
from tailsampler.settings.report import report
from tailsampler.settings.root import Settings
from tailsampler.store.query import TraceReader
from tailsampler.telemetry.history import EVERY_S
from tailsampler.telemetry.status import Status
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline
from tests.telemetry.fakes import FakeCore, status

Client = TestClient[Request, Application]


@asynccontextmanager
async def served(
    core: FakeCore | None = None,
    *,
    seen: Status | None = None,
    settings: Settings | None = None,
    store: Callable[[], TraceReader | None] = lambda: None,
    **more: Any,
) -> AsyncIterator[tuple[Client, ManualClock]]:
    """A listener whose history has looked once."""
    asyncio.get_running_loop().set_default_executor(Inline())
    seen, settings = seen or status(), settings or Settings()
    assert isinstance(seen.clock, ManualClock)
    chain = [asdict(policy) for policy in report(settings).chain]
    app = admin_app(
        core or FakeCore(), seen, chain, "127.0.0.1", settings=settings, store=store, **more
    )
    async with TestClient(TestServer(app)) as client:
        await seen.clock.until_asleep(EVERY_S)
        yield client, seen.clock


async def text(client: Client, path: str, status_code: int = 200) -> str:
    """The body of a page, once its status is as expected."""
    async with client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == status_code, await answer.text()
        assert answer.content_type == "text/html"
        return await answer.text()
