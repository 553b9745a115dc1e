"""A ``tail_sampling`` block, compiled to the plan that the core runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal

from tailsampler.decide import plan, votes
from tailsampler.decide.dialects.contrib import blocks, nested
from tailsampler.decide.dialects.contrib.compat import NEWEST, Behaviour, behaviour
from tailsampler.decide.dialects.contrib.gates import DEFAULT_GATES, Gates
from tailsampler.decide.dialects.contrib.shares import (
    DEFAULT_SALT,
    consistent_threshold,
    hash_threshold,
)
from tailsampler.decide.plan import MAX_VOTED, NEVER, PAGE, Plan, PredicateTable
from tailsampler.decide.regex import for_the_core
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.document import key_path

if TYPE_CHECKING:
    from tailsampler.decide.dialects.contrib.block import TailSampling
    from tailsampler.decide.dialects.contrib.policy import Policy
    from tailsampler.decide.ottl import Context
    from tailsampler.settings.base import Loc

TICK_MS: Final = 1_000
TRUNCATED_AT: Final = 32 << 20
"""Bytes of a kept trace's spans, of which only root and errors go beyond; as in our own chain."""
_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 63) - 1
_CODES: Final = {"UNSET": 0, "OK": 1, "ERROR": 2}
_LONGEST_STATE: Final = 256
"""Of key and value of ``trace_state`` together; contrib passes over what is as long, or longer."""


def compile_block(
    config: TailSampling, compat: int | None = None, gates: Gates = DEFAULT_GATES
) -> Plan:
    """The plan of a block, version 0: the core numbers it when it is installed.

    ``compat``: the minor version of contrib, or None: the newest. ``gates``: those that are on.

    Raises:
        SettingsError: with everything in it that this version of ours does not run.
    """
    version = behaviour(NEWEST if compat is None else compat)
    lowering = _Lowering(version, gates)
    lowering.latencies_first(config.policies)
    policies = tuple(
        lowering.vote(policy, ("policies", at)) for at, policy in enumerate(config.policies)
    )
    lowering.check()
    after_root = config.wait_after_root_s
    return Plan(
        wait_ms=config.wait_s * 1_000,
        wait_after_root_ms=None if after_root is None else after_root * 1_000,
        # Kept traces are put together in memory, whoever judged them.
        large=plan.Large(max_bytes=TRUNCATED_AT, drop=False),
        predicates=lowering.table.predicates(),
        rules=tuple(_rule(one) for one in config.policies),
        votes=votes.Votes(
            policies=policies,
            first_match=config.sample_on_first_match,
            tick_ms=TICK_MS,
            max_bytes=config.maximum_trace_size_bytes or None,
            at_ingest=config.sampling_strategy == "span-ingest",
            despite_drops=version.ingest_decides,
            schema_urls=not version.no_schema_urls,
            credit_loosest=not version.credits_first,
            tracestate=gates.use_tracestate,
            budgets=gates.use_tracestate and not version.plain_limits,
            record_policy=gates.record_policy,
            record_late=config.decision_cache.sampled_cache_size > 0,
        ),
    )


def _rule(policy: Policy) -> plan.Rule:
    """The name, and what the policy does with a trace that it decides."""
    return plan.Rule(name=policy.name, all=(), threshold=NEVER if policy.type == "drop" else 0)


class _Lowering:
    """Policies become votes, and their conditions bits."""

    def __init__(self, version: Behaviour, gates: Gates) -> None:
        self.table = PredicateTable()
        self._version = version
        self._gates = gates
        self._problems: list[Problem] = []
        self._limits = 0
        self._composites = 0

    def check(self) -> None:
        """Raise what was found to be missing here."""
        conditions = len(self.table.predicates())
        if conditions > MAX_VOTED:
            say = (
                f"the policies have {conditions} different conditions, and a trace has room for "
                f"{MAX_VOTED}; join values of one key in one policy"
            )
            self._problems.append(Problem("too_many_conditions", _place(("policies",)), say))
        latencies = sum(isinstance(one.test, plan.Lasting) for one in self.table.predicates())
        if latencies > PAGE:
            say = (
                f"the policies have {latencies} different thresholds of latency, and a trace has "
                f"room for {PAGE}; give some of them the same"
            )
            self._problems.append(Problem("too_many_conditions", _place(("policies",)), say))
        if self._problems:
            raise SettingsError(self._problems)

    def latencies_first(self, policies: Iterable[Policy]) -> None:
        """Times are looked at for conditions on the first page alone."""
        for policy in policies:
            match policy.settings:
                case blocks.Latency() as block:
                    self.latency(block, ())
                case nested.Nested() as block:
                    self.latencies_first(block.policies)

    def _missing(self, loc: Loc, what: str) -> None:
        say = f"{what} cannot be run by this version; leave it out, or stay with the Collector"
        self._problems.append(Problem("not_supported", _place(loc), say))

    def vote(self, policy: Policy, loc: Loc) -> votes.Vote:
        """What a policy asks."""
        block = policy.settings
        lower = _LOWER[type(block)]
        return lower(self, block, (*loc, policy.type))

    def bit(self, test: plan.Test, reason: str, *, inverted: bool = False) -> votes.Bit:
        """Whether some span passes."""
        return votes.Bit(bit=self.table.bit(reason, test), inverted=inverted)

    def _subs(self, block: nested.Nested, loc: Loc) -> tuple[votes.Vote, ...]:
        return tuple(self.vote(sub, (*loc, at)) for at, sub in enumerate(block.policies))

    def always(self, _block: blocks.AlwaysSample, _loc: Loc) -> votes.Vote:
        return votes.Always()

    def flags(self, _block: blocks.TraceFlags, _loc: Loc) -> votes.Vote:
        return self.bit(plan.SpanSampled(), "trace_flags")

    def latency(self, block: blocks.Latency, _loc: Loc) -> votes.Vote:
        lower, upper = block.threshold_ms, block.upper_threshold_ms or None
        at_threshold = upper is None and self._version.latency_at_least
        from_ms = lower if at_threshold else min(lower + 1, _INT_MAX)
        wraps = not self._version.long_latency
        test = plan.Lasting(from_ms=from_ms, to_ms=upper, wraps=wraps)
        return self.bit(test, "latency")

    def numeric(self, block: blocks.NumericAttribute, loc: Loc) -> votes.Vote:
        low, high = block.min_value, block.max_value
        if not low and not high and not self._version.zero_is_a_bound:
            self._missing(loc, "numeric_attribute without bounds, which ends contrib's process,")
        if not self._version.zero_is_a_bound:
            low, high = low or _INT_MIN, high or _INT_MAX
        asks = plan.IntBetween(min=low, max=high)
        return self._attribute(block.key, asks, "numeric_attribute", inverted=block.invert_match)

    def string(self, block: blocks.StringAttribute, _loc: Loc) -> votes.Vote:
        # As texts empty values are passed over; as expressions they are found in every text.
        asks: plan.Asks = plan.StringIn(values=tuple(value for value in block.values if value))
        if block.enabled_regex_matching:
            asks = plan.Matches(patterns=tuple(for_the_core(value) for value in block.values))
        return self._attribute(block.key, asks, "string_attribute", inverted=block.invert_match)

    def boolean(self, block: blocks.BooleanAttribute, _loc: Loc) -> votes.Vote:
        asks = plan.BoolIs(value=block.value)
        return self._attribute(block.key, asks, "boolean_attribute", inverted=block.invert_match)

    def _attribute(self, key: str, asks: plan.Asks, reason: str, *, inverted: bool) -> votes.Vote:
        veto = inverted and self._gates.vetoes(older=self._version.inverted_veto)
        bit = self.table.bit(reason, plan.First(key=key, asks=asks))
        return votes.Bit(bit=bit, inverted=inverted, veto=veto)

    def status(self, block: blocks.StatusCode, _loc: Loc) -> votes.Vote:
        codes = tuple(sorted({_CODES[code] for code in block.status_codes}))
        return self.bit(plan.SpanStatusIn(codes=codes), "status_code")

    def state(self, block: blocks.TraceState, _loc: Loc) -> votes.Vote:
        room = _LONGEST_STATE - len(block.key.encode())
        values = tuple(value for value in block.values if 0 < len(value.encode()) < room)
        return self.bit(plan.TraceStateIn(key=block.key, values=values), "trace_state")

    def spans(self, block: blocks.SpanCount, _loc: Loc) -> votes.Vote:
        return votes.Spans(min=block.min_spans, max=block.max_spans)

    def probabilistic(self, block: blocks.Probabilistic, _loc: Loc) -> votes.Vote:
        informed = None
        if self._gates.use_tracestate:
            informed = self.table.bit("sampling_information", plan.SamplingInformation())
        return votes.Hashed(
            salt=block.hash_salt or DEFAULT_SALT,
            threshold=hash_threshold(block.sampling_percentage),
            t=consistent_threshold(block.sampling_percentage),
            informed=informed,
        )

    def rate(self, block: blocks.RateLimiting, _loc: Loc) -> votes.Vote:
        rate = max(block.spans_per_second, 0)
        if self._version.rate_per_clock_second:
            # A counter for each second of the clock: what a composite of one part is.
            share = votes.Share(name="rate_limiting", vote=votes.Always(), most=rate)
            return votes.Composite(of=(share,), most=rate, place=self._next_composite())
        return self._limited("spans", rate, block.burst_capacity)

    def size(self, block: blocks.BytesLimiting, _loc: Loc) -> votes.Vote:
        return self._limited("bytes", max(block.bytes_per_second, 0), block.burst_capacity)

    def _limited(self, cost: Literal["spans", "bytes"], rate: int, burst: int) -> votes.Vote:
        limit, self._limits = self._limits, self._limits + 1
        burst = min(burst if burst > 0 else 2 * rate, _INT_MAX)
        return votes.Limited(limit=limit, cost=cost, per_second=rate, burst=burst)

    def ottl(self, block: blocks.OttlCondition, loc: Loc) -> votes.Vote:
        failed = None
        if block.error_mode == "propagate":
            of = "\n".join((*block.span, "", *block.spanevent))
            self.table.begin_page(together=2)
            failed = self.table.bit("ottl_error", plan.OttlFailed(of=of))
        test = plan.Ottl(
            span=tuple(self._conditions(block.span, "span", (*loc, "span"))),
            event=tuple(self._conditions(block.spanevent, "spanevent", (*loc, "spanevent"))),
            failed=failed,
        )
        if failed is None:
            return self.bit(test, "ottl_condition")
        return votes.Race(matched=self.table.bit("ottl_condition", test), failed=failed)

    def _conditions(self, texts: tuple[str, ...], context: Context, loc: Loc) -> Iterator[str]:
        from tailsampler.decide.ottl import OttlError, parse  # noqa: PLC0415 - if there are some
        from tailsampler.decide.ottl.for_core import for_core  # noqa: PLC0415 - as above

        for at, text in enumerate(texts):
            try:
                lenient = self._version.lenient_int
                yield for_core(parse(text, context), lenient_int=lenient).model_dump_json()
            except OttlError as error:  # the block was not read by ``TailSampling``
                self._problems.append(Problem(error.code, _place((*loc, at)), error.say))

    def both(self, block: nested.And, loc: Loc) -> votes.Vote:
        return votes.And(of=self._subs(block, (*loc, "and_sub_policy")))

    def drop(self, block: nested.Drop, loc: Loc) -> votes.Vote:
        return votes.Drop(of=self._subs(block, (*loc, "drop_sub_policy")))

    def negated(self, block: nested.Not, loc: Loc) -> votes.Vote:
        [sub] = block.policies
        return votes.Not(of=self.vote(sub, (*loc, "not_sub_policy")))

    def composite(self, block: nested.Composite, loc: Loc) -> votes.Vote:
        subs = self._subs(block, (*loc, "composite_sub_policy"))
        place = self._next_composite()
        shares = tuple(
            votes.Share(name=policy.name, vote=sub, most=most)
            for policy, sub, most in zip(
                block.policies, subs, self._allocations(block), strict=True
            )
        )
        return votes.Composite(of=shares, most=block.max_total_spans_per_second, place=place)

    def _next_composite(self) -> int:
        self._composites += 1
        return self._composites - 1

    def _allocations(self, block: nested.Composite) -> Iterator[int]:
        """Spans a second for each sub-policy."""
        total = block.max_total_spans_per_second
        percents = {share.policy: share.percent for share in block.rate_allocation}
        for policy in block.policies:
            percent = percents.get(policy.name)
            if percent is None and self._version.starve_unallocated:
                yield 0
            elif percent is None or percent <= 0:
                yield total // len(block.policies)
            else:
                yield max(min(int(percent / 100.0 * total), _INT_MAX), _INT_MIN)


def _place(loc: Loc) -> Place:
    return Place(key=key_path(("tail_sampling", *loc)))


_LOWER: Final[dict[type[blocks.Block], Callable[..., votes.Vote]]] = {
    blocks.AlwaysSample: _Lowering.always,
    blocks.TraceFlags: _Lowering.flags,
    blocks.Latency: _Lowering.latency,
    blocks.NumericAttribute: _Lowering.numeric,
    blocks.StringAttribute: _Lowering.string,
    blocks.BooleanAttribute: _Lowering.boolean,
    blocks.StatusCode: _Lowering.status,
    blocks.TraceState: _Lowering.state,
    blocks.SpanCount: _Lowering.spans,
    blocks.Probabilistic: _Lowering.probabilistic,
    blocks.RateLimiting: _Lowering.rate,
    blocks.BytesLimiting: _Lowering.size,
    blocks.OttlCondition: _Lowering.ottl,
    nested.And: _Lowering.both,
    nested.Drop: _Lowering.drop,
    nested.Not: _Lowering.negated,
    nested.Composite: _Lowering.composite,
}
