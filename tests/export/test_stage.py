"""All exporters together: made from the settings, flushed within a bound."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tailsampler.errors import StartError
from tailsampler.export.build import build_stage
from tailsampler.export.exporter import Exporter
from tailsampler.export.file import OtlpJsonFile
from tailsampler.export.local import LocalStore
from tailsampler.export.otlp_grpc import OtlpGrpc
from tailsampler.export.retry import Accepted
from tailsampler.export.stage import ExportStage
from tailsampler.export.state import ExporterState
from tailsampler.settings.export import FileExporter, LocalExporter, OtlpGrpcExporter
from tailsampler.telemetry.contained import Contained
from tailsampler.testing.clock import ManualClock, settle
from tests.export.fakes import FakeOutbox, FakeTransport, Inline, exporter, split
from tests.telemetry.fakes import books, ledger


def books_of(outbox: FakeOutbox) -> Callable[[], str]:
    """A ledger that counts the outbox."""

    def text() -> str:
        left = len(outbox.batches) + len(outbox.taken)
        found = books(held={"buffer": 0, "outbox": left})
        return json.dumps(
            ledger(spans=found, exporters={"tempo": {"spans": found, "bytes": found}})
        )

    return text


def stage_with(clock: ManualClock, *exporters: Exporter) -> ExportStage:
    return ExportStage(exporters, clock, exporters[0].contained)


@asynccontextmanager
async def running(stage: ExportStage) -> AsyncIterator[ExportStage]:
    asyncio.get_running_loop().set_default_executor(Inline())
    task = asyncio.create_task(stage.run())
    try:
        yield stage
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_flush_returns_when_the_books_say_so() -> None:
    """Also what reaches the outbox while the flush is under way is sent."""
    outbox, clock = FakeOutbox(linger_holds=True), ManualClock()
    transport = FakeTransport(hold=asyncio.Event())
    outbox.put(1)
    async with running(stage_with(clock, exporter(outbox, transport, clock))) as stage:
        flushing = asyncio.create_task(stage.flush(books_of(outbox), 60.0))
        await transport.until_sent(1)
        outbox.put(2)
        assert transport.hold
        transport.hold.set()
        await outbox.until(lambda: len(outbox.settled) == 2)
        await settle()
        await clock.advance(0.1)
        assert await flushing is True
    assert clock.monotonic_s() < 1_001


async def test_a_flush_ends_at_its_bound() -> None:
    """A dead backend does not keep the process alive; what is left is still in the outbox."""
    outbox, clock = FakeOutbox(), ManualClock()
    outbox.put(1)
    hangs = FakeTransport(hold=asyncio.Event())
    async with running(stage_with(clock, exporter(outbox, hangs, clock))) as stage:
        flushing = asyncio.create_task(stage.flush(books_of(outbox), 10.0))
        await hangs.until_sent(1)
        await clock.advance(9.9)
        assert not flushing.done()
        await clock.advance(0.2)
        assert await flushing is False
    assert outbox.given_back == [1]


async def test_after_a_flush_batches_gather_again() -> None:
    """A drain leaves the gateway as it was."""
    outbox, clock = FakeOutbox(), ManualClock()
    subject = exporter(outbox, FakeTransport(), clock)
    async with running(stage_with(clock, subject)) as stage:
        outbox.put(1)
        flushing = asyncio.create_task(stage.flush(books_of(outbox), 10.0))
        await settle()
        await clock.advance(0.1)
        assert await flushing is True
        outbox.asked.clear()
        stage.wake()
        await settle()
        await clock.advance(1.0)
        assert {linger for _, _, linger in outbox.asked} == {subject.pace.linger_ms}


async def test_an_exporter_that_crashes_is_started_again() -> None:
    """A bug in one loop is reported, and neither it nor the others stay down."""
    outbox, clock = FakeOutbox(), ManualClock()
    outbox.put(1)
    subject = exporter(outbox, FakeTransport(), clock)
    subject.state = CrashesOnce()
    with capture_logs() as logs:
        async with running(stage_with(clock, subject)):
            await clock.until_asleep(1.0)
            await clock.advance(1.0)
            await outbox.until(lambda: outbox.settled)
    assert [(entry["event"], entry["component"]) for entry in logs] == [
        ("component.failed", "export.tempo")
    ]


class CrashesOnce(ExporterState):
    """An exporter's state with a bug in it."""

    crashed = False

    def pause_s(self, now_s: float) -> float:
        if not self.crashed:
            self.crashed = True
            raise RuntimeError("a bug")
        return super().pause_s(now_s)


@dataclass
class OpenedStore:
    """A trace store that only remembers how it was opened."""

    settings: LocalExporter
    path: Path

    def write(self, payload: bytes) -> Accepted:
        return Accepted()

    def tidy(self) -> bool:
        return False

    def close(self) -> None:
        pass


def stage_of(
    *settings: LocalExporter | FileExporter | OtlpGrpcExporter, directory: Path
) -> ExportStage:
    return build_stage(
        settings, FakeOutbox(), split, Contained(ManualClock()), directory, OpenedStore
    )


def test_the_trace_store_is_opened_where_the_settings_say(tmp_path: Path) -> None:
    """In the data directory, or at a path of its own; one batch at a time goes to it."""
    local = LocalExporter.model_validate({"max_batch_bytes": "2MiB"})
    elsewhere = LocalExporter(name="b", path=tmp_path / "else")
    first, second = stage_of(local, elsewhere, directory=tmp_path).exporters
    for made, settings, path in (
        (first, local, tmp_path / "traces.sqlite"),
        (second, elsewhere, tmp_path / "else"),
    ):
        assert isinstance(made.transport, LocalStore)
        assert made.transport.store == OpenedStore(settings, path)
    assert (first.pace.in_flight, first.pace.max_bytes) == (1, 2 << 20)


def test_settings_reach_the_exporter(tmp_path: Path) -> None:
    """Each setting has its effect; the first exporter is the primary."""
    grpc = OtlpGrpcExporter.model_validate(
        {
            "name": "tempo",
            "endpoint": "tempo:4317",
            "tls": {"insecure": True},
            "headers": {"X-Scope-OrgID": "shop"},
            "compression": "gzip",
            "timeout": "3s",
            "in_flight": 7,
            "max_batch_bytes": "2MiB",
            "linger": "50ms",
            "retry_on_failure": {"initial_interval": "2s", "max_interval": "1m"},
        }
    )
    stage = stage_of(grpc, FileExporter(), directory=tmp_path)
    tempo, file = stage.exporters
    assert list(stage.states) == ["tempo", "file"]
    assert (tempo.pace.in_flight, tempo.pace.max_bytes, tempo.pace.linger_ms) == (7, 2 << 20, 50)
    assert (tempo.backoff.first_s, tempo.backoff.longest_s) == (2.0, 60.0)
    assert tempo.transport == OtlpGrpc(
        endpoint="tempo:4317",
        tls=None,
        headers=(("x-scope-orgid", "shop"),),
        compression="gzip",
        timeout_s=3.0,
    )
    assert isinstance(file.transport, OtlpJsonFile)
    assert file.transport.path == tmp_path / "kept-traces.jsonl"


def test_a_missing_certificate_stops_the_start(tmp_path: Path) -> None:
    """In words that name the file and the exporter, before any span is taken."""
    missing = tmp_path / "ca.pem"
    settings = OtlpGrpcExporter.model_validate(
        {"endpoint": "tempo:4317", "tls": {"ca_file": str(missing)}}
    )
    with pytest.raises(StartError, match=r"ca\.pem cannot be read") as raised:
        stage_of(settings, directory=tmp_path)
    assert raised.value.at.key == "export.otlp_grpc.tls"
