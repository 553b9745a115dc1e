"""Rules that can never match, and what is allowed but may not be meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailsampler.decide.chain import chain_problems, chain_warnings, listed
from tailsampler.decide.policy import Policy, covers, is_catch_all


def policy(name: str = "p", **criteria: Any) -> Policy:
    return Policy.model_validate({"name": name, "sample_rate": 1.0, **criteria})


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        ({}, {"service_name": "a"}, True),
        ({"service_name": "a"}, {}, False),
        ({"service_name": ["a", "b"]}, {"service_name": "b"}, True),
        ({"service_name": "a"}, {"service_name": ["a", "b"]}, False),
        ({"service_name": "a"}, {"service_name": "a", "duration_threshold_ms": 5}, True),
        ({"service_name": "a", "duration_threshold_ms": 5}, {"service_name": "a"}, False),
        ({"duration_threshold_ms": 5}, {"duration_threshold_ms": 5}, True),
        ({"duration_threshold_ms": 6}, {"duration_threshold_ms": 5}, False),
        ({"duration_threshold_ms": 0}, {"service_name": "a"}, True),
        ({"error_status_codes": [500, 503]}, {"error_status_codes": [500]}, True),
        ({"error_status_codes": [500]}, {"error_status_codes": [500, 503]}, False),
        ({"error_status_codes": [500]}, {"error_status": True}, True),
        ({"error_status": True}, {"error_status_codes": [500]}, False),
        (
            {"error_status_codes": [500], "error_status": False},
            {"error_status_codes": [500]},
            False,
        ),
        (
            {"error_status_codes": [500]},
            {"error_status_codes": [500], "error_status": False},
            True,
        ),
    ],
)
def test_covering_is_known(earlier: dict[str, Any], later: dict[str, Any], expected: bool) -> None:
    """A policy covers another if whatever matches that one matches it."""
    assert covers(policy(**earlier), policy(**later)) is expected


CRITERIA = st.fixed_dictionaries(
    {},
    optional={
        "service_name": st.lists(st.sampled_from("abc"), min_size=1, max_size=3),
        "duration_threshold_ms": st.integers(0, 3),
        "error_status_codes": st.lists(st.sampled_from([500, 502, 503]), min_size=1),
        "error_status": st.just(True),
    },
)
TRACE = st.fixed_dictionaries(
    {
        "services": st.sets(st.sampled_from("abc")),
        "ms": st.integers(0, 3),
        "codes": st.sets(st.sampled_from([500, 502, 503])),
        "status": st.booleans(),
    }
)


def matches(asked: Policy, trace: dict[str, Any]) -> bool:
    """The meaning of a policy, written a second time and plainly."""
    codes = set(asked.error_status_codes or ())
    status = asked.error_status or (asked.error_status is None and bool(codes))
    parts = [
        asked.service_name is None or bool(set(asked.service_name) & trace["services"]),
        asked.duration_threshold_ms is None or trace["ms"] >= asked.duration_threshold_ms,
        not (codes or status) or bool(codes & trace["codes"]) or (status and trace["status"]),
    ]
    return all(parts)


@given(CRITERIA, CRITERIA, TRACE)
def test_no_trace_reaches_a_policy_that_is_covered(
    one: dict[str, Any], other: dict[str, Any], trace: dict[str, Any]
) -> None:
    """An error that says "can never match" is never wrong."""
    earlier, later = policy(**one), policy(**other)
    if covers(earlier, later) and matches(later, trace):
        assert matches(earlier, trace)


@given(CRITERIA)
def test_a_policy_covers_itself(criteria: dict[str, Any]) -> None:
    """The same conditions twice are found, whatever they are."""
    assert covers(policy(**criteria), policy(**criteria))


def test_a_policy_that_cannot_be_read_is_no_catch_all() -> None:
    """A misspelt criterion does not bring a second, misleading message."""
    entries = [
        {"name": "a", "service_nam": "x", "sample_rate": 1},
        {"name": "b", "sample_rate": 1},
    ]
    assert list(chain_problems([listed((n,), raw) for n, raw in enumerate(entries)])) == []


def test_a_default_before_a_policy_that_cannot_be_read_is_found() -> None:
    """All problems of a chain come in one run."""
    entries: list[Any] = [{"name": "a", "sample_rate": 1}, {"name": "b", "sample_rate": 2}, 7]
    problems = list(chain_problems([listed((n,), raw) for n, raw in enumerate(entries)]))
    (said,) = [str(problem["type"]) for problem in problems]
    assert said.startswith("a has no condition and matches every trace, so b, what stands after it")


def test_a_chain_without_a_default_is_allowed_and_warned_of() -> None:
    """What matches nothing is dropped, in words."""
    assert any("is dropped" in text for text in chain_warnings([policy(service_name="a")]))
    assert not list(chain_warnings([policy(service_name="a"), policy()]))
    assert is_catch_all(policy())


def test_a_threshold_of_zero_is_warned_of() -> None:
    """Zero means zero: every trace takes that long."""
    warnings = chain_warnings([policy("quick", duration_threshold_ms=0), policy()])
    assert any("quick" in text for text in warnings)
