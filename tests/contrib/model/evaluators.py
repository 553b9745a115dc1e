"""From settings to policies that can vote; what contrib finds wrong while it builds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from tests.contrib.model import attributes, combinators, filters, limits, settings
from tests.contrib.model.chain import Named
from tests.contrib.model.compat import Compat
from tests.contrib.model.ottl.conditions import Conditions
from tests.contrib.model.ottl.values import SyntaxFault
from tests.contrib.model.probabilistic import Probabilistic
from tests.contrib.model.regex import BadRegexError, Regex, compiled
from tests.contrib.model.settings import PolicySettings, Settings, StartError
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import Policy

WITHOUT_BLOCK: Mapping[str, Callable[[], Policy]] = {
    "always_sample": filters.Always,
    "trace_flags": filters.TraceFlags,
}


def build(config: Settings, compat: Compat, *, use_tracestate: bool) -> list[Named]:
    """All policies of a processor, in the operator's order.

    Raises:
        StartError: with contrib's words.
    """
    builder = _Builder(compat, use_tracestate=use_tracestate)
    found: list[Named] = []
    for policy in config.policies:
        if not policy.name:
            raise StartError("policy name cannot be empty")
        if any(policy.name == named.name for named in found):
            raise StartError(f'duplicate policy name "{policy.name}"')
        try:
            found.append(Named(policy.name, builder.policy(policy)))
        except (StartError, SyntaxFault, BadRegexError) as error:
            say = f'failed to create policy evaluator for "{policy.name}": {error}'
            raise StartError(say) from error
    for named in found:
        if config.sampling_strategy == "span-ingest" and named.policy.stateful:
            raise StartError(
                'sampling_strategy "span-ingest" requires all policies to be stateless, '
                f'but policy "{named.name}" is stateful'
            )
    return found


class _Builder:
    def __init__(self, compat: Compat, *, use_tracestate: bool) -> None:
        self.compat = compat
        self.use_tracestate = use_tracestate

    def policy(self, of: PolicySettings) -> Policy:  # noqa: PLR0911 - one for each kind
        """One policy with everything inside it."""
        match of.block:
            case settings.And(and_sub_policy=subs):
                return combinators.And([self.policy(sub) for sub in subs])
            case settings.Drop(drop_sub_policy=subs):
                return combinators.Drop([self.policy(sub) for sub in subs])
            case settings.Not(not_sub_policy=sub):
                return combinators.Not(self.policy(sub))
            case settings.Composite() as block:
                return self._composite(block)
            case settings.RateLimiting() | settings.BytesLimiting() as limit:
                return self._limit(limit)
            case None if of.type in WITHOUT_BLOCK:
                return WITHOUT_BLOCK[of.type]()
            case None:
                raise StartError(f"unknown sampling policy type {of.type}")
            case block:
                return self._simple(block)

    def _simple(self, block: settings.Block) -> Policy:  # noqa: PLR0911 - one for each kind
        match block:
            case settings.Latency(threshold_ms=threshold, upper_threshold_ms=upper):
                compat = self.compat
                return filters.Latency(
                    threshold, upper, compat.latency_inclusive, compat.latency_wraps
                )
            case settings.Probabilistic(hash_salt=salt, sampling_percentage=percentage):
                if isnan(percentage):
                    raise StartError("sampling_percentage is NaN, with which contrib panics")
                return Probabilistic(salt, percentage, self.use_tracestate)
            case settings.StatusCode(status_codes=codes):
                return filters.StatusCode(status_codes(codes))
            case settings.SpanCount(min_spans=low, max_spans=high):
                return filters.SpanCount(low, high)
            case settings.TraceState(key=key, values=values):
                return filters.TraceState(key, frozenset(values))
            case settings.OttlCondition(error_mode=mode, span=span, spanevent=spanevent):
                if not span and not spanevent:
                    raise StartError("expected at least one OTTL condition to filter on")
                propagate, nil_ints = mode == "propagate", self.compat.nil_ints
                return filters.OttlCondition(
                    Conditions.compile(span, spanevent, propagate=propagate, nil_ints=nil_ints)
                )
        return self._attribute(block)

    def _attribute(self, block: settings.Block) -> Policy:
        match block:
            case settings.NumericAttribute():
                return attributes.Numeric(
                    key=block.key,
                    min_value=block.min_value,
                    max_value=block.max_value,
                    zero_is_a_bound=self.compat.zero_is_a_bound,
                    invert_match=block.invert_match,
                    inverted_decisions=self.compat.inverted_decisions,
                )
            case settings.StringAttribute():
                return attributes.Text(
                    key=block.key,
                    values=block.values,
                    patterns=patterns(block),
                    invert_match=block.invert_match,
                    inverted_decisions=self.compat.inverted_decisions,
                )
            case settings.BooleanAttribute():
                return attributes.Boolean(
                    key=block.key,
                    value=block.value,
                    invert_match=block.invert_match,
                    inverted_decisions=self.compat.inverted_decisions,
                )
        raise TypeError(type(block).__name__)

    def _limit(self, block: settings.RateLimiting | settings.BytesLimiting) -> Policy:
        consistent = self.use_tracestate and self.compat.consistent_limits
        if isinstance(block, settings.BytesLimiting):
            return limits.Limit(block.bytes_per_second, block.burst_capacity, _bytes, consistent)
        if self.compat.counter_per_second:
            return limits.SpansPerSecond(block.spans_per_second)
        return limits.Limit(block.spans_per_second, block.burst_capacity, _spans, consistent)

    def _composite(self, block: settings.Composite) -> Policy:
        shares = [
            combinators.Share(sub.name, self.policy(sub), self._allocated(block, sub.name))
            for sub in block.composite_sub_policy
        ]
        return combinators.Composite(block.max_total_spans_per_second, shares)

    def _allocated(self, block: settings.Composite, name: str) -> int:
        """Spans a second for a sub-policy; of two entries the last counts."""
        total = block.max_total_spans_per_second
        percent = dict(block.rate_allocation).get(name)
        if percent is None and self.compat.unlisted_gets_nothing:
            return 0
        if percent is None or percent <= 0:
            return int(float(total) / len(block.composite_sub_policy))
        return int(float(percent) / 100 * float(total))


def status_codes(names: Sequence[str]) -> frozenset[int]:
    """The numbers of status codes.

    Raises:
        StartError: for an unknown name, and for none at all.
    """
    if not names:
        raise StartError("expected at least one status code to filter on")
    for name in names:
        if name not in filters.STATUS_CODES:
            raise StartError(f'unknown status code "{name}", supported: OK, ERROR, UNSET')
    return frozenset(filters.STATUS_CODES[name] for name in names)


def patterns(block: settings.StringAttribute) -> list[Regex] | None:
    """The values as patterns, None if they are exact.

    Raises:
        BadRegexError: if Go would refuse one.
    """
    if not block.enabled_regex_matching:
        return None
    return [compiled(value) for value in block.values]


def _bytes(trace: Trace) -> int:
    return trace.cost


def _spans(trace: Trace) -> int:
    return trace.span_count
