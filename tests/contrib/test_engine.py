"""The engine judges as the real processor did, and as the model does."""

from __future__ import annotations

import json

import pytest

from tests.contrib.beside import by_the_engine, compare
from tests.contrib.generate import Sending
from tests.contrib.test_recorded import GROUPS, VERSION, recording

SEEDS = 160
TRACES = 150


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
