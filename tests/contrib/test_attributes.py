"""Attribute policies on values of other types, at the bounds, and inverted."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.contrib.build import any_value, outcome, policy, request, sampled, span, trace_of
from tests.contrib.model.ottl.values import Panic
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import Decision

OTHERS = ["text", "", 1.5, True, False, b"x", [1], {"a": 1}, None]


def on_span(value: Any) -> Trace:
    return trace_of(request(span(attributes={"k": value})))


def on_resource(value: Any) -> Trace:
    return trace_of(request(span(), resource={"k": value}))


WITHOUT = trace_of(request(span()))


def in_range(trace: Trace, low: int, high: int, *, invert: bool = False) -> bool:
    block = {"key": "k", "min_value": low, "max_value": high, "invert_match": invert}
    return sampled("numeric_attribute", block, trace)


@pytest.mark.parametrize("where", [on_span, on_resource])
def test_numbers_in_a_range_with_both_ends(where: Any) -> None:
    """A bound of 0 is none: ranges are open to that side."""
    assert [in_range(where(n), 5, 7) for n in (4, 5, 7, 8)] == [False, True, True, False]
    assert in_range(where(-(1 << 63)), 0, 7)
    assert in_range(where((1 << 63) - 1), 5, 0)
    assert not in_range(where(4), 5, 0)


@pytest.mark.parametrize("value", OTHERS)
def test_what_is_no_whole_number_reads_as_zero(value: Any) -> None:
    """So it matches a range around 0, and a double never matches its own number."""
    assert in_range(on_span(value), -1, 1)
    assert not in_range(on_span(value), 1, 9)
    assert not in_range(on_span(503.0), 500, 599)


def test_a_missing_key_matches_nothing() -> None:
    """And everything, inverted."""
    assert not in_range(WITHOUT, -1, 1)
    assert in_range(WITHOUT, -1, 1, invert=True)
    assert not in_range(on_span(0), -1, 1, invert=True)


def test_without_bounds_the_process_ends() -> None:
    """At the first trace that gets to the policy, not before."""
    with pytest.raises(Panic):
        in_range(WITHOUT, 0, 0)
    blank = policy("numeric_attribute", "blank", key="k")
    first = policy("always_sample", "all")
    found = outcome([first, blank], WITHOUT, first_match=True)
    assert found.decision is Decision.SAMPLED


def test_the_first_of_two_equal_keys_counts() -> None:
    """For every attribute policy."""
    pairs = [KeyValue(key="k", value=any_value(value)) for value in (1, 2)]
    trace = trace_of(request(span(attributes=pairs)))
    assert in_range(trace, 1, 1)
    assert not in_range(trace, 2, 2)


def has_text(trace: Trace, *values: str, regex: bool = False, invert: bool = False) -> bool:
    block = {
        "key": "k",
        "values": [*values],
        "enabled_regex_matching": regex,
        "invert_match": invert,
    }
    return sampled("string_attribute", block, trace)


def test_exact_texts() -> None:
    """Equal, not contained; an empty one is not looked for."""
    for where in (on_span, on_resource):
        assert has_text(where("ab"), "x", "ab")
        assert not has_text(where("abc"), "ab")
        assert not has_text(where(""), "", "ab")
        assert not has_text(where("ab"))
        assert has_text(where("ab"), invert=True)


def test_patterns_match_anywhere() -> None:
    """Also an empty pattern, which exact values ignore."""
    assert has_text(on_span("xaby"), "zz", "a.", regex=True)
    assert has_text(on_span("anything"), "", regex=True)
    assert not has_text(WITHOUT, "", regex=True)


@pytest.mark.parametrize("value", [each for each in OTHERS if each != "text"])
def test_what_is_no_text_is_empty_on_a_resource_and_nothing_on_a_span(value: Any) -> None:
    """Only a pattern that takes the empty text matches it, and only on a resource."""
    assert has_text(on_resource(value), "^$", regex=True)
    assert not has_text(on_resource(value), ".", regex=True)
    assert not has_text(on_span(value), "^$", regex=True)
    assert not has_text(on_resource(value), "", "True", "1.5")


def has_flag(trace: Trace, value: bool, *, invert: bool = False) -> bool:
    block = {"key": "k", "value": value, "invert_match": invert}
    return sampled("boolean_attribute", block, trace)


@pytest.mark.parametrize("value", [each for each in OTHERS if each is not True])
def test_what_is_no_boolean_reads_as_false(value: Any) -> None:
    """``value: false`` matches any other attribute of that name."""
    for where in (on_span, on_resource):
        assert has_flag(where(value), False)
        assert not has_flag(where(value), True)
    assert not has_flag(WITHOUT, False)
    assert has_flag(WITHOUT, False, invert=True)


def votes(compat: str, *policies: dict[str, Any]) -> Decision:
    return outcome(policies, on_span("bad"), compat=compat).decision


def test_an_inverted_policy_is_a_veto_up_to_v0_143() -> None:
    """Since then it is a plain negation among others."""
    veto = policy("string_attribute", "veto", key="k", values=["bad"], invert_match=True)
    praise = policy("string_attribute", "praise", key="k", values=["good"], invert_match=True)
    keep, refuse = policy("always_sample", "keep"), policy("span_count", "refuse", min_spans=9)
    assert votes("0.143", keep, veto) is Decision.NOT_SAMPLED
    assert votes("0.144", keep, veto) is Decision.SAMPLED
    assert votes("0.143", praise) is Decision.SAMPLED
    assert votes("0.143", praise, refuse) is Decision.NOT_SAMPLED
    assert votes("0.144", praise, refuse) is Decision.SAMPLED
    assert votes("0.143", praise, refuse, keep) is Decision.SAMPLED
