"""The life of a gateway, with a core that is played by the test."""

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from structlog.testing import capture_logs

from tailsampler.errors import StartError
from tailsampler.export.build import build_stage
from tailsampler.settings.report import report
from tailsampler.settings.root import Settings
from tailsampler.store.opening import open_local
from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.status import Phase, Status
from tailsampler.testing.backend import Answer, CapturingBackend
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import FakeOutbox, split
from tests.telemetry.fakes import FakeCore, books, ledger

pytest.importorskip("tailsampler._core", reason="the native part is not built: make setup")

from tailsampler import _core  # after the check
from tailsampler.access.certificates import Certificates
from tailsampler.app import Gateway, serve
from tailsampler.buffer.core import in_our_words
from tailsampler.receive.doors import Doors

# Simulated time passes faster than real requests; the bound is not what these tests are about.
PATIENT = {"doors_within": "3s", "export_within": "10m"}


class PlayedCore(FakeCore, FakeOutbox):
    """The core as ``app`` sees it; ``calls`` is what was asked of it, in order."""

    def __init__(self) -> None:
        FakeCore.__init__(self)
        FakeOutbox.__init__(self)
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.caught = 0
        self.calls: list[str] = []
        self.opened = asyncio.Event()
        self.refuses: Exception | None = None

    def ledger(self) -> str:
        left = sum(batch.spans for batch in [*self.batches, *self.taken.values()])
        found = books(exported=45 - left, held={"buffer": 10, "outbox": left})
        every = {"spans": found, "bytes": found}
        return json.dumps(ledger(**every, exporters={"otlp_grpc": every}))

    def listen(self, options: str, /) -> str:
        self.calls.append("listen")
        if self.refuses is not None:
            raise self.refuses
        self.opened.set()
        return json.dumps({"otlp_grpc": "127.0.0.1:4317", "otlp_http": None})

    def close_doors(self, within_s: float, /) -> bool:
        self.calls.append(f"close_doors {within_s}")
        return True

    def refusing(self) -> bool:
        return False

    def overload_level(self) -> int:
        return 0

    def wake_fd(self) -> int:
        return self.fd

    def signalled(self) -> int:
        return self.caught

    def bring(self, *span_ids: int) -> None:
        self.put(*span_ids)
        os.eventfd_write(self.fd, 1)

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.caught = number
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def core() -> Iterator[PlayedCore]:
    played = PlayedCore()
    yield played
    os.close(played.fd)


def gateway_of(core: PlayedCore, directory: Path, backend: str, **changes: Any) -> Gateway:
    clock = ManualClock()
    contained = Contained(clock)
    settings = Settings.model_validate(
        {
            "data_directory": str(directory),
            "export": [{"type": "otlp_grpc", "endpoint": backend, "tls": {"insecure": True}}],
            "admin": {"endpoint": "127.0.0.1:0"},
            "control": {"enabled": False},
            "telemetry": {"endpoint": "127.0.0.1:0"},
            **changes,
        }
    )
    stage = build_stage(
        settings.export,
        core,
        split,
        contained,
        directory,
        lambda local, path: open_local(local, path, clock),
    )
    real = cast("_core.Gateway", core)
    return Gateway(
        settings=settings,
        core=real,
        receive=Doors(real, "{}"),
        decide=report(settings),
        export=stage,
        status=Status(clock, contained, exporters=stage.states, version="1.2.3"),
        certificates=Certificates(clock),
    )


@asynccontextmanager
async def serving(gateway: Gateway, core: PlayedCore) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(serve(gateway))
    opened = asyncio.create_task(core.opened.wait())
    await asyncio.wait({task, opened}, return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def advance_until(gateway: Gateway, done: "asyncio.Task[Any]") -> None:
    """Let simulated time pass for as long as the real threads and sockets take."""
    clock = cast("ManualClock", gateway.status.clock)
    while not done.done():
        await clock.advance(0.05)
        await asyncio.to_thread(os.sched_yield)


async def test_a_wake_up_carries_kept_traces_to_the_backend(
    core: PlayedCore, tmp_path: Path
) -> None:
    """From the eventfd to the backend, and the batch is settled."""
    with CapturingBackend() as backend:
        gateway = gateway_of(core, tmp_path, backend.endpoint)
        async with serving(gateway, core):
            core.bring(1, 2)
            settled = asyncio.create_task(core.until(lambda: core.settled))
            await advance_until(gateway, settled)
    assert backend.span_ids() == {bytes(7) + b"\x01", bytes(7) + b"\x02"}
    assert core.settled == {1: ([], 0)}


async def test_a_signal_ends_it_in_good_order(core: PlayedCore, tmp_path: Path) -> None:
    """The doors close first; what is kept is sent; what is held is said, and stays."""
    with CapturingBackend() as backend, capture_logs() as logs:
        gateway = gateway_of(core, tmp_path, backend.endpoint, shutdown=PATIENT)
        async with serving(gateway, core) as task:
            assert gateway.status.phase.value == "ready"
            core.put(7)
            core.stop()
            await advance_until(gateway, task)
            await task
    assert core.calls == ["listen", "close_doors 3.0"]
    assert gateway.status.phase.value == "closing"
    assert backend.span_ids() == {bytes(7) + b"\x07"}
    assert [entry["event"] for entry in logs] == [
        "gateway.ready",
        "gateway.closing",
        "gateway.closed",
    ]
    assert (logs[-1]["held_in_buffer"], logs[-1]["held_in_outbox"]) == (10, 0)


async def test_a_backend_that_hangs_does_not_keep_it_alive(
    core: PlayedCore, tmp_path: Path
) -> None:
    """At the bound the batch goes back to the outbox, for the next start."""
    with CapturingBackend([Answer(after=threading.Event())]) as backend:
        gateway = gateway_of(core, tmp_path, backend.endpoint, shutdown={"export_within": "1s"})
        async with serving(gateway, core) as task:
            core.bring(1)
            arrived = asyncio.to_thread(backend.wait_for_requests, 1)
            await advance_until(gateway, asyncio.create_task(arrived))
            core.stop()
            await advance_until(gateway, task)
            await task
    assert core.settled == {}
    assert [batch.spans for batch in core.batches] == [1]


async def test_readiness_is_seen_from_outside(core: PlayedCore, tmp_path: Path) -> None:
    """Health, metrics and the admin API answer while the doors are open."""
    gateway = gateway_of(core, tmp_path, "127.0.0.1:1")
    with capture_logs() as logs:
        async with serving(gateway, core), aiohttp.ClientSession() as session:
            [ready] = [entry for entry in logs if entry["event"] == "gateway.ready"]
            async with session.get(f"http://{ready['telemetry']}/readyz") as answer:
                assert answer.status == 200
            async with session.get(f"http://{ready['telemetry']}/metrics") as answer:
                assert "tailsampler_ready 1.0" in await answer.text()
            async with session.get(f"http://{ready['admin']}/api/v1/policies") as answer:
                body = await answer.json()
    names = [policy["name"] for policy in body["policies"]]
    assert names == ["errors", "slow", "api-gateway", "default"]


async def test_an_address_that_is_taken_keeps_the_doors_shut(
    core: PlayedCore, tmp_path: Path
) -> None:
    """No request is taken by a gateway that cannot start."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        gateway = gateway_of(core, tmp_path, "127.0.0.1:1", admin={"endpoint": taken})
        with pytest.raises(StartError, match=r"set admin\.endpoint"):
            await serve(gateway)
    assert core.calls == []


async def test_doors_that_cannot_open_end_the_start(core: PlayedCore, tmp_path: Path) -> None:
    """The core's slug and sentence reach the person; nothing is left running."""
    core.refuses = _core.CoreError("listen_failed", "127.0.0.1:4317 is taken; stop the other")
    gateway = gateway_of(core, tmp_path, "127.0.0.1:1")
    with pytest.raises(StartError, match="is taken; stop the other") as raised:
        await serve(gateway)
    assert raised.value.code == "listen_failed"
    assert gateway.status.phase is Phase.STARTING


def test_an_error_of_the_core_without_words_is_still_one() -> None:
    """A slug alone is shown rather than lost."""
    with pytest.raises(StartError, match="storage"), in_our_words():
        raise _core.CoreError("storage")
