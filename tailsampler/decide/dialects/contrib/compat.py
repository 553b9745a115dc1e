"""The versions of contrib that keep and drop differently, and what that means for a block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.block import TailSampling, walk
from tailsampler.decide.dialects.contrib.nested import Composite
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import shown

OLDEST: Final = 126
NEWEST: Final = 165
"""Minor versions: 155 is v0.155. Before the oldest nothing is known here."""

_INT: Final = re.compile(r"\bInt\(")
_VERSION: Final = re.compile(r"v?0\.(\d{1,4})(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a version does, as far as versions differ; each flag is of the older ones."""

    inverted_veto: bool
    """Up to 0.143: a match under ``invert_match`` at the top level drops the trace."""
    zero_is_a_bound: bool
    """Up to 0.131: a bound of ``numeric_attribute`` that is 0 or not written is the number 0."""
    rate_per_clock_second: bool
    """Up to 0.152: ``rate_limiting`` counts spans within a second of the clock, without burst."""
    latency_at_least: bool
    """Up to 0.156: ``latency`` without an upper bound takes a trace at its threshold, too."""
    starve_unallocated: bool
    """Up to 0.158: a sub of ``composite`` that ``rate_allocation`` leaves out gets 0."""
    one_loop: bool
    """Up to 0.158: there is no ``num_shards``."""
    lenient_int: bool
    """Up to 0.159: ``Int`` of a text that is no number is nil in conditions, and not an error."""
    plain_limits: bool
    """Up to 0.159: under ``usetracestate`` limits are token buckets all the same."""
    credits_first: bool
    """Up to 0.161: of the policies that sample, the first is credited, whatever its share."""
    long_latency: bool
    """Up to 0.161: times 292 years apart are as far apart as times can be; then they wrap."""
    no_schema_urls: bool
    """Up to 0.164: ``schema_url`` is left out of kept spans, and of what limits on bytes count."""
    ingest_decides: bool
    """Up to 0.151: ``span-ingest`` samples even while a ``drop`` may still drop."""


def behaviour(version: int) -> Behaviour:
    """What this minor version does."""
    older = {change.flag: version < change.since for change in CHANGES}
    return Behaviour(**older)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the flag of ``Behaviour``, the first version without it, and words for it."""

    flag: str
    since: int
    concerns: Callable[[Policy, tuple[Policy, ...]], bool]
    """Whether it matters for a policy; the second argument: those around it."""
    before: str
    after: str


def _inverted(policy: Policy, around: tuple[Policy, ...]) -> bool:
    return bool(getattr(policy.settings, "invert_match", False)) and not any(
        outer.type in {"and", "drop"} for outer in around
    )


def _half_open(policy: Policy, _around: tuple[Policy, ...]) -> bool:
    block = policy.settings
    return isinstance(block, blocks.NumericAttribute) and (
        (block.min_value == 0) != (block.max_value == 0)
    )


def _open_latency(policy: Policy, _around: tuple[Policy, ...]) -> bool:
    return isinstance(policy.settings, blocks.Latency) and policy.settings.upper_threshold_ms == 0


def _converts_to_int(policy: Policy) -> bool:
    block = policy.settings
    return isinstance(block, blocks.OttlCondition) and any(
        _INT.search(text) for text in (*block.span, *block.spanevent)
    )


def _limited(policy: Policy, _around: tuple[Policy, ...]) -> bool:
    return isinstance(policy.settings, blocks.RateLimiting)


def unallocated(composite: Composite) -> list[Policy]:
    """The subs that ``rate_allocation`` does not name."""
    named = {share.policy for share in composite.rate_allocation}
    return [policy for policy in composite.policies if policy.name not in named]


def _left_out(policy: Policy, _around: tuple[Policy, ...]) -> bool:
    return isinstance(policy.settings, Composite) and bool(unallocated(policy.settings))


CHANGES: Final = (
    Change(
        "zero_is_a_bound",
        132,
        _half_open,
        "the bound that is not written is 0",
        "the bound that is not written is no bound",
    ),
    Change(
        "inverted_veto",
        144,
        _inverted,
        "a trace that has the value is dropped, whatever other policies say",
        "a trace that has the value is not kept by this policy, and others may keep it",
    ),
    Change(
        "ingest_decides",
        152,
        lambda policy, around: policy.type == "drop" and not around,
        "span-ingest keeps a trace although a later part of it might be dropped",
        "span-ingest keeps nothing while a drop policy may still drop it",
    ),
    Change(
        "rate_per_clock_second",
        153,
        _limited,
        "spans are counted within each second of the clock, and no burst is allowed",
        "a token bucket refills all the time, with a burst of twice the rate if none is written",
    ),
    Change(
        "latency_at_least",
        157,
        _open_latency,
        "a trace that lasts exactly threshold_ms is kept",
        "a trace must last longer than threshold_ms",
    ),
    Change(
        "starve_unallocated",
        159,
        _left_out,
        "a sub-policy that rate_allocation leaves out gets nothing and hides those after it",
        "a sub-policy that rate_allocation leaves out gets an equal share",
    ),
    Change(
        "one_loop",
        159,
        lambda _policy, _around: False,
        "there is no num_shards, and such a block does not start",
        "num_shards divides the work",
    ),
    Change(
        "lenient_int",
        160,
        lambda policy, _around: _converts_to_int(policy),
        "Int of a text that is no number is nil",
        "Int of a text that is no number is an error, so the condition does not hold",
    ),
    Change(
        "plain_limits",
        160,
        lambda _policy, _around: False,  # matters under a feature gate alone
        "limits are token buckets under usetracestate, too",
        "under usetracestate limits keep the traces of a tick with the highest randomness",
    ),
    Change(
        "credits_first",
        162,
        lambda _policy, _around: False,  # changes no verdict, only who is named for it
        "of the policies that keep a trace, the first is credited",
        "of the policies that keep a trace, the one with the largest share is credited",
    ),
    Change(
        "long_latency",
        162,
        lambda _policy, _around: False,  # no clock is that wrong
        "a trace of more than 292 years lasts 292 years",
        "a trace of more than 292 years lasts what is left modulo 2^64 ns",
    ),
    Change(
        "no_schema_urls",
        165,
        lambda policy, _around: policy.type == "bytes_limiting",
        "schema_url does not count",
        "schema_url counts",
    ),
)


def parse_compat(value: object) -> int:
    """``"0.155"`` (or ``v0.155.1``): the minor version."""
    if isinstance(value, int) and not isinstance(value, bool) and OLDEST <= value <= NEWEST:
        return value  # parsed already
    if isinstance(value, float):
        say = f'{value:.3f} is a number, and 0.160 would be 0.16; write it in quotes: "{value:.3f}"'
        raise BadValueError("version_without_quotes", say)
    match = _VERSION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        say = f'{shown(value)} is not a version of contrib; write e.g. "0.155"'
        raise BadValueError("unknown_version", say)
    version = int(match[1])
    if not OLDEST <= version <= NEWEST:
        say = (
            f"{shown(value)} is not known here; write a version from {version_text(OLDEST)} to "
            f"{version_text(NEWEST)}, or leave compat out for the newest"
        )
        raise BadValueError("unknown_version", say)
    return version


def version_text(version: int) -> str:
    """``0.155``."""
    return f"0.{version}"


def differences(config: TailSampling, compat: int | None = None) -> tuple[str, ...]:
    """Where versions differ for this block, one sentence each, and what holds here.

    ``compat``: the minor version, or None: the newest.
    """
    return tuple(_differences(config, NEWEST if compat is None else compat))


def _differences(config: TailSampling, version: int) -> Iterator[str]:
    for change in CHANGES:
        names = [
            " > ".join(one.name or one.type for one in chain)
            for _, chain in walk(config)
            if change.concerns(chain[-1], chain[:-1])
        ]
        if change.flag == "one_loop" and config.num_shards > 1:
            names = ["num_shards"]
        at_ingest = config.sampling_strategy == "span-ingest"
        if not names or (change.flag == "ingest_decides" and not at_ingest):
            continue
        old = version < change.since
        yield (
            f"{', '.join(names)}: up to {version_text(change.since - 1)} {change.before}; from "
            f"{version_text(change.since)} on {change.after}. "
            f"{version_text(version)} is asked for, so the {'first' if old else 'second'} holds."
        )


Compat = Annotated[
    int, PlainValidator(parse_compat), PlainSerializer(version_text, return_type=str)
]
