"""The health listener, over a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from tailsampler.telemetry.health import health_app
from tailsampler.telemetry.status import Phase
from tests.telemetry.fakes import FakeCore, status

Client = TestClient[Request, Application]


@asynccontextmanager
async def asked(phase: Phase) -> AsyncIterator[Client]:
    async with TestClient(TestServer(health_app(FakeCore(), status(phase)))) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/healthz"])
@pytest.mark.parametrize("phase", list(Phase))
async def test_alive_in_every_phase(path: str, phase: Phase) -> None:
    """A gateway that starts or closes is not killed for it; the body is the Collector's."""
    async with asked(phase) as client, client.get(path) as answer:
        assert answer.status == 200
        body = await answer.json()
    assert body["status"] == "Server available"
    assert body["upSince"] == "1970-01-01T00:16:40+00:00"
    assert body["uptime"] == "60.000s"


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("ended", [(), ("writer",)])
async def test_a_dead_data_plane_is_to_be_started_anew(phase: Phase, ended: tuple[str]) -> None:
    """A restart brings everything back, and nothing else does; whoever ends already is let end."""
    gateway = status(phase)
    gateway.failed_threads = ended
    dead = bool(ended) and phase is not Phase.CLOSING
    async with (
        TestClient(TestServer(health_app(FakeCore(), gateway))) as client,
        client.get("/livez") as answer,
    ):
        assert answer.status == (503 if dead else 200)
        assert await answer.json() == {"alive": not dead, "ended": ["writer"] if dead else []}


@pytest.mark.parametrize(
    ("phase", "code"), [(Phase.STARTING, 503), (Phase.READY, 200), (Phase.CLOSING, 503)]
)
async def test_ready_only_while_the_doors_are_open(phase: Phase, code: int) -> None:
    """Nobody is sent to a door that is closed."""
    async with asked(phase) as client, client.get("/readyz") as answer:
        assert answer.status == code
        assert (await answer.json())["phase"] == phase.value


async def test_metrics_are_negotiated() -> None:
    """Prometheus asks for OpenMetrics and gets it."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    async with asked(Phase.READY) as client:
        async with client.get("/metrics", headers=accept) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            assert (await answer.text()).endswith("# EOF\n")
        async with client.get("/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")


async def test_other_paths_are_not_there() -> None:
    """This listener has no authentication, so it shows nothing else."""
    async with asked(Phase.READY) as client, client.get("/api/v1/ledger") as answer:
        assert answer.status == 404
