"""Time as an argument: only this module asks the operating system what time it is."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where a component reads the time and how it waits."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 in UTC. May jump; fit for showing, not for measuring."""

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start. Never goes back; fit for measuring."""

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` have passed on this clock."""


class SystemClock:
    """The machine's own clock."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 in UTC."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Seconds since some moment before the process began."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)
