"""Tempo's API over a store in memory, on a socket."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tailsampler.admin import tempo
from tailsampler.admin.keys import STATUS, STORE
from tailsampler.store.query import TraceReader
from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.status import Status
from tailsampler.testing.clock import ManualClock
from tests.traces.memory_store import MemoryStore
from tests.traces.traceql.shop import shop

Client: TypeAlias = TestClient[web.Request, web.Application]
CART = "0000000000000000000000000000000a"
EPOCH_S = 1_700_000_000


def full() -> MemoryStore:
    store = MemoryStore()
    store.write(shop())
    return store


@asynccontextmanager
async def serving(
    store: TraceReader | None, clock: ManualClock | None = None
) -> AsyncIterator[Client]:
    app = web.Application()
    clock = clock or ManualClock()
    app[STATUS] = Status(clock, Contained(clock), version="1.2.3")
    app[STORE] = lambda: store
    app.add_routes(tempo.routes())
    async with TestClient(TestServer(app)) as client:
        yield client


async def asked(
    path: str, params: Mapping[str, str] | None = None, store: TraceReader | None = None
) -> Any:
    """The JSON of a 200."""
    async with serving(store or full()) as client, client.get(path, params=params) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "application/json"
        return await answer.json()


async def refusal(
    path: str, params: Mapping[str, str] | None = None, store: TraceReader | None = None
) -> tuple[int, str]:
    """Status and text of an answer that is none."""
    async with serving(store or full()) as client, client.get(path, params=params) as answer:
        assert answer.content_type == "text/plain"
        return answer.status, await answer.text()
