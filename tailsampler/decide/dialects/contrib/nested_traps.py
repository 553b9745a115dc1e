"""Traps in the types that hold other policies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.compat import Behaviour, unallocated
from tailsampler.decide.dialects.contrib.nested import And, Composite, Drop
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.trap import PER_CENT, Trap, called, matches_all, names
from tailsampler.settings.base import Loc

# Each looks for a span of its own.
_OF_SPANS: Final = (
    blocks.StringAttribute,
    blocks.NumericAttribute,
    blocks.BooleanAttribute,
    blocks.StatusCode,
    blocks.TraceState,
    blocks.TraceFlags,
    blocks.OttlCondition,
)
_LIMITS: Final = (blocks.RateLimiting, blocks.BytesLimiting)


def nested_traps(block: object, at: Loc, does: Behaviour) -> Iterator[Trap]:
    """Those of one block; ``at``: where it stands."""
    match block:
        case And():
            at = (*at, "and_sub_policy")
            if not block.policies:
                say = "there is no sub-policy, so every trace is kept; write and_sub_policy: [...]"
                yield Trap("empty_and", at, say)
            yield from _conjunction(block.policies, at, "and")
        case Drop():
            at = (*at, "drop_sub_policy")
            if all(matches_all(sub) for sub in block.policies):
                why = "its sub-policies match every trace" if block.policies else "it has none"
                say = f"{why}, so every trace is dropped; write drop_sub_policy: [...]"
                yield Trap("drops_everything", at, say)
            yield from _conjunction(block.policies, at, "drop")
        case Composite():
            yield from _composite(block, at, does)


def _conjunction(subs: Sequence[Policy], at: Loc, kind: str) -> Iterator[Trap]:
    of_spans = [sub for sub in subs if isinstance(sub.settings, _OF_SPANS)]
    if len(of_spans) > 1:
        say = (
            f"{names(of_spans)} may each be met by another span of the trace; for one span that "
            "meets all of them write a single ottl_condition, its parts joined by `and`"
        )
        yield Trap("not_the_same_span", at, say)
    limits = [index for index, sub in enumerate(subs) if isinstance(sub.settings, _LIMITS)]
    for index in limits:
        after = [sub for sub in subs[index + 1 :] if not matches_all(sub)]
        if after:
            say = (
                f"{called(subs[index])} is asked before {names(after)}, so traces that those "
                f"refuse use up its limit; move it to the end of {kind}"
            )
            yield Trap("limit_before_others", (*at, index), say)


def _composite(block: Composite, at: Loc, does: Behaviour) -> Iterator[Trap]:
    subs, total = block.policies, block.max_total_spans_per_second
    if not subs:
        say = "there is no sub-policy, so it keeps nothing; write composite_sub_policy: [...]"
        yield Trap("empty_composite", (*at, "composite_sub_policy"), say)
        return
    if total <= 0:
        say = "0 spans a second keep nothing; write max_total_spans_per_second: ..."
        yield Trap("limit_of_zero", (*at, "max_total_spans_per_second"), say)
    yield from _order(block, at)
    yield from _shares(block, at)
    yield from _reach(block, at, does)


def _order(block: Composite, at: Loc) -> Iterator[Trap]:
    order = [sub.name for sub in block.policies]
    if block.policy_order and list(block.policy_order) != order:
        say = (
            f"policy_order is not used: sub-policies are asked as they stand ({', '.join(order)}); "
            "reorder composite_sub_policy"
        )
        yield Trap("policy_order_unused", (*at, "policy_order"), say)
    for name, count in Counter(order).items():
        if count > 1 and name:
            say = f"{count} sub-policies are called {name} and share one allocation; rename them"
            yield Trap("duplicate_sub_policy", (*at, "composite_sub_policy"), say)


def _shares(block: Composite, at: Loc) -> Iterator[Trap]:
    at = (*at, "rate_allocation")
    known = {sub.name for sub in block.policies}
    last = {share.policy: index for index, share in enumerate(block.rate_allocation)}
    for index, share in enumerate(block.rate_allocation):
        if share.policy not in known:
            say = f"no sub-policy is called {share.policy}, so this is not used; correct the name"
            yield Trap("allocation_for_nobody", (*at, index, "policy"), say)
        elif last[share.policy] != index:
            say = f"{share.policy} stands here again further down, and the last one holds; keep one"
            yield Trap("allocation_twice", (*at, index), say)
        elif share.percent <= 0:
            each = PER_CENT // len(block.policies)
            say = (
                f"{share.percent} per cent is not none but an equal share ({each} %); write a "
                "percentage, or remove the sub-policy"
            )
            yield Trap("zero_is_an_equal_share", (*at, index, "percent"), say)
    sum_of = sum(max(share.percent, 0) for share in block.rate_allocation if share.policy in known)
    if sum_of > PER_CENT:
        say = (
            f"the shares add up to {sum_of} %, so together they pass more than "
            f"{block.max_total_spans_per_second:,} spans a second: the total is compared with each "
            "of them alone; lower them to 100 %"
        )
        yield Trap("over_allocated", at, say)


def _reach(block: Composite, at: Loc, does: Behaviour) -> Iterator[Trap]:
    missing = [sub for sub in unallocated(block) if does.starve_unallocated]
    here = (*at, "composite_sub_policy")
    for index, sub in enumerate(block.policies):
        after = list(block.policies[index + 1 :])
        if sub in missing:
            hides = f", and what it matches never reaches {names(after)}" if after else ""
            say = (
                f"rate_allocation has nothing for {called(sub)}, so it keeps nothing{hides}; write "
                f"- {{policy: {sub.name or '...'}, percent: ...}} in rate_allocation"
            )
            yield Trap("not_allocated", (*here, index), say)
        if after and matches_all(sub):
            say = (
                f"{called(sub)} matches every trace, and past its share a trace is dropped and not "
                f"handed on, so {names(after)} never get one; move it to the end"
            )
            yield Trap("never_reached", (*here, index + 1), say)
            return
    if len(block.policies) > 1:
        say = (
            "a trace that a sub-policy matches past its share is dropped, and not handed on to the "
            "next one; give those that must not lose traces a share above their traffic"
        )
        yield Trap("no_fall_through", here, say)
