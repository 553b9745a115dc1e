"""What is said to be the same is the same, and what is said to keep more keeps more."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tailsampler.errors import SettingsError
from tests.contrib import generate
from tests.convert.ways import (
    HTTP_KEYS,
    SERVICES,
    block,
    effects,
    kept_by_contrib,
    kept_by_us,
    native,
    policies,
    sendings,
    settings_of,
)

EXACT_SEEDS = 100
NEAR_SEEDS = 160
ANY_SEEDS = 60
TRACES = 120
Config = dict[str, Any]


def exact_condition(dice: Random) -> Config:
    kinds = ["always_sample", "probabilistic", *["latency", "ottl_condition"] * 4]
    kind = dice.choice(kinds)
    if kind == "latency":
        return {"type": kind, kind: {"threshold_ms": dice.choice([0, 20, 99, 100, 1_000, 4_000])}}
    if kind == "probabilistic":
        return {"type": kind, kind: {"sampling_percentage": dice.choice([0, 100, 250.0])}}
    if kind == "ottl_condition":
        names = dice.sample(["cart", "gold", "503", "GET"], dice.randint(1, 2))
        asked = [f'resource.attributes["service.name"] == "{name}"' for name in names]
        return {"type": kind, kind: {"span": asked}}
    return {"type": kind}


def exact_policy(dice: Random, at: int) -> Config:
    kind = dice.choice(["and", "and", "drop", "simple"])
    if kind == "simple":
        return {"name": f"p{at}", **exact_condition(dice)}
    subs = [
        {"name": f"s{n}", **exact_condition(dice)} for n in range(dice.choice([0, 1, 2, 2, 2, 3]))
    ]
    services = [one for one in subs if one["type"] == "ottl_condition"]
    for one in services[1:]:  # a native policy has one list of services
        subs.remove(one)
    return {"name": f"p{at}", "type": kind, kind: {f"{kind}_sub_policy": subs}}


def without_chance(data: Any, dice: Random) -> Any:
    """The same with shares of all or nothing, so that no hash decides."""
    if isinstance(data, dict):
        return {
            key: dice.choice([0, 100])
            if key == "sampling_percentage"
            else without_chance(one, dice)
            for key, one in data.items()
        }
    return [without_chance(one, dice) for one in data] if isinstance(data, list) else data


@pytest.mark.parametrize("seed", range(EXACT_SEEDS))
def test_what_is_carried_is_judged_as_contrib_judges(seed: int) -> None:
    """Every trace, of random blocks of all that is called exact, in every order and nesting."""
    dice = Random(seed)
    config = {
        "decision_wait": "2s",
        "policies": [exact_policy(dice, at) for at in range(dice.randint(1, 6))],
    }
    done = native(block(**config))
    assert done.notes.exact, done.notes
    traffic = sendings(dice, TRACES)
    kept = kept_by_contrib(config, traffic)
    assert kept_by_us(done, traffic) == kept
    assert kept


def test_random_blocks_are_not_all_alike() -> None:
    """The blocks above keep some traces and drop others, in more than every third case."""
    mixed = 0
    for seed in range(60):
        dice = Random(seed)
        config = {
            "decision_wait": "2s",
            "policies": [exact_policy(dice, at) for at in range(dice.randint(1, 6))],
        }
        mixed += len(set(kept_by_contrib(config, sendings(dice, 40)).values())) == 2
    assert mixed > 20


def near_condition(dice: Random) -> Config:
    """What a native policy asks for, or nearly so."""
    kind = dice.choice(
        ["status_code", "string_attribute", "numeric_attribute", "latency", "trace_flags"]
    )
    settings: dict[str, Config] = {
        "status_code": {
            "status_codes": dice.choice([["ERROR"], ["ERROR", "OK"], ["UNSET", "OK", "ERROR"]])
        },
        "string_attribute": {"key": "service.name", "values": dice.sample(SERVICES, 2)},
        "numeric_attribute": {
            "key": dice.choice(HTTP_KEYS),
            "min_value": dice.choice([0, 200, 500]),
            "max_value": dice.choice([503, 599]),
        },
        "latency": {"threshold_ms": 20, "upper_threshold_ms": dice.choice([0, 100, 1_000])},
    }
    return {"type": kind, **({kind: settings[kind]} if kind in settings else {})}


def near_policy(dice: Random, at: int) -> Config:
    kind = dice.choice(["and", "drop", "simple"])
    if kind == "simple":
        return {"name": f"p{at}", **near_condition(dice)}
    subs = [{"name": f"s{n}", **near_condition(dice)} for n in range(dice.randint(1, 3))]
    if dice.random() < 0.2:  # two lists of services, of which a native policy has one
        subs = [one for one in subs if one["type"] != "string_attribute"]
        for number, names in enumerate([["cart", "gold"], dice.sample(SERVICES, 2)]):
            asks = {"key": "service.name", "values": names}
            subs.append(
                {"name": f"n{number}", "type": "string_attribute", "string_attribute": asks}
            )
    return {"name": f"p{at}", "type": kind, kind: {f"{kind}_sub_policy": subs}}


def hold_to_its_word(config: Config, dice: Random) -> None:
    """Convert, judge some traces both ways, and compare with what the list says."""
    try:
        done = native(block(**config))
    except SettingsError as error:
        if error.problems[-1].code != "nothing_carried":
            raise
        return
    traffic = sendings(dice, TRACES)
    contrib, ours = kept_by_contrib(config, traffic), kept_by_us(done, traffic)
    assert contrib.keys() == ours.keys()
    lost = [one for one, kept in contrib.items() if kept and not ours[one]]
    more = [one for one, kept in ours.items() if kept and not contrib[one]]
    told = effects(done.notes)
    if not told & {"keeps less", "keeps more or less"}:
        assert not lost, (config, done.config)
    if not told & {"keeps more", "keeps more or less"}:
        assert not more, (config, done.config)


@pytest.mark.parametrize("seed", range(NEAR_SEEDS))
def test_what_is_nearly_carried_differs_as_is_said(seed: int) -> None:
    """No trace is lost where nothing says that less is kept, and none comes on top where all do."""
    dice = Random(seed)
    count = dice.randint(1, 2)
    written = [near_policy(dice, at) for at in range(count)]
    hold_to_its_word({"decision_wait": "2s", "policies": written}, dice)


@pytest.mark.parametrize("seed", range(ANY_SEEDS))
def test_the_list_says_in_which_direction_the_outcome_differs(seed: int) -> None:
    """As above, of random blocks of every type."""
    dice = Random(seed)
    config = without_chance(generate.config(dice), dice)
    config.pop("decision_wait_after_root_received", None)
    hold_to_its_word(config, dice)


@pytest.mark.parametrize("seed", range(60))
def test_a_trace_gets_the_share_that_contrib_gave_it(seed: int) -> None:
    """With one salt the largest share of the policies that match, whatever their order."""
    dice = Random(seed)
    limits = dice.sample([10, 50, 200, 800], 3)
    shares = [dice.choice([1, 5, 20, 50, 100]) for _ in range(4)]
    written: list[Config] = [
        {
            "name": f"p{at}",
            "type": "and",
            "and": {
                "and_sub_policy": [
                    {"name": "a", "type": "latency", "latency": {"threshold_ms": limit}},
                    {
                        "name": "b",
                        "type": "probabilistic",
                        "probabilistic": {"sampling_percentage": share},
                    },
                ]
            },
        }
        for at, (limit, share) in enumerate(zip(limits, shares, strict=False))
    ]
    written.append(
        {
            "name": "rest",
            "type": "probabilistic",
            "probabilistic": {"sampling_percentage": shares[3]},
        }
    )
    dice.shuffle(written)
    chain = policies(native(block(policies=written)))
    for lasted in (1, 10, 11, 50, 51, 200, 201, 800, 801, 5_000):
        matching = [share for limit, share in zip(limits, shares, strict=False) if lasted > limit]
        first = next(one for one in chain if lasted >= one.get("duration_threshold_ms", 0))
        assert first["sample_rate"] == max([*matching, shares[3]]) / 100


def test_salts_of_their_own_are_a_union() -> None:
    """10 % and 50 % drawn apart are 55 % of what matches both."""
    share = {"hash_salt": "mine", "sampling_percentage": 10}
    slow = [
        {"name": "a", "type": "latency", "latency": {"threshold_ms": 9}},
        {"name": "b", "type": "probabilistic", "probabilistic": share},
    ]
    done = native(
        block(
            policies=[
                {"name": "slow", "type": "and", "and": {"and_sub_policy": slow}},
                {
                    "name": "half",
                    "type": "probabilistic",
                    "probabilistic": {"sampling_percentage": 50},
                },
            ]
        )
    )
    assert [(one["name"], one["sample_rate"]) for one in policies(done)] == [
        ("slow", 0.55),
        ("half", 0.5),
    ]
    assert effects(done.notes) == {"keeps others"}


def test_two_salts_of_overlapping_policies_are_told() -> None:
    """Where the union is not worked out, the list says that less is kept."""
    written = [
        {
            "name": f"p{at}",
            "type": "and",
            "and": {
                "and_sub_policy": [
                    {"name": "a", "type": kind, kind: setting},
                    {
                        "name": "b",
                        "type": "probabilistic",
                        "probabilistic": {"hash_salt": f"s{at}", "sampling_percentage": 20},
                    },
                ]
            },
        }
        for at, (kind, setting) in enumerate(
            [
                ("latency", {"threshold_ms": 9}),
                ("ottl_condition", {"span": ['resource.attributes["service.name"] == "cart"']}),
            ]
        )
    ]
    done = native(block(policies=written))
    assert effects(done.notes) == {"keeps less"}
    assert "hash_salt" in done.notes.changed[0].what


def test_a_share_is_of_other_traces_and_that_is_said() -> None:
    """As large as contrib's within what chance does, and of other traces."""
    config = {
        "policies": [
            {"name": "p", "type": "probabilistic", "probabilistic": {"sampling_percentage": 30}}
        ]
    }
    done = native(block(**config))
    assert effects(done.notes) == {"keeps others"}
    traffic = sendings(Random(1), 4_000)
    contrib, ours = (
        kept_by_contrib({"decision_wait": "2s", **config}, traffic),
        kept_by_us(done, traffic),
    )
    assert abs(sum(contrib.values()) - sum(ours.values())) < 0.05 * len(ours)
    assert contrib != ours
    assert settings_of(done).sampling.policies[0].sample_rate == 0.3


def test_what_a_needless_policy_no_longer_matches_is_told() -> None:
    """Behind one for errors, errors or OK needs no policy, but for OK, which is lost."""
    done = native(
        block(
            policies=[
                {
                    "name": "errors",
                    "type": "status_code",
                    "status_code": {"status_codes": ["ERROR"]},
                },
                {
                    "name": "both",
                    "type": "status_code",
                    "status_code": {"status_codes": ["ERROR", "OK"]},
                },
            ]
        )
    )
    assert [one["name"] for one in policies(done)] == ["errors"]
    assert ("both", "keeps more or less") in [(one.name, one.effect) for one in done.notes.changed]


def test_the_version_decides_about_the_threshold() -> None:
    """Up to 0.156 a trace at its threshold was kept, and since then it must last longer."""
    config = block(policies=[{"name": "slow", "type": "latency", "latency": {"threshold_ms": 500}}])
    assert policies(native(config))[0]["duration_threshold_ms"] == 501
    assert policies(native(config, compat=156))[0]["duration_threshold_ms"] == 500
