"""A clock that stands still until a test moves it."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import Final

# Passes through the event loop that let a woken task run on until it waits again.
_SETTLE_ROUNDS: Final = 20
# A hundred waits of 0.2 s come to a little more than 20 s, as floats add up.
_ROUNDING_S: Final = 1e-6


@dataclass(slots=True)
class ManualClock:
    """``tailsampler.clock.Clock`` in the caller's hand; not for use from several threads."""

    now_s: float = 1_000.0
    """Both clocks show this many seconds."""
    slept: list[float] = field(default_factory=list)
    """Every wait that was asked for, in order."""
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _asleep: asyncio.Event = field(default_factory=asyncio.Event)

    def wall_ns(self) -> int:
        """Nanoseconds, in step with the monotonic clock."""
        return int(self.now_s * 1e9)

    def monotonic_s(self) -> float:
        """Seconds."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has come past."""
        self.slept.append(seconds)
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_s + seconds, next(self._order), woken))
        self._asleep.set()
        await woken

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking sleepers in the order they are due; to a microsecond."""
        end_s = self.now_s + seconds
        while self._sleepers and self._sleepers[0][0] <= end_s + _ROUNDING_S:
            due_s, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now_s = max(self.now_s, due_s)
                woken.set_result(None)
                await settle()
        self.now_s = max(self.now_s, end_s)
        await settle()

    async def until_asleep(self, seconds: float) -> None:
        """Return once somebody sleeps for about this long (to a millisecond), or already does."""
        while not any(
            not woken.done() and abs(due_s - self.now_s - seconds) < 0.001
            for due_s, _, woken in self._sleepers
        ):
            self._asleep.clear()
            await self._asleep.wait()


async def settle() -> None:
    """Let every task that can run do so."""
    loop = asyncio.get_running_loop()
    for _ in range(_SETTLE_ROUNDS):
        passed = loop.create_future()
        loop.call_soon(passed.set_result, None)
        await passed
