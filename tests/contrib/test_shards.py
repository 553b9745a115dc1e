"""``num_shards``: where a trace goes, and what is divided."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contrib.build import policy, request, span
from tests.contrib.model.compat import NEWEST
from tests.contrib.model.config import decode
from tests.contrib.model.settings import And, BytesLimiting, Composite, PolicySettings, RateLimiting
from tests.contrib.model.shards import Sharded, part_of, shard_of
from tests.contrib.model.votes import Decision

SHARDS = [
    ("00000000000000000000000000000001", 6, 182),
    ("0102030405060708090a0b0c0d0e0f10", 2, 226),
    ("4bf92f3577b34da6a3ce929d0e0e4736", 7, 175),
    ("5b8efff798038103d269b633813fc60c", 2, 90),
    ("0af7651916cd43dd8448eb211c80319c", 4, 20),
    ("ffffffffffffffffffffffffffffffff", 0, 0),
]
LIMIT = policy("rate_limiting", spans_per_second=5, burst_capacity=2)


@pytest.mark.parametrize(("trace_id", "of_8", "of_256"), SHARDS)
def test_a_trace_has_its_shard(trace_id: str, of_8: int, of_256: int) -> None:
    """By the reference's table."""
    raw = bytes.fromhex(trace_id)
    assert (shard_of(raw, 8), shard_of(raw, 256), shard_of(raw, 1)) == (of_8, of_256, 0)


def test_sizes_and_totals_are_divided() -> None:
    """One at least of what is set; a burst never is, and a rate only up to v0.161."""
    source = {
        "num_shards": 4,
        "num_traces": 10,
        "decision_cache": {"sampled_cache_size": 3},
        "policies": [
            policy("and", and_sub_policy=[LIMIT]),
            policy("composite", max_total_spans_per_second=9),
            policy("bytes_limiting", bytes_per_second=5),
        ],
    }
    for divide, rate in ((True, 1), (False, 5)):
        part = part_of(decode(source), divide_limits=divide)
        assert (part.num_shards, part.num_traces) == (1, 2)
        assert (part.sampled_cache_size, part.non_sampled_cache_size) == (1, 0)
        limit = PolicySettings(
            name="p",
            type="rate_limiting",
            block=RateLimiting(spans_per_second=rate, burst_capacity=2),
        )
        assert [each.block for each in part.policies] == [
            And(and_sub_policy=(limit,)),
            Composite(max_total_spans_per_second=2),
            BytesLimiting(bytes_per_second=rate, burst_capacity=10 if divide else 0),
        ]


def kept(compat: str, *policies: dict[str, Any]) -> int:
    """How many of eight traces with one span each are sampled by two shards in one tick."""
    source = {"num_shards": 2, "decision_wait": "1s", "policies": [*policies]}
    model = Sharded(decode(source, compat), compat)
    traces = [bytes([0] * 15 + [last]) for last in range(1, 9)]
    assert {shard_of(each, 2) for each in traces} == {0, 1}
    model.consume(request(*map(span, traces)), 0.5)
    assert model.tick(1) == []
    events = model.tick(2)
    assert {event.trace_id for event in events} == {*traces}
    return sum(event.decision is Decision.SAMPLED for event in events)


NESTED: dict[str, list[dict[str, Any]]] = {
    "top": [LIMIT],
    "and": [policy("and", and_sub_policy=[LIMIT])],
    "composite": [policy("composite", max_total_spans_per_second=99, composite_sub_policy=[LIMIT])],
}
OPPOSITE: dict[str, list[dict[str, Any]]] = {
    "not": [policy("not", not_sub_policy=LIMIT)],
    "drop": [policy("drop", drop_sub_policy=[LIMIT]), policy("always_sample", "all")],
}


@pytest.mark.parametrize("where", [*NESTED, *OPPOSITE])
def test_limits_are_shared_after_v0_165(where: str) -> None:
    """Before, every shard had a burst of its own; so it is inside other policies."""
    for version, burst in (("0.165", 4), (NEWEST, 2)):
        if where in NESTED:
            assert kept(version, *NESTED[where]) == burst
        else:
            assert kept(version, *OPPOSITE[where]) == 8 - burst


def test_shutdown_reaches_every_shard() -> None:
    """No trace stays behind."""
    model = Sharded(decode({"num_shards": 8, "policies": [policy("always_sample")]}))
    traces = [bytes([0] * 15 + [last]) for last in range(1, 99)]
    model.consume(request(*map(span, traces)), 0.5)
    assert {event.trace_id for event in model.shutdown(1)} == {*traces}
    assert len(model.consume(request(*map(span, traces)), 2)) == len(traces)
