"""A trace as the rows of a waterfall: parents above their children, children by start.

Whatever parents say, every span gets exactly one row: a span whose parent did not come stands at
the top as an orphan, and a ring of parents is cut open at its earliest span.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tailsampler.traces.model import Span, Trace

_NONE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One row. Fractions are of the tree's ``duration_ns``, from 0 to 1."""

    span: Span
    depth: int
    """0 at the top."""
    parent: int | None
    """Index of the parent's row; None at the top."""
    children: int
    """Spans directly below."""
    below: int
    """Spans below at any depth; they are the rows that follow."""
    offset: float
    width: float
    self_ns: int
    """Time that none of its children covers."""
    before_parent_ns: int
    """By how much it starts before its parent starts; 0 if it does not."""
    after_parent_ns: int
    """By how much it ends after its parent ends; 0 if it does not."""
    orphan: bool
    """It names a parent that is not in the trace."""
    ring: bool
    """Its parents lead back to itself; the ring is cut open here."""
    duplicate: bool
    """A span before it has the same id; children stand below that one."""
    untimed: bool
    """It has no start time, so it has no place on the axis."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows in the order of a waterfall, and the axis they stand on."""

    nodes: Sequence[Node]
    start_ns: int
    """Wall clock; the earliest start of a span that has one."""
    duration_ns: int
    index: Mapping[bytes, int]
    """Row of a span id, the first that has it."""

    @property
    def depth(self) -> int:
        """Levels, 0 without spans."""
        return max((node.depth for node in self.nodes), default=_NONE) + 1

    def path(self, row: int) -> list[int]:
        """Rows of the ancestors of a row, the topmost first."""
        found = []
        parent = self.nodes[row].parent
        while parent is not None:
            found.append(parent)
            parent = self.nodes[parent].parent
        return found[::-1]


def grow(trace: Trace) -> Tree:
    """The tree of a trace, in time linear in its spans (if they come sorted by start).

    Nothing here recurses: a chain of 100,000 spans is as good as any.
    """
    spans = sorted(trace.spans, key=lambda span: span.start_ns)
    first = _first_by_id(spans)
    parents = [_parent(span, first) for span in spans]
    heads = _cut_rings(parents)
    children = _children(parents)
    order, depths = _depth_first(parents, children)
    rows = {position: row for row, position in enumerate(order)}
    below = _below(order, parents)
    start_ns, duration_ns = _axis(spans)
    nodes = []
    for position, depth in zip(order, depths, strict=True):
        span, parent = spans[position], parents[position]
        offset, width = _place(span, start_ns, duration_ns)
        before_ns, after_ns = (0, 0) if parent == _NONE else _outside(span, spans[parent])
        nodes.append(
            Node(
                span=span,
                depth=depth,
                parent=None if parent == _NONE else rows[parent],
                children=len(children[position]),
                below=below[position],
                offset=offset,
                width=width,
                self_ns=_self_ns(span, [spans[child] for child in children[position]]),
                before_parent_ns=before_ns,
                after_parent_ns=after_ns,
                orphan=bool(span.parent_id) and span.parent_id not in first,
                ring=position in heads,
                duplicate=first[span.span_id] != position,
                untimed=not span.start_ns,
            )
        )
    return Tree(nodes, start_ns, duration_ns, {key: rows[at] for key, at in first.items()})


def _first_by_id(spans: Sequence[Span]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for position, span in enumerate(spans):
        found.setdefault(span.span_id, position)
    return found


def _parent(span: Span, first: Mapping[bytes, int]) -> int:
    return first.get(span.parent_id, _NONE) if span.parent_id else _NONE


def _cut_rings(parents: list[int]) -> set[int]:
    """Make the earliest span of every ring a top one, in ``parents``; returns these spans.

    Every span has at most one parent, so a walk upwards ends at the top, in a ring, or where an
    earlier walk has been.
    """
    walked = [_NONE] * len(parents)
    heads = set()
    for begin in range(len(parents)):
        at = begin
        while at != _NONE and walked[at] == _NONE:
            walked[at] = begin
            at = parents[at]
        if at != _NONE and walked[at] == begin:
            head = min(_ring(at, parents))
            heads.add(head)
            parents[head] = _NONE
    return heads


def _ring(member: int, parents: Sequence[int]) -> Iterator[int]:
    yield member
    at = parents[member]
    while at != member:
        yield at
        at = parents[at]


def _children(parents: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = [[] for _ in parents]
    for position, parent in enumerate(parents):
        if parent != _NONE:
            found[parent].append(position)
    return found


def _depth_first(
    parents: Sequence[int], children: Sequence[Sequence[int]]
) -> tuple[list[int], list[int]]:
    waiting = [(at, 0) for at in reversed(range(len(parents))) if parents[at] == _NONE]
    order, depths = [], []
    while waiting:
        at, depth = waiting.pop()
        order.append(at)
        depths.append(depth)
        waiting.extend((child, depth + 1) for child in reversed(children[at]))
    return order, depths


def _below(order: Sequence[int], parents: Sequence[int]) -> list[int]:
    found = [0] * len(parents)
    for at in reversed(order):
        if parents[at] != _NONE:
            found[parents[at]] += found[at] + 1
    return found


def _axis(spans: Sequence[Span]) -> tuple[int, int]:
    # A span without a start would stretch the axis back to 1970.
    timed = [span for span in spans if span.start_ns]
    start_ns = min((span.start_ns for span in timed), default=0)
    end_ns = max((max(span.end_ns, span.start_ns) for span in timed), default=0)
    return start_ns, end_ns - start_ns


def _place(span: Span, start_ns: int, duration_ns: int) -> tuple[float, float]:
    if not span.start_ns or not duration_ns:
        return 0.0, 0.0
    return (span.start_ns - start_ns) / duration_ns, span.duration_ns / duration_ns


def _outside(span: Span, parent: Span) -> tuple[int, int]:
    if not span.start_ns or not parent.start_ns:
        return 0, 0
    parent_end_ns = parent.start_ns + parent.duration_ns
    end_ns = span.start_ns + span.duration_ns
    return max(0, parent.start_ns - span.start_ns), max(0, end_ns - parent_end_ns)


def _self_ns(span: Span, children: Sequence[Span]) -> int:
    """``children`` by start."""
    covered, reached = 0, span.start_ns
    for child in children:
        end = min(child.end_ns, span.end_ns)
        if end > reached:
            covered += end - max(reached, child.start_ns)
            reached = end
    return max(0, span.duration_ns - covered)
