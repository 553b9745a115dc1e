"""The block: what loads and as what, and every start error with its place and its words."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tailsampler.decide.dialects.contrib import TailSampling, parse, walk
from tailsampler.decide.dialects.contrib.blocks import SIMPLE
from tailsampler.decide.dialects.contrib.nested import TOP
from tailsampler.errors import SettingsError
from tailsampler.settings.document import key_path, read_document

EVERY_FIELD = (Path(__file__).parent / "published" / "every-field.yaml").read_text()

MINIMAL: dict[str, dict[str, Any]] = {
    "status_code": {"status_codes": ["ERROR"]},
    "ottl_condition": {"span": ["true"]},
    "not": {"not_sub_policy": {"type": "trace_flags"}},
}


def policy(kind: str, /, name: str = "p", **block: Any) -> dict[str, Any]:
    block = block or MINIMAL.get(kind, {})
    return {"name": name, "type": kind} | ({kind: block} if block else {})


def sampling(*policies: Any, **options: Any) -> TailSampling:
    return TailSampling.model_validate({"policies": list(policies), **options})


def problems(*policies: Any, **options: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(ValidationError) as caught:
        sampling(*policies, **options)
    return [
        (error["type"], key_path(error["loc"]), error["msg"]) for error in caught.value.errors()
    ]


def test_every_field_in_one_file_is_read() -> None:
    """Each type and each of its fields, and nothing but contrib's defaults where none is."""
    read = parse(EVERY_FIELD, environ={}).sampling
    assert {chain[-1].type for _, chain in walk(read)} == set(TOP)
    document = read_document(EVERY_FIELD, "f", lambda text: text).data
    assert isinstance(document, dict)
    written: dict[str, Any] = document["tail_sampling/edge"]
    assert set(written) == set(TailSampling.model_fields)
    for loc, chain in walk(read):
        raw: Any = written
        for key in loc:
            raw = raw[key]
        one = chain[-1]
        block = raw.get(one.type, {})
        assert (one.name, one.type, one.unread) == (raw["name"], raw["type"], ())
        if len(chain) == 1:
            assert set(block) == set(type(one.settings).model_fields)
        if one.type in SIMPLE:
            assert one.settings.model_dump(mode="json", exclude_unset=True) == block


def test_the_defaults_are_those_of_contrib() -> None:
    """An empty block loads, keeps nothing, and has these options."""
    assert sampling().model_dump(mode="json", exclude={"policies"}) == {
        "decision_wait": "30s",
        "decision_wait_after_root_received": "0s",
        "num_traces": 50_000,
        "expected_new_traces_per_sec": 0,
        "decision_cache": {"sampled_cache_size": 0, "non_sampled_cache_size": 0},
        "sample_on_first_match": False,
        "drop_pending_traces_on_shutdown": False,
        "maximum_trace_size_bytes": 0,
        "block_on_overflow": False,
        "sampling_strategy": "trace-complete",
        "num_shards": 1,
    }


@pytest.mark.parametrize("kind", TOP)
def test_every_type_loads_with_the_least_that_it_needs(kind: str) -> None:
    """What is not required has contrib's default."""
    [one] = sampling(policy(kind)).policies
    assert one.type == kind
    assert isinstance(one.settings, TOP[kind])


ACCEPTED = [
    {"policies": None},
    {"policies": []},
    {"policies": [policy("string_attribute", key="k", values=[])]},
    {"policies": [policy("string_attribute", key="k")]},
    {"policies": [policy("span_count", min_spans=9, max_spans=3)]},
    {"policies": [policy("numeric_attribute", key="k")]},
    {"policies": [policy("and", and_sub_policy=[{"type": "trace_flags"}])]},
    {"policies": [policy("and")]},
    {"policies": [policy("drop", drop_sub_policy=None)]},
    {"policies": [policy("composite", policy_order=["x"], rate_allocation=[{"policy": "y"}])]},
    {"policies": [policy("ottl_condition", span=["true"], error_mode="Propagate")]},
    {"policies": [policy("latency") | {"anything": {"x": 1}, "nothing": None}]},
    {"policies": [policy("latency") | {"status_code": {"status_codes": []}}]},
    {"policies": [policy("always_sample") | {"always_sample": {"x": 1}}]},
    {"policies": [policy("probabilistic", sampling_percentage=-5)]},
    {"decision_wait": -5, "num_shards": 0},
    {"decision_cache": {"sampled_cache_size": -1}},
]


@pytest.mark.parametrize("block", ACCEPTED, ids=str)
def test_what_contrib_takes_in_silence_is_taken(block: dict[str, Any]) -> None:
    """Warnings are for that; a block that ran must run."""
    TailSampling.model_validate(block)


START_ERRORS = [
    ("no_policy_name", "name", "write name", {"type": "latency"}),
    ("no_policy_name", "name", "write name", {"name": "", "type": "latency"}),
    ("no_policy_name", "name", "write name", {"name": None, "type": "latency"}),
    ("no_policy_type", "type", "write type: latency", {"name": "p", "latency": {}}),
    ("unknown_policy_type", "type", "did you mean latency?", policy("latencyy")),
    ("unknown_policy_type", "type", "did you mean string_attribute?", policy("string-attribute")),
    ("extension_policy", "type", "inside of a Collector", policy("mine/1")),
    ("extension_policy", "type", "inside of a Collector", policy("mine", x=1)),
    (
        "no_status_code",
        "status_code.status_codes",
        "[ERROR]",
        policy("status_code", status_codes=[]),
    ),
    ("no_status_code", "status_codes", "[ERROR]", {"name": "p", "type": "status_code"}),
    (
        "unknown_status_code",
        "status_code.status_codes[1]",
        "OK, ERROR or UNSET",
        policy("status_code", status_codes=["OK", "5"]),
    ),
    ("no_condition", "ottl_condition.span", "write span", policy("ottl_condition", span=[])),
    (
        "unknown_word",
        "ottl_condition.error_mode",
        "did you mean ignore?",
        policy("ottl_condition", span=["true"], error_mode="ignored"),
    ),
    (
        "bad_regex",
        "string_attribute.values[1]",
        "syntax of RE2",
        policy("string_attribute", values=["a", "(b"], enabled_regex_matching=True),
    ),
    (
        "bad_regex",
        "string_attribute.values[0]",
        "match the text before it",
        policy("string_attribute", values=["(?<=a)b"], enabled_regex_matching=True),
    ),
    (
        "bad_regex",
        "string_attribute.values[0]",
        "write ASCII letters and digits",
        policy("string_attribute", values=["(?P<\u00e9>b)"], enabled_regex_matching=True),
    ),
    ("no_policy_type", "not.not_sub_policy", "to negate", policy("not", not_sub_policy=None)),
    ("not_a_policy", "not.not_sub_policy", "is not a policy", policy("not", not_sub_policy=[])),
    ("not_a_list", "and.and_sub_policy", "this is a list", policy("and", and_sub_policy={})),
    (
        "policy_not_allowed_here",
        "and.and_sub_policy[0].type",
        "inside of and",
        policy("and", and_sub_policy=[policy("composite")]),
    ),
    (
        "policy_not_allowed_here",
        "drop.drop_sub_policy[0].type",
        "inside of drop",
        policy("drop", drop_sub_policy=[policy("and")]),
    ),
    (
        "policy_not_allowed_here",
        "not.not_sub_policy.type",
        "inside of not",
        policy("not", not_sub_policy=policy("not")),
    ),
    (
        "policy_not_allowed_here",
        "composite.composite_sub_policy[0].type",
        "inside of composite",
        policy("composite", composite_sub_policy=[policy("not")]),
    ),
    (
        "no_status_code",
        "composite.composite_sub_policy[0].and.and_sub_policy[0].status_code.status_codes",
        "[ERROR]",
        policy(
            "composite",
            composite_sub_policy=[
                policy("and", and_sub_policy=[policy("status_code", status_codes=[])])
            ],
        ),
    ),
    ("key_not_supported", "latency.threshold", "threshold_ms", policy("latency", threshold=1)),
    ("unknown_key", "latency.tresholdms", "did you mean", policy("latency", tresholdms=1)),
    (
        "unknown_key",
        "spans_per_second",
        "write rate_limiting: {",
        policy("latency") | {"spans_per_second": 1},
    ),
    ("unknown_key", "nonsense", "a policy has no key", policy("latency") | {"nonsense": 1}),
    ("not_a_section", "latency", "write it as a mapping", policy("latency") | {"latency": 5}),
    (
        "number_in_quotes",
        "probabilistic.sampling_percentage",
        "without quotes",
        policy("latency") | {"probabilistic": {"sampling_percentage": "5"}},
    ),
    (
        "switch_in_quotes",
        "boolean_attribute.value",
        "write true without quotes",
        policy("boolean_attribute", key="k", value="true"),
    ),
    ("not_text", "numeric_attribute.key", 'in quotes: "5"', policy("numeric_attribute", key=5)),
]


@pytest.mark.parametrize(("code", "key", "words", "one"), START_ERRORS)
def test_a_start_error_of_a_policy_says_where_and_what_to_write(
    code: str, key: str, words: str, one: dict[str, Any]
) -> None:
    """One problem each, at its key path."""
    [(found, at, say)] = problems(one)
    assert (found, at) == (code, f"policies[0].{key}")
    assert words in say
    assert re.search(r"[;,:(] ?.+", say)


@pytest.mark.parametrize(
    ("code", "key", "words", "options"),
    [
        ("too_many_shards", "num_shards", "256", {"num_shards": 999}),
        ("key_not_supported", "tail_storage", "buffer log", {"tail_storage": "pebble"}),
        ("key_not_supported", "compat", "beside tail_sampling", {"compat": "0.155"}),
        ("unknown_word", "sampling_strategy", "trace-complete", {"sampling_strategy": "trace"}),
        ("not_a_duration", "decision_wait", "e.g. 30s", {"decision_wait": "30 seconds"}),
        ("out_of_range", "num_traces", "0 or more", {"num_traces": -1}),
        ("unknown_key", "decision_waits", "did you mean decision_wait?", {"decision_waits": "1s"}),
        ("unknown_key", "decision_cache.size", "write one of", {"decision_cache": {"size": 1}}),
    ],
)
def test_a_start_error_of_an_option_says_what_to_write(
    code: str, key: str, words: str, options: dict[str, Any]
) -> None:
    """As for policies."""
    [(found, at, say)] = problems(**options)
    assert (found, at) == (code, key)
    assert words in say


@pytest.mark.parametrize(
    ("one", "stateful"),
    [
        (policy("latency", threshold_ms=5), False),
        (policy("latency", upper_threshold_ms=5), True),
        (policy("span_count", min_spans=5), False),
        (policy("span_count", max_spans=5), True),
        (policy("rate_limiting"), True),
        (policy("bytes_limiting"), True),
        (policy("composite", max_total_spans_per_second=5), False),
        (policy("not", not_sub_policy=policy("bytes_limiting")), True),
        (policy("drop", drop_sub_policy=[policy("trace_flags"), policy("rate_limiting")]), True),
        (policy("probabilistic"), False),
    ],
)
def test_span_ingest_refuses_what_contrib_calls_stateful(
    one: dict[str, Any], *, stateful: bool
) -> None:
    """Composite's own counters are forgotten by contrib, and so here."""
    assert sampling(one).policies[0].stateful is stateful
    if stateful:
        [(code, at, _)] = problems(one, sampling_strategy="span-ingest")
        assert (code, at) == ("stateful_policy", "policies[0]")
    else:
        sampling(one, sampling_strategy="span-ingest")


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [("30s", 30), ("2900ms", 2), ("900ms", 1), (10, 1), (-5, 1), ("1m30.9s", 90)],
)
def test_a_wait_is_whole_seconds_and_one_at_least(wait: object, seconds: int) -> None:
    """Contrib's number of batches."""
    assert sampling(decision_wait=wait).wait_s == seconds


@pytest.mark.parametrize(
    ("after", "seconds"), [("0s", None), ("5s", 5), ("900ms", 0), ("-1s", None)]
)
def test_a_wait_after_the_root_may_be_the_next_tick(after: str, seconds: int | None) -> None:
    """Zero seconds is not off: it is at once."""
    assert sampling(decision_wait_after_root_received=after).wait_after_root_s == seconds


def test_all_mistakes_are_reported_in_one_run_and_in_the_order_of_the_file() -> None:
    """With line and column; a name that stands twice is found beside unreadable policies."""
    text = """
tail_sampling:
  decision_wait: soon
  policies:
    - {name: a, type: latency, latency: {threshold_ms: "5"}}
    - {name: a, type: and, and: {and_sub_policy: [{type: drop}, {type: status_code}]}}
  num_shards: -1
"""
    with pytest.raises(SettingsError) as caught:
        parse(text, file="f.yaml", environ={})
    found = [(one.code, one.at.line, one.at.column, one.at.key) for one in caught.value.problems]
    base = "tail_sampling.policies"
    assert found == [
        ("not_a_duration", 3, 18, "tail_sampling.decision_wait"),
        ("number_in_quotes", 5, 56, f"{base}[0].latency.threshold_ms"),
        ("duplicate_policy", 6, 14, f"{base}[1].name"),
        ("policy_not_allowed_here", 6, 58, f"{base}[1].and.and_sub_policy[0].type"),
        ("no_status_code", 6, 65, f"{base}[1].and.and_sub_policy[1].status_codes"),
        ("out_of_range", 7, 15, "tail_sampling.num_shards"),
    ]


def test_nesting_a_hundred_deep_is_one_error() -> None:
    """It ends at the first level that contrib has not."""
    deep = policy("trace_flags")
    for _ in range(100):
        deep = policy("not", not_sub_policy=deep)
    [(code, at, _)] = problems(deep)
    assert (code, at) == ("policy_not_allowed_here", "policies[0].not.not_sub_policy.type")


def test_a_thousand_policies_are_read() -> None:
    """Each of them, in order."""
    read = sampling(*(policy("latency", name=f"p{at}", threshold_ms=at) for at in range(1_000)))
    assert [one.name for one in read.policies] == [f"p{at}" for at in range(1_000)]


def test_blocks_are_frozen() -> None:
    """What was read stays as it was read."""
    with pytest.raises(ValidationError, match="frozen"):
        sampling(policy("latency")).policies[0].settings.threshold_ms = 5  # type: ignore[union-attr, misc] # it must not be possible


KEYS = st.sampled_from(["name", "type", "policies", *TOP, "and_sub_policy", "values", "key", "x"])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*TOP, "", "5s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def refusals(block: object) -> list[str]:
    try:
        TailSampling.model_validate(block)
    except ValidationError as refused:
        return [error["msg"] for error in refused.errors()]
    return []


@given(TREES)
def test_whatever_is_written_is_read_or_refused(tree: object) -> None:
    """No other error than the one that carries places, and each with words."""
    for block in (tree, {"policies": tree}, {"policies": [tree]}):
        assert all(refusals(block))
