"""The ledger as ribbons: from the doors over the policies to the exporters.

Widths are shares of the largest column; what is there but too thin to see is drawn as a hairline.
Coordinates are in a box 1000 wide.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tailsampler.admin.pages.picture import Picture

WIDTH: Final = 1000.0
_NODE: Final = 10.0
_FULL: Final = 210.0
"""Height of all that came in."""
_THINNEST: Final = 1.5
_LOST: Final = 6.0
"""Height of the bar for losses, which is a total and has no place in a scale of rates."""
_SLOT: Final = 40.0
"""Least distance from node to node: two lines of text stand beside each."""
_GAP: Final = 10.0
_COLUMNS: Final = (0.0, 195.0, 410.0, 675.0, 862.0)
MOST_POLICIES: Final = 9
_LATE: Final = "Late, or earlier runs"

Kind = Literal["plain", "kept", "dropped", "lost"]


@dataclass(slots=True, kw_only=True)
class Node:
    """A bar with two lines of text."""

    key: str
    label: str
    value: float
    kind: Kind
    column: int
    height: float = 0.0
    y: float = 0.0
    taken_in: float = 0.0
    taken_out: float = 0.0

    @property
    def x(self) -> float:
        """Its left edge."""
        return _COLUMNS[self.column]


@dataclass(frozen=True, slots=True)
class Ribbon:
    """What goes from one node to another."""

    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that is drawn."""

    height: float
    nodes: Sequence[Node]
    ribbons: Sequence[Ribbon]
    width: float = WIDTH
    node_width: float = _NODE


@dataclass(slots=True)
class _Plan:
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[tuple[str, str, float, Kind]] = field(default_factory=list)

    def node(self, key: str, label: str, value: float, kind: Kind, column: int) -> None:
        self.nodes[key] = Node(key=key, label=label, value=value, kind=kind, column=column)

    def flow(self, source: str, target: str, value: float, kind: Kind) -> None:
        if value > 0:
            self.flows.append((source, target, value, kind))


def draw(shown: Picture) -> Drawing:
    """Lay the picture out."""
    plan = _plan(shown)
    scale = _FULL / max([shown.received, shown.kept + shown.dropped, 1e-9])
    for node in plan.nodes.values():
        node.height = _thick(node.value, scale)
    if "lost" in plan.nodes:
        plan.nodes["lost"].height = _LOST
    height = _place(plan.nodes.values())
    return Drawing(height, tuple(plan.nodes.values()), tuple(_ribbons(plan, scale)))


def _plan(shown: Picture) -> _Plan:
    plan = _Plan()
    plan.node("received", "Received", shown.received, "plain", 0)
    plan.node("judged", "Judged", shown.kept + shown.dropped, "plain", 1)
    plan.flow("received", "judged", min(shown.received, shown.kept + shown.dropped), "plain")
    for key, label, kept, dropped in _rows(shown):
        plan.node(key, label, kept + dropped, "plain", 2)
        plan.flow("judged", key, kept + dropped, "plain")
        plan.flow(key, "kept", kept, "kept")
        plan.flow(key, "dropped", dropped, "dropped")
    plan.node("kept", "Kept", shown.kept, "kept", 3)
    plan.node("dropped", "Dropped on purpose", shown.dropped, "dropped", 3)
    for exporter in shown.exporters:
        key = f"exporter {exporter.name}"
        plan.node(key, exporter.name, exporter.flow, "kept", 4)
        plan.flow("kept", key, exporter.flow, "kept")
    if shown.lost:
        plan.node("lost", "Lost, ever", shown.lost, "lost", 4)
    return plan


def _rows(shown: Picture) -> Iterator[tuple[str, str, float, float]]:
    """Key, label, spans kept and spans dropped: the largest policies, in the chain's order."""
    order = sorted(
        range(len(shown.policies)),
        key=lambda at: -(shown.policies[at].spans_kept + shown.policies[at].spans_dropped),
    )
    large = set(order[:MOST_POLICIES])
    for at, policy in enumerate(shown.policies):
        if at in large:
            yield f"policy {policy.name}", policy.name, policy.spans_kept, policy.spans_dropped
    rest = [policy for at, policy in enumerate(shown.policies) if at not in large]
    if rest:
        kept = sum(policy.spans_kept for policy in rest)
        yield "rest", f"{len(rest)} more", kept, sum(policy.spans_dropped for policy in rest)
    if shown.late_kept or shown.late_dropped:
        label = "Late spans" if shown.by_minute else _LATE
        yield "late", label, shown.late_kept, shown.late_dropped


def _place(nodes: Iterable[Node]) -> float:
    """Stack the nodes of each column; returns the height of the whole."""
    columns: dict[int, list[Node]] = {}
    for node in nodes:
        columns.setdefault(node.column, []).append(node)
    heights = {column: _stack(found) for column, found in columns.items()}
    whole = max(heights.values())
    for column in (0, 1):  # what everything goes through stands in the middle
        for node in columns[column]:
            node.y += (whole - heights[column]) / 2
    bottom = columns[3][-1]
    bottom.y = whole - max(bottom.height, _SLOT - _GAP)
    return whole


def _stack(nodes: Sequence[Node]) -> float:
    y = 0.0
    for node in nodes:
        node.y = y
        y += max(node.height + _GAP, _SLOT)
    return y - _GAP


def _ribbons(plan: _Plan, scale: float) -> Iterator[Ribbon]:
    for source_key, target_key, value, kind in plan.flows:
        source, target = plan.nodes[source_key], plan.nodes[target_key]
        thick = _thick(value, scale)
        yield Ribbon(_path(source, target, thick), kind)
        target.taken_in += thick
        if source_key != "kept":  # every exporter gets all that is kept, so these lie together
            source.taken_out += thick


def _path(source: Node, target: Node, thick: float) -> str:
    x0, x1 = source.x + _NODE, target.x
    y0, y1 = source.y + source.taken_out, target.y + target.taken_in
    middle = (x0 + x1) / 2
    return (
        f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        f"V{y1 + thick:.1f}"
        f"C{middle:.1f} {y1 + thick:.1f} {middle:.1f} {y0 + thick:.1f} {x0:.1f} {y0 + thick:.1f}Z"
    )


def _thick(value: float, scale: float) -> float:
    return max(_THINNEST, value * scale)
