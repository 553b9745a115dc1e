"""The last fifteen minutes as a picture: pygal draws, our style sheet dresses."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from markupsafe import Markup

from tailsampler.admin.pages.drawing import pygal
from tailsampler.admin.pages.words import rate
from tailsampler.telemetry.history import EVERY_S, KEEP, Path, Step

BUCKET: Final = 10
"""Steps that make a point."""
_KEPT: Final[Path] = ("traces", "kept")
_DROPPED: Final[Path] = ("traces", "dropped")
# What our policy forbids, what our style sheet decides, and what only pygal's script would read.
_UNWANTED_TAGS: Final[set[object]] = {"defs", "style", "script", "title", "desc", ET.Comment}
_UNWANTED_CLASSES: Final = {"text-overlay", "tooltip", "titles", "background"}
_UNWANTED_ATTRIBUTES: Final = ("style", "onload", "id", "rx", "ry")


@dataclass(frozen=True, slots=True)
class Point:
    """A bucket of steps; None where nobody looked."""

    kept: float | None
    dropped: float | None


def points(steps: Sequence[Step]) -> tuple[Point, ...]:
    """Traces a second, the oldest first, always as many as fifteen minutes have."""
    last = steps[-1].number if steps else 0
    first_bucket = last // BUCKET - KEEP // BUCKET + 1
    buckets: dict[int, list[Step]] = {}
    # The one that is under way would have a new picture drawn every second.
    settled = last // BUCKET if len(steps) > 2 * BUCKET else last + 1
    for step in steps:
        if not step.gap and step.number // BUCKET < settled:
            buckets.setdefault(step.number // BUCKET, []).append(step)
    return tuple(_point(buckets.get(first_bucket + at, ())) for at in range(KEEP // BUCKET))


def _point(steps: Sequence[Step]) -> Point:
    lasted_s = sum(step.lasted_s for step in steps)
    # A bucket that has just begun would jump about.
    if lasted_s < 3 * EVERY_S:
        return Point(None, None)
    kept = sum(step.increase.get(_KEPT, 0) for step in steps)
    return Point(kept / lasted_s, sum(step.increase.get(_DROPPED, 0) for step in steps) / lasted_s)


@functools.lru_cache(maxsize=4)
def chart(found: tuple[Point, ...]) -> Markup:
    """An ``svg`` element without scripts, styles, or words from outside."""
    top = _round_up(max([(one.kept or 0.0) + (one.dropped or 0.0) for one in found], default=0.0))
    drawn = pygal().StackedBar(
        js=[],
        spacing=2,
        width=1000,
        height=200,
        margin=6,
        show_legend=False,
        show_x_labels=False,
        y_labels=[0, top / 2, top],
        range=(0, top),
        value_formatter=rate,
        disable_xml_declaration=True,
        no_data_text="",
    )
    drawn.add("kept", [point.kept for point in found])
    drawn.add("dropped", [point.dropped for point in found])
    root = drawn.render_tree()
    _strip(root)
    root.set("class", "chart")
    root.set("aria-hidden", "true")
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - drawn from numbers alone


def _strip(element: ET.Element) -> None:
    for name in _UNWANTED_ATTRIBUTES:
        element.attrib.pop(name, None)
    for child in list(element):
        classes = set(child.get("class", "").split())
        bar = child.find("rect") if "bar" in classes else None
        flat = bar is not None and float(bar.get("height", 0)) == 0
        if flat or child.tag in _UNWANTED_TAGS or classes & _UNWANTED_CLASSES:
            element.remove(child)
        else:
            _strip(child)


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten: an axis that does not change with every point."""
    if value <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
