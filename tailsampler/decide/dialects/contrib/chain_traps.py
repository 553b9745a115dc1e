"""Traps that lie in how policies and options stand together, and ``warnings`` for all of them."""

from __future__ import annotations

from collections.abc import Iterator

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.block import TailSampling, walk
from tailsampler.decide.dialects.contrib.compat import NEWEST, Behaviour, behaviour
from tailsampler.decide.dialects.contrib.nested_traps import nested_traps
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.simple_traps import simple_traps
from tailsampler.decide.dialects.contrib.trap import Trap, called, matches_all, names
from tailsampler.decide.dialects.contrib.values import SECOND, duration_text
from tailsampler.settings.base import Loc, did_you_mean


def warnings(config: TailSampling, compat: int | None = None) -> tuple[Trap, ...]:
    """Everything that starts, and may not do what was meant; in the order of the block.

    ``compat``: the minor version that is asked for, or None: the newest.
    """
    does = behaviour(NEWEST if compat is None else compat)
    return (*_waits(config), *_chain(config, does), *_blocks(config, does))


def _blocks(config: TailSampling, does: Behaviour) -> Iterator[Trap]:
    for loc, chain in walk(config):
        policy = chain[-1]
        at: Loc = (*loc, policy.type)
        yield from _unread(policy, loc)
        yield from simple_traps(policy.settings, at, does)
        yield from nested_traps(policy.settings, at, does)


def _unread(policy: Policy, loc: Loc) -> Iterator[Trap]:
    for key in policy.unread:
        if key in {"always_sample", "trace_flags"}:
            continue  # an empty block that some write for the look of it
        meant = did_you_mean(key, [policy.type])
        hint = f"did you mean {policy.type}?" if meant else f"remove it, or write type: {key}"
        yield Trap("not_read", (*loc, key), f"{policy.type} does not read {key}; {hint}")


def _waits(config: TailSampling) -> Iterator[Trap]:
    wait, after = config.decision_wait, config.decision_wait_after_root_received
    if wait % SECOND or wait < SECOND:
        say = f"{duration_text(wait)} waits like {config.wait_s}s: only whole seconds count, and 1 "
        yield Trap("wait_is_whole_seconds", ("decision_wait",), f"{say}at least; write e.g. 30s")
    at: Loc = ("decision_wait_after_root_received",)
    if after < 0:
        yield Trap("wait_after_root_off", at, "a negative wait is none; leave it out")
    if after > 0 and after % SECOND:
        say = f"{duration_text(after)} waits like {config.wait_after_root_s or 0}s; write e.g. 5s"
        yield Trap("wait_is_whole_seconds", at, say)
    if config.wait_after_root_s is not None and config.wait_after_root_s >= config.wait_s:
        say = "it is never before decision_wait, so the root changes nothing; lower it"
        yield Trap("wait_never_used", at, say)


def _chain(config: TailSampling, does: Behaviour) -> Iterator[Trap]:
    if not config.policies:
        say = "there is no policy, so every trace is dropped; write policies: [...]"
        yield Trap("no_policies", ("policies",), say)
    keeping = [policy for policy in config.policies if policy.type != "drop"]
    if config.policies and not keeping:
        say = (
            "there are only drop policies, so nothing is kept; add {name: all, type: always_sample}"
        )
        yield Trap("nothing_kept", ("policies",), say)
    everything = next((policy for policy in keeping if matches_all(policy)), None)
    if everything is not None and len(keeping) > 1:
        others = [policy for policy in keeping if policy is not everything]
        say = (
            f"{called(everything)} keeps every trace, so {names(others)} change nothing: policies "
            f"are alternatives, not exceptions; remove {called(everything)}, or write drop policies"
        )
        yield Trap("keeps_everything", ("policies", config.policies.index(everything)), say)
    for at, policy in enumerate(config.policies):
        yield from _alternative(policy, ("policies", at), len(keeping), does)


def _alternative(policy: Policy, at: Loc, keeping: int, does: Behaviour) -> Iterator[Trap]:
    block = policy.settings
    others = keeping > 1
    if others and isinstance(block, blocks.Probabilistic) and 0 < block.sampling_percentage < 100:
        say = (
            f"{block.sampling_percentage:g} % of all traces are kept beside what other policies "
            "keep: that is a union and no cap; for a share of some traces write and"
        )
        yield Trap("share_is_no_cap", at, say)
    if others and isinstance(block, blocks.RateLimiting | blocks.BytesLimiting):
        say = (
            f"{policy.name} limits only what it keeps itself: what other policies keep comes on "
            "top, and uses up the limit as well; for a limit of some traces write and"
        )
        yield Trap("limit_is_no_cap", at, say)
    if getattr(block, "invert_match", False):
        yield _inverted(policy, (*at, policy.type, "invert_match"), does)


def _inverted(policy: Policy, at: Loc, does: Behaviour) -> Trap:
    if does.inverted_veto:
        say = (
            f"a trace that {policy.name} matches is dropped, whatever other policies say, up to "
            "0.143; from 0.144 on it is not: write a drop policy for that"
        )
    else:
        say = (
            f"{policy.name} keeps every trace that does not match, and one that matches may still "
            "be kept by others; up to 0.143 it was dropped: write a drop policy for that"
        )
    return Trap("inverted", at, say)
