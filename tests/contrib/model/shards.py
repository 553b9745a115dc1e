"""Several processors side by side (from v0.159 on), each with its share of traces and limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contrib.model import settings as s
from tests.contrib.model.combinators import And, Composite, Not
from tests.contrib.model.compat import COMPAT, NEWEST
from tests.contrib.model.events import Event
from tests.contrib.model.limits import Limit
from tests.contrib.model.processor import DEFAULT_GATES, Gates, Processor
from tests.contrib.model.trace import arrivals_in
from tests.contrib.model.votes import Policy

_ALL = (1 << 64) - 1


def shard_of(trace_id: bytes, shards: int) -> int:
    """The shard of a trace: both halves of its id, mixed by splitmix64's last steps."""
    mixed = int.from_bytes(trace_id[:8], "little") ^ int.from_bytes(trace_id[8:], "little")
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _ALL
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _ALL
    return (mixed ^ mixed >> 31) % shards


class Sharded:
    """All shards of a processor; shard after shard within a request and within a tick."""

    def __init__(
        self, settings: s.Settings, compat: str = NEWEST, gates: Gates = DEFAULT_GATES
    ) -> None:
        """Build one processor for each shard.

        Raises:
            StartError: with contrib's words.
        """
        shared = COMPAT[compat].shared_limits
        part = part_of(settings, divide_limits=not shared)
        self.shards = [Processor(part, compat, gates) for _ in range(max(1, settings.num_shards))]
        if shared:
            columns = zip(*([*_limits(shard)] for shard in self.shards), strict=True)
            for first, *others in columns:
                for other in others:
                    other.bucket = first.bucket

    def consume(self, request: ExportTraceServiceRequest, now_s: float) -> list[Event]:
        """Take a request at a time in seconds: every trace goes to its own shard."""
        arrivals = [(shard_of(a.trace_id, len(self.shards)), a) for a in arrivals_in(request)]
        return [
            event
            for number, shard in enumerate(self.shards)
            for event in shard.take([a for mine, a in arrivals if mine == number], now_s)
        ]

    def tick(self, now_s: float) -> list[Event]:
        """One tick of every shard."""
        return [event for shard in self.shards for event in shard.tick(now_s)]

    def shutdown(self, now_s: float) -> list[Event]:
        """Shut every shard down."""
        return [event for shard in self.shards for event in shard.shutdown(now_s)]


def part_of(whole: s.Settings, *, divide_limits: bool) -> s.Settings:
    """One shard's settings: sizes and totals divided by the shards, 1 at least if they are set."""
    count = max(1, whole.num_shards)
    return replace(
        whole,
        num_shards=1,
        num_traces=_share(whole.num_traces, count),
        expected_new_traces_per_sec=_share(whole.expected_new_traces_per_sec, count),
        sampled_cache_size=_share(whole.sampled_cache_size, count),
        non_sampled_cache_size=_share(whole.non_sampled_cache_size, count),
        policies=_policies(whole.policies, count, divide_limits),
    )


def _share(number: int, count: int) -> int:
    return max(1, number // count) if number > 0 else number


def _policies(
    policies: tuple[s.PolicySettings, ...], count: int, limits: bool
) -> tuple[s.PolicySettings, ...]:
    return tuple(replace(p, block=_block(p.block, count, limits)) for p in policies)


def _block(  # noqa: PLR0911 - one for each kind
    block: s.Block | None, count: int, limits: bool
) -> s.Block | None:
    match block:
        case s.And():
            subs = _policies(block.and_sub_policy, count, limits)
            return replace(block, and_sub_policy=subs)
        case s.Drop():
            subs = _policies(block.drop_sub_policy, count, limits)
            return replace(block, drop_sub_policy=subs)
        case s.Not():
            (sub,) = _policies((block.not_sub_policy,), count, limits)
            return replace(block, not_sub_policy=sub)
        case s.Composite():
            return replace(
                block,
                max_total_spans_per_second=_share(block.max_total_spans_per_second, count),
                composite_sub_policy=_policies(block.composite_sub_policy, count, limits),
            )
        case s.RateLimiting() if limits:
            return replace(
                block,
                spans_per_second=_share(block.spans_per_second, count),
                burst_capacity=_burst(block.burst_capacity, block.spans_per_second),
            )
        case s.BytesLimiting() if limits:
            return replace(
                block,
                bytes_per_second=_share(block.bytes_per_second, count),
                burst_capacity=_burst(block.burst_capacity, block.bytes_per_second),
            )
    return block


def _burst(burst: int, rate: int) -> int:
    """A trace is judged whole by one shard: what may pass at once is not divided."""
    return burst if burst > 0 else max(0, 2 * rate)


def _limits(shard: Processor) -> Iterator[Limit]:
    """Every limit of a processor, however deep, in the operator's order."""
    for named in shard.policies:
        yield from _limits_in(named.policy)


def _limits_in(policy: Policy) -> Iterator[Limit]:
    match policy:
        case Limit():
            yield policy
        case And(subs=subs):
            for sub in subs:
                yield from _limits_in(sub)
        case Not(sub=sub):
            yield from _limits_in(sub)
        case Composite(shares=shares):
            for share in shares:
                yield from _limits_in(share.policy)
