"""The drawing of a case: bars of one figure with its spread, or lines over time."""

from __future__ import annotations

from typing import Any, Final
from xml.etree import ElementTree as ET

from benchmarks.figures import COLUMNS, DRAWN, FIGURES
from benchmarks.result import OURS, Result
from tailsampler.admin.pages.drawing import pygal

_COLOURS: Final = ("#2a6f97", "#d1495b", "#edae49", "#66a182", "#7d5ba6", "#444444")


def figure(result: Result) -> str:
    """What is drawn."""
    kind = result.case.measure.kind
    return DRAWN.get(kind, COLUMNS[kind][0])


def alternative(result: Result) -> str:
    """The drawing in words."""
    if result.series:
        return f"Anonymous memory in MB over seconds of {', '.join(result.series)}"
    name = figure(result)
    values = []
    for way in result.case.measured:
        for who in result.subjects():
            if spread := result.spread(way, name, who):
                of = "" if who == OURS else f" of {who}"
                values.append(f"{way}{of} {spread.middle:,.{FIGURES[name].digits}f}")
    return f"{FIGURES[name].label} in {FIGURES[name].unit}: {', '.join(values)}"


def svg(result: Result) -> bytes:
    """Without scripts, the same for the same figures."""
    drawn = _lines(result) if result.series else _bars(result)
    drawn.uuid = result.case.name
    root: ET.Element = drawn.render_tree()
    _without_scripts(root)
    return ET.tostring(root, encoding="unicode").encode() + b"\n"


def _without_scripts(parent: ET.Element) -> None:
    """Take out scripts, and what only they read."""
    for child in list(parent):
        # A comment's tag is the function that makes comments.
        name = "comment" if callable(child.tag) else child.tag.rpartition("}")[2]
        if name in {"script", "comment", "desc"}:
            parent.remove(child)
        else:
            _without_scripts(child)


def _bars(result: Result) -> Any:
    name = figure(result)
    known = FIGURES[name]
    ways = [way for way in result.case.measured if result.spread(way, name)]
    drawn = pygal().HorizontalBar(
        **_common(f"{result.case.name}: {known.label}, {known.unit}"),
        height=140 + 40 * len(ways) * len(result.subjects()),
        show_legend=len(result.subjects()) > 1,
        print_values=len(result.subjects()) > 1,
        print_values_position="top",
        value_formatter=lambda value: f"{value:,.{known.digits}f}",
    )
    # From top to bottom as in the table: pygal begins at the bottom.
    ways.reverse()
    drawn.x_labels = ways if len(result.subjects()) > 1 else [_said(result, way) for way in ways]
    for who in result.subjects():
        spreads = [result.spread(way, name, who) for way in ways]
        drawn.add(
            who,
            [
                {"value": one.middle, "ci": {"low": one.low, "high": one.high}} if one else None
                for one in spreads
            ],
        )
    return drawn


def _said(result: Result, way: str) -> str:
    """A way and its figure, where there is room beside the bar and not on its error."""
    name = figure(result)
    spread = result.spread(way, name)
    return f"{way}:  {spread.middle:,.{FIGURES[name].digits}f}" if spread else way


def _lines(result: Result) -> Any:
    drawn = pygal().XY(
        **_common(f"{result.case.name}: anonymous memory, MB, over seconds"),
        height=360,
        dots_size=1,
        range=(0, max(value for line in result.series.values() for _, value in line) * 1.1),
    )
    for name, line in result.series.items():
        drawn.add(name, line)
    return drawn


def _common(title: str) -> dict[str, Any]:
    import pygal.style  # type: ignore[import-untyped]  # noqa: PLC0415 - it ships no types; after pygal() took its hook away

    style = pygal.style.Style(
        background="white",
        plot_background="white",
        foreground="#222",
        foreground_strong="#222",
        foreground_subtle="#777",
        font_family="sans-serif",
        colors=_COLOURS,
        value_colors=("#222",) * len(_COLOURS),
        opacity="1",
    )
    return {
        "title": title,
        "js": [],
        "no_prefix": True,
        "width": 860,
        "legend_at_bottom": True,
        "truncate_label": -1,
        "truncate_legend": -1,
        "style": style,
    }
