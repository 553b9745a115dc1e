"""Walk two sides together: what both have, what one has alone, what lies at the edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tailsampler.compare.collected import Collected, Summary

_FOREVER: Final = 1 << 80


class Pair(NamedTuple):
    """One trace, as each side has it; None: it has not."""

    a: Summary | None
    b: Summary | None

    @property
    def trace_id(self) -> bytes:
        """The same on both."""
        one = self.a or self.b
        return one.trace_id if one else b""

    @property
    def spans(self) -> tuple[int, int]:
        """On each side; 0: none, or not known."""
        return (self.a.spans if self.a else 0, self.b.spans if self.b else 0)


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which both sides were written, and its edges."""

    begin_ns: int = 0
    end_ns: int = _FOREVER
    settle_ns: int = 0

    @property
    def has_inside(self) -> bool:
        """Whether anything is left between the edges."""
        return self.end_ns - self.begin_ns > 2 * self.settle_ns

    def is_edge(self, pair: Pair) -> bool:
        """Whether one side may lack it, or a part of it, because of when it was written."""
        if not self.has_inside:
            return False
        firsts = [one.first_ns for one in pair if one and one.first_ns]
        lasts = [one.last_ns for one in pair if one and one.last_ns]
        return bool(
            (firsts and min(firsts) < self.begin_ns + self.settle_ns)
            or (lasts and max(lasts) > self.end_ns - self.settle_ns)
        )


def window(a: Collected, b: Collected, since_ns: int, until_ns: int, settle_ns: int) -> Window:
    """Where both sides overlap, within what was asked for; 0: no bound was."""
    begins = [since_ns, a.first_ns, b.first_ns]
    ends = [end for end in (until_ns, a.last_ns, b.last_ns) if end]
    return Window(max(begins), min(ends, default=_FOREVER), settle_ns)


@dataclass
class Partition:
    """How many, by who has them, and those to be looked at."""

    traces: list[int] = field(default_factory=lambda: [0, 0])
    spans: list[int] = field(default_factory=lambda: [0, 0])
    """Of each side, as they came; 0 where a side does not know."""
    outside: list[int] = field(default_factory=lambda: [0, 0])
    """Traces of each side that begin before ``since`` or after ``until``."""
    both: int = 0
    alone: list[int] = field(default_factory=lambda: [0, 0])
    """Kept by one side alone, within the edges."""
    edge: list[int] = field(default_factory=lambda: [0, 0, 0])
    """At an edge: kept by A alone, by B alone, by both with other numbers of spans."""
    uneven: int = 0
    """Kept by both, and not with the same spans as far as is known yet."""
    picked: list[Pair] = field(default_factory=list)
    """Differences within the edges, those with the smallest ids."""
    picked_edge: list[Pair] = field(default_factory=list)


def partition(
    sides: tuple[Collected, Collected],
    where: Window,
    *,
    exact: bool,
    most: int,
    within: tuple[int, int] = (0, 0),
) -> Partition:
    """Count everything; pick at most ``most`` differences to be looked at.

    Ids are as good as random, so those with the smallest are a fair sample, and the same again.
    ``exact``: both sides know their spans one by one. ``within``: when traces begin, 0: no bound.
    """
    found = Partition()
    for pair in _pairs(_within(sides[0], 0, within, found), _within(sides[1], 1, within, found)):
        place = 2 if pair.a and pair.b else 0 if pair.a else 1
        if place == 2:
            found.both += 1
            if not _uneven(pair, exact=exact):
                continue
        if where.is_edge(pair):
            found.edge[place] += 1
            if len(found.picked_edge) < most:
                found.picked_edge.append(pair)
            continue
        if place == 2:
            found.uneven += 1
        else:
            found.alone[place] += 1
        if len(found.picked) < most:
            found.picked.append(pair)
    return found


def _uneven(pair: Pair, *, exact: bool) -> bool:
    a, b = pair
    if a is None or b is None or not a.spans or not b.spans:
        return False
    return a.spans != b.spans or (exact and a.digest != b.digest)


def _within(
    side: Collected, place: int, within: tuple[int, int], found: Partition
) -> Iterator[Summary]:
    since_ns, until_ns = within
    for one in side.sorted():
        if one.first_ns and (one.first_ns < since_ns or (until_ns and one.first_ns >= until_ns)):
            found.outside[place] += 1
            continue
        found.traces[place] += 1
        found.spans[place] += one.spans
        yield one


def _pairs(first: Iterator[Summary], second: Iterator[Summary]) -> Iterator[Pair]:
    a, b = next(first, None), next(second, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.trace_id < b.trace_id):
            yield Pair(a, None)
            a = next(first, None)
        elif a is None or b.trace_id < a.trace_id:
            yield Pair(None, b)
            b = next(second, None)
        else:
            yield Pair(a, b)
            a, b = next(first, None), next(second, None)
