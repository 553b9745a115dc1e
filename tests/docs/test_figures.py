"""The figures of docs/scale.md are drawn from the simulation's outcome."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from scripts.ring_figures import EVENTS, PAGE, PLOT, SAMPLERS, Run, plot, table


def outcome(split: int) -> Run:
    """Twenty events of each kind; this many traces arrived in parts."""
    fates = {
        f"{event}; {sampler}": {
            "traces": 1_000_000,
            "events": 20,
            "wanted": 200_000,
            "whole": 200_000 - split - 40,
            "split": split,
            "lost": 40,
            "split_by_r": 0,
        }
        for event in EVENTS
        for sampler in SAMPLERS
    }
    told = {"gateways": 4, "traces": 1_000_000, "traces_per_s": 1_000, "fates": fates}
    return Run.model_validate_json(json.dumps({**told, "seconds": 60.0, "violations": []}))


def test_every_cell_stands_in_the_table() -> None:
    """A row for each event, and split and lost for each sampler in it."""
    rows = [line for line in table(outcome(1_960)).splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(EVENTS)
    assert all(row.count("1,960, 40") == len(SAMPLERS) for row in rows[1:])
    assert "up to 100, " in table(outcome(1_960)), "2,000 of 20 events are 100 each"


def test_the_plot_runs_nothing_and_is_the_same_again() -> None:
    """Pages that show it allow no scripts, and a commit changes where figures do."""
    root, again, other = (plot(outcome(split)) for split in (1_960, 1_960, 5))
    assert ET.tostring(root) == ET.tostring(again) != ET.tostring(other)
    assert not list(root.iter("script"))
    words = {text.text for text in root.iter("text")}
    assert {*EVENTS.values(), *SAMPLERS.values(), "100"} <= words


def test_the_page_shows_what_is_committed() -> None:
    """The plot is there, and the table has a row for each event."""
    page = PAGE.read_text()
    assert f"(images/{PLOT.name})" in page
    assert all(f"| {words} |" in page for words in EVENTS.values())
    assert PLOT.read_text().startswith("<svg ")
