"""The whole block read back in sentences: what is kept, what is dropped, and when.

"errors: keeps traces in which a span has the status ERROR." Policies come in the order in which
they are asked, those of type drop first; a sub-policy stands after the one that holds it, its name
after a ``>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.block import TailSampling
from tailsampler.decide.dialects.contrib.compat import NEWEST, Behaviour, behaviour, unallocated
from tailsampler.decide.dialects.contrib.nested import And, Composite, Drop, Not
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.trap import called


def sentences(config: TailSampling, compat: int | None = None) -> tuple[str, ...]:
    """First the waiting, then the policies, then what becomes of the rest.

    ``compat``: the minor version that is asked for, or None: the newest.
    """
    does = behaviour(NEWEST if compat is None else compat)
    return tuple(_all(config, does))


def _all(config: TailSampling, does: Behaviour) -> Iterator[str]:
    wait, after = config.wait_s, config.wait_after_root_s
    sooner = "" if after is None else f", or {after} to {after + 1} s after its root, if earlier"
    yield f"A trace is judged {wait} to {wait + 1} s after its first span{sooner}."
    if config.sampling_strategy == "span-ingest":
        yield "Policies are asked with each request, and the first yes keeps the trace at once."
    if config.maximum_trace_size_bytes:
        yield f"A trace over {config.maximum_trace_size_bytes:,} bytes is dropped at once."
    drops = [policy for policy in config.policies if policy.type == "drop"]
    keeps = [policy for policy in config.policies if policy.type != "drop"]
    for policy in (*drops, *keeps):
        yield from _tell(policy, called(policy), does, top=True)
    yield "Every other trace is dropped." if keeps else "Every trace is dropped."


def _tell(policy: Policy, path: str, does: Behaviour, *, top: bool) -> Iterator[str]:
    verb = "drops" if policy.type == "drop" else "keeps" if top else "matches"
    yield f"{path}: {verb} {what(policy, does)}."
    for sub in getattr(policy.settings, "policies", ()):
        yield from _tell(sub, f"{path} > {called(sub)}", does, top=False)


def what(policy: Policy, does: Behaviour) -> str:
    """The traces that it asks for, "traces that last longer than 1s"."""
    match policy.settings:
        case And() | Drop() as block if not block.policies:
            return "every trace"
        case And() | Drop() as block:
            return f"traces that {_all_of(block.policies)}{_veto(policy)}"
        case Not() as block:
            return f"traces that {_or([called(sub) for sub in block.policies])} does not match"
        case Composite() as block:
            return _composite(block, does)
    return _simple(policy.settings, does)


def _veto(policy: Policy) -> str:
    return ", whatever other policies say" if policy.type == "drop" else ""


def _all_of(subs: Sequence[Policy]) -> str:
    words = [called(sub) for sub in subs]
    if len(words) == 1:
        return f"{words[0]} matches"
    every = "both" if len(words) == 2 else "all of"
    return f"{every} {', '.join(words[:-1])} and {words[-1]} match"


def _composite(block: Composite, does: Behaviour) -> str:
    total = block.max_total_spans_per_second
    if not block.policies:
        return "nothing"
    shares = {share.policy: share.percent for share in block.rate_allocation}
    equal = total // len(block.policies)
    parts = []
    for sub in block.policies:
        percent = shares.get(sub.name, 0)
        spans = int(percent / 100 * total) if percent > 0 else equal
        if does.starve_unallocated and sub in unallocated(block):
            spans = 0
        parts.append(f"{max(spans, 0):,} for {called(sub)}")
    return f"traces within the spans a second of the first that matches: {_and(parts)}"


def _simple(block: object, does: Behaviour) -> str:
    match block:
        case blocks.AlwaysSample():
            words = "every trace"
        case blocks.Latency():
            words = _latency(block, does)
        case blocks.Probabilistic():
            words = _share(block)
        case blocks.SpanCount():
            most = f" and {block.max_spans:,} at most" if block.max_spans else ""
            words = f"traces of {block.min_spans:,} spans or more{most}"
        case blocks.RateLimiting():
            words = _limit(block.spans_per_second, block.burst_capacity, "spans", does)
        case blocks.BytesLimiting():
            words = _limit(block.bytes_per_second, block.burst_capacity, "bytes", does)
        case _:
            words = f"traces in which {_span(block)}"
    return words


def _span(block: object) -> str:
    match block:
        case blocks.StatusCode():
            words = f"a span has the status {_or(block.status_codes)}"
        case blocks.TraceState():
            words = f"a span's tracestate has {block.key} = {_or(block.values) or 'no value'}"
        case blocks.OttlCondition():
            parts = [f"a span meets {text}" for text in block.span]
            words = _or([*parts, *(f"an event of a span meets {text}" for text in block.spanevent)])
        case blocks.BooleanAttribute():
            words = _attribute(block.key, f"is {str(block.value).lower()}", block)
        case blocks.StringAttribute():
            values = _or([f'"{value}"' for value in block.values]) or "nothing"
            verb = "contains a match of" if block.enabled_regex_matching else "is"
            words = _attribute(block.key, f"{verb} {values}", block)
        case blocks.NumericAttribute():
            words = _attribute(block.key, _range(block), block)
        case _:
            words = "a span has the sampled flag"
    return words


class _Inverting(Protocol):
    @property
    def invert_match(self) -> bool: ...


def _attribute(key: str, what: str, block: _Inverting) -> str:
    return f"{'no' if block.invert_match else 'some'} {key or 'attribute without a name'} {what}"


def _range(block: blocks.NumericAttribute) -> str:
    low, high = block.min_value, block.max_value
    if low and high:
        return f"is from {low:,} to {high:,}"
    if low:
        return f"is {low:,} or more"
    return f"is {high:,} or less" if high else "is in a range without bounds"


def _latency(block: blocks.Latency, does: Behaviour) -> str:
    low, high = block.threshold_ms, block.upper_threshold_ms
    if high:
        return f"traces that last over {_ms(low)} and {_ms(high)} at most"
    how = f"{_ms(low)} or longer" if does.latency_at_least else f"over {_ms(low)}"
    return f"traces that last {how}"


def _share(block: blocks.Probabilistic) -> str:
    per_cent = block.sampling_percentage
    if per_cent >= 100:
        return "every trace"
    if per_cent <= 0:
        return "nothing"
    salt = f', told with the salt "{block.hash_salt}"' if block.hash_salt else ""
    return f"{per_cent:g} % of all traces, by their ids{salt}"


def _limit(rate: int, burst: int, unit: str, does: Behaviour) -> str:
    if rate <= 0 and burst <= 0:
        return "nothing"
    at_once = f", and {burst if burst > 0 else 2 * rate:,} at once"
    if does.rate_per_clock_second and unit == "spans":
        at_once = ""
    return f"any traces, {rate:,} {unit} a second at most{at_once}"


def _ms(ms: int) -> str:
    return f"{ms:,} ms" if ms % 1000 or not ms else f"{ms // 1000:,} s"


def _or(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
