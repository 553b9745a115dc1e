"""A window of a waterfall: which rows of a trace stand on a page, and where their bars are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self
from urllib.parse import urlencode

from tailsampler.admin.pages.trace_cache import Opened
from tailsampler.admin.pages.trace_details import Detail, Details
from tailsampler.admin.pages.words import duration_ns
from tailsampler.traces.model import Span
from tailsampler.traces.tree import Node, Tree

WINDOW: Final = 300
"""Rows of a page."""
_DEEPEST_INDENT: Final = 20
_MOST_TICKS: Final = 20
_MOST_CRUMBS: Final = 6
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the reader asked for, from the query string."""

    first: int = 1
    """Of the rows that match, counted from 1 (``from`` in the address)."""
    service: str = ""
    errors: bool = False
    text: str = ""
    span: str = ""
    """Id of a span that is opened, and whose page is shown."""
    axis: str = ""
    """``page``: bars are drawn on the time of this page's spans, else of the whole trace."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """What cannot be understood is left out."""
        first = query.get("from", "")
        return cls(
            first=max(1, int(first)) if first.isdecimal() and len(first) < 10 else 1,
            service=query.get("service", "")[:_LONGEST],
            errors=bool(query.get("errors")),
            text=query.get("text", "").strip()[:_LONGEST],
            span=query.get("span", "").lower()[:16],
            axis="page" if query.get("axis") == "page" else "",
        )

    @property
    def filters(self) -> bool:
        """Whether some spans are left out."""
        return bool(self.service or self.errors or self.text)

    def query_string(self, **changes: Any) -> str:
        """With its question mark; empty if there is nothing to say."""
        changed, plain = replace(self, **changes), View()
        pairs = [
            ("from" if each.name == "first" else each.name, getattr(changed, each.name))
            for each in fields(View)
            if getattr(changed, each.name) != getattr(plain, each.name)
        ]
        text = urlencode([(name, 1 if value is True else value) for name, value in pairs])
        return f"?{text}" if text else "?"

    def _matches(self, span: Span) -> bool:
        return (
            (not self.service or span.service[:_LONGEST] == self.service)
            and (not self.errors or span.is_error)
            and (not self.text or _contains(span, self.text.casefold()))
        )

    def rows(self, tree: Tree) -> Sequence[int]:
        """Every row that matches."""
        if not self.filters:
            return range(len(tree))
        return [row for row, span in enumerate(tree.spans) if self._matches(span)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row as it is drawn; places are percentages of the axis."""

    node: Node
    color: int
    indent: int
    deeper: int
    """Levels that the indent does not show."""
    x: str
    width: str
    ticks: Sequence[str]
    """Events."""
    notes: Sequence[str]
    detail: Detail | None
    """None: the page is full."""
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A page of a waterfall."""

    lines: Sequence[Line]
    matching: int
    first: int
    """Of ``matching``, from 1; 0 if nothing matches."""
    last: int
    crumbs: Sequence[Node]
    """The nearest ancestors of the first row, which stand on an earlier page."""
    more_crumbs: int
    axis: Sequence[str]
    """What stands at 0, 25, 50, 75 and 100 %."""
    resources: Sequence[tuple[str, object]]
    full: bool
    """Some spans of the page are shown without their details."""


def window(opened: Opened, view: View) -> Window:
    """The rows that ``view`` asks for."""
    tree = opened.tree
    rows = view.rows(tree)
    wanted = _row_of(tree, view.span)
    at = view.first - 1
    if wanted is not None and wanted in rows:
        at = rows.index(wanted) // WINDOW * WINDOW
    at = min(at, max(0, len(rows) - 1))
    nodes = [tree[row] for row in rows[at : at + WINDOW]]
    start_ns, length_ns = _axis(tree, nodes, view)
    base = min((node.depth for node in nodes), default=0)
    details = Details()
    # The span that was asked for comes first, so that a full page still shows it.
    chosen = {wanted: details.of(tree[wanted])} if wanted is not None else {}
    path = tree.path(nodes[0].row) if nodes and nodes[0].row == rows[at] else []
    lines = [
        _line(
            node,
            color=opened.services[node.span.service].color,
            indent=node.depth - base,
            start_ns=start_ns,
            length_ns=length_ns,
            detail=chosen[node.row] if node.row in chosen else details.of(node),
            opened=node.row == wanted,
        )
        for node in nodes
    ]
    return Window(
        lines=lines,
        matching=len(rows),
        first=at + 1 if nodes else 0,
        last=at + len(nodes),
        crumbs=[tree[row] for row in path[-_MOST_CRUMBS:]] if at or view.filters else [],
        more_crumbs=max(0, len(path) - _MOST_CRUMBS),
        axis=[_tick(start_ns - tree.start_ns + length_ns * part / 4) for part in range(5)],
        resources=details.resources,
        full=any(line.detail is None for line in lines),
    )


def page_of(opened: Opened, row: int) -> str:
    """The address of a span within its trace, after the path."""
    span_id = opened.tree.spans[row].span_id.hex()
    return f"?span={span_id}#s{span_id}"


def _line(  # noqa: PLR0913 - a row, spelled out
    node: Node,
    *,
    color: int,
    indent: int,
    start_ns: int,
    length_ns: int,
    detail: Detail | None,
    opened: bool,
) -> Line:
    span = node.span

    def at(time_ns: int) -> float:
        return 100 * min(1.0, max(0.0, (time_ns - start_ns) / length_ns)) if length_ns else 0.0

    x = 0.0 if node.untimed else at(span.start_ns)
    end = x if node.untimed else at(span.start_ns + span.duration_ns)
    events = [event.time_ns for event in span.events[:_MOST_TICKS] if event.time_ns]
    return Line(
        node=node,
        color=color,
        indent=min(indent, _DEEPEST_INDENT),
        deeper=max(0, indent - _DEEPEST_INDENT),
        x=f"{x:.2f}",
        width=f"{end - x:.2f}",
        ticks=[f"{at(time_ns):.2f}" for time_ns in events],
        notes=list(_notes(node)),
        detail=detail,
        opened=opened,
    )


def _notes(node: Node) -> Sequence[str]:
    found = {
        "no parent": node.orphan,
        "ring": node.ring,
        "same id": node.duplicate,
        "no time": node.untimed,
    }
    return [word for word, there in found.items() if there]


def _axis(tree: Tree, nodes: Sequence[Node], view: View) -> tuple[int, int]:
    timed = [node.span for node in nodes if not node.untimed]
    if view.axis != "page" or not timed:
        return tree.start_ns, tree.duration_ns
    start_ns = min(span.start_ns for span in timed)
    return start_ns, max(span.start_ns + span.duration_ns for span in timed) - start_ns


def _tick(offset_ns: float) -> str:
    return duration_ns(offset_ns) if offset_ns else "0"


def _row_of(tree: Tree, span_id: str) -> int | None:
    try:
        return tree.row_of.get(bytes.fromhex(span_id)) if span_id else None
    except ValueError:
        return None


def _contains(span: Span, text: str) -> bool:
    return (
        text in span.name.casefold()
        or text in span.service.casefold()
        or text in span.status_message.casefold()
        or text == span.span_id.hex()
        or any(
            text in value.casefold() if isinstance(value, str) else text == str(value).casefold()
            for value in span.attributes.values()
        )
    )
