"""Blocks whose outcome a real Collector leaves neither to chance nor to the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import Enum
from random import Random
from typing import Any

from tests.contrib.generate import Config, config

NEVER_FULL = 1_000_000_000
_STATEFUL = ("rate_limiting", "bytes_limiting", "upper_threshold_ms", "max_spans")
_SINCE = {
    "trace_flags": 146,
    "maximum_trace_size_bytes": 146,
    "bytes_limiting": 144,
    "sampling_strategy": 149,
    "burst_capacity": 153,
    '"not"': 154,
}
"""The first minor version of contrib that starts with these."""


class Mode(Enum):
    """When spans come, and when they are judged."""

    WHOLE = "whole"  # everything before anything is judged
    LATE = "late"  # in bursts, with a verdict after each
    ROOT = "root"  # in bursts, and judged after that with the root
    INGEST = "ingest"  # span-ingest: judged as they come, and in the end after each burst
    LIMITS = "limits"  # as whole, within the first tick, and with limits that bind

    @property
    def phases(self) -> int:
        return 1 if self in {Mode.WHOLE, Mode.LIMITS} else 3


def block(dice: Random, version: int, mode: Mode) -> Config:
    """A random block for this mode, with which this minor version of contrib starts."""
    while True:
        found = _settled(config(dice), dice)
        found |= {"decision_wait": "1s", "num_traces": 1_000_000}
        found.pop("decision_wait_after_root_received", None)
        found.pop("sampling_strategy", None)
        if not found["policies"] and dice.random() < 0.9:
            continue
        if mode in {Mode.LATE, Mode.INGEST}:
            found.pop("decision_cache", None)
            found |= dice.choice(_CACHES)
        if mode is Mode.ROOT:
            found["decision_wait"] = "5s"
            found["decision_wait_after_root_received"] = dice.choice(["500ms", "1s", "1900ms"])
        if mode is Mode.INGEST:
            found["sampling_strategy"] = "span-ingest"
        if mode is Mode.LIMITS:
            found["policies"] += [_limit(dice, f"l{at}") for at in range(dice.randint(1, 2))]
            dice.shuffle(found["policies"])
        if mode is Mode.INGEST and _stateful(found):
            continue
        if _starts(found, version):
            return found


_CACHES: tuple[Config, ...] = (
    {},
    {"decision_cache": {"sampled_cache_size": 100_000}},
    {"decision_cache": {"non_sampled_cache_size": 100_000}},
    {"decision_cache": {"sampled_cache_size": 100_000, "non_sampled_cache_size": 100_000}},
)


def _limit(dice: Random, name: str) -> Config:
    """One that binds, alone or with others inside of an ``and``: elsewhere the order is random."""
    kind = dice.choice(["rate_limiting", "bytes_limiting"])
    rate = dice.choice([3, 20, 150, 800]) * (1 if kind == "rate_limiting" else 150)
    unit = "spans_per_second" if kind == "rate_limiting" else "bytes_per_second"
    burst = dice.choice([0, 2, rate, 3 * rate])
    limit = {"type": kind, kind: {unit: rate, "burst_capacity": burst}}
    if dice.random() < 0.5:
        return {"name": name, **limit}
    others = [each for each in config(dice)["policies"] if each["type"] not in _NOT_IN_AND]
    subs = [{**each, "name": f"s{at}"} for at, each in enumerate([limit, *others[:2]])]
    dice.shuffle(subs)
    return {"name": name, "type": "and", "and": {"and_sub_policy": [*map(_settle_sub, subs)]}}


_NOT_IN_AND = ("and", "drop", "composite", "rate_limiting", "bytes_limiting")


def _settle_sub(sub: Config) -> Config:
    """A ``not`` may have a limit inside of it, which would serve whoever comes first."""
    serves = sub["type"] == "not" and "_limiting" in json.dumps(sub)
    return {"name": sub["name"], "type": "always_sample"} if serves else sub


def for_the_collector(found: Config, mode: Mode) -> Config:
    """The same for the Collector, which has the clock against it.

    Either its wait is longer than all of the traffic takes, and it judges when it stops; or it is
    longer than a burst takes, and shorter than what lies between two of them.
    """
    stops = mode in {Mode.WHOLE, Mode.LIMITS, Mode.ROOT}
    return found | {"decision_wait": "600s" if stops else "3s"}


def _settled(block: Config, dice: Random) -> Config:
    """Limits either never bind, or refuse everything: within a tick the order is random."""
    for each in within(block):
        if "spans_per_second" in each:
            rate = dice.choice([0, NEVER_FULL])
            each |= {"spans_per_second": rate, "burst_capacity": dice.choice([0, rate])}
        if "bytes_per_second" in each:
            rate = dice.choice([0, NEVER_FULL])
            each |= {"bytes_per_second": rate, "burst_capacity": dice.choice([0, rate])}
        if "max_total_spans_per_second" in each:
            each["max_total_spans_per_second"] = dice.choice([0, *[NEVER_FULL] * 3])
    return block


def within(value: Any) -> Iterator[Config]:
    """Every mapping in it, itself first."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from within(each)
    if isinstance(value, list):
        for each in value:
            yield from within(each)


def _stateful(block: Config) -> bool:
    """Whether there may be a policy that span-ingest does not start with."""
    return any(
        each.get("max_spans")
        or each.get("upper_threshold_ms")
        or "_limiting" in str(each.get("type"))
        for each in within(block)
    )


def _starts(block: Config, version: int) -> bool:
    text = json.dumps(block)
    return all(version >= since or name not in text for name, since in _SINCE.items())
