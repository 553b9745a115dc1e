"""What is told of a block: in sentences, and what its options mean here."""

from typing import Any

import pytest

from tailsampler.decide.dialects.contrib import explanations, sentences
from tests.decide.contrib.test_block import policy, sampling

SUB = policy("latency", name="slow", threshold_ms=1000)
OTHER = policy("status_code", name="errors", status_codes=["ERROR"])


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (policy("always_sample"), "keeps every trace"),
        (policy("latency", threshold_ms=1500), "keeps traces that last over 1,500 ms"),
        (
            policy("latency", threshold_ms=1000, upper_threshold_ms=2000),
            "keeps traces that last over 1 s and 2 s at most",
        ),
        (
            policy("probabilistic", sampling_percentage=2.5),
            "keeps 2.5 % of all traces, by their ids",
        ),
        (policy("probabilistic", sampling_percentage=0), "keeps nothing"),
        (policy("probabilistic", sampling_percentage=120), "keeps every trace"),
        (
            policy("status_code", status_codes=["OK", "ERROR", "UNSET"]),
            "keeps traces in which a span has the status OK, ERROR or UNSET",
        ),
        (
            policy("string_attribute", key="k", values=["a", "b"]),
            'keeps traces in which some k is "a" or "b"',
        ),
        (
            policy("string_attribute", key="k", values="a", invert_match=True),
            'keeps traces in which no k is "a"',
        ),
        (
            policy("string_attribute", key="k", values="^a", enabled_regex_matching=True),
            'keeps traces in which some k contains a match of "^a"',
        ),
        (
            policy("numeric_attribute", key="k", min_value=5),
            "keeps traces in which some k is 5 or more",
        ),
        (
            policy("numeric_attribute", key="k", max_value=5),
            "keeps traces in which some k is 5 or less",
        ),
        (
            policy("boolean_attribute", key="k", value=True),
            "keeps traces in which some k is true",
        ),
        (
            policy("rate_limiting", spans_per_second=10),
            "keeps any traces, 10 spans a second at most, and 20 at once",
        ),
        (
            policy("bytes_limiting", bytes_per_second=10, burst_capacity=5),
            "keeps any traces, 10 bytes a second at most, and 5 at once",
        ),
        (policy("rate_limiting"), "keeps nothing"),
        (policy("span_count", min_spans=3), "keeps traces of 3 spans or more"),
        (
            policy("span_count", min_spans=3, max_spans=9),
            "keeps traces of 3 spans or more and 9 at most",
        ),
        (
            policy("trace_state", key="v", values=["a", "b"]),
            "keeps traces in which a span's tracestate has v = a or b",
        ),
        (policy("trace_flags"), "keeps traces in which a span has the sampled flag"),
        (
            policy("ottl_condition", span=["flags == 1"], spanevent=['name == "x"']),
            'keeps traces in which a span meets flags == 1 or an event of a span meets name == "x"',
        ),
        (policy("and"), "keeps every trace"),
        (policy("composite"), "keeps nothing"),
    ],
)
def test_every_type_has_its_words(one: dict[str, Any], said: str) -> None:
    """Nothing that the policy asks for is left out."""
    assert sentences(sampling(one))[1:-1] == (f"p: {said}.",)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (
            policy("and", and_sub_policy=[SUB, OTHER]),
            [
                "p: keeps traces that both slow and errors match.",
                "p > slow: matches traces that last over 1 s.",
                "p > errors: matches traces in which a span has the status ERROR.",
            ],
        ),
        (
            policy("not", not_sub_policy=SUB),
            [
                "p: keeps traces that slow does not match.",
                "p > slow: matches traces that last over 1 s.",
            ],
        ),
        (
            policy("drop", drop_sub_policy=[SUB]),
            [
                "p: drops traces that slow matches, whatever other policies say.",
                "p > slow: matches traces that last over 1 s.",
            ],
        ),
        (
            policy(
                "composite",
                max_total_spans_per_second=100,
                composite_sub_policy=[SUB, OTHER],
                rate_allocation=[{"policy": "slow", "percent": 30}],
            ),
            [
                (
                    "p: keeps traces within the spans a second of the first that matches: "
                    "30 for slow and 50 for errors."
                ),
                "p > slow: matches traces that last over 1 s.",
                "p > errors: matches traces in which a span has the status ERROR.",
            ],
        ),
    ],
)
def test_what_holds_others_is_told_with_them(one: dict[str, Any], said: list[str]) -> None:
    """One sentence each, the names of those around it in front."""
    assert list(sentences(sampling(one)))[1:-1] == said


def test_the_whole_block_is_told_in_the_order_in_which_policies_are_asked() -> None:
    """How long it waits, the vetoes, the rest, and what becomes of what nobody wants."""
    block = sampling(
        OTHER,
        policy("drop", name="noise", drop_sub_policy=[policy("trace_flags", name="")]),
        decision_wait="10s",
        decision_wait_after_root_received="2s",
        maximum_trace_size_bytes=1_000_000,
    )
    assert sentences(block) == (
        (
            "A trace is judged 10 to 11 s after its first span, "
            "or 2 to 3 s after its root, if earlier."
        ),
        "A trace over 1,000,000 bytes is dropped at once.",
        "noise: drops traces that trace_flags matches, whatever other policies say.",
        "noise > trace_flags: matches traces in which a span has the sampled flag.",
        "errors: keeps traces in which a span has the status ERROR.",
        "Every other trace is dropped.",
    )
    assert sentences(sampling())[-1] == "Every trace is dropped."


def test_what_a_version_does_differently_is_told_as_it_does_it() -> None:
    """The threshold itself, the burst, and a share of nothing."""
    composite = policy("composite", max_total_spans_per_second=9, composite_sub_policy=[SUB])
    assert "last 1 s or longer" in sentences(sampling(SUB), 156)[1]
    assert "at once" not in sentences(sampling(policy("rate_limiting", spans_per_second=1)), 152)[1]
    assert "0 for slow" in sentences(sampling(composite), 155)[1]
    assert "9 for slow" in sentences(sampling(composite))[1]


@pytest.mark.parametrize(
    "option",
    [
        {"num_traces": 5},
        {"expected_new_traces_per_sec": 5},
        {"num_shards": 2},
        {"block_on_overflow": True},
        {"decision_cache": {"sampled_cache_size": 5}},
        {"drop_pending_traces_on_shutdown": True},
        {"sample_on_first_match": True},
    ],
    ids=lambda option: next(iter(option)),
)
def test_an_option_that_works_differently_here_is_explained_once(option: dict[str, Any]) -> None:
    """By its name, where it is written, and not where it is not."""
    [said] = explanations(sampling(OTHER, **option))
    assert said.startswith(f"{next(iter(option))}: ")
    assert explanations(sampling(OTHER, decision_wait="5s")) == ()


def test_the_cache_of_expressions_is_explained_once_for_all_policies() -> None:
    """However many policies write it, also inside of others."""
    one = policy("string_attribute", name="a", key="k", values="v", cache_max_size=5)
    block = sampling(one, policy("and", and_sub_policy=[one, one]))
    assert [said.partition(":")[0] for said in explanations(block)] == ["cache_max_size"]
