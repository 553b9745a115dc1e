"""The versions of contrib: which are known, what they do, where they differ for a block."""

from dataclasses import fields
from typing import Any

import pytest

from tailsampler.decide.dialects.contrib import (
    NEWEST,
    OLDEST,
    Behaviour,
    behaviour,
    differences,
    parse_compat,
)
from tailsampler.decide.dialects.contrib.compat import CHANGES
from tailsampler.settings.base import BadValueError
from tests.decide.contrib.test_block import policy, sampling


@pytest.mark.parametrize(
    ("written", "version"),
    [("0.155", 155), ("v0.155", 155), ("0.155.1", 155), ("0.165", NEWEST), ("0.126", OLDEST)],
)
def test_a_version_is_its_minor_number(written: str, version: int) -> None:
    """However it is written; and what was parsed stays as it is."""
    assert parse_compat(written) == version
    assert parse_compat(version) == version


@pytest.mark.parametrize(
    ("written", "code", "words"),
    [
        ("0.166", "unknown_version", "from 0.126 to 0.165"),
        ("0.125", "unknown_version", "from 0.126 to 0.165"),
        ("1.0", "unknown_version", 'write e.g. "0.155"'),
        ("newest", "unknown_version", 'write e.g. "0.155"'),
        (5, "unknown_version", 'write e.g. "0.155"'),
        (None, "unknown_version", 'write e.g. "0.155"'),
        (0.16, "version_without_quotes", 'write it in quotes: "0.160"'),
        (0.155, "version_without_quotes", 'write it in quotes: "0.155"'),
    ],
)
def test_an_unknown_version_is_refused(written: object, code: str, words: str) -> None:
    """A number without quotes as well: 0.160 would be 0.16."""
    with pytest.raises(BadValueError) as caught:
        parse_compat(written)
    assert caught.value.type == code
    assert words in caught.value.message()


def test_the_table_and_the_flags_are_the_same_set() -> None:
    """No difference without a flag to run by, and no flag that no version clears."""
    assert [change.flag for change in CHANGES] == sorted(
        (field.name for field in fields(Behaviour)),
        key=lambda flag: next(change.since for change in CHANGES if change.flag == flag),
    )
    assert not any(getattr(behaviour(NEWEST), field.name) for field in fields(Behaviour))
    assert all(getattr(behaviour(OLDEST), field.name) for field in fields(Behaviour))


def test_0_155_is_what_was_recorded() -> None:
    """Latency at its threshold, starved subs, and no veto of inverted matches any more."""
    assert behaviour(155) == Behaviour(
        inverted_veto=False,
        zero_is_a_bound=False,
        rate_per_clock_second=False,
        latency_at_least=True,
        starve_unallocated=True,
        one_loop=True,
        lenient_int=True,
        plain_limits=True,
        credits_first=True,
        long_latency=True,
        no_schema_urls=True,
        ingest_decides=False,
    )


INVERTED = policy("string_attribute", key="k", values="v", invert_match=True)
SUB = policy("trace_flags", name="sub")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (policy("latency", threshold_ms=5), "lasts exactly threshold_ms is kept"),
        (policy("latency", threshold_ms=5, upper_threshold_ms=9), None),
        (policy("rate_limiting", spans_per_second=5), "token bucket"),
        (policy("bytes_limiting", bytes_per_second=5), "schema_url counts"),
        (policy("numeric_attribute", key="k", min_value=5), "is no bound"),
        (policy("numeric_attribute", key="k", min_value=5, max_value=9), None),
        (INVERTED, "whatever other policies say"),
        (policy("and", and_sub_policy=[INVERTED]), None),
        (policy("composite", composite_sub_policy=[SUB]), "an equal share"),
        (
            policy(
                "composite",
                composite_sub_policy=[SUB],
                rate_allocation=[{"policy": "sub", "percent": 5}],
            ),
            None,
        ),
        (policy("not", not_sub_policy=policy("latency", name="n")), "p > n: up to 0.156"),
        (policy("status_code"), None),
    ],
)
def test_a_difference_is_told_where_it_concerns_the_block(
    one: dict[str, Any], words: str | None
) -> None:
    """By the policy's name, with both versions of it; and nothing where versions agree."""
    told = differences(sampling(one))
    assert [words is not None and words in sentence for sentence in told] == (
        [True] if words else []
    )


def test_what_holds_here_follows_the_version_that_is_asked_for() -> None:
    """The first half for an old version, the second from the change on and without any."""
    block = sampling(policy("latency", threshold_ms=5), num_shards=4)
    [latency, shards] = differences(block, 156)
    assert latency.endswith("0.156 is asked for, so the first holds.")
    assert shards.startswith("num_shards: up to 0.158 ")
    assert all(one.endswith("so the second holds.") for one in differences(block, 159))
    assert all(
        one.endswith("0.165 is asked for, so the second holds.") for one in differences(block)
    )
