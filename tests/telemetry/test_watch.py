"""What is said aloud without being asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from structlog.testing import capture_logs

from tailsampler.telemetry.watch import EVERY_S, watch
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline
from tests.telemetry.fakes import FakeCore


@asynccontextmanager
async def watched(core: FakeCore) -> AsyncIterator[ManualClock]:
    asyncio.get_running_loop().set_default_executor(Inline())
    clock = ManualClock()
    task = asyncio.create_task(watch(core, clock))
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
            await clock.advance(EVERY_S)
    assert [entry["event"] for entry in logs] == ["watch.core_unreadable", "storage.failed"]
