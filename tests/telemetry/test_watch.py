"""What is said aloud without being asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from structlog.testing import capture_logs

from tailsampler.telemetry.contained import Contained
from tailsampler.telemetry.status import SILENT_S, Phase, Status
from tailsampler.telemetry.watch import COMPONENT, EVERY_S, Watch
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline
from tests.telemetry.fakes import FakeCore


def gateway() -> Status:
    clock = ManualClock()
    return Status(clock, Contained(clock), phase=Phase.READY)


@asynccontextmanager
async def watched(core: FakeCore, status: Status | None = None) -> AsyncIterator[ManualClock]:
    asyncio.get_running_loop().set_default_executor(Inline())
    status = status or gateway()
    clock = cast("ManualClock", status.clock)
    watch = Watch(core, status)
    task = asyncio.create_task(status.contained.keep(COMPONENT, watch.run, needed=True))
    await clock.until_asleep(EVERY_S)
    yield clock
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_all_is_well_in_silence() -> None:
    """A quiet log means that nothing is wrong."""
    with capture_logs() as logs:
        async with watched(FakeCore()) as clock:
            await clock.advance(10 * EVERY_S)
    assert logs == []


async def test_a_disk_that_fails_is_said_when_it_happens() -> None:
    """Once for what is new, and again when there is more."""
    core = FakeCore()
    with capture_logs() as logs:
        async with watched(core) as clock:
            for failures in (3, 3, 5):
                core.numbers["storage_errors"] = failures
                await clock.advance(EVERY_S)
    assert [(entry["event"], entry["failures"]) for entry in logs] == [
        ("storage.failed", 3),
        ("storage.failed", 2),
    ]
    assert {entry["log_level"] for entry in logs} == {"error"}


async def test_books_that_do_not_balance_are_said_once() -> None:
    """An error a person must see, and not one every ten seconds."""
    core = FakeCore()
    core.books["spans"]["received"] += 2
    with capture_logs() as logs:
        async with watched(core) as clock:
            await clock.advance(5 * EVERY_S)
    assert [(entry["event"], entry["missing_spans"]) for entry in logs] == [
        ("ledger.unbalanced", 2)
    ]


async def test_a_core_that_cannot_be_read_is_looked_at_again() -> None:
    """One failed look does not end the watch."""
    core = FakeCore()
    readable = core.numbers
    with capture_logs() as logs:
        async with watched(core) as clock:
            core.numbers = {"storage_errors": "many"}
            await clock.advance(EVERY_S)
            core.numbers = {**readable, "storage_errors": 1}
            await clock.advance(1.0 + EVERY_S)
    assert [entry["event"] for entry in logs] == ["component.failed", "storage.failed"]
    assert logs[0]["component"] == "watch"


async def test_a_dead_thread_of_the_data_plane_ends_readiness() -> None:
    """It is said once, named where readiness is asked for, and counted."""
    core, status = FakeCore(), gateway()
    with capture_logs() as logs:
        async with watched(core, status) as clock:
            assert not status.troubles()
            core.numbers["failed_threads"] = ["packer"]
            await clock.advance(5 * EVERY_S)
            assert not status.ready
    assert [(entry["event"], entry["thread"]) for entry in logs] == [
        ("data_plane.thread_ended", "packer")
    ]
    [trouble] = status.troubles()
    assert (trouble.component, trouble.needed) == ("packer", True)
    assert "wait in the buffer log" in trouble.say
    assert status.contained.counts == {"packer": 1}


async def test_a_thread_that_panicked_and_goes_on_is_counted() -> None:
    """It is said once a look, every panic is counted, and readiness stays."""
    core, status = FakeCore(), gateway()
    with capture_logs() as logs:
        async with watched(core, status) as clock:
            core.numbers["panics"] = {"packer": 2}
            await clock.advance(3 * EVERY_S)
            core.numbers["panics"] = {"packer": 3}
            await clock.advance(3 * EVERY_S)
    assert [(entry["event"], entry["thread"]) for entry in logs] == 2 * [
        ("data_plane.panicked", "packer")
    ]
    assert status.contained.counts == {"packer": 3}
    assert status.ready


async def test_a_core_that_has_stopped_ends_readiness_at_once() -> None:
    """Without a writer the core says only that: it is the writer that is gone."""
    core, status = FakeCore(), gateway()

    def stopped() -> str:
        raise RuntimeError("stopped", "the data plane has stopped")

    with capture_logs():
        async with watched(core, status) as clock:
            core.stats = stopped  # type: ignore[method-assign]  # the writer dies here
            await clock.advance(EVERY_S)
            assert [trouble.component for trouble in status.troubles()] == ["writer"]
            assert not status.ready


async def test_a_core_that_hangs_ends_readiness() -> None:
    """A disk that answers nothing is no state to send spans to; when it answers, all is well."""
    core, status = FakeCore(), gateway()
    clock = cast("ManualClock", status.clock)
    await clock.advance(SILENT_S)
    assert not status.troubles()
    await clock.advance(1.0)
    assert not status.ready
    assert "not answered for 31 s" in status.troubles()[0].say
    async with watched(core, status):
        await clock.advance(EVERY_S)
    assert status.ready
