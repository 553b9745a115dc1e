"""The engine judges as the real processor did, and as the model does."""

from __future__ import annotations

import json

import pytest

from tailsampler.errors import SettingsError
from tests.contrib.beside import by_the_engine, compare
from tests.contrib.generate import Sending
from tests.contrib.test_recorded import CASES, GROUPS, VERSION, recording

SEEDS = 160
TRACES = 150
NOT_YET = {"ottl_condition"}
"""What this version does not run; nothing else may be refused."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_engine_keeps_what_the_processor_kept(group: int) -> None:
    """Every trace of every recorded case that can be run here."""
    recorded = recording()
    for case in recorded.cases[group::GROUPS]:
        traffic = recorded.traffic[case["traffic"]]
        sendings = [Sending(0.5, request) for request in traffic.sent]
        if any(name in json.dumps(case["tail_sampling"]) for name in NOT_YET):
            with pytest.raises(SettingsError, match="|".join(NOT_YET)):
                by_the_engine(case["tail_sampling"], VERSION, sendings)
            continue
        outcome = by_the_engine(case["tail_sampling"], VERSION, sendings)
        kept = {trace_id.hex(): verdict[0] for trace_id, verdict in outcome.verdicts.items()}
        assert "".join("01"[kept[one]] for one in traffic.trace_ids) == case["kept"], json.dumps(
            {"id": case["id"], **case["tail_sampling"]}
        )


def test_most_of_what_was_recorded_is_run() -> None:
    """A case that is refused is told from one that is right."""
    blocks = [json.dumps(case["tail_sampling"]) for case in recording().cases]
    run = [block for block in blocks if not any(name in block for name in NOT_YET)]
    assert len(run) > CASES // 2


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_engine_judges_as_the_model_does(seed: int) -> None:
    """Verdict, credited policy and every span that goes out, of random blocks and traffic."""
    judged, differs = compare(seed, TRACES)
    assert judged == TRACES
    assert differs is None, differs
