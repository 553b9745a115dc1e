"""The clock that stands still."""

import asyncio

from tailsampler.testing.clock import ManualClock, settle


async def test_sleepers_wake_in_order_and_see_their_own_time() -> None:
    """A long step is made of short ones: whoever wakes first acts first."""
    clock = ManualClock(now_s=0)
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            seen.append((name, clock.monotonic_s()))

    tasks = [asyncio.create_task(sleeper("a", 5)), asyncio.create_task(sleeper("b", 2, 2, 2))]
    await settle()
    await clock.advance(10)
    await asyncio.gather(*tasks)
    assert seen == [("b", 2), ("b", 4), ("a", 5), ("b", 6)]
    assert clock.monotonic_s() == 10
    assert clock.wall_ns() == 10_000_000_000


async def test_time_stands_still_by_itself() -> None:
    """Nothing wakes before the test says so."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(0.001))
    await settle()
    assert not task.done()
    await clock.advance(0.001)
    assert task.done()
    assert clock.slept == [0.001]


async def test_a_sleeper_that_was_cancelled_is_passed_over() -> None:
    """Its place in the queue harms nobody."""
    clock = ManualClock(now_s=0)
    task = asyncio.create_task(clock.sleep(1))
    await clock.until_asleep(1)
    task.cancel()
    await settle()
    await clock.advance(2)
    assert task.cancelled()
    assert clock.monotonic_s() == 2


async def test_many_short_waits_come_to_one_long_one() -> None:
    """What floats add to a hundred waits does not keep the last sleeper from its turn."""
    clock = ManualClock()
    woken = 0

    async def sleeper() -> None:
        nonlocal woken
        while True:
            await clock.sleep(0.2)
            woken += 1

    task = asyncio.create_task(sleeper())
    await settle()
    await clock.advance(20)
    assert woken == 100
    task.cancel()
