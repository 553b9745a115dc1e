"""The engine judges as the real processor did, and as the model does."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from tests.contrib.beside import by_the_engine, compare
from tests.contrib.generate import Config, Sending, config, traffic
from tests.contrib.test_recorded import GROUPS, VERSION, recording

SEEDS = 160
TRACES = 150
RESTARTS = 40


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_engine_keeps_what_the_processor_kept(group: int) -> None:
    """Every trace of every recorded case none excepted."""
    recorded = recording()
    for case in recorded.cases[group::GROUPS]:
        traffic = recorded.traffic[case["traffic"]]
        sendings = [Sending(0.5, request) for request in traffic.sent]
        outcome = by_the_engine(case["tail_sampling"], VERSION, sendings)
        kept = {trace_id.hex(): verdict[0] for trace_id, verdict in outcome.verdicts.items()}
        assert "".join("01"[kept[one]] for one in traffic.trace_ids) == case["kept"], json.dumps(
            {"id": case["id"], **case["tail_sampling"]}
        )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_engine_judges_as_the_model_does(seed: int) -> None:
    """Verdict, credited policy and every span that goes out, of random blocks and traffic."""
    judged, differs = compare(seed, TRACES)
    assert judged == TRACES
    assert differs is None, differs


@pytest.mark.parametrize("seed", range(RESTARTS))
def test_a_restart_changes_no_vote(seed: int) -> None:
    """What was received before ``kill -9`` is voted on after it: bits, times, sizes come back."""
    dice = Random(seed)
    block = without_limits(config(dice), dice)
    sendings = [replace(one, at_s=0.5) for one in traffic(dice, 60)]
    through = by_the_engine(block, None, sendings)
    assert by_the_engine(block, None, sendings, killed_after=len(sendings) // 2) == through
    assert len(through.verdicts) == 60


def without_limits(block: Config, dice: Random) -> Config:
    """The same without policies that depend on when they are asked."""
    while any(name in json.dumps(block) for name in ("_limiting", "composite")):
        block = config(dice)
    return block
