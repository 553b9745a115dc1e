"""Refinery's rules as a chain of ours."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tailsampler.errors import SettingsError
from tests.convert import refinery_model
from tests.convert.ways import (
    HTTP_KEYS,
    SERVICES,
    conventional,
    effects,
    kept_by_us,
    native,
    policies,
    sendings,
    yaml,
)

SEEDS = 150
TRACES = 80
Rule = dict[str, Any]


def rules_file(*rules: Rule, **options: Any) -> str:
    sampler = {"RulesBasedSampler": {"Rules": list(rules), **options}}
    return yaml({"RulesVersion": 2, "Samplers": {"__default__": sampler}})


def sampler_file(**sampler: Any) -> str:
    return yaml({"RulesVersion": 2, "Samplers": {"__default__": sampler}})


def condition(dice: Random) -> Rule:
    status: Rule = {
        "Operator": dice.choice(["=", ">=", ">", "<", "!="]),
        "Value": dice.choice([404, 500]),
    }
    kinds: list[Rule] = [
        {"Field": "service.name", "Operator": "=", "Value": dice.choice(SERVICES)},
        {"Field": "service.name", "Operator": "in", "Value": dice.sample(SERVICES, 2)},
        {"Field": "root.service.name", "Operator": "=", "Value": "cart"},
        {"Field": dice.choice(HTTP_KEYS), **status},
        {"Fields": list(HTTP_KEYS), "Datatype": "int", **status},
        {"Field": HTTP_KEYS[0], "Operator": "in", "Value": [500, 503]},
        {"Field": "error", "Operator": dice.choice(["exists", "="]), "Value": True},
        {"Field": "status_code", "Operator": "=", "Value": 2, "Datatype": "int"},
        {"Field": "duration_ms", "Operator": dice.choice([">", ">="]), "Value": 20.5},
        {"Field": "root.duration_ms", "Operator": ">", "Value": 50},
        {"Field": "http.route", "Operator": "starts-with", "Value": "/api"},
        {"Field": "trace.parent_id", "Operator": "not-exists"},
        {"Operator": "has-root-span", "Value": dice.random() < 0.8},
    ]
    return dice.choice(kinds)


def rule(dice: Random, number: int) -> Rule:
    asked = [condition(dice) for _ in range(dice.choice([0, 1, 1, 1, 2, 2, 3]))]
    scope = dice.choice(["trace", "trace", "span"])
    if scope == "span":
        asked = [one for one in asked if one["Operator"] != "has-root-span"]
    drops: list[Rule] = [{"Drop": True}, {"SampleRate": 1}, {"SampleRate": 1}]
    decides = dice.choice(drops)
    return {"Name": f"rule {number}", "Scope": scope, "Conditions": asked, **decides}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_list_says_in_which_direction_the_outcome_differs(seed: int) -> None:
    """Beside a model of Refinery's rules: nothing is lost or gained that the list is silent of."""
    dice = Random(seed)
    rules = [rule(dice, number) for number in range(dice.randint(1, 3))]
    done = native(rules_file(*rules))
    traffic = conventional(sendings(dice, TRACES))
    theirs, ours = refinery_model.kept(rules, traffic), kept_by_us(done, traffic)
    assert theirs.keys() == ours.keys()
    # The waits have an effect of their own, and here everything comes at once.
    done.notes.changed[:] = [one for one in done.notes.changed if one.name != "decision_wait"]
    told = effects(done.notes)
    if not told & {"keeps less", "keeps more or less"}:
        lost = [one for one, kept in theirs.items() if kept and not ours[one]]
        assert not lost, (rules, done.config)
    if not told & {"keeps more", "keeps more or less"}:
        more = [one for one, kept in ours.items() if kept and not theirs[one]]
        assert not more, (rules, done.config)


def test_a_whole_file_is_carried_in_its_order() -> None:
    """Rules keep their order and their rates, and a trace that no rule matches is kept."""
    done = native(
        rules_file(
            {
                "Name": "drop the probes",
                "Drop": True,
                "Conditions": [
                    {"Field": "service.name", "Operator": "in", "Value": ["probe", "lb"]}
                ],
            },
            {
                "Name": "server faults",
                "SampleRate": 1,
                "Conditions": [
                    {"Fields": list(HTTP_KEYS), "Operator": ">=", "Value": 500, "Datatype": "int"},
                    {"Fields": list(HTTP_KEYS), "Operator": "<", "Value": 504, "Datatype": "int"},
                ],
            },
            {
                "Name": "checkout",
                "SampleRate": 4,
                "Conditions": [{"Field": "service.name", "Operator": "=", "Value": "checkout"}],
            },
        )
    )
    assert policies(done) == [
        {"name": "drop the probes", "service_name": ["probe", "lb"], "sample_rate": 0.0},
        {
            "name": "server faults",
            "error_status_codes": [*range(500, 600)],
            "error_status": False,
            "sample_rate": 1.0,
        },
        {"name": "checkout", "service_name": "checkout", "sample_rate": 0.25},
        {"name": "default", "sample_rate": 1.0},
    ]


def test_waits_are_refinerys_defaults_and_that_is_said() -> None:
    """They stand in another file, so whoever has changed them there is told."""
    done = native(sampler_file(DeterministicSampler={"SampleRate": 1}))
    assert "decision_wait: 60s\n  decision_wait_after_root_received: 2s" in done.config
    [note] = done.notes.changed
    assert "config.yaml" in note.what


@pytest.mark.parametrize(
    ("sampler", "share", "effect"),
    [
        ({"DeterministicSampler": {"SampleRate": 1}}, 1.0, None),
        ({"DeterministicSampler": {"SampleRate": 8}}, 0.125, "keeps others"),
        ({"DynamicSampler": {"SampleRate": 10, "FieldList": ["a"]}}, 0.1, "keeps others"),
        ({"EMADynamicSampler": {"GoalSampleRate": 5, "FieldList": ["a"]}}, 0.2, "keeps others"),
        ({"EMAThroughputSampler": {"GoalThroughputPerSec": 10}}, 1.0, "keeps more"),
        ({"WindowedThroughputSampler": {"GoalThroughputPerSec": 10}}, 1.0, "keeps more"),
        ({"TotalThroughputSampler": {"GoalThroughputPerSec": 10}}, 1.0, "keeps more"),
    ],
)
def test_each_sampler_becomes_a_share(sampler: Rule, share: float, effect: str | None) -> None:
    """A rate is its share; a throughput is none, and then everything is kept rather than lost."""
    done = native(sampler_file(**sampler))
    assert policies(done) == [{"name": "__default__", "sample_rate": share}]
    told = [note.effect for note in done.notes.changed if note.name == "__default__"]
    assert told == ([] if effect is None else [effect])


def test_a_rule_may_have_a_sampler() -> None:
    """Whose rate decides, whatever else stands in the rule."""
    sampler = {"EMADynamicSampler": {"GoalSampleRate": 20, "FieldList": ["http.route"]}}
    done = native(rules_file({"Name": "all", "Drop": True, "Sampler": sampler}))
    assert policies(done) == [{"name": "all", "sample_rate": 0.05}]


def test_a_rule_without_a_rate_drops() -> None:
    """As Refinery has it: no rate is rate 0."""
    done = native(rules_file({"Name": "none"}))
    assert policies(done) == [{"name": "none", "sample_rate": 0.0}]


def test_a_drop_rule_is_never_made_wider() -> None:
    """One of its conditions cannot be asked, so all of it is left out, and more is kept."""
    asked = [
        {"Field": "service.name", "Operator": "=", "Value": "cart"},
        {"Field": "http.route", "Operator": "=", "Value": "/health"},
    ]
    done = native(rules_file({"Name": "health", "Drop": True, "Conditions": asked}))
    assert policies(done) == [{"name": "default", "sample_rate": 1.0}]
    [note] = done.notes.left_out
    assert (note.name, note.effect) == ("health", "keeps more")
    assert "/health" in note.what


def test_a_small_share_is_not_made_wider_either() -> None:
    """1 in 100 of one route must not become 1 in 100 of the service."""
    asked = [
        {"Field": "service.name", "Operator": "=", "Value": "cart"},
        {"Field": "http.route", "Operator": "=", "Value": "/poll"},
    ]
    done = native(rules_file({"Name": "poll", "SampleRate": 100, "Conditions": asked}))
    assert policies(done) == [{"name": "default", "sample_rate": 1.0}]
    assert done.notes.left_out[0].effect == "keeps more"


def test_a_span_that_lasts_is_at_most_a_trace_that_lasts() -> None:
    """No trace with such a span is missed, whatever fraction of a millisecond is asked for."""
    asked = {"Field": "duration_ms", "Operator": ">", "Value": 20.5}
    done = native(
        rules_file(
            {"Name": "slow", "SampleRate": 1, "Conditions": [asked]},
            {"Name": "rest", "SampleRate": 9},
        )
    )
    assert policies(done)[0] == {"name": "slow", "duration_threshold_ms": 20, "sample_rate": 1.0}
    assert done.notes.changed[1].effect == "keeps more"


def test_conditions_of_one_span_are_asked_of_the_trace() -> None:
    """Which is told, and not done where traces would be dropped by it."""
    asked = [
        {"Field": "service.name", "Operator": "=", "Value": "cart"},
        {"Fields": list(HTTP_KEYS), "Operator": "=", "Value": 503, "Datatype": "int"},
    ]
    rest = {"Name": "rest", "SampleRate": 9}
    keep = {"Name": "mine", "Scope": "span", "SampleRate": 1, "Conditions": asked}
    done = native(rules_file(keep, rest))
    assert [one["name"] for one in policies(done)] == ["mine", "rest"]
    assert "different spans" in done.notes.changed[1].what
    drop = {"Name": "mine", "Scope": "span", "Drop": True, "Conditions": asked}
    done = native(rules_file(drop, rest))
    assert [one["name"] for one in policies(done)] == ["rest"]
    assert done.notes.left_out[0].effect == "keeps more"


def test_environments_that_are_not_read_are_listed() -> None:
    """One gateway has one chain; the others are named, with the way to convert them."""
    rate = {"DeterministicSampler": {"SampleRate": 2}}
    text = yaml({"RulesVersion": 2, "Samplers": {"__default__": rate, "staging": rate}})
    assert [note.name for note in native(text).notes.left_out] == ["staging"]
    assert [note.name for note in native(text, name="staging").notes.left_out] == ["__default__"]


def test_nested_fields_are_told() -> None:
    """``CheckNestedFields`` has no counterpart."""
    done = native(rules_file({"SampleRate": 1}, CheckNestedFields=True))
    assert "CheckNestedFields" in [note.name for note in done.notes.changed]


def test_rules_behind_one_without_conditions_need_no_policy() -> None:
    """They decide about nothing there either."""
    done = native(rules_file({"Name": "all", "SampleRate": 1}, {"Name": "late", "Drop": True}))
    assert [one["name"] for one in policies(done)] == ["all"]
    assert "late" in [note.name for note in done.notes.carried]


def test_names_that_stand_twice_are_told_apart() -> None:
    """A chain of ours has each name once."""
    services = [{"Field": "service.name", "Operator": "=", "Value": name} for name in ("a", "b")]
    rules = [{"Name": "one", "SampleRate": 1, "Conditions": [asked]} for asked in services]
    done = native(rules_file(*rules, {"Name": "default", "SampleRate": 3}))
    assert [one["name"] for one in policies(done)] == ["one", "one 2", "default"]


@pytest.mark.parametrize(
    "written",
    [
        "- Field: service.name\n            Operator: =\n            Value: cart",
        "- {Field: service.name, Operator: =, Value: cart}",
        "- {Field: service.name, Value: cart, Operator: = }",
    ],
)
def test_a_lone_equals_sign_is_an_operator(written: str) -> None:
    """Most rules are written so, though YAML has another meaning for it."""
    text = f"""
RulesVersion: 2
Samplers:
  __default__:
    RulesBasedSampler:
      Rules:
        - Name: cart
          SampleRate: 2
          Conditions:
          {written}
"""
    assert policies(native(text))[0] == {"name": "cart", "service_name": "cart", "sample_rate": 0.5}


MISTAKES = {
    "old version": ({"RulesVersion": 1, "Samplers": {}}, "unknown_rules_version"),
    "no version": ({"Samplers": {"a": {"DeterministicSampler": {}}}}, "unknown_rules_version"),
    "no samplers": ({"RulesVersion": 2}, "not_a_mapping"),
    "a list": ({"RulesVersion": 2, "Samplers": []}, "not_a_mapping"),
    "none": ({"RulesVersion": 2, "Samplers": {}}, "several_samplers"),
    "several": (
        {"RulesVersion": 2, "Samplers": {"a": {"DynamicSampler": {}}, "b": {}}},
        "several_samplers",
    ),
    "two in one": (
        {"RulesVersion": 2, "Samplers": {"a": {"DynamicSampler": {}, "DeterministicSampler": {}}}},
        "not_one_sampler",
    ),
    "unknown sampler": ({"RulesVersion": 2, "Samplers": {"a": {"FairSampler": {}}}}, "unknown_key"),
    "bad rate": (
        {"RulesVersion": 2, "Samplers": {"a": {"DeterministicSampler": {"SampleRate": "ten"}}}},
        "bad_rate",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_refinery_would_refuse_is_refused(mistake: str) -> None:
    """With a code and the place, and without a half-read outcome."""
    data, code = MISTAKES[mistake]
    with pytest.raises(SettingsError) as error:
        native(yaml(data))
    assert code in [problem.code for problem in error.value.problems]
    assert all(problem.at.line for problem in error.value.problems)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Conditions": {"Field": "a", "Operator": "exists"}}, "not_a_list"),
        ({"Conditions": [{"Field": "a", "Operator": "like", "Value": 1}]}, "unknown_word"),
        ({"Conditions": [{"Field": "a", "Value": 1}]}, "no_operator"),
        ({"Conditions": [{"Operator": "="}]}, "no_field"),
        ({"Conditions": [{"Field": "a", "Fields": ["b"], "Operator": "="}]}, "two_fields"),
        ({"Conditions": [{"Field": "a", "Operator": "=", "Datatype": "list"}]}, "unknown_word"),
        ({"Conditions": [7]}, "not_a_mapping"),
        ({"Scope": "resource"}, "unknown_word"),
        ({"SampleRate": -1}, "bad_rate"),
        ({"SampleRate": 1 << 57}, "bad_rate"),
        ({"Drop": "yes"}, "not_a_switch"),
        ({"Samplerate": 2}, "unknown_key"),
        ({"Sampler": {"RulesBasedSampler": {}}}, "unknown_key"),
    ],
)
def test_a_rule_that_is_wrong_is_refused(wrong: Rule, code: str) -> None:
    """As above, for everything that a rule may hold."""
    with pytest.raises(SettingsError) as error:
        native(rules_file({"Name": "r", **wrong}))
    assert code in [problem.code for problem in error.value.problems]


def test_policies_that_vote_cannot_say_rules() -> None:
    """That target is refused, with the one that is possible."""
    with pytest.raises(SettingsError, match="--to native"):
        native(rules_file({"SampleRate": 1}), target="tail_sampling")
