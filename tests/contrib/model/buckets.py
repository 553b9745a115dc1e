"""The token bucket of golang.org/x/time/rate, in its floating-point numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000_000
LONGEST = (1 << 63) - 1  # nanoseconds; the longest duration that Go has


@dataclass
class Bucket:
    """``rate`` tokens a second up to ``burst``; it begins full. Times in nanoseconds."""

    rate: int
    burst: int
    tokens: float = field(init=False)
    last_ns: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.tokens = float(self.burst)

    def tokens_at(self, now_ns: int) -> float:
        """What is in the bucket now."""
        elapsed = 0 if self.last_ns is None else max(0, now_ns - self.last_ns)
        seconds = float(elapsed // SECOND) + (elapsed % SECOND) / 1e9
        gained = seconds * float(self.rate) if self.rate > 0 else 0.0
        return min(self.tokens + gained, float(self.burst))

    def draw(self, cost: float, now_ns: int) -> None:
        """Take tokens out, whether they are there or not."""
        self.tokens = self.tokens_at(now_ns) - cost
        self.last_ns = now_ns if self.last_ns is None else max(now_ns, self.last_ns)

    def allow(self, cost: int, now_ns: int) -> bool:
        """Take ``cost`` tokens if they are there; more than ``burst`` are never there."""
        missing = float(cost) - self.tokens_at(now_ns)
        if cost > self.burst or (missing > 0 and self._wait_ns(missing) > 0):
            return False
        self.draw(float(cost), now_ns)
        return True

    def _wait_ns(self, missing: float) -> int:
        """How long the missing tokens take: less than a nanosecond is no time at all."""
        if self.rate <= 0:
            return LONGEST
        return int(min((missing / float(self.rate)) * 1e9, float(LONGEST)))
