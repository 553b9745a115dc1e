"""Contrib's feature gates: how they are written, and what they change in a plan."""

from __future__ import annotations

import pytest

from tailsampler.decide.dialects.contrib.gates import Gates, gates_text, parse_gates
from tailsampler.decide.dialects.contrib.lower import compile_block
from tailsampler.settings.base import BadValueError
from tests.decide.contrib.test_block import policy, sampling


@pytest.mark.parametrize(
    ("written", "gates"),
    [
        ([], Gates()),
        ("", Gates()),
        (["recordpolicy"], Gates(record_policy=True)),
        (["processor.tailsamplingprocessor.usetracestate"], Gates(use_tracestate=True)),
        ("+UseTraceState, recordpolicy", Gates(use_tracestate=True, record_policy=True)),
        ("recordpolicy,-recordpolicy", Gates()),
        (["-disableinvertdecisions"], Gates(disable_invert_decisions=False)),
        (["disableinvertdecisions"], Gates(disable_invert_decisions=True)),
    ],
)
def test_gates_are_written_as_for_a_collector(written: object, gates: Gates) -> None:
    """With a sign or none, with the prefix or without; the last one counts."""
    assert parse_gates(written) == gates
    assert parse_gates(gates_text(gates)) == gates


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("other", "those are disableinvertdecisions, recordpolicy, usetracestate"),
        (["processor.tailsamplingprocessor.tailstorageextension"], "no tail storage extensions"),
        (["metricstatcountspanssampled"], "write compat_telemetry: true"),
        ({"recordpolicy": True}, "write [recordpolicy]"),
        ([1], "write [recordpolicy]"),
        (5, "write [recordpolicy]"),
    ],
)
def test_what_is_no_gate_is_refused(written: object, words: str) -> None:
    """With the gates there are, or what stands for the one that is meant."""
    with pytest.raises(BadValueError) as caught:
        parse_gates(written)
    assert words in caught.value.message()


INVERTED = policy("string_attribute", key="k", values="v", invert_match=True)


@pytest.mark.parametrize(
    ("compat", "gate", "veto"),
    [
        (143, None, True),
        (143, True, False),
        (144, None, False),
        (150, False, True),
        (None, None, False),
    ],
)
def test_a_gate_brings_the_veto_of_old_versions_back(
    compat: int | None, gate: bool | None, veto: bool
) -> None:
    """From 0.126 on it could be turned off, and up to 0.154 on again."""
    gates = Gates(disable_invert_decisions=gate)
    plan = compile_block(sampling(INVERTED), compat, gates)
    assert plan.votes is not None
    assert [vote.veto for vote in plan.votes.policies if vote.kind == "bit"] == [veto]


@pytest.mark.parametrize(("compat", "budgets"), [(157, False), (159, False), (160, True)])
def test_limits_became_budgets_under_usetracestate(compat: int, budgets: bool) -> None:
    """Without the gate never."""
    block = sampling(policy("rate_limiting", spans_per_second=5))
    on = compile_block(block, compat, Gates(use_tracestate=True)).votes
    off = compile_block(block, compat).votes
    assert on is not None
    assert off is not None
    assert (on.tracestate, on.budgets) == (True, budgets)
    assert (off.tracestate, off.budgets) == (False, False)
