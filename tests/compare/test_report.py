"""What a person sees, what a program gets, and with which status it ends."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from tailsampler.cli import main
from tailsampler.compare.report import Report, picture
from tests.compare.written import kept, lines, report_of

CHAIN = """
tail_sampling:
  decision_wait: 2s
  policies:
    - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
    - {name: long, type: span_count, span_count: {min_spans: 3}}
    - {name: few, type: and, and: {and_sub_policy: [
        {name: two, type: span_count, span_count: {min_spans: 2}},
        {name: rate, type: rate_limiting, rate_limiting: {spans_per_second: 10}}]}}
"""


def drawn(report: Report, show: int = 20) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(picture(report, show))
    return out.getvalue()


def call(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, args)])


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Three traces in common, one of them with other spans; two and one alone."""
    a = lines([kept({1: [1], 2: [1, 2], 3: [1], 4: [1, 2, 3], 5: [1]})], tmp_path / "a")
    b = lines([kept({1: [1], 2: [1], 3: [1], 6: [1, 2]})], tmp_path / "b")
    return a, b


def test_the_table_and_the_sentences(sides: tuple[Path, Path]) -> None:
    """Who has how many, the agreement, the classes, and each difference."""
    result = call(*sides, "--names", "contrib,tailsampler")
    assert result.exit_code == 1
    words = " ".join(result.output.split())
    assert "contrib " in words
    assert "5 traces, 8 spans" in words
    assert "Both kept 3 of the 6 traces that either kept: 50.00 %." in words
    assert "kept by one side alone 2 1" in words
    assert "kept by both, with different spans 1" in words
    assert f"{2:032x} spans_differ" in words
    assert "tailsampler lacks 1 span (0000000000000002)." in words
    assert f"{6:032x} alone Kept by tailsampler alone (2 spans" in words
    assert "note: the sides overlap for less than twice --settle" in words


def test_no_difference_ends_with_0(sides: tuple[Path, Path]) -> None:
    """And says so."""
    result = call(sides[0], sides[0])
    assert result.exit_code == 0
    assert "100.00 %. No difference." in result.output


def test_what_cannot_be_done_ends_with_2(tmp_path: Path, sides: tuple[Path, Path]) -> None:
    """In words, on standard error."""
    result = call(sides[0], tmp_path / "gone")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
    for wrong in (
        ["--names", "a"],
        ["--names", "a,a"],
        ["--since", "1h", "--until", "2h"],
        ["--since", "soon"],
    ):
        assert call(*sides, *wrong).exit_code == 2
    assert call(sides[0], "http://127.0.0.1:1").exit_code == 2


@pytest.mark.parametrize("since", ["100000h", "2000-01-01", "2000-01-01T00:00:00Z", "946684800"])
def test_times_as_people_write_them(sides: tuple[Path, Path], since: str) -> None:
    """How long ago, a date, a moment, seconds since 1970."""
    assert call(sides[0], sides[0], "--since", since).exit_code == 0


def test_programs_get_all_of_it(sides: tuple[Path, Path]) -> None:
    """Every difference that was looked into, and the numbers beside them."""
    result = call(*sides, "--json", "--names", "old,new", "--show", "0")
    assert result.exit_code == 1
    body = json.loads(result.stdout)
    assert body["agree"] is False
    assert body["agreement"] == {"both": 3, "either": 6, "share": 0.5}
    assert [(one["name"], one["traces"], one["alone"]) for one in body["sides"]] == [
        ("old", 5, 2),
        ("new", 4, 1),
    ]
    [first, *rest] = body["differences"]
    assert first == {
        "trace_id": f"{2:032x}",
        "class": "spans_differ",
        "kept_by": ["old", "new"],
        "spans": {"old": 2, "new": 1},
        "missing_spans": {"old": [], "new": [f"{2:016x}"]},
        "verdict": None,
        "say": "Kept by both, with 2 spans on old and 1 on new: new lacks 1 span "
        "(0000000000000002).",
    }
    assert [one["spans"] for one in rest] == [
        {"old": 3, "new": None},
        {"old": 1, "new": None},
        {"old": None, "new": 2},
    ]
    assert sum(one["traces"] for one in body["classes"]) == 4


def test_the_configuration_judges_what_one_side_has_alone(
    tmp_path: Path, sides: tuple[Path, Path]
) -> None:
    """By its policies, on the spans that are there; a limit makes a difference of luck."""
    (tmp_path / "chain.yaml").write_text(CHAIN)
    body = json.loads(call(*sides, "--config", tmp_path / "chain.yaml", "--json").stdout)
    say = {int(one["trace_id"], 16): (one["class"], one["say"]) for one in body["differences"]}
    assert say[4][0] == say[5][0] == "alone"
    assert say[4][1].endswith("the configuration keeps it by policy long.")
    assert say[5][1].endswith("the configuration drops it: no policy keeps it.")
    assert say[6][0] == "limited"
    assert say[6][1].endswith("the configuration keeps it by policy few.")


def test_a_span_that_was_sent_twice_is_judged_once(tmp_path: Path) -> None:
    """A policy on the number of spans would take it for a longer trace."""
    (tmp_path / "chain.yaml").write_text(CHAIN)
    a = lines([kept({1: [1], 2: [1, 2]}), kept({2: [1, 2]})], tmp_path / "a")
    b = lines([kept({1: [1]})], tmp_path / "b")
    body = json.loads(call(a, b, "--config", tmp_path / "chain.yaml", "--json").stdout)
    [one] = body["differences"]
    assert one["spans"] == {"A": 2, "B": None}
    assert "by policy few" in one["say"]


def test_a_configuration_that_cannot_be_used_ends_with_2(
    tmp_path: Path, sides: tuple[Path, Path]
) -> None:
    """Before anything is read."""
    (tmp_path / "chain.yaml").write_text("sampling: {policies: 3}\n")
    result = call(*sides, "--config", tmp_path / "chain.yaml")
    assert result.exit_code == 2
    assert "sampling.policies" in result.stderr


async def test_some_of_each_class_are_shown_first(tmp_path: Path) -> None:
    """One kind of difference that is frequent does not hide another."""
    a = lines([kept({n: [1] for n in range(1, 100)})], tmp_path / "a")
    b = lines([kept({99: [1, 2], 200: [1]})], tmp_path / "b")
    text = drawn(await report_of(a, b), show=4)
    assert f"{99:032x}" in text
    assert f"{200:032x}" in text
    assert text.count("Kept by A alone") == 2
    assert "96 more differences" in text


async def test_one_trace_of_many_is_not_rounded_away(tmp_path: Path) -> None:
    """100 % means all."""
    ids = [f"{number:032x}\n" for number in range(1, 30_001)]
    (tmp_path / "a").write_text("".join(ids))
    (tmp_path / "b").write_text("".join(ids[1:]))
    assert "99.99 %" in drawn(await report_of(tmp_path / "a", tmp_path / "b"))
