"""`tailsampler size` agrees with what was measured."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import fit_sizes
from benchmarks.fit_sizes import WITHIN, fit, text
from benchmarks.report import RESULTS
from benchmarks.sizes import CASES, MissingError, machine, points, results
from tailsampler.size.costs import Costs, measured
from tests.size.support import COSTS

FIGURES = {
    "cpu_us_a_span",
    "top_spans_a_s",
    "disk_bytes_a_span",
    "bytes_a_held_span",
    "anonymous_mb",
    "most_disk_mb",
    "first_accepted_s",
    "ready_s",
}


def test_every_prediction_is_near_what_was_measured() -> None:
    """Of every recorded result that the model speaks of, within a quarter of the median.

    A result that is missing is a failure, too: results are part of the tree.
    """
    wrong = [
        f"{one}: {one.predicted(measured()):,.2f} and not {one.measured:,.2f}"
        for one in points()
        if abs(one.off(measured())) > WITHIN
    ]
    assert wrong == []


def test_every_kind_of_figure_is_compared() -> None:
    """CPU, tops, memory, disk and starts: none of them is left to faith."""
    assert {one.figure for one in points()} == FIGURES
    assert {one.case for one in points()} >= set(CASES)


def test_costs_are_those_of_the_recorded_results() -> None:
    """After new results `python -m benchmarks.fit_sizes` writes them."""
    assert fit_sizes.FILE.read_text() == text(fit(points(), results(), machine()))


def test_a_fit_finds_the_costs_that_made_the_figures() -> None:
    """Figures by known costs lead back to them, whatever they are."""
    true = replace(COSTS, known=dict(COSTS.known))
    wakes = fit_sizes.WAKES_TRIED[10]
    known = true.known["cpu.wakes_per_second"]
    true = replace(true, known={**true.known, "cpu.wakes_per_second": replace(known, value=wakes)})
    made = [replace(one, measured=one.predicted(true)) for one in points()]
    found = fit(made, {}, "")
    for name, one in found.known.items():
        assert one.value == pytest.approx(true[name], rel=0.02), name


def test_a_figure_that_is_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and the worst last."""
    copied(tmp_path)
    path = tmp_path / "chains.json"
    table = json.loads(path.read_text())
    for sample in table["samples"]:
        if sample["way"] == "twenty":
            sample["figures"]["cpu_us_a_span"] = 0.01
    path.write_text(json.dumps(table))
    assert fit_sizes.main(["--results", str(tmp_path), "--no-write"]) == 1
    assert "chains, twenty" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: (path / "keep.json").unlink(), "--case keep"),
        (lambda path: (path / "durability.md").unlink(), "--case durability"),
        (lambda path: (path / "keep.json").write_text('{"samples": [{}]}'), "older form"),
        (lambda path: without_way(path / "keep.json", "10 %"), "no way 10 %"),
    ],
)
def test_a_missing_result_says_what_to_run(
    tmp_path: Path, spoil: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and nothing is written."""
    copied(tmp_path)
    assert callable(spoil)
    spoil(tmp_path)
    with pytest.raises(MissingError, match=words):
        points(tmp_path)
    assert fit_sizes.main(["--results", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def copied(directory: Path) -> None:
    for name in (*(f"{case}.json" for case in CASES), "durability.md"):
        shutil.copy(RESULTS / name, directory / name)


def without_way(path: Path, way: str) -> None:
    table = json.loads(path.read_text())
    table["samples"] = [sample for sample in table["samples"] if sample["way"] != way]
    path.write_text(json.dumps(table))


def test_a_prediction_is_measured_by_how_far_it_is_off() -> None:
    """A tenth too much is 0.1."""
    (one, *_) = points()
    told = replace(one, measured=one.predicted(COSTS) / 1.1)
    assert told.off(COSTS) == pytest.approx(0.1)


def test_costs_are_read_as_they_are_written() -> None:
    """To three digits."""
    again = Costs.parse(text(measured()))
    assert again == measured()
