"""Every trap, as a block that falls into it and one beside it that does not."""

from typing import Any

import pytest

from tailsampler.decide.dialects.contrib import warnings
from tailsampler.settings.document import key_path
from tests.decide.contrib.test_block import policy, sampling

ERRORS = policy("status_code", name="errors", status_codes=["ERROR"])
ALL = policy("always_sample", name="all")
LIMIT = policy("rate_limiting", name="limit", spans_per_second=10)
CART = policy("string_attribute", name="cart", key="service.name", values=["cart"])


def composite(*subs: Any, **block: Any) -> dict[str, Any]:
    shares = [{"policy": sub["name"], "percent": 100 // len(subs)} for sub in subs]
    block = {"max_total_spans_per_second": 1000, "rate_allocation": shares, **block}
    return policy("composite", composite_sub_policy=list(subs), **block)


def codes(*policies: Any, compat: int | None = None, **options: Any) -> set[str]:
    return {trap.code for trap in warnings(sampling(*policies, **options), compat)}


SUBS = "policies[0].composite.composite_sub_policy"
SHARES = "policies[0].composite.rate_allocation"
TRAPS: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    # code, key path, words, a block that falls in, one that does not
    ("no_policies", "policies", "dropped", {"policies": []}, {"policies": [ALL]}),
    (
        "nothing_kept",
        "policies",
        "only drop policies",
        {"policies": [policy("drop", drop_sub_policy=[CART])]},
        {"policies": [policy("drop", drop_sub_policy=[CART]), ERRORS]},
    ),
    (
        "share_is_no_cap",
        "policies[1]",
        "union and no cap",
        {"policies": [ERRORS, policy("probabilistic", sampling_percentage=10)]},
        {"policies": [policy("probabilistic", sampling_percentage=10)]},
    ),
    (
        "limit_is_no_cap",
        "policies[1]",
        "comes on top",
        {"policies": [ERRORS, LIMIT]},
        {"policies": [LIMIT]},
    ),
    (
        "keeps_everything",
        "policies[1]",
        "so errors and cart change nothing",
        {"policies": [ERRORS, ALL, CART]},
        {"policies": [ALL, policy("drop", drop_sub_policy=[CART])]},
    ),
    (
        "keeps_everything",
        "policies[0]",
        "change nothing",
        {"policies": [policy("probabilistic", sampling_percentage=100), ERRORS]},
        {"policies": [policy("probabilistic", sampling_percentage=99), ERRORS]},
    ),
    (
        "larger_than_burst",
        "policies[0].rate_limiting.burst_capacity",
        "more than 20 spans never passes",
        {"policies": [LIMIT]},
        {"policies": [ERRORS]},
    ),
    (
        "larger_than_burst",
        "policies[0].bytes_limiting.burst_capacity",
        "more than 500 bytes never passes",
        {"policies": [policy("bytes_limiting", bytes_per_second=5, burst_capacity=500)]},
        {"policies": [ERRORS]},
    ),
    (
        "limit_of_zero",
        "policies[0].rate_limiting.spans_per_second",
        "let nothing through",
        {"policies": [policy("rate_limiting", burst_capacity=5)]},
        {"policies": [LIMIT]},
    ),
    (
        "over_100_per_cent",
        "policies[0].probabilistic.sampling_percentage",
        "means all traces",
        {"policies": [policy("probabilistic", sampling_percentage=100.5)]},
        {"policies": [policy("probabilistic", sampling_percentage=100)]},
    ),
    (
        "negative_per_cent",
        "policies[0].probabilistic.sampling_percentage",
        "keeps nothing",
        {"policies": [policy("probabilistic", sampling_percentage=-1)]},
        {"policies": [policy("probabilistic", sampling_percentage=1)]},
    ),
    (
        "zero_per_cent",
        "policies[0].probabilistic.sampling_percentage",
        "keeps nothing",
        {"policies": [policy("probabilistic")]},
        {"policies": [policy("probabilistic", sampling_percentage=0.1)]},
    ),
    (
        "no_bounds",
        "policies[0].numeric_attribute",
        "contrib crashes",
        {"policies": [policy("numeric_attribute", key="k")]},
        {"policies": [policy("numeric_attribute", key="k", min_value=1)]},
    ),
    (
        "zero_is_no_bound",
        "policies[0].numeric_attribute.min_value",
        "negative numbers match",
        {"policies": [policy("numeric_attribute", key="k", min_value=0, max_value=5)]},
        {"policies": [policy("numeric_attribute", key="k", min_value=1, max_value=5)]},
    ),
    (
        "empty_range",
        "policies[0].numeric_attribute.max_value",
        "swap the bounds",
        {"policies": [policy("numeric_attribute", key="k", min_value=9, max_value=5)]},
        {"policies": [policy("numeric_attribute", key="k", min_value=9, max_value=9)]},
    ),
    (
        "empty_range",
        "policies[0].span_count.max_spans",
        "swap the bounds",
        {"policies": [policy("span_count", min_spans=9, max_spans=3)]},
        {"policies": [policy("span_count", min_spans=3, max_spans=3)]},
    ),
    (
        "empty_range",
        "policies[0].latency.upper_threshold_ms",
        "above 9",
        {"policies": [policy("latency", threshold_ms=9, upper_threshold_ms=9)]},
        {"policies": [policy("latency", threshold_ms=9, upper_threshold_ms=10)]},
    ),
    (
        "running_duration",
        "policies[0].latency.upper_threshold_ms",
        "order of their arrival",
        {"policies": [policy("latency", threshold_ms=9, upper_threshold_ms=10)]},
        {"policies": [policy("latency", threshold_ms=9)]},
    ),
    (
        "latency_matches_most",
        "policies[0].latency.threshold_ms",
        "write threshold_ms: 1000",
        {"policies": [policy("latency")]},
        {"policies": [policy("latency", threshold_ms=1)]},
    ),
    (
        "span_count_matches_all",
        "policies[0].span_count.min_spans",
        "every trace matches",
        {"policies": [policy("span_count", min_spans=1)]},
        {"policies": [policy("span_count", min_spans=2)]},
    ),
    (
        "no_values",
        "policies[0].string_attribute.values",
        "no trace matches",
        {"policies": [policy("string_attribute", key="k", values=[""])]},
        {"policies": [CART]},
    ),
    (
        "no_values",
        "policies[0].string_attribute.values",
        "every trace matches, since the match is inverted",
        {"policies": [policy("string_attribute", key="k", invert_match=True)]},
        {"policies": [CART]},
    ),
    (
        "no_values",
        "policies[0].trace_state.values",
        "no trace matches",
        {"policies": [policy("trace_state", key="k")]},
        {"policies": [policy("trace_state", key="k", values=["v"])]},
    ),
    (
        "empty_value",
        "policies[0].string_attribute.values[1]",
        "left out",
        {"policies": [policy("string_attribute", key="k", values=["a", ""])]},
        {"policies": [CART]},
    ),
    (
        "empty_regex",
        "policies[0].string_attribute.values",
        "found in every text",
        {
            "policies": [
                policy("string_attribute", key="k", values="a,", enabled_regex_matching=True)
            ]
        },
        {
            "policies": [
                policy("string_attribute", key="k", values="a", enabled_regex_matching=True)
            ]
        },
    ),
    (
        "regex_as_text",
        "policies[0].string_attribute.values[0]",
        "letter by letter",
        {"policies": [policy("string_attribute", key="k", values=["^/api/.*"])]},
        {"policies": [policy("string_attribute", key="k", values=["/api/v1.2"])]},
    ),
    (
        "no_key",
        "policies[0].boolean_attribute.key",
        "write key",
        {"policies": [policy("boolean_attribute", value=True)]},
        {"policies": [policy("boolean_attribute", key="k")]},
    ),
    (
        "unset_matches_most",
        "policies[0].status_code.status_codes",
        "nearly every trace",
        {"policies": [policy("status_code", status_codes=["ERROR", "UNSET"])]},
        {"policies": [ERRORS]},
    ),
    (
        "not_read",
        "policies[0].probabilistic_sampler",
        "probabilistic does not read",
        {"policies": [policy("probabilistic") | {"probabilistic_sampler": {}}]},
        {"policies": [policy("always_sample") | {"always_sample": {}}]},
    ),
    (
        "inverted",
        "policies[0].string_attribute.invert_match",
        "up to 0.143 it was dropped",
        {"policies": [policy("string_attribute", key="k", values="v", invert_match=True)]},
        {"policies": [CART]},
    ),
    (
        "empty_and",
        "policies[0].and.and_sub_policy",
        "every trace is kept",
        {"policies": [policy("and")]},
        {"policies": [policy("and", and_sub_policy=[CART])]},
    ),
    (
        "drops_everything",
        "policies[0].drop.drop_sub_policy",
        "every trace is dropped",
        {"policies": [policy("drop"), ERRORS]},
        {"policies": [policy("drop", drop_sub_policy=[CART]), ERRORS]},
    ),
    (
        "not_the_same_span",
        "policies[0].and.and_sub_policy",
        "cart and errors may each be met by another span",
        {"policies": [policy("and", and_sub_policy=[CART, LIMIT, ERRORS])]},
        {"policies": [policy("and", and_sub_policy=[CART, LIMIT])]},
    ),
    (
        "not_the_same_span",
        "policies[0].drop.drop_sub_policy",
        "another span",
        {"policies": [policy("drop", drop_sub_policy=[CART, ERRORS]), ALL]},
        {"policies": [policy("drop", drop_sub_policy=[CART]), ALL]},
    ),
    (
        "limit_before_others",
        "policies[0].and.and_sub_policy[0]",
        "limit is asked before cart",
        {"policies": [policy("and", and_sub_policy=[LIMIT, CART])]},
        {"policies": [policy("and", and_sub_policy=[CART, LIMIT, ALL])]},
    ),
    (
        "empty_composite",
        "policies[0].composite.composite_sub_policy",
        "keeps nothing",
        {"policies": [policy("composite")]},
        {"policies": [composite(ERRORS)]},
    ),
    (
        "limit_of_zero",
        "policies[0].composite.max_total_spans_per_second",
        "keep nothing",
        {"policies": [composite(ERRORS, max_total_spans_per_second=0)]},
        {"policies": [composite(ERRORS)]},
    ),
    (
        "policy_order_unused",
        "policies[0].composite.policy_order",
        "asked as they stand (errors, cart)",
        {"policies": [composite(ERRORS, CART, policy_order=["cart", "errors"])]},
        {"policies": [composite(ERRORS, CART, policy_order=["errors", "cart"])]},
    ),
    (
        "duplicate_sub_policy",
        SUBS,
        "share one allocation",
        {"policies": [composite(ERRORS, ERRORS)]},
        {"policies": [composite(ERRORS, CART)]},
    ),
    (
        "allocation_for_nobody",
        f"{SHARES}[0].policy",
        "called eror",
        {"policies": [composite(ERRORS, rate_allocation=[{"policy": "eror", "percent": 50}])]},
        {"policies": [composite(ERRORS)]},
    ),
    (
        "allocation_twice",
        f"{SHARES}[0]",
        "the last one holds",
        {
            "policies": [
                composite(ERRORS, rate_allocation=[{"policy": "errors", "percent": 5}] * 2),
            ]
        },
        {"policies": [composite(ERRORS)]},
    ),
    (
        "zero_is_an_equal_share",
        f"{SHARES}[0].percent",
        "an equal share (50 %)",
        {"policies": [composite(ERRORS, CART, rate_allocation=[{"policy": "errors"}])]},
        {"policies": [composite(ERRORS, CART)]},
    ),
    (
        "over_allocated",
        SHARES,
        "add up to 101 %",
        {"policies": [composite(ERRORS, rate_allocation=[{"policy": "errors", "percent": 101}])]},
        {"policies": [composite(ERRORS)]},
    ),
    (
        "never_reached",
        f"{SUBS}[1]",
        "so cart never get one",
        {"policies": [composite(ALL, CART)]},
        {"policies": [composite(CART, ALL)]},
    ),
    (
        "no_fall_through",
        SUBS,
        "not handed on",
        {"policies": [composite(CART, ALL)]},
        {"policies": [composite(ALL)]},
    ),
    (
        "wait_is_whole_seconds",
        "decision_wait",
        "2s900ms waits like 2s",
        {"decision_wait": "2900ms", "policies": [ALL]},
        {"decision_wait": "3s", "policies": [ALL]},
    ),
    (
        "wait_is_whole_seconds",
        "decision_wait",
        "10ns waits like 1s",
        {"decision_wait": 10, "policies": [ALL]},
        {"decision_wait": "10s", "policies": [ALL]},
    ),
    (
        "wait_is_whole_seconds",
        "decision_wait_after_root_received",
        "waits like 0s",
        {"decision_wait_after_root_received": "500ms", "policies": [ALL]},
        {"decision_wait_after_root_received": "1s", "policies": [ALL]},
    ),
    (
        "wait_never_used",
        "decision_wait_after_root_received",
        "changes nothing",
        {"decision_wait_after_root_received": "30s", "policies": [ALL]},
        {"decision_wait_after_root_received": "29s", "policies": [ALL]},
    ),
    (
        "wait_after_root_off",
        "decision_wait_after_root_received",
        "leave it out",
        {"decision_wait_after_root_received": "-1s", "policies": [ALL]},
        {"decision_wait_after_root_received": "0s", "policies": [ALL]},
    ),
]


@pytest.mark.parametrize(
    ("code", "key", "words", "inside", "beside"), TRAPS, ids=lambda value: str(value)[:24]
)
def test_a_trap_is_named_where_it_lies_and_nowhere_else(
    code: str, key: str, words: str, inside: dict[str, Any], beside: dict[str, Any]
) -> None:
    """Its key path, what happens, and what to write; the block beside it is silent about it."""
    traps = warnings(sampling(*inside.pop("policies"), **inside))
    found = [trap for trap in traps if (trap.code, key_path(trap.at)) == (code, key)]
    assert [words in trap.say for trap in found] == [True], list(map(str, traps))
    assert str(found[0]) == f"{key}: {found[0].say}"
    assert "; " in found[0].say
    silent = warnings(sampling(*beside.pop("policies"), **beside))
    assert (code, key) not in {(trap.code, key_path(trap.at)) for trap in silent}


def test_a_sub_policy_without_an_allocation_is_starved_in_0_155_only() -> None:
    """And it hides those after it; later versions give it an equal share."""
    block = composite(ERRORS, CART, ALL, rate_allocation=[{"policy": "cart", "percent": 50}])
    traps = {key_path(trap.at): trap for trap in warnings(sampling(block), 155)}
    trap = traps[f"{SUBS}[0]"]
    assert trap.code == "not_allocated"
    assert "never reaches cart and all" in trap.say
    assert traps[f"{SUBS}[2]"].code == "not_allocated"
    assert "not_allocated" not in codes(block)


def test_a_limit_of_0_152_has_no_burst() -> None:
    """A trace above the rate itself never passes."""
    old = [trap for trap in warnings(sampling(LIMIT), 152) if trap.code == "larger_than_burst"]
    assert ["more than 10 spans" in trap.say for trap in old] == [True]


def test_an_inverted_match_of_0_143_is_a_veto() -> None:
    """The warning says what holds for the version that is asked for."""
    inverted = policy("string_attribute", key="k", values="v", invert_match=True)
    [old] = [trap for trap in warnings(sampling(inverted), 143) if trap.code == "inverted"]
    assert "is dropped, whatever other policies say" in old.say


def test_a_plain_block_is_no_trap() -> None:
    """Errors and slow traces, which is how most begin."""
    assert codes(ERRORS, policy("latency", name="slow", threshold_ms=500)) == set()
