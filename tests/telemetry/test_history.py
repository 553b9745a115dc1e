"""The last fifteen minutes, with a clock in hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tailsampler.telemetry.history import EVERY_S, GAP_S, KEEP, History
from tailsampler.testing.clock import ManualClock
from tests.export.fakes import Inline
from tests.telemetry.fakes import FakeCore, books, ledger


@asynccontextmanager
async def looking(core: FakeCore) -> AsyncIterator[tuple[History, ManualClock]]:
    """A history that has looked once."""
    asyncio.get_running_loop().set_default_executor(Inline())
    clock = ManualClock()
    history = History(core, clock)
    task = asyncio.create_task(history.run())
    await clock.until_asleep(EVERY_S)
    yield history, clock
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def receive(core: FakeCore, spans: int) -> None:
    """As if so many spans had come in and were held."""
    for unit in ("spans", "bytes"):
        core.books[unit]["received"] += spans
        core.books[unit]["held"] = {"buffer": core.books[unit]["received"] - 90, "outbox": 5}


async def test_the_first_look_is_no_rate() -> None:
    """Totals from before the start do not read as a burst."""
    async with looking(FakeCore()) as (history, _):
        assert [step.gap for step in history.steps()] == [True]
        assert history.window(60).seconds == 0
        assert history.window(60).rate("spans", "received") == 0


async def test_rates_come_from_differences() -> None:
    """Spans a second are what grew, over the time that passed."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        for spans in (30, 0, 60):
            receive(core, spans)
            await clock.advance(1)
        window = history.window(60)
        assert (window.seconds, window.count("spans", "received")) == (3, 90)
        assert window.rate("spans", "received") == 30
        assert history.window(1).rate("spans", "received") == 60


async def test_every_book_is_followed() -> None:
    """Policies, exporters and losses each have their own counter."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        core.numbers["policies"][0]["kept"] += 3
        core.numbers["policies"].append({"policy": "new", "judged": 2})
        core.books["exporters"]["tempo"]["spans"]["exported"] += 4
        core.books["spans"]["dropped"]["corrupt"] = 5
        core.books["spans"]["received"] += 5
        await clock.advance(1)
        assert history.steps()[-1].increase == {
            ("policies", "errors", "kept"): 3,
            ("policies", "new", "judged"): 2,
            ("exporters", "tempo", "exported"): 4,
            ("spans", "dropped", "corrupt"): 5,
            ("spans", "received"): 5,
            ("spans", "kept"): 5,
        }


async def test_a_counter_that_begins_again_is_no_fall() -> None:
    """After a reset what stands there is what grew; no rate is ever negative."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        core.books = ledger(spans={**books(received=7), "refused": 0, "rejected": {}})
        await clock.advance(1)
        assert history.window(60).count("spans", "received") == 7
        assert history.window(60).count("spans", "refused") == 0


async def test_time_that_nobody_saw_is_a_gap() -> None:
    """A stopped process has no rate for that time, and later windows do not reach over it."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        receive(core, 10)
        await clock.advance(1)
        receive(core, 1_000_000)
        clock.now_s += GAP_S + 4  # the process was stopped: nobody woke in between
        await clock.advance(0)
        assert history.steps()[-1].gap
        assert history.window(60).seconds == 0
        receive(core, 20)
        await clock.advance(1)
        assert history.window(60).rate("spans", "received") == 20


class SleepyClock(ManualClock):
    """Its wall clock goes on while the machine sleeps, its monotonic clock does not."""

    asleep_s = 0.0

    def wall_ns(self) -> int:
        return int((self.now_s + self.asleep_s) * 1e9)


async def test_a_machine_that_slept_is_seen_by_the_wall_clock() -> None:
    """The monotonic clock stands still in a suspended machine."""
    asyncio.get_running_loop().set_default_executor(Inline())
    clock = SleepyClock()
    history = History(FakeCore(), clock)
    await history.newest()
    clock.asleep_s = 3600.0
    clock.now_s += 3 * EVERY_S
    await history.newest()
    assert history.steps()[-1].gap


async def test_it_forgets_what_is_over_fifteen_minutes_old() -> None:
    """The memory is bounded, however long the process lives."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        await clock.advance(KEEP + 10)
        steps = history.steps()
        assert len(steps) == KEEP == 15 * 60
        assert [step.number for step in steps] == list(range(12, KEEP + 12))


async def test_a_page_between_two_looks_costs_nothing() -> None:
    """Viewers share one look a second; without a sampler a page looks for itself."""
    asyncio.get_running_loop().set_default_executor(Inline())
    clock = ManualClock()
    history = History(FakeCore(), clock)
    first = await history.newest()
    assert await history.newest() is first
    clock.now_s += 3
    assert await history.newest() is not first


async def test_a_viewer_gets_what_it_missed() -> None:
    """From a number it has seen, in order, and it waits if there is nothing new."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        await clock.advance(3)
        assert [step.number for step in await history.after(2)] == [3, 4]
        waiting = asyncio.create_task(history.after(4))
        await clock.advance(0)
        assert not waiting.done()
        await clock.advance(1)
        assert [step.number for step in await waiting] == [5]


async def test_closing_sends_every_viewer_home() -> None:
    """A viewer that waits does not hold up the end of the process."""
    async with looking(FakeCore()) as (history, clock):
        waiting = asyncio.create_task(history.after(history.last_number))
        await clock.advance(0)
        history.close()
        assert await waiting == ()
        assert await history.after(0) == ()


async def test_a_core_that_cannot_be_read_is_said_once() -> None:
    """It is looked at every second all the same, and the series goes on after it."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        well: dict[str, Any] = core.books
        with capture_logs() as logs:
            core.books = {}
            await clock.advance(2)
            core.books = well
            await clock.advance(1)
        assert [entry["event"] for entry in logs] == ["history.core_unreadable"]
        assert history.last_number == 2


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_steps_add_up_to_the_totals(totals: list[int]) -> None:
    """Between resets, what the steps grew by is what the counter grew by."""

    async def grown() -> tuple[int, int]:
        core = FakeCore()
        async with looking(core) as (history, clock):
            expected, before = 0, core.books["spans"]["received"]
            for total in totals:
                core.books["spans"]["received"] = total
                expected += total - before if total >= before else total
                before = total
                await clock.advance(1)
            return history.window(60).count("spans", "received"), expected

    counted, expected = asyncio.run(grown())
    assert counted == expected


async def test_requests_and_late_spans_are_followed() -> None:
    """Of both doors together: those that were taken, if not wholly, and those refused."""
    core = FakeCore()
    async with looking(core) as (history, clock):
        core.numbers["door"]["grpc"] = {"accepted": 18, "partial": 2, "refused": 3}
        core.numbers["door"]["http"] = {"accepted": 4}
        core.numbers["verdict_reasons"]["late_spans"] = 5
        await clock.advance(1)
        window = history.window(60)
    # The fake began with 9 that were taken.
    assert window.count("requests", "taken") == 15
    assert window.count("requests", "refused") == 3
    assert window.count("late", "spans") == 5
