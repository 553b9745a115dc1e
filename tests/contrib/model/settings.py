"""A ``tail_sampling`` block as frozen values, with contrib's names and defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


class StartError(Exception):
    """The collector would not start with this configuration, and says this."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    threshold_ms: int = 0
    upper_threshold_ms: int = 0  # 0: none


@dataclass(frozen=True, kw_only=True)
class NumericAttribute:
    key: str = ""
    min_value: int = 0  # 0: none
    max_value: int = 0  # 0: none
    invert_match: bool = False


@dataclass(frozen=True, kw_only=True)
class Probabilistic:
    hash_salt: str = ""
    sampling_percentage: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StatusCode:
    status_codes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StringAttribute:
    key: str = ""
    values: tuple[str, ...] = ()
    enabled_regex_matching: bool = False
    cache_max_size: int = 0  # changes nothing but speed
    invert_match: bool = False


@dataclass(frozen=True, kw_only=True)
class RateLimiting:
    spans_per_second: int = 0
    burst_capacity: int = 0  # 0 or less: twice the rate


@dataclass(frozen=True, kw_only=True)
class BytesLimiting:
    bytes_per_second: int = 0
    burst_capacity: int = 0  # 0 or less: twice the rate


@dataclass(frozen=True, kw_only=True)
class SpanCount:
    min_spans: int = 0
    max_spans: int = 0  # 0: none


@dataclass(frozen=True, kw_only=True)
class TraceState:
    key: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BooleanAttribute:
    key: str = ""
    value: bool = False
    invert_match: bool = False


@dataclass(frozen=True, kw_only=True)
class OttlCondition:
    error_mode: str = ""  # unset acts as silent
    span: tuple[str, ...] = ()
    spanevent: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class And:
    and_sub_policy: tuple[PolicySettings, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drop:
    drop_sub_policy: tuple[PolicySettings, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Not:
    not_sub_policy: PolicySettings


@dataclass(frozen=True, kw_only=True)
class Composite:
    max_total_spans_per_second: int = 0
    policy_order: tuple[str, ...] = ()  # read and never used
    composite_sub_policy: tuple[PolicySettings, ...] = ()
    rate_allocation: tuple[tuple[str, int], ...] = ()  # policy, percent


Block: TypeAlias = (
    Latency
    | NumericAttribute
    | Probabilistic
    | StatusCode
    | StringAttribute
    | RateLimiting
    | BytesLimiting
    | SpanCount
    | TraceState
    | BooleanAttribute
    | OttlCondition
    | And
    | Drop
    | Not
    | Composite
)


@dataclass(frozen=True, kw_only=True)
class PolicySettings:
    """One policy; ``block`` holds the parameters of its type, None if the type has none."""

    name: str = ""
    type: str = ""
    block: Block | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A whole block; times in nanoseconds."""

    policies: tuple[PolicySettings, ...] = ()
    decision_wait_ns: int = 30_000_000_000
    decision_wait_after_root_received_ns: int = 0  # 0: off
    num_traces: int = 50_000
    expected_new_traces_per_sec: int = 0
    sampled_cache_size: int = 0  # 0: no cache
    non_sampled_cache_size: int = 0  # 0: no cache
    sample_on_first_match: bool = False
    drop_pending_traces_on_shutdown: bool = False
    maximum_trace_size_bytes: int = 0  # 0: off
    block_on_overflow: bool = False
    sampling_strategy: str = "trace-complete"
    num_shards: int = 1

    @property
    def batches(self) -> int:
        """How many whole seconds a trace waits; one at least."""
        return max(1, self.decision_wait_ns // 1_000_000_000)

    @property
    def batches_after_root(self) -> int | None:
        """How many whole seconds a trace waits after its root; None if the root says nothing."""
        wait = self.decision_wait_after_root_received_ns
        return wait // 1_000_000_000 if wait > 0 else None
