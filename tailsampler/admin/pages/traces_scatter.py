"""Traces as dots: when they started, and how long they took."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree.ElementTree import Comment, Element, SubElement, tostring

from markupsafe import Markup

from tailsampler.admin.pages.drawing import pygal
from tailsampler.admin.pages.words import duration_ns, short
from tailsampler.store.query import Row

_NS_PER_MS: Final = 1e6
# A logarithmic axis has no zero; below this all traces are as short as each other.
_SHORTEST_MS: Final = 0.001
_DECADES: Final = tuple(10.0**power for power in range(-3, 10))
_STEPS_S: Final = (1, 5, 15, 60, 300, 900, 3_600, 10_800, 43_200, 86_400, 604_800, 2_592_000)
_MOST_TICKS: Final = 8
_UNWANTED: Final[set[object]] = {"defs", "desc", "title", Comment}
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_DIAMOND: Final = "M{x:.1f} {y:.1f}m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"


def scatter(rows: Sequence[Row]) -> Markup:
    """The diagram as SVG: a link a trace, errors as diamonds; empty without traces.

    Traces without a start have no place in it.
    """
    rows = [row for row in rows if row.start_ns]
    if not rows:
        return Markup()
    well = [row for row in rows if not row.errors]
    failed = [row for row in rows if row.errors]
    tree = _chart(rows, [well, failed]).render_tree()
    _adapt(tree, rows)
    # Everything in it is written by an XML serializer, which escapes.
    return Markup(tostring(tree, encoding="unicode"))  # noqa: S704 - see above


def _chart(rows: Sequence[Row], series: Sequence[Sequence[Row]]) -> Any:
    chart = pygal().XY(
        width=1100,
        height=230,
        margin=6,
        spacing=6,
        stroke=False,
        show_legend=False,
        js=(),
        css=(),
        no_data_text="",
        x_labels=list(_times(rows)),
        y_labels=list(_durations(rows)),
        truncate_label=-1,
    )
    for number, each in enumerate(series):
        points = [
            {"value": (_s(row), math.log10(_ms(row))), "xlink": row.trace_id.hex()} for row in each
        ]
        chart.add(str(number), points)
    return chart


def _adapt(tree: Element, rows: Sequence[Row]) -> None:
    """Leave the shapes and take the rest: our page forbids what styles or runs in place."""
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag in _UNWANTED or "tooltip-overlay" in _classes(child):
                parent.remove(child)
        parent.attrib.pop("style", None)
    tree.attrib.pop("id", None)
    tree.set("class", "scatter")
    tree.set("role", "group")
    tree.set("aria-label", "Traces by start and duration")
    by_id = {row.trace_id.hex(): row for row in rows}
    for group in tree.iter("g"):
        if "overlay" in _classes(group) and "plot" in _classes(group):
            _link(group, by_id)


def _link(plot: Element, rows: Mapping[str, Row]) -> None:
    for link in plot.iter("a"):
        row = rows[link.attrib[_HREF]]
        link.attrib.clear()
        link.set("href", f"/traces/{row.trace_id.hex()}")
        # The list below has the same links; hundreds of stops would bar the way to it.
        link.set("tabindex", "-1")
        if row.errors:
            _diamond(link)
        SubElement(link, "title").text = _label(row)


def _diamond(link: Element) -> None:
    dot = next(link.iter("circle"))
    x, y = float(dot.get("cx", "0")), float(dot.get("cy", "0"))
    link.remove(dot)
    SubElement(link, "path", {"class": "dot", "d": _DIAMOND.format(x=x, y=y)})


def _label(row: Row) -> str:
    failed = f", {row.errors:,} errors" if row.errors else ""
    what = f"{short(row.service, 60)}: {short(row.name, 60)}"
    return f"{what}, {duration_ns(row.duration_ns)}, {row.spans:,} spans{failed}"


def _times(rows: Sequence[Row]) -> Iterator[dict[str, object]]:
    first, last = min(map(_s, rows)), max(map(_s, rows))
    step = next((each for each in _STEPS_S if (last - first) / each < _MOST_TICKS), _STEPS_S[-1])
    if (last - first) / step >= _MOST_TICKS:  # years
        step *= math.ceil((last - first) / step / _MOST_TICKS)
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < 43_200 else "%Y-%m-%d"
    at = float(math.ceil(first / step) * step)
    if at > last:
        at, pattern = first, "%H:%M:%S"
    while at <= last:
        yield {"label": datetime.fromtimestamp(at, tz=UTC).strftime(pattern), "value": at}
        at += step


def _durations(rows: Sequence[Row]) -> list[dict[str, object]]:
    least, most = min(map(_ms, rows)), max(map(_ms, rows))
    below = max((each for each in _DECADES if each <= least), default=_DECADES[0])
    above = min((each for each in _DECADES if each >= most), default=_DECADES[-1])
    if below == above:
        above *= 10
    return [
        {"label": duration_ns(each * _NS_PER_MS), "value": math.log10(each)}
        for each in _DECADES
        if below <= each <= above
    ]


def _s(row: Row) -> float:
    # Times may lie; those after the year 9999 have no date.
    return min(row.start_ns / 1e9, 253_000_000_000.0)


def _ms(row: Row) -> float:
    return min(max(row.duration_ns / _NS_PER_MS, _SHORTEST_MS), _DECADES[-1])


def _classes(element: Element) -> list[str]:
    return element.get("class", "").split()
