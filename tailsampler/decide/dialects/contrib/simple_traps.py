"""Traps in the blocks of the types that hold no other policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.compat import Behaviour
from tailsampler.decide.dialects.contrib.trap import PER_CENT, Trap
from tailsampler.settings.base import Loc
from tailsampler.settings.values import shown

# A text that nobody writes to be compared letter by letter.
_LIKE_A_REGEX: Final = re.compile(r"\.[*+]|^\^|\$$|\\[dwsb.]|\(\?")


def simple_traps(block: object, at: Loc, does: Behaviour) -> Iterator[Trap]:
    """Those of one block; ``at``: where it stands, ``does``: the version that is asked for."""
    match block:
        case blocks.Probabilistic():
            yield from _probabilistic(block, at)
        case blocks.Latency():
            yield from _latency(block, at)
        case blocks.NumericAttribute() if not does.zero_is_a_bound:
            yield from _numeric(block, at)
        case blocks.StringAttribute():
            yield from _string(block, at)
        case blocks.SpanCount():
            yield from _span_count(block, at)
        case blocks.RateLimiting():
            yield from _rate(block, at, does)
        case blocks.BytesLimiting():
            yield from _limit(at, block.bytes_per_second, block.burst_capacity, "bytes")
    yield from _words(block, at)


def _words(block: object, at: Loc) -> Iterator[Trap]:
    if isinstance(block, blocks.TraceState) and not any(block.values):
        say = "there is no value, so no trace matches; write values: [...]"
        yield Trap("no_values", (*at, "values"), say)
    if isinstance(block, blocks.StatusCode) and "UNSET" in block.status_codes:
        say = "most spans have no status, so UNSET matches nearly every trace; write [ERROR]"
        yield Trap("unset_matches_most", (*at, "status_codes"), say)
    if getattr(block, "key", None) == "":
        say = "the key is empty, and no attribute is called so; write key: ..."
        yield Trap("no_key", (*at, "key"), say)


def _probabilistic(block: blocks.Probabilistic, at: Loc) -> Iterator[Trap]:
    share, at = block.sampling_percentage, (*at, "sampling_percentage")
    if share > PER_CENT:
        say = f"{share:g} is over 100 and means all traces; write 100, or a share below"
        yield Trap("over_100_per_cent", at, say)
    elif share < 0:
        say = f"{share:g} is negative and keeps nothing; write a share from 0 to 100"
        yield Trap("negative_per_cent", at, say)
    elif share == 0:
        say = "0 keeps nothing (but a trace whose hash is exactly 0); write a share from 0 to 100"
        yield Trap("zero_per_cent", at, say)


def _latency(block: blocks.Latency, at: Loc) -> Iterator[Trap]:
    low, high = block.threshold_ms, block.upper_threshold_ms
    if high and high <= low:
        say = (
            f"no trace lasts over {low} ms and at most {high} ms; write an upper bound above {low}"
        )
        yield Trap("empty_range", (*at, "upper_threshold_ms"), say)
    elif high:
        say = (
            f"the bounds are compared while spans are added in the order of their arrival: a trace "
            f"of any length matches if its first spans last over {low} ms and at most {high} ms; "
            "leave the upper bound out if longer traces do no harm"
        )
        yield Trap("running_duration", (*at, "upper_threshold_ms"), say)
    elif low <= 0:
        say = f"nearly every trace lasts longer than {low} ms; write threshold_ms: 1000"
        yield Trap("latency_matches_most", (*at, "threshold_ms"), say)


def _numeric(block: blocks.NumericAttribute, at: Loc) -> Iterator[Trap]:
    low, high = block.min_value, block.max_value
    if low == 0 and high == 0:
        say = (
            "both bounds are 0, which means not written, and contrib crashes at the first trace "
            "that reaches this policy; write min_value, max_value or both"
        )
        yield Trap("no_bounds", at, say)
    elif low == 0 < high:
        say = (
            "min_value is 0 or not written, which is no bound: negative numbers match, and so does "
            "an attribute that holds no whole number, which counts as 0; write min_value: 1"
        )
        yield Trap("zero_is_no_bound", (*at, "min_value"), say)
    elif low and high and high < low:
        say = f"no number is from {low} to {high}; swap the bounds"
        yield Trap("empty_range", (*at, "max_value"), say)


def _string(block: blocks.StringAttribute, at: Loc) -> Iterator[Trap]:
    at = (*at, "values")
    outcome = "every trace matches, since the match is inverted" if block.invert_match else None
    if block.enabled_regex_matching and "" in block.values:
        say = "an empty expression is found in every text; remove it"
        yield Trap("empty_regex", at, say)
    elif not any(block.values):
        say = f"there is no value, so {outcome or 'no trace matches'}; write values: [...]"
        yield Trap("no_values", at, say)
    if block.enabled_regex_matching:
        return
    for index, value in enumerate(block.values):
        if value == "" and any(block.values):
            say = "an empty value is left out of the comparison; remove it"
            yield Trap("empty_value", (*at, index), say)
        elif _LIKE_A_REGEX.search(value):
            say = (
                f"{shown(value)} is compared letter by letter; write enabled_regex_matching: true "
                "if it is an expression"
            )
            yield Trap("regex_as_text", (*at, index), say)


def _span_count(block: blocks.SpanCount, at: Loc) -> Iterator[Trap]:
    low, high = block.min_spans, block.max_spans
    if high and high < low:
        say = f"no trace has {low} spans or more and {high} or fewer; swap the bounds"
        yield Trap("empty_range", (*at, "max_spans"), say)
    elif low <= 1 and not high:
        say = "every trace has a span, so every trace matches; write min_spans: 2 or more"
        yield Trap("span_count_matches_all", (*at, "min_spans"), say)


def _rate(block: blocks.RateLimiting, at: Loc, does: Behaviour) -> Iterator[Trap]:
    if not does.rate_per_clock_second:
        yield from _limit(at, block.spans_per_second, block.burst_capacity, "spans")
    elif block.spans_per_second > 0:
        say = (
            f"a trace of more than {block.spans_per_second:,} spans never passes, however idle the "
            "second is; write a spans_per_second above your largest trace"
        )
        yield Trap("larger_than_burst", (*at, "spans_per_second"), say)
    else:
        yield Trap("limit_of_zero", (*at, "spans_per_second"), _nothing("spans"))


def _nothing(unit: str) -> str:
    return f"0 {unit} a second let nothing through; write {unit}_per_second: ..."


def _limit(at: Loc, rate: int, burst: int, unit: str) -> Iterator[Trap]:
    if rate <= 0:
        yield Trap("limit_of_zero", (*at, f"{unit}_per_second"), _nothing(unit))
        return
    most = burst if burst > 0 else 2 * rate
    say = (
        f"a trace of more than {most:,} {unit} never passes, however full the bucket is; write a "
        "burst_capacity above your largest trace"
    )
    yield Trap("larger_than_burst", (*at, "burst_capacity"), say)
