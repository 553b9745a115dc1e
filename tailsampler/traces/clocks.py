"""Clocks that disagree, as far as one trace can show it.

A request is received after it was sent, and an answer after the request. Both ends of a call write
down their times by their own clock, so every call bounds by how much the callee's clock is ahead of
the caller's, and all calls between the two together bound it more tightly.

What it cannot know: which of the two clocks is right; an offset that is smaller than the calls are
long; an offset that changed during the trace. A producer's message bounds one side only, because it
may lie in its queue for any time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tailsampler.traces.model import KINDS, Span, Trace

_CLIENT, _SERVER = KINDS.index("client"), KINDS.index("server")
_PRODUCER, _CONSUMER = KINDS.index("producer"), KINDS.index("consumer")

# Some SDKs write whole milliseconds.
_GRAIN_NS: Final = 1_000_000
# Servers close their span after the answer has left.
_AFTERWORK_NS: Final = 10_000_000
_HOST_KEYS: Final = ("host.id", "host.name", "k8s.pod.name", "service.instance.id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a clock is read: a service, and which of its hosts if its resource says so."""

    service: str
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """``ahead``'s clock shows a later time than ``behind``'s at the same moment."""

    ahead: Place
    behind: Place
    least_ns: int
    """Over 0."""
    most_ns: int | None
    """None: nothing in the trace bounds it."""
    certain: bool
    """It follows from causes preceding effects. Else: also from callers waiting for the whole
    answer, which a caller that reads a stream need not do."""
    calls: int
    """Calls and messages between the two that it was taken from."""


@dataclass(slots=True)
class _Bounds:
    """What is known of (second's clock - first's clock), in ns."""

    low: int | None = None
    high: int | None = None
    inner_low: int | None = None
    inner_high: int | None = None
    calls: int = 0

    def at_least(self, value: int) -> None:
        self.low = value if self.low is None else max(self.low, value)

    def at_most(self, value: int) -> None:
        self.high = value if self.high is None else min(self.high, value)

    def inner_at_least(self, value: int) -> None:
        self.inner_low = value if self.inner_low is None else max(self.inner_low, value)

    def inner_at_most(self, value: int) -> None:
        self.inner_high = value if self.inner_high is None else min(self.inner_high, value)


_Interval: TypeAlias = tuple[int | None, int | None]


def skews(trace: Trace) -> list[Skew]:
    """Pairs of clocks that cannot agree, the largest offset first; linear in the spans."""
    found = []
    for (first, second), bounds in _bounds(trace.spans).items():
        judged = _judge(bounds)
        if judged is None:
            continue
        (low, high), certain = judged
        if low is not None and low > 0:
            skew = (second, first, low, high)
        elif high is not None:
            skew = (first, second, -high, None if low is None else -low)
        else:  # an interval without bounds excludes nothing
            continue
        ahead, behind, least_ns, most_ns = skew
        found.append(
            Skew(
                ahead=ahead,
                behind=behind,
                least_ns=least_ns,
                most_ns=most_ns,
                certain=certain,
                calls=bounds.calls,
            )
        )
    return sorted(found, key=lambda skew: skew.least_ns, reverse=True)


def _judge(bounds: _Bounds) -> tuple[_Interval, bool] | None:
    """The interval to report and whether its direction is certain; None to say nothing."""
    sure = (bounds.low, bounds.high)
    inner = (_max(bounds.low, bounds.inner_low), _min(bounds.high, bounds.inner_high))
    if _empty(sure):  # no constant offset explains it
        return None
    if _excludes_zero(sure):
        return (sure if _empty(inner) else inner), True
    if not _empty(inner) and _excludes_zero(inner):
        return inner, False
    return None


def _bounds(spans: Sequence[Span]) -> dict[tuple[Place, Place], _Bounds]:
    found: dict[tuple[Place, Place], _Bounds] = {}
    for parent, child in _boundaries(spans):
        caller, callee = place(parent), place(child)
        turned = (callee.service, callee.host) < (caller.service, caller.host)
        pair = (callee, caller) if turned else (caller, callee)
        _learn(found.setdefault(pair, _Bounds()), parent, child, turned=turned)
    return found


def _learn(bounds: _Bounds, parent: Span, child: Span, *, turned: bool) -> None:
    """Add what one call says about (callee's clock - caller's clock)."""
    bounds.calls += 1
    # Where the pair stands the other way round, the difference changes its sign.
    sign = -1 if turned else 1
    at_least, at_most = bounds.at_least, bounds.at_most
    inner_at_least = bounds.inner_at_least
    if turned:
        at_least, at_most = at_most, at_least
        inner_at_least = bounds.inner_at_most
    at_most(sign * (child.start_ns - parent.start_ns + _GRAIN_NS))
    # A caller that failed may have given up before the callee even began.
    if parent.kind == _CLIENT and not parent.is_error:
        at_least(sign * (child.start_ns - parent.end_ns - _GRAIN_NS))
        inner_at_least(sign * (child.end_ns - parent.end_ns - _GRAIN_NS - _AFTERWORK_NS))


def _boundaries(spans: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    by_id: Mapping[bytes, Span] = {span.span_id: span for span in reversed(spans)}
    for child in spans:
        parent = by_id.get(child.parent_id)
        if parent is None or (parent.kind, child.kind) not in (
            (_CLIENT, _SERVER),
            (_PRODUCER, _CONSUMER),
        ):
            continue
        # A service that calls itself, on no known host, may be one process or two.
        if _timed(parent) and _timed(child) and place(parent) != place(child):
            yield parent, child


def place(span: Span) -> Place:
    """Whose clock a span's times were read from."""
    values = (span.resource.get(key) for key in _HOST_KEYS)
    host = next((value for value in values if isinstance(value, str) and value), "")
    return Place(span.service, host)


def _timed(span: Span) -> bool:
    return 0 < span.start_ns <= span.end_ns


def _empty(interval: _Interval) -> bool:
    low, high = interval
    return low is not None and high is not None and low > high


def _excludes_zero(interval: _Interval) -> bool:
    low, high = interval
    return (low is not None and low > 0) or (high is not None and high < 0)


def _max(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)


def _min(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)
