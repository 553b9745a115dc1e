"""Policies that limit a rate: of spans or of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from tests.contrib.model import ot
from tests.contrib.model.buckets import SECOND, Bucket
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import ALWAYS, NEVER, Ballot, Decision, Vote, sampled


@dataclass
class Limit:
    """``rate_limiting`` and ``bytes_limiting``.

    ``consistent`` is the gate's way: the traces of a tick that are the most random ones and fit
    into the bucket together, instead of those that come first. It takes a ``prepare``, which only
    limits at the top and inside of a top ``and`` get; those elsewhere serve whoever comes first.
    """

    rate: int
    burst_capacity: int
    cost: Callable[[Trace], int]
    consistent: bool
    stateful: bool = True
    bucket: Bucket = field(init=False)
    threshold: int | None = field(default=None, init=False)  # of this tick, once it is prepared

    def __post_init__(self) -> None:
        burst = self.burst_capacity if self.burst_capacity > 0 else 2 * self.rate
        self.bucket = Bucket(self.rate, burst)

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample what the bucket allows."""
        if self.threshold is None:
            return sampled(self.bucket.allow(self.cost(trace), now_ns))
        if self.cost(trace) > self.bucket.burst:
            return sampled(matched=False)
        kept = self.threshold <= ot.randomness(trace)
        return Vote(Decision.SAMPLED if kept else Decision.NOT_SAMPLED, self.threshold)

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Find the threshold of this tick and draw its tokens, once."""
        if self.consistent:
            tokens = int(self.bucket.tokens_at(now_ns))
            fit = [trace for trace in traces if self.cost(trace) <= self.bucket.burst]
            self.threshold, spent = tick_threshold(fit, self.cost, tokens)
            self.bucket.allow(spent, now_ns)


def tick_threshold(
    traces: Sequence[Trace], cost: Callable[[Trace], int], tokens: int
) -> tuple[int, int]:
    """T of a tick, and what the traces at or above it cost together.

    T is just above the randomness of the first trace that does not fit, so that those that tie
    with it go too.
    """
    ordered = sorted(traces, key=ot.randomness, reverse=True)
    spent = list(accumulate(map(cost, ordered), initial=0))
    kept = sum(total <= tokens for total in spent[1:])
    if kept == len(ordered):
        return ALWAYS, spent[-1]
    first = ot.randomness(ordered[kept])
    kept = sum(ot.randomness(trace) > first for trace in ordered)
    return (first + 1 if kept else NEVER), spent[kept]


@dataclass
class SpansPerSecond:
    """``rate_limiting`` before v0.153: a count that begins anew with every second of the clock."""

    spans_per_second: int
    stateful: bool = True
    second: int | None = None
    count: int = 0

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample as long as the spans of this second fit."""
        second = now_ns // SECOND
        if second != self.second:
            self.second, self.count = second, 0
        if self.count + trace.span_count > self.spans_per_second:
            return sampled(matched=False)
        self.count += trace.span_count
        return sampled(matched=True)

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """It knows nothing of the gate."""
