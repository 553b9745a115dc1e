"""What the settings say of a chain, against what the slow model does with it."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.model.chain import Chain, Policy, first_match, is_valid, threshold_of
from tests.model.gateway import received_in
from tests.simulation.compiled import compiled, compiled_list, pruned, unreachable
from tests.simulation.strategies import chains, requests


@given(chains(), st.data())
def test_no_trace_reaches_a_policy_that_is_refused_as_unreachable(
    chain: Chain, data: st.DataObject
) -> None:
    """A policy is refused as one that can never match only if no trace ever matches it first."""
    names = unreachable(chain)
    if not names:
        return
    request = data.draw(requests([b"\x01" * 16], st.just(1)))
    trace = [received for received in received_in(request) if is_valid(received.span)]
    found = first_match(chain, trace) if trace else None
    assert found is None or found[0].name not in names


@given(chains())
def test_both_spellings_are_the_same_plan(chain: Chain) -> None:
    """The policy-list spelling and the native one say the same, waits apart."""
    policies = tuple(replace(policy, wait_ms=None) for policy in pruned(chain).policies)
    if not policies:
        return
    plain = Chain(policies, wait_ms=10_000)
    assert json.loads(compiled_list(plain)) == json.loads(compiled(plain))


@given(st.floats(2**-56, 1) | st.just(0.0))
def test_every_rate_has_the_threshold_of_the_specification(rate: float) -> None:
    """T is 2^56 minus the share, to the precision of the double nearest to what was written."""
    (rule,) = json.loads(compiled(Chain((Policy("one", rate),), 10_000)))["rules"]
    assert abs(rule["threshold"] - threshold_of(rate)) <= 8  # 2^-53 of 2^56
