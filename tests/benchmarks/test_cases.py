"""The benchmark's cases: that all can be read, and that what cannot is said with its place."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import plans
from benchmarks.case import Case, CaseError, Load, Module, names
from benchmarks.gateway import GatewayError
from benchmarks.measures import MEASURES
from benchmarks.measures.held import filling
from benchmarks.measures.judge import core_options
from benchmarks.offer import arguments, generator, requests
from tests.benchmarks.support import TABLE, case

NAMES = list(names())
WITH_WAYS = [name for name in NAMES if not isinstance(Case.load(name).measure, Module)]


@pytest.mark.parametrize("name", NAMES)
def test_every_case_can_be_read(name: str) -> None:
    """Every folder holds a case whose kind is known, and the short set is a part of it."""
    read = Case.load(name)
    assert isinstance(read.measure, Module) or read.measure.kind in MEASURES
    assert {way.name for way in read.shortened().ways} <= {way.name for way in read.ways}


@pytest.mark.parametrize("name", WITH_WAYS)
def test_every_way_has_a_configuration_that_loads(name: str) -> None:
    """What the benchmark hands to the gateway is a configuration of this version."""
    read = Case.load(name)
    for way in read.ways:
        assert core_options((read.directory / way.config).resolve(), way).startswith("{")


@pytest.mark.parametrize("name", WITH_WAYS)
def test_spans_are_whole_requests(name: str) -> None:
    """What is offered is what the case says, so that its number can be quoted."""
    for way in Case.load(name).ways:
        load = way.load
        offered = requests(load, load.spans) * load.spans_per_request
        assert load.spans - offered < load.spans_per_request * load.requests_per_trace


def test_the_short_set_holds_goals_of_the_ways_it_has() -> None:
    """A goal that speaks of a way which is left out is left out, too."""
    short = case(short={"rounds": 1, "ways": ["plain"]}).shortened()
    assert [way.name for way in short.ways] == ["plain"]
    assert [goal.of for goal in short.goals] == ["plain"]
    assert short.rounds == 1


def test_ways_take_what_they_do_not_say_from_the_load() -> None:
    """A way changes a part of the load, and the rest is that of all."""
    plain, rich = case().ways
    assert (plain.load.spans_per_request, rich.load.spans_per_request) == (512, 64)
    assert plain.load.spans == rich.load.spans == 5_120


def test_latency_has_a_row_for_every_share() -> None:
    """Goals of a latency case speak of a way at a share of its top."""
    goal = {"figure": "p99_ms", "of": "plain at 80 %", "at_most": 10, "unit": "ms"}
    read = case(measure={"kind": "latency", "shares": [0.2, 0.8]}, goals=[goal])
    assert read.measured == ["plain at 20 %", "plain at 80 %", "rich at 20 %", "rich at 80 %"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measure": {"kind": "speed"}}, "measure"),
        ({"lod": {}}, "lod"),
        ({"ways": [{"name": "a", "loud": 1}]}, "ways.0.loud"),
        ({"ways": [{"name": "a", "load": {"spans": "512"}}]}, "ways.0.load.spans"),
        ({"ways": [{"name": "a"}, {"name": "a"}], "goals": []}, "two ways have one name"),
        ({"ways": ["a"]}, "are tables"),
        ({"ways": [], "goals": []}, "there are no ways"),
        ({"load": {"spans": 512, "spans_per_trace": 7}}, "spans_per_request is no multiple"),
        ({"load": {"spans": 512, "requests_per_trace": 3}}, "no multiple of requests_per_trace"),
        ({"goals": [TABLE["goals"][0] | {"of": "poor"}]}, "speaks of 'poor'"),
        ({"goals": [TABLE["goals"][0] | {"unit": "ms"}]}, "the unit of cpu_us_a_span is 'us'"),
        ({"goals": [TABLE["goals"][1] | {"unit": "us"}]}, "is 'times' here"),
        ({"goals": [TABLE["goals"][0] | {"figure": "speed"}]}, "no figure 'speed'"),
        ({"goals": [TABLE["goals"][0] | {"at_least": 1.0}]}, "either at_most or at_least"),
        ({"short": {"ways": ["poor"]}}, "the short set speaks of poor"),
        ({"measure": {"kind": "module", "module": "burst"}}, "has no ways and goals"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    changes: dict[str, Any], said: str
) -> None:
    """A misspelt key never runs as if it were not there; the message names file and key."""
    with pytest.raises(CaseError, match=r"^small/case\.toml: ") as refused:
        case(**changes)
    assert said in str(refused.value)


def test_a_case_that_is_not_there_is_refused_with_those_that_are() -> None:
    """The names to choose from stand in the message."""
    with pytest.raises(CaseError, match="standard_chain"):
        Case.load("nowhere")


def test_the_generator_is_told_the_whole_load() -> None:
    """Every key of a load reaches the command line."""
    told = arguments(Load(spans=512, protocol="http-json", span_bytes=2_000, gzip=True, root=False))
    assert {"--protocol=http-json", "--span-bytes=2000", "--gzip", "--no-root"} <= set(told)
    assert not {"--gzip", "--no-root"} & set(arguments(Load(spans=512)))


def test_a_trace_is_offered_whole_however_few_spans_are_asked_for() -> None:
    """Traces spread over requests come with all of these."""
    load = Load(spans=1, spans_per_trace=200, requests_per_trace=25, spans_per_request=512)
    assert requests(load, 1) == 25
    assert requests(load, 512 * 60) == 50


def test_what_is_held_has_no_root() -> None:
    """It is not made due by one, and stands in requests of whole traces."""
    held = filling(Load(spans=512, spans_per_trace=200, spans_per_request=600))
    assert not held.root
    assert held.spans_per_request == 400


@pytest.mark.parametrize("name", list(plans.plans()))
def test_plans_of_the_budgets_are_those_of_the_chains(name: str) -> None:
    """``python -m benchmarks.plans`` was run after the last change to chains or plans."""
    written = Path(plans.PLANS / f"{name}.json").read_text()
    assert written == plans.plans()[name]


def test_the_generator_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without it the message says what builds it."""
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path))
    with pytest.raises(GatewayError, match="make bench"):
        generator()
