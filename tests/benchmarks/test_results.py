"""Medians, ratios, goals and the report made of them."""

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__ as command
from benchmarks import plots, report
from benchmarks.bench import Meter, seconds
from benchmarks.case import Case
from benchmarks.gateway import Books, GatewayError
from benchmarks.measures import MEASURES
from benchmarks.process import Memory
from benchmarks.result import OURS, Spread, slope
from tests.benchmarks.support import case, result, sample

ROUNDS = (
    sample("plain", 0, 1.0),
    sample("rich", 0, 2.0),
    sample("plain", 1, 3.0),
    sample("rich", 1, 3.0),
    sample("plain", 2, 0.5),
    sample("rich", 2, 2.0),
)


def test_a_row_has_median_smallest_and_largest() -> None:
    """They stand in the table beside their way."""
    assert result(*ROUNDS).spread("plain", "cpu_us_a_span") == Spread(1.0, 0.5, 3.0)
    assert "| plain | 1.00 (0.50 - 3.00) | 2.00 | every span |" in report.render(result(*ROUNDS))


def test_ratios_are_of_one_round() -> None:
    """2, 1 and 4: the median is 2, though the medians of all rounds are as 2 to 1, too."""
    ratio = result(*ROUNDS).ratio("cpu_us_a_span", ("rich", OURS), ("plain", OURS))
    assert ratio == Spread(2.0, 1.0, 4.0)


def test_a_round_with_one_of_two_has_no_ratio() -> None:
    """What was not measured beside the other is not compared with anything."""
    lonely = result(sample("rich", 0, 2.0), sample("plain", 1, 1.0))
    assert lonely.ratio("cpu_us_a_span", ("rich", OURS), ("plain", OURS)) is None


def test_goals_are_judged_by_medians() -> None:
    """One is met at its bound, the other, of a ratio, is not."""
    met = [one.met for one in result(*ROUNDS).judge(cores=2)]
    assert met == [True, False]


def test_a_goal_of_at_least_is_met_from_there_on() -> None:
    """The bound itself is enough."""
    goal = case().goals[0].model_copy(update={"at_most": None, "at_least": 1.0})
    many = result(*ROUNDS)
    many.case = many.case.model_copy(update={"goals": [goal]})
    assert [one.met for one in many.judge(cores=2)] == [True]


def test_a_goal_that_this_machine_cannot_measure_is_not_judged() -> None:
    """It says how many processors it needs."""
    goal = case().goals[0].model_copy(update={"cpus": 3})
    few = result(*ROUNDS)
    few.case = few.case.model_copy(update={"goals": [goal]})
    (judged,) = few.judge(cores=2)
    assert judged.met is None
    assert report.verdict(judged) == "needs 3 processors; this machine has 2"


def test_a_round_whose_books_do_not_balance_fails_its_case() -> None:
    """One of three spoils the row and the case."""
    spoilt = result(*ROUNDS[:-1], sample("rich", 2, 2.0, accounted=False))
    assert not spoilt.accounted
    assert "| NO |" in report.render(spoilt)


def test_a_peer_stands_beside_us_with_ratios() -> None:
    """Its rows are marked, its books are not asked, and one table has how much it takes."""
    peers = [sample("plain", number, 10.0, accounted=None, subject="other") for number in (0, 1)]
    text = report.render(result(*ROUNDS, *peers))
    assert "| plain | other | 10.00 | 2.00 | not asked |" in text
    assert "What other takes for one of ours" in text
    assert "| plain | 6.67 (3.33 - 10.00) | 1.00 (1.00 - 1.00) |  |" in text


def test_goals_are_ours_and_not_the_peers() -> None:
    """A peer's figures meet no goal of ours."""
    peer = sample("plain", 0, 0.1, accounted=None, subject="other")
    assert result(sample("plain", 0, 9.0), peer).judge(cores=2)[0].met is False


def test_results_are_written_for_people_and_programs(tmp_path: Path) -> None:
    """Markdown, JSON, a drawing without scripts, and a summary with every goal."""
    written = result(*ROUNDS)
    written.case = Case.load("chains").model_copy(
        update={"ways": case().ways, "goals": case().goals}
    )
    report.write(written, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "chains.md",
        "chains.json",
        "chains.svg",
        "README.md",
    }
    told = json.loads((tmp_path / "chains.json").read_text())
    assert told["accounted"] is True
    assert [one["met"] for one in told["goals"]] == ["yes", "NO"]
    assert len(told["samples"]) == len(ROUNDS)
    drawn = ET.fromstring((tmp_path / "chains.svg").read_text())  # noqa: S314 - drawn here
    assert not [one for one in drawn.iter() if one.tag.endswith("script")]
    assert (
        "| [chains](chains.md) | CPU a span: plain | <= 1 us |"
        in (tmp_path / "README.md").read_text()
    )


def test_a_drawing_is_told_in_words() -> None:
    """For those who do not see it."""
    assert plots.alternative(result(*ROUNDS)) == "CPU a span in us: plain 1.00, rich 2.00"


def test_a_series_is_drawn_over_time() -> None:
    """Memory over the time of a soak, as a line."""
    soak = result(*ROUNDS)
    soak.series["plain"] = [(0.0, 50.0), (5.0, 51.0), (10.0, 50.5)]
    assert b"seconds" in plots.svg(soak)


def test_a_drawing_is_the_same_for_the_same_figures() -> None:
    """So that a run that changes nothing changes no file."""
    assert plots.svg(result(*ROUNDS)) == plots.svg(result(*ROUNDS))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], 2.0),
        ([(0.0, 5.0), (10.0, 5.0)], 0.0),
        ([(0.0, 0.0), (1.0, 1.0), (2.0, 0.0)], 0.0),
        ([(3.0, 7.0)], 0.0),
        ([], 0.0),
    ],
)
def test_the_slope_is_that_of_the_nearest_line(
    points: list[tuple[float, float]], expected: float
) -> None:
    """A straight line has its own, a hump has none, and neither has a single point."""
    assert slope(points) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("books", "holds"),
    [
        (Books(received=10, exported=3, dropped=5, held=2, balanced=True), True),
        (Books(received=10, exported=3, dropped=5, held=1, balanced=True), False),
        (Books(received=10, exported=3, dropped=5, held=2, balanced=False), False),
    ],
)
def test_books_are_added_up_here(books: Books, *, holds: bool) -> None:
    """The benchmark believes a gateway that calls itself balanced only if the sum is right."""
    assert books.holds is holds


class Kernel:
    """What the kernel would say, in place of the real one."""

    pid = 1

    def __init__(self) -> None:
        self.cpu = 5.0

    def meter(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, received: int) -> Meter:
        monkeypatch.setattr("benchmarks.process.tree_cpu_seconds", lambda _pid: self.cpu)
        meter = Meter.__new__(Meter)
        meter._subject, meter._scratch = self, tmp_path  # type: ignore[assignment] # a stand-in
        meter._books = Books(received, 0, 0, received, balanced=True)
        meter._before = meter._now()
        return meter


TOLD = {
    "acknowledged_spans": 1_000_000,
    "offered_spans": 1_000_000,
    "refusals": 3,
    "seconds": 2.0,
    "offering_seconds": 1.0,
    "own_cpu_seconds": 0.25,
    "bytes_per_span": 270.0,
    "latency_ms": {"p50": 1.0, "p99": 2.0, "p999": 3.0},
}


def test_figures_are_what_was_used_between(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CPU a span, rates, and how much more the generator could have offered."""
    kernel = Kernel()
    meter = kernel.meter(monkeypatch, tmp_path, received=100)
    kernel.cpu = 6.5
    books = Books(1_000_100, 1_000_100, 0, 0, balanced=True)
    figures, accounted = meter.read(TOLD, Memory(30_000_000, 20_000_000), books)
    assert accounted is True
    assert figures["cpu_us_a_span"] == pytest.approx(1.5)
    assert figures["offered_spans_a_s"] == 1_000_000
    assert figures["acknowledged_spans_a_s"] == 500_000
    assert figures["generator_headroom"] == pytest.approx(6.0)
    assert (figures["anonymous_mb"], figures["file_mb"]) == (20.0, 10.0)


@pytest.mark.parametrize("received", [1_000_099, 1_000_101])
def test_a_span_more_or_less_than_acknowledged_is_not_accounted_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, received: int
) -> None:
    """Books that balance by themselves are not enough: they must hold what was acknowledged."""
    meter = Kernel().meter(monkeypatch, tmp_path, received=100)
    books = Books(received, received, 0, 0, balanced=True)
    assert meter.read(TOLD, Memory(0, 0), books)[1] is False


@pytest.mark.parametrize(("words", "worth"), [("10s", 10.0), ("500ms", 0.5), ("1h", 3_600.0)])
def test_waits_are_read(words: str, worth: float) -> None:
    """As cases write them."""
    assert seconds(words) == worth


def test_a_wait_that_is_none_is_refused() -> None:
    """With what it should be."""
    with pytest.raises(GatewayError, match="write 10s or 500ms"):
        seconds("soon")


def test_an_unbalanced_case_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever runs it in a script is told by the status, and told which case it was."""
    spoilt = result(sample("plain", 0, 1.0, accounted=False))
    monkeypatch.setitem(MEASURES, "cost", lambda _bench: spoilt)
    assert command.main(["--case", "chains", "--no-write", "--json"]) == command.UNBALANCED
    said = capsys.readouterr()
    assert "chains: spans are unaccounted for" in said.err
    assert json.loads(said.out)[0]["accounted"] is False


def test_a_case_that_cannot_be_run_ends_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with what was wrong, not with a trace of the benchmark's own calls."""

    def broken(_bench: object) -> None:
        raise GatewayError("it did not start")

    monkeypatch.setitem(MEASURES, "cost", broken)
    assert command.main(["--case", "chains", "--no-write"]) == command.FAILED


def test_samples_keep_their_subject() -> None:
    """A copy for a share of the top is still of who was measured."""
    peer = sample("plain", 0, 1.0, subject="other")
    assert dataclasses.replace(peer, way="plain at 20 %").subject == "other"
