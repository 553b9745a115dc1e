"""Put the outcome of ``tailsampler-simulate ring --json`` into docs/scale.md, as table and plot.

target/release/tailsampler-simulate ring --traces 1000000 --json | python scripts/ring_figures.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ConfigDict

from tailsampler.admin.pages.drawing import pygal

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "scale.md"
PLOT: Final = ROOT / "docs" / "images" / "ring.svg"
EVENTS: Final = {
    "one joins": "joins",
    "one leaves": "leaves, once it holds nothing",
    "one restarts": "restarts on its disk",
    "one dies": "dies, and is back on its disk",
    "one is lost with its disk": "is lost with its disk",
}
"""As the simulation calls them, and as people read them after "a gateway"."""
SAMPLERS: Final = {
    "in memory": "In memory",
    "ours, alone": "Ours, alone",
    "ours, sharing": "Ours, sharing",
}
# Apart for those who see no red from green, and in print.
_COLOURS: Final = ("#9a9a9a", "#56a3d9", "#0b4f86")
_BETWEEN: Final = re.compile(
    r"(?<=<!-- figures: begin -->\n).*(?=<!-- figures: end -->)", re.DOTALL
)


class Fates(BaseModel):
    """What became of the traces of one event and sampler."""

    model_config = ConfigDict(extra="forbid")
    traces: int
    events: int
    wanted: int
    whole: int
    split: int
    lost: int
    split_by_r: int

    @property
    def torn(self) -> float:
        """Wanted traces that did not arrive whole, for each time that it happened."""
        return (self.split + self.lost) / self.events


class Run(BaseModel):
    """The whole of it."""

    gateways: int
    traces: int
    traces_per_s: int
    fates: dict[str, Fates]
    seconds: float

    def at(self, event: str, sampler: str) -> Fates:
        """One cell."""
        return self.fates[f"{event}; {sampler}"]


def table(run: Run) -> str:
    """Markdown."""
    events = run.at("one joins", "in memory").events
    heads = " | ".join(f"{who}: split, lost" for who in SAMPLERS.values())
    about = (
        f"Of {run.traces:,} traces, {run.traces_per_s:,} begun a second, at {run.gateways} "
        f"gateways, with {events} events of a kind; a gateway that ends when it holds nothing "
        "loses nothing, in memory neither:"
    )
    rows = [
        about,
        "",
        f"| A gateway | Wanted | {heads} |",
        "|---|---:|" + "---:|" * len(SAMPLERS),
    ]
    for event, words in EVENTS.items():
        fates = [run.at(event, sampler) for sampler in SAMPLERS]
        cells = [f"{one.split:,}, {one.lost:,}" for one in fates]
        rows.append(f"| {words} | {fates[0].wanted:,} | {' | '.join(cells)} |")
    rows += [
        "",
        "The same for one event: the wanted traces that did not arrive whole.",
        "",
        f"![{alternative(run)}](images/{PLOT.name})",
    ]
    return "\n".join(rows) + "\n"


def alternative(run: Run) -> str:
    """The plot in words, for those who do not see it."""
    worst = {who: max(run.at(event, who).torn for event in EVENTS) for who in SAMPLERS}
    told = ", ".join(f"{SAMPLERS[who].lower()} up to {count:,.0f}" for who, count in worst.items())
    return f"Bars for each event: {told} traces in parts or lost"


def plot(run: Run) -> ET.Element:
    """An SVG without scripts, the same for the same figures."""
    drawn = pygal().HorizontalBar(
        js=[],
        no_prefix=True,
        width=860,
        height=440,
        title=f"Wanted traces in parts or lost, per event ({run.traces_per_s:,} traces a second)",
        legend_at_bottom=True,
        legend_at_bottom_columns=len(SAMPLERS),
        print_values=True,
        print_values_position="top",
        value_formatter=lambda value: f"{value:,.0f}",
        show_x_guides=False,
        show_y_guides=False,
        margin_right=40,
        style=_style(),
        spacing=12,
        margin=16,
        truncate_label=-1,
        truncate_legend=-1,
    )
    # From top to bottom as in the table: pygal begins at the bottom.
    events = list(reversed(EVENTS))
    drawn.x_labels = [EVENTS[event] for event in events]
    for sampler, name in SAMPLERS.items():
        drawn.add(name, _torn(run, events, sampler))
    root: ET.Element = drawn.render_tree()
    _mend(root)
    return root


def _torn(run: Run, events: Sequence[str], sampler: str) -> list[float]:
    return [run.at(event, sampler).torn for event in events]


def _style() -> Any:
    import pygal.style  # type: ignore[import-untyped]  # noqa: PLC0415 - after its hook is gone

    return pygal.style.Style(
        background="white",
        plot_background="white",
        foreground="#222",
        foreground_strong="#222",
        foreground_subtle="#777",
        font_family="sans-serif",
        title_font_size=16,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=13,
        value_font_size=12,
        opacity="1",
        colors=_COLOURS,
        value_colors=("#222",) * len(_COLOURS),
    )


def _mend(parent: ET.Element) -> None:
    """Take out scripts and what only they read, and write values beside their bars, not on them."""
    for child in list(parent):
        # A comment's tag is the function that makes comments.
        name = "comment" if callable(child.tag) else child.tag.rpartition("}")[2]
        guide = name == "path" and "guide" in child.get("class", "")
        if guide or name in {"script", "comment", "desc"}:
            parent.remove(child)
            continue
        if name == "text" and child.get("class") == "value":
            child.set("text-anchor", "start")
            child.set("dx", "6")
        _mend(child)


def main() -> int:
    """Read the outcome from standard input, and write both."""
    run = Run.model_validate_json(sys.stdin.read())
    page = PAGE.read_text()
    if not _BETWEEN.search(page):
        sys.exit(f"{PAGE.relative_to(ROOT)} lacks the lines that the figures stand between")
    PLOT.write_text(ET.tostring(plot(run), encoding="unicode") + "\n")
    PAGE.write_text(_BETWEEN.sub(lambda _: table(run), page))
    return 0


if __name__ == "__main__":
    sys.exit(main())
