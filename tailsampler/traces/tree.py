"""A trace as the rows of a waterfall: parents above their children, children by start.

Whatever parents say, every span gets exactly one row: a span whose parent did not come stands at
the top as an orphan, and a ring of parents is cut open at its earliest span.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, overload

from tailsampler.traces.model import Span, Trace

_NONE: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One row. Fractions are of the tree's ``duration_ns``, from 0 to 1."""

    row: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree(Sequence[Node]):
    """Rows in the order of a waterfall.

    A row's ``Node`` is made when it is asked for: a page shows a few hundred rows of a trace that
    may have a hundred thousand.
    """

    spans: Sequence[Span]
    """By row."""
    start_ns: int
    """The axis begins at the earliest start of a span that has one; wall clock."""
    duration_ns: int
    """The length of the axis."""
    row_of: Mapping[bytes, int]
    """Row of a span id, the first that has it."""
    depths: Sequence[int]
    below: Sequence[int]
    parents: Sequence[int]
    """Rows; -1 at the top."""
    rings: AbstractSet[int]
    """Rows at which a ring of parents is cut open."""

    def __len__(self) -> int:
        return len(self.spans)

    @overload
    def __getitem__(self, row: int) -> Node: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Node]: ...
    def __getitem__(self, row: int | slice) -> Node | Sequence[Node]:
        rows = range(len(self))[row]
        return self._node(rows) if isinstance(rows, int) else [self._node(each) for each in rows]

    @property
    def depth(self) -> int:
        """Levels, 0 without spans."""
        return max(self.depths, default=_NONE) + 1

    def path(self, row: int) -> list[int]:
        """Rows of the ancestors of a row, the topmost first."""
        found = []
        while (row := self.parents[row]) != _NONE:
            found.append(row)
        return found[::-1]

    def children(self, row: int) -> Iterator[int]:
        """Rows of the spans directly below a row, by start."""
        child, end = row + 1, row + 1 + self.below[row]
        while child < end:
            yield child
            child += 1 + self.below[child]

    def _node(self, row: int) -> Node:
        span, parent = self.spans[row], self.parents[row]
        offset, width = self._place(span)
        before_ns, after_ns = (0, 0) if parent == _NONE else _outside(span, self.spans[parent])
        children = [self.spans[child] for child in self.children(row)]
        return Node(
            row=row,
            span=span,
            depth=self.depths[row],
            parent=None if parent == _NONE else parent,
            children=len(children),
            below=self.below[row],
            offset=offset,
            width=width,
            self_ns=_self_ns(span, children),
            before_parent_ns=before_ns,
            after_parent_ns=after_ns,
            orphan=bool(span.parent_id) and span.parent_id not in self.row_of,
            ring=row in self.rings,
            duplicate=self.row_of[span.span_id] != row,
            untimed=not span.start_ns,
        )

    def _place(self, span: Span) -> tuple[float, float]:
        if not span.start_ns or not self.duration_ns:
            return 0.0, 0.0
        offset = (span.start_ns - self.start_ns) / self.duration_ns
        return offset, span.duration_ns / self.duration_ns


def grow(trace: Trace) -> Tree:
    """The tree of a trace, in time linear in its spans (if they come sorted by start).

    Nothing here recurses: a chain of 100,000 spans is as good as any.
    """
    spans = sorted(trace.spans, key=lambda span: span.start_ns)
    first = _first_by_id(spans)
    parents = [first.get(span.parent_id, _NONE) if span.parent_id else _NONE for span in spans]
    rings = _cut_rings(parents)
    order, depths = _depth_first(parents)
    rows = [_NONE] * len(spans)
    for row, position in enumerate(order):
        rows[position] = row
    start_ns, duration_ns = _axis(spans)
    parent_rows = [
        _NONE if parents[position] == _NONE else rows[parents[position]] for position in order
    ]
    return Tree(
        spans=[spans[position] for position in order],
        start_ns=start_ns,
        duration_ns=duration_ns,
        row_of={span_id: rows[position] for span_id, position in first.items()},
        depths=depths,
        below=_below(parent_rows),
        parents=parent_rows,
        rings={rows[position] for position in rings},
    )


def _first_by_id(spans: Sequence[Span]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for position, span in enumerate(spans):
        found.setdefault(span.span_id, position)
    return found


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


def _depth_first(parents: Sequence[int]) -> tuple[list[int], list[int]]:
    # Chains of siblings, and not a list for each span: most spans have no children.
    eldest, younger, top = [_NONE] * len(parents), [_NONE] * len(parents), _NONE
    for at in range(len(parents) - 1, -1, -1):
        parent = parents[at]
        if parent == _NONE:
            younger[at], top = top, at
        else:
            younger[at], eldest[parent] = eldest[parent], at
    order, depths = [], []
    waiting = [(top, 0)]
    while waiting:
        at, depth = waiting.pop()
        if at == _NONE:
            continue
        order.append(at)
        depths.append(depth)
        waiting.append((younger[at], depth))
        waiting.append((eldest[at], depth + 1))
    return order, depths


def _below(parents: Sequence[int]) -> list[int]:
    """``parents`` by row: every span stands above the ones below it."""
    found = [0] * len(parents)
    for row in range(len(parents) - 1, -1, -1):
        if parents[row] != _NONE:
            found[parents[row]] += found[row] + 1
    return found


def _axis(spans: Sequence[Span]) -> tuple[int, int]:
    """``spans`` by start."""
    # A span without a start would stretch the axis back to 1970.
    start_ns = next((span.start_ns for span in spans if span.start_ns), 0)
    end_ns = max((span.start_ns + span.duration_ns for span in spans if span.start_ns), default=0)
    return start_ns, end_ns - start_ns


def _outside(span: Span, parent: Span) -> tuple[int, int]:
    if not span.start_ns or not parent.start_ns:
        return 0, 0
    parent_end_ns = parent.start_ns + parent.duration_ns
    end_ns = span.start_ns + span.duration_ns
    return max(0, parent.start_ns - span.start_ns), max(0, end_ns - parent_end_ns)


def _self_ns(span: Span, children: Iterable[Span]) -> int:
    """``children`` by start."""
    covered, reached = 0, span.start_ns
    for child in children:
        end = min(child.end_ns, span.end_ns)
        if end > reached:
            covered += end - max(reached, child.start_ns)
            reached = end
    return max(0, span.duration_ns - covered)
