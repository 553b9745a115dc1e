"""Traces that were opened a moment ago, so that turning a page of 100,000 spans is no work."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tailsampler.store.query import Row, Stored
from tailsampler.traces.clocks import Skew, skews
from tailsampler.traces.model import Trace, decode
from tailsampler.traces.tree import Tree, grow

COLORS: Final = 10


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a trace."""

    name: str
    spans: int
    errors: int
    color: int
    """Number of a color in the style sheet; they repeat after ``COLORS``."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A trace, and what every page of it needs."""

    row: Row
    tree: Tree
    services: Mapping[str, Service]
    """By name, in the order of their first span."""
    errors: Sequence[int]
    """Rows of the spans with an error."""
    clocks: Sequence[Skew]
    orphans: int
    rings: int
    roots: int


def open_trace(stored: Stored) -> Opened:
    """Decode it. Raises ``DecodeError`` of protobuf if what is stored is damaged."""
    wanted = stored.row.trace_id
    empty = Trace(wanted, ())
    trace = next((each for each in decode(stored.data) if each.trace_id == wanted), empty)
    tree = grow(trace)
    spans = Counter(span.service for span in tree.spans)
    errors = [row for row, span in enumerate(tree.spans) if span.is_error]
    failed = Counter(tree.spans[row].service for row in errors)
    services = {
        name: Service(name, count, failed[name], number % COLORS)
        for number, (name, count) in enumerate(spans.items())
    }
    tops = [tree.spans[row] for row, parent in enumerate(tree.parents) if parent < 0]
    return Opened(
        row=stored.row,
        tree=tree,
        services=services,
        errors=errors,
        clocks=skews(trace),
        orphans=sum(bool(span.parent_id) for span in tops) - len(tree.rings),
        rings=len(tree.rings),
        roots=sum(not span.parent_id for span in tops),
    )


class TraceCache:
    """The traces opened last. Bounded by spans, because these are what costs memory.

    Safe to use from several threads.
    """

    def __init__(self, most_spans: int = 150_000, least_spans: int = 1_000) -> None:
        """Smaller traces than ``least_spans`` are opened again: it takes no time."""
        self._most, self._least = most_spans, least_spans
        self._lock = threading.Lock()
        self._traces: OrderedDict[bytes, Opened] = OrderedDict()

    def open(self, stored: Stored) -> Opened:
        """The trace, from here if it did not change since. Raises ``DecodeError``."""
        trace_id = stored.row.trace_id
        with self._lock:
            known = self._traces.pop(trace_id, None)
            if known is not None and known.row == stored.row:
                self._traces[trace_id] = known
                return known
        opened = open_trace(stored)
        if self._least <= len(opened.tree) <= self._most:
            with self._lock:
                self._traces[trace_id] = opened
                self._shrink()
        return opened

    def clear(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._traces.clear()

    def __len__(self) -> int:
        return len(self._traces)

    def _shrink(self) -> None:
        while sum(len(each.tree) for each in self._traces.values()) > self._most:
            self._traces.popitem(last=False)
