"""From a ``tail_sampling`` mapping, as YAML gives it, to settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.contrib.model.compat import COMPAT, NEWEST, Compat
from tests.contrib.model.decode import Reader
from tests.contrib.model.settings import (
    And,
    Block,
    BooleanAttribute,
    BytesLimiting,
    Composite,
    Drop,
    Latency,
    Not,
    NumericAttribute,
    OttlCondition,
    PolicySettings,
    Probabilistic,
    RateLimiting,
    Settings,
    SpanCount,
    StartError,
    StatusCode,
    StringAttribute,
    TraceState,
)

STRATEGIES = ("trace-complete", "span-ingest")
ERROR_MODES = ("ignore", "silent", "propagate")
SHARDS_AT_MOST = 256

Blocks = Mapping[str, Callable[[Reader], Block]]


def decode(source: Mapping[str, Any], compat: str = NEWEST) -> Settings:
    """Settings of one processor.

    Raises:
        StartError: if the collector would refuse to read them.
    """
    reader = Reader(source, "")
    cache = reader.block("decision_cache")
    settings = Settings(
        policies=tuple(_policy(each, TOP) for each in reader.blocks("policies")),
        decision_wait_ns=reader.duration_ns("decision_wait", Settings.decision_wait_ns),
        decision_wait_after_root_received_ns=reader.duration_ns(
            "decision_wait_after_root_received", 0
        ),
        num_traces=reader.natural("num_traces", Settings.num_traces),
        expected_new_traces_per_sec=reader.natural("expected_new_traces_per_sec"),
        sampled_cache_size=cache.whole("sampled_cache_size"),
        non_sampled_cache_size=cache.whole("non_sampled_cache_size"),
        sample_on_first_match=reader.flag("sample_on_first_match"),
        drop_pending_traces_on_shutdown=reader.flag("drop_pending_traces_on_shutdown"),
        maximum_trace_size_bytes=reader.natural("maximum_trace_size_bytes"),
        block_on_overflow=reader.flag("block_on_overflow"),
        sampling_strategy=reader.text("sampling_strategy", Settings.sampling_strategy),
        num_shards=_shards(reader, COMPAT[compat]),
    )
    storage = reader.text("tail_storage")
    cache.done()
    reader.done()
    if storage:
        raise StartError("tail_storage needs processor.tailsamplingprocessor.tailstorageextension")
    if settings.sampling_strategy not in STRATEGIES:
        raise StartError(f'unknown sampling_strategy "{settings.sampling_strategy}"')
    return settings


def _shards(reader: Reader, compat: Compat) -> int:
    shards = reader.whole("num_shards", 1) if compat.shards else 1
    if shards > SHARDS_AT_MOST:
        raise StartError(f"num_shards ({shards}) must not exceed {SHARDS_AT_MOST}")
    return shards


def _policy(reader: Reader, blocks: Blocks) -> PolicySettings:
    """One policy: every block that is there must be readable, whatever the type."""
    name, kind = reader.text("name"), reader.text("type")
    found = {key: read(reader.block(key)) for key, read in blocks.items()}
    reader.done(maps_allowed=True)
    return PolicySettings(name=name, type=kind, block=found.get(kind))


def _ended(reader: Reader, block: Block) -> Block:
    reader.done()
    return block


def _latency(r: Reader) -> Block:
    return _ended(
        r,
        Latency(
            threshold_ms=r.whole("threshold_ms"), upper_threshold_ms=r.whole("upper_threshold_ms")
        ),
    )


def _numeric(r: Reader) -> Block:
    return _ended(
        r,
        NumericAttribute(
            key=r.text("key"),
            min_value=r.whole("min_value"),
            max_value=r.whole("max_value"),
            invert_match=r.flag("invert_match"),
        ),
    )


def _probabilistic(r: Reader) -> Block:
    return _ended(
        r,
        Probabilistic(
            hash_salt=r.text("hash_salt"), sampling_percentage=r.double("sampling_percentage")
        ),
    )


def _status_code(r: Reader) -> Block:
    return _ended(r, StatusCode(status_codes=r.texts("status_codes")))


def _string(r: Reader) -> Block:
    return _ended(
        r,
        StringAttribute(
            key=r.text("key"),
            values=r.texts("values"),
            enabled_regex_matching=r.flag("enabled_regex_matching"),
            cache_max_size=r.whole("cache_max_size"),
            invert_match=r.flag("invert_match"),
        ),
    )


def _rate(r: Reader) -> Block:
    return _ended(
        r,
        RateLimiting(
            spans_per_second=r.whole("spans_per_second"), burst_capacity=r.whole("burst_capacity")
        ),
    )


def _bytes(r: Reader) -> Block:
    return _ended(
        r,
        BytesLimiting(
            bytes_per_second=r.whole("bytes_per_second"), burst_capacity=r.whole("burst_capacity")
        ),
    )


def _span_count(r: Reader) -> Block:
    return _ended(r, SpanCount(min_spans=r.whole("min_spans"), max_spans=r.whole("max_spans")))


def _trace_state(r: Reader) -> Block:
    return _ended(r, TraceState(key=r.text("key"), values=r.texts("values")))


def _boolean(r: Reader) -> Block:
    return _ended(
        r,
        BooleanAttribute(
            key=r.text("key"), value=r.flag("value"), invert_match=r.flag("invert_match")
        ),
    )


def _ottl(r: Reader) -> Block:
    mode = r.text("error_mode").lower()
    if "error_mode" in r.source and mode not in ERROR_MODES:
        raise StartError(f"'{r.at}.error_mode': unknown error mode {mode}")
    return _ended(
        r, OttlCondition(error_mode=mode, span=r.texts("span"), spanevent=r.texts("spanevent"))
    )


def _and(r: Reader) -> Block:
    subs = tuple(_policy(sub, IN_AND_AND_DROP) for sub in r.blocks("and_sub_policy"))
    return _ended(r, And(and_sub_policy=subs))


def _drop(r: Reader) -> Block:
    subs = tuple(_policy(sub, IN_AND_AND_DROP) for sub in r.blocks("drop_sub_policy"))
    return _ended(r, Drop(drop_sub_policy=subs))


def _not(r: Reader) -> Block:
    return _ended(r, Not(not_sub_policy=_policy(r.block("not_sub_policy"), SIMPLE)))


def _composite(r: Reader) -> Block:
    shares = r.blocks("rate_allocation")
    allocation = tuple((share.text("policy"), share.whole("percent")) for share in shares)
    for share in shares:
        share.done()
    return _ended(
        r,
        Composite(
            max_total_spans_per_second=r.whole("max_total_spans_per_second"),
            policy_order=r.texts("policy_order"),
            composite_sub_policy=tuple(
                _policy(sub, IN_COMPOSITE) for sub in r.blocks("composite_sub_policy")
            ),
            rate_allocation=allocation,
        ),
    )


SIMPLE: Blocks = {
    "latency": _latency,
    "numeric_attribute": _numeric,
    "probabilistic": _probabilistic,
    "status_code": _status_code,
    "string_attribute": _string,
    "rate_limiting": _rate,
    "bytes_limiting": _bytes,
    "span_count": _span_count,
    "trace_state": _trace_state,
    "boolean_attribute": _boolean,
    "ottl_condition": _ottl,
}
IN_AND_AND_DROP: Blocks = {**SIMPLE, "not": _not}
IN_COMPOSITE: Blocks = {**SIMPLE, "and": _and}
TOP: Blocks = {**SIMPLE, "composite": _composite, "and": _and, "not": _not, "drop": _drop}
