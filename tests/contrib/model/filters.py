"""Policies that look for something in a trace: the simple filters."""

from __future__ import annotations

from dataclasses import dataclass

from tests.contrib.model import w3c
from tests.contrib.model.ottl.conditions import Conditions
from tests.contrib.model.ottl.values import OttlError, wrapped
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import SAMPLED, Ballot, Failure, Stateless, sampled

MS = 1_000_000
STATUS_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}


class Always(Stateless):
    """``always_sample``."""

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample."""
        return SAMPLED


@dataclass
class Latency(Stateless):
    """``latency``, on the duration so far at every span; bounds in milliseconds, 0 for none.

    ``wraps``: a duration beyond 64 bits begins anew at the other end, instead of staying there.
    """

    threshold_ms: int
    upper_threshold_ms: int
    inclusive: bool
    wraps: bool = False

    def __post_init__(self) -> None:
        self.stateful = self.upper_threshold_ms != 0

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample as soon as the trace so far is slow enough."""
        first = last = 0
        for held in trace.spans:
            start, end = held.span.start_time_unix_nano, held.span.end_time_unix_nano
            first = start if first == 0 else min(first, start)
            last = end if last == 0 else max(last, end)
            if self._slow(milliseconds(first, last, wraps=self.wraps)):
                return SAMPLED
        return sampled(matched=False)

    def _slow(self, duration: int) -> bool:
        if self.upper_threshold_ms:
            return self.threshold_ms < duration <= self.upper_threshold_ms
        if self.inclusive:
            return duration >= self.threshold_ms
        return duration > self.threshold_ms


def milliseconds(start: int, end: int, *, wraps: bool = False) -> int:
    """Whole milliseconds from start to end, truncated toward zero; times are signed in Go."""
    ns = wrapped(end) - wrapped(start)
    # The longest durations that Go has.
    ns = wrapped(ns) if wraps else max(-(1 << 63), min((1 << 63) - 1, ns))
    return ns // MS if ns >= 0 else -(-ns // MS)


@dataclass
class StatusCode(Stateless):
    """``status_code``."""

    codes: frozenset[int]

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a span has one of the codes."""
        return sampled(any(held.span.status.code in self.codes for held in trace.spans))


@dataclass
class SpanCount(Stateless):
    """``span_count``; a maximum of 0 is none."""

    min_spans: int
    max_spans: int

    def __post_init__(self) -> None:
        self.stateful = self.max_spans != 0

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if the spans received so far, duplicates too, are neither too few nor too many."""
        enough = trace.span_count >= self.min_spans
        return sampled(enough and (self.max_spans == 0 or trace.span_count <= self.max_spans))


@dataclass
class TraceState(Stateless):
    """``trace_state``."""

    key: str
    values: frozenset[str]

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a well-formed tracestate has one of the values; a malformed one has none."""
        wanted = {
            value
            for value in self.values
            if value and len(self.key.encode()) + len(value.encode()) < 256
        }
        headers = (w3c.parse(held.span.trace_state) or {} for held in trace.spans)
        return sampled(any(header.get(self.key) in wanted for header in headers))


class TraceFlags(Stateless):
    """``trace_flags``."""

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a span was sampled by its head."""
        return sampled(any(held.span.flags & 1 for held in trace.spans))


@dataclass
class OttlCondition(Stateless):
    """``ottl_condition``."""

    conditions: Conditions

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if a condition holds; fail if errors propagate and there is one before that."""
        try:
            return sampled(self.conditions.hold(trace))
        except OttlError as error:
            return Failure(str(error))
