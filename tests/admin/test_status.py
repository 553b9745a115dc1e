"""The configuration in force and the state of the process, over a real socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as FilePath

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tailsampler.admin.app import admin_app
from tailsampler.admin.status import grown
from tailsampler.settings.effective import effective
from tailsampler.settings.load import load, parse
from tailsampler.settings.root import Settings
from tailsampler.telemetry.history import Step
from tests.needs import ROOT
from tests.telemetry.fakes import FakeCore, ledger, stats, status, verdict

Client = TestClient[Request, Application]
SECRET = "hunter2"
EXPORT = f"""
export:
  - {{type: otlp_grpc, name: tempo, endpoint: 'tempo:4317', headers: {{authorization: {SECRET}}}}}
"""


@asynccontextmanager
async def asked(core: FakeCore | None = None) -> AsyncIterator[Client]:
    settings = parse(EXPORT, environ={})
    app = admin_app(
        core or FakeCore(), status(), [], "127.0.0.1", settings=settings, config_file="g.yaml"
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_the_configuration_in_force_has_no_secret() -> None:
    """What comes can be read as a configuration again, with its secrets hidden."""
    async with asked() as client, client.get("/api/v1/config") as answer:
        text, body = await answer.text(), await answer.json()
    assert SECRET not in text
    assert (body["file"], body["addresses"]["admin"]) == ("g.yaml", "127.0.0.1:7317")
    assert effective(Settings.model_validate(body["config"])) == body["config"]


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda file: file.name
)
def test_every_configuration_comes_back_as_it_was(file: FilePath) -> None:
    """By way of JSON, secrets aside: whoever asks judges what runs."""
    runs = json.loads(json.dumps(effective(load(file, {}))))
    assert effective(Settings.model_validate(runs)) == runs


async def test_the_state_of_the_process() -> None:
    """Books, counters, exporters, the machine; no verdicts unless they are asked for."""
    async with asked() as client, client.get("/api/v1/status") as answer:
        body = await answer.json()
    assert (body["ledger"], body["stats"]) == (ledger(), stats())
    assert set(body["window"]) == {"seconds", "increase"}
    assert set(body["exporters"]) == {"tempo"}
    assert body["machine"]["disk_free"]
    assert body["recent"] == []


async def test_the_newest_verdicts_on_demand() -> None:
    """So many of each kind."""
    core = FakeCore(newest=[verdict(), verdict()])
    async with asked(core) as client, client.get("/api/v1/status?recent=1") as answer:
        assert (await answer.json())["recent"] == [verdict()]


@pytest.mark.parametrize("recent", ["-1", "129", "many"])
async def test_a_wrong_number_is_a_400_in_words(recent: str) -> None:
    """It says what a right one is."""
    async with asked() as client, client.get(f"/api/v1/status?recent={recent}") as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "bad_recent"


def step(number: int, lasted_s: float, spans: int, *, gap: bool = False) -> Step:
    """A second of history in which so many spans came."""
    return Step(
        number=number,
        wall_ns=0,
        lasted_s=lasted_s,
        gap=gap,
        increase={("spans", "received"): spans} if spans else {},
        buffer=0,
        outbox=0,
        open=0,
        balanced=True,
    )


def test_what_grew_is_added_up_over_gaps() -> None:
    """Requests and spans of a minute in which nobody looked belong to the same average."""
    window = grown([step(1, 0, 0, gap=True), step(2, 1, 10), step(3, 60, 600, gap=True)])
    assert (window.seconds, window.count("spans", "received")) == (61, 610)
    assert window.rate("spans", "received") == 10
    assert grown([]).rate("spans", "received") == 0
