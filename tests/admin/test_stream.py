"""The history over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tailsampler.admin import stream
from tailsampler.admin.app import admin_app
from tailsampler.admin.keys import HISTORY
from tailsampler.telemetry.history import EVERY_S
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline
from tests.telemetry.fakes import FakeCore, status


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[TestClient[Request, Application], ManualClock]]:
    """A listener whose history has looked once."""
    asyncio.get_running_loop().set_default_executor(Inline())
    seen = status()
    assert isinstance(seen.clock, ManualClock)
    app = admin_app(FakeCore(), seen, [], "127.0.0.1")
    async with TestClient(TestServer(app)) as client:
        await seen.clock.until_asleep(EVERY_S)
        yield client, seen.clock


async def event(answer: ClientResponse) -> dict[str, Any]:
    """The next event, its data parsed."""
    fields: dict[str, Any] = {}
    while line := (await answer.content.readline()).decode().strip():
        key, _, value = line.partition(": ")
        fields[key] = value
    return {**fields, "data": json.loads(fields["data"])}


async def test_a_viewer_sees_each_look() -> None:
    """The newest at once, then one a second."""
    async with watched() as (client, clock), client.get("/api/v1/stream") as answer:
        assert answer.content_type == "text/event-stream"
        first = await event(answer)
        await clock.advance(1)
        second = await event(answer)
    assert first["event"] == second["event"] == "sample"
    assert second["data"]["number"] == first["data"]["number"] + 1
    assert second["data"]["phase"] == "ready"
    assert second["data"]["held"] == {"buffer": 10, "outbox": 5}


async def test_a_viewer_that_comes_back_goes_on_where_it_stopped() -> None:
    """Nothing that is still remembered is missing from its series."""
    async with watched() as (client, clock):
        async with client.get("/api/v1/stream") as answer:
            last = (await event(answer))["id"]
        await clock.advance(3)
        headers = {"Last-Event-ID": last}
        async with client.get("/api/v1/stream", headers=headers) as answer:
            numbers = [(await event(answer))["data"]["number"] for _ in range(3)]
    assert numbers == [2, 3, 4]


@pytest.mark.parametrize("last", ["", "0-1", "x", "-", "9" * 5000, "1-\u0661", "1-999999999999999"])
async def test_an_id_of_another_process_starts_anew(last: str) -> None:
    """After a restart the newest look comes first, whatever the viewer remembers."""
    async with watched() as (client, clock):
        await clock.advance(5)
        headers = {"Last-Event-ID": last}
        async with client.get("/api/v1/stream", headers=headers) as answer:
            assert (await event(answer))["data"]["number"] == 6


async def test_a_number_from_the_future_waits_for_nothing() -> None:
    """An id that this process has not given out yet does not silence the stream."""
    async with watched() as (client, clock):
        assert client.app is not None
        epoch = client.app[HISTORY].epoch
        headers = {"Last-Event-ID": f"{epoch}-99999"}
        async with client.get("/api/v1/stream", headers=headers) as answer:
            await clock.advance(1)
            assert (await event(answer))["data"]["number"] == 2


async def test_more_viewers_than_there_is_room_for_are_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A 503 in words; when one leaves, the next finds room."""
    monkeypatch.setattr(stream, "MOST_VIEWERS", 1)
    async with watched() as (client, clock):
        async with client.get("/api/v1/stream") as first:
            await event(first)
            async with client.get("/api/v1/stream") as second:
                assert second.status == 503
                assert (await second.json())["code"] == "too_many_viewers"
        first.close()
        for _ in range(5):  # the listener notices with one of the next writes
            await clock.advance(1)
        async with client.get("/api/v1/stream") as third:
            assert third.status == 200


async def test_streams_end_with_the_listener() -> None:
    """An open page does not hold up SIGTERM."""
    async with watched() as (client, _), client.get("/api/v1/stream") as answer:
        await event(answer)
        async with asyncio.timeout(5):
            await client.server.close()
        assert await answer.content.read() == b""


async def test_the_past_is_there_at_once() -> None:
    """A page that opens draws its chart from what was seen before."""
    async with watched() as (client, clock):
        await clock.advance(9)
        async with client.get("/api/v1/history") as answer:
            assert [step["number"] for step in (await answer.json())["steps"]] == list(range(1, 11))
        async with client.get("/api/v1/history?seconds=2") as answer:
            assert [step["number"] for step in (await answer.json())["steps"]] == [9, 10]


@pytest.mark.parametrize("seconds", ["0", "-1", "901", "x", "1e3", "9" * 5000])
async def test_nonsense_is_refused_in_words(seconds: str) -> None:
    """The bound is named."""
    async with (
        watched() as (client, _),
        client.get("/api/v1/history", params={"seconds": seconds}) as answer,
    ):
        assert answer.status == 400
        assert "900" in (await answer.json())["say"]
