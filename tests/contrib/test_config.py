"""What a configuration means, and which ones do not start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contrib.build import policy
from tests.contrib.model.compat import COMPAT
from tests.contrib.model.config import decode
from tests.contrib.model.evaluators import build
from tests.contrib.model.settings import (
    Composite,
    Latency,
    PolicySettings,
    RateLimiting,
    Settings,
    SpanCount,
    StartError,
    StringAttribute,
)

SUB = policy("always_sample", "sub")


def start(*policies: dict[str, Any], compat: str = "newest", **fields: Any) -> None:
    """Start a processor with these policies."""
    build(decode({"policies": [*policies], **fields}, compat), COMPAT[compat], use_tracestate=False)


def block(kind: str, **fields: Any) -> Any:
    (found,) = decode({"policies": [policy(kind, **fields)]}).policies
    return found.block


def test_the_defaults_are_contribs() -> None:
    """An empty block waits 30 s, holds 50 000 traces and has no caches."""
    assert decode({}) == Settings()
    assert decode({"policies": None, "decision_wait": None, "decision_cache": None}) == Settings()
    assert Settings().batches == 30
    assert Settings().batches_after_root is None
    assert decode({"policies": [{"name": "a", "type": "latency"}]}).policies == (
        PolicySettings(name="a", type="latency", block=Latency()),
    )


def test_every_option_is_read() -> None:
    """By its own name, caches nested in theirs."""
    source = {
        "decision_wait": "2900ms",
        "decision_wait_after_root_received": "1.5s",
        "num_traces": 7,
        "expected_new_traces_per_sec": 8,
        "num_shards": 1,
        "sampling_strategy": "span-ingest",
        "sample_on_first_match": True,
        "drop_pending_traces_on_shutdown": True,
        "maximum_trace_size_bytes": 9,
        "block_on_overflow": True,
        "decision_cache": {"sampled_cache_size": 1, "non_sampled_cache_size": 2},
        "policies": [],
    }
    settings = decode(source)
    assert (settings.batches, settings.batches_after_root) == (2, 1)
    assert (settings.num_traces, settings.maximum_trace_size_bytes) == (7, 9)
    assert (settings.sampled_cache_size, settings.non_sampled_cache_size) == (1, 2)
    assert settings.sample_on_first_match
    assert settings.block_on_overflow


def test_a_float_for_a_whole_number_is_cut_off() -> None:
    """Towards zero, and a whole number does for a float."""
    assert block("latency", threshold_ms=20.9) == Latency(threshold_ms=20)
    assert block("span_count", min_spans=-1.9) == SpanCount(min_spans=-1)
    assert block("probabilistic", sampling_percentage=10).sampling_percentage == 10.0


def test_a_wait_without_a_unit_is_of_nanoseconds() -> None:
    """So ``decision_wait: 30`` waits like 0 s, which is one second at least."""
    assert decode({"decision_wait": 30}).batches == 1


def test_one_text_is_a_list_of_it() -> None:
    """``values: x`` is ``values: [x]``; at a comma it is taken apart."""
    assert block("trace_state", key="k", values="x,y ").values == ("x", "y ")
    assert block("status_code", status_codes="OK,ERROR").status_codes == ("OK", "ERROR")
    assert block("string_attribute", key="k", values="").values == ()
    assert block("string_attribute", key="k", values="x") == StringAttribute(key="k", values=("x",))


def test_a_composite_is_read_with_everything_inside() -> None:
    """Sub-policies by name and type, allocations in order."""
    found = block(
        "composite",
        max_total_spans_per_second=9,
        policy_order=["nobody"],
        composite_sub_policy=[policy("rate_limiting", "a", spans_per_second=3)],
        rate_allocation=[{"policy": "a", "percent": 50}],
    )
    sub = PolicySettings(name="a", type="rate_limiting", block=RateLimiting(spans_per_second=3))
    assert found == Composite(
        max_total_spans_per_second=9,
        policy_order=("nobody",),
        composite_sub_policy=(sub,),
        rate_allocation=(("a", 50),),
    )


REFUSED: dict[str, dict[str, Any]] = {
    "number in quotes": policy("latency", threshold_ms="20"),
    "boolean in quotes": policy("boolean_attribute", key="k", value="true"),
    "boolean for a number": policy("latency", threshold_ms=True),
    "number among texts": policy("string_attribute", key="k", values=[1]),
    "number for texts": policy("string_attribute", key="k", values=1),
    "number for a text": policy("string_attribute", key=1, values=["a"]),
    "text for a float": policy("probabilistic", sampling_percentage="10"),
    "unknown key in a block": policy("latency", threshold=1),
    "unknown key beside name": {**SUB, "latancy": 1},
    "unknown key in an allocation": policy("composite", rate_allocation=[{"share": 1}]),
    "unknown error mode": policy("ottl_condition", error_mode="loud", span=["true"]),
    "error mode null": policy("ottl_condition", error_mode=None, span=["true"]),
    "a list for a mapping": policy("not") | {"not": {"not_sub_policy": [SUB]}},
    "a mapping for a list": policy("and") | {"and": {"and_sub_policy": SUB}},
    "unreadable block of another type": {**SUB, "latency": {"threshold_ms": "1"}},
}


@pytest.mark.parametrize("which", REFUSED)
def test_what_cannot_be_read_does_not_start(which: str) -> None:
    """Nothing is guessed: quotes, unknown keys and wrong types are errors."""
    with pytest.raises(StartError):
        decode({"policies": [REFUSED[which]]})


@pytest.mark.parametrize(
    "fields",
    [
        {"decision_wiat": "1s"},
        {"decision_wait": "soon"},
        {"num_traces": -1},
        {"num_shards": 999},
        {"sampling_strategy": "guess"},
        {"tail_storage": "pebble"},
        {"decision_cache": {"size": 1}},
        {"policies": {}},
    ],
)
def test_options_that_make_no_sense_do_not_start(fields: dict[str, Any]) -> None:
    """At the top level too."""
    with pytest.raises(StartError):
        decode(fields)


def test_an_unknown_mapping_beside_name_is_an_extensions() -> None:
    """It is accepted, and so is a block of another type."""
    start({**SUB, "my_extension": {"a": 1}, "latency": {"threshold_ms": 5}})
    start(policy("and", and_sub_policy=[{**SUB, "composite": {"anything": 1}}]))


@pytest.mark.parametrize("mode", [{"error_mode": "Silent"}, {"error_mode": "PROPAGATE"}, {}])
def test_error_modes_in_any_case(mode: dict[str, str]) -> None:
    """And unset."""
    start(policy("ottl_condition", span=["true"], **mode))


def test_shards_are_unknown_before_v0_159() -> None:
    """An older collector does not know the key."""
    decode({"num_shards": 1}, "0.159")
    with pytest.raises(StartError, match="num_shards"):
        decode({"num_shards": 1}, "0.158")
    with pytest.raises(StartError, match=r"num_shards \(999\) must not exceed 256"):
        decode({"num_shards": 999})


MESSAGES = [
    ([{"type": "always_sample"}], "policy name cannot be empty"),
    ([SUB, SUB], 'duplicate policy name "sub"'),
    (
        [{"name": "x", "type": "my_ext/1"}],
        'failed to create policy evaluator for "x": unknown sampling policy type my_ext/1',
    ),
    ([{"name": "x"}], "unknown sampling policy type $"),
    ([policy("status_code")], "expected at least one status code"),
    ([policy("status_code", status_codes=["error"])], 'unknown status code "error"'),
    ([policy("ottl_condition", error_mode="ignore")], "at least one OTTL condition"),
    ([policy("probabilistic", sampling_percentage=float("nan"))], "NaN"),
    ([policy("string_attribute", enabled_regex_matching=True, values=["("])], "regexp"),
]


@pytest.mark.parametrize(("policies", "message"), MESSAGES)
def test_contribs_words(policies: list[dict[str, Any]], message: str) -> None:
    """Start errors say what contrib says."""
    with pytest.raises(StartError, match=message):
        start(*policies)


SIMPLE = (
    "always_sample",
    "trace_flags",
    "latency",
    "numeric_attribute",
    "probabilistic",
    "string_attribute",
    "rate_limiting",
    "bytes_limiting",
    "span_count",
    "trace_state",
    "boolean_attribute",
)
MADE_OF_OTHERS = {
    "and": policy("and", "sub", and_sub_policy=[SUB]),
    "not": policy("not", "sub", not_sub_policy=SUB),
    "drop": policy("drop", "sub", drop_sub_policy=[SUB]),
    "composite": policy("composite", "sub", composite_sub_policy=[SUB]),
}
Around = tuple[Callable[[dict[str, Any]], dict[str, Any]], set[str]]
AROUND: dict[str, Around] = {
    "and": (lambda sub: policy("and", and_sub_policy=[sub]), {"not"}),
    "drop": (lambda sub: policy("drop", drop_sub_policy=[sub]), {"not"}),
    "not": (lambda sub: policy("not", not_sub_policy=sub), set()),
    "composite": (lambda sub: policy("composite", composite_sub_policy=[sub]), {"and"}),
}


@pytest.mark.parametrize("outer", AROUND)
@pytest.mark.parametrize("inner", [*SIMPLE, *MADE_OF_OTHERS])
def test_what_may_stand_in_what(outer: str, inner: str) -> None:
    """Simple ones in all; ``not`` in ``and`` and ``drop``; ``and`` in ``composite``."""
    around, allowed = AROUND[outer]
    whole = around(MADE_OF_OTHERS.get(inner, {"name": "sub", "type": inner}))
    if inner in SIMPLE or inner in allowed:
        start(whole)
        return
    with pytest.raises(StartError, match=f"unknown sampling policy type {inner}"):
        start(whole)


def test_what_contrib_accepts_in_silence() -> None:
    """However little sense it makes."""
    start()
    start(
        policy("string_attribute", "no values", key="k"),
        policy("trace_state", "no values either", key="k", values=[]),
        policy("span_count", "never", min_spans=5, max_spans=2),
        policy("and", "nameless", and_sub_policy=[{"type": "always_sample"}]),
        policy("numeric_attribute", "panics later", key="k"),
        policy(
            "composite",
            "nobody",
            policy_order=["nobody"],
            rate_allocation=[{"policy": "nobody", "percent": 5}],
        ),
    )
