"""The chain that a configuration asks for, whichever dialect it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from tailsampler.decide.chain import chain_warnings
from tailsampler.decide.compile import compile_plan
from tailsampler.decide.dialects.contrib.chain_traps import warnings
from tailsampler.decide.dialects.contrib.compat import NEWEST, behaviour, differences
from tailsampler.decide.dialects.contrib.explanations import explanations
from tailsampler.decide.dialects.contrib.gates import gates_text
from tailsampler.decide.dialects.contrib.lower import compile_block
from tailsampler.decide.dialects.contrib.sentences import sentences as block_sentences
from tailsampler.decide.dialects.contrib.sentences import what as block_words
from tailsampler.decide.sentences import chain_doubts, sentences

if TYPE_CHECKING:
    from tailsampler.decide.dialects.contrib.policy import Policy as VotingPolicy
    from tailsampler.decide.plan import Plan
    from tailsampler.settings.root import Settings


def plan_of(settings: Settings) -> Plan:
    """The plan, version 0.

    Raises:
        SettingsError: something in it cannot be run.
    """
    if settings.tail_sampling is None:
        return compile_plan(settings.sampling)
    return compile_block(settings.tail_sampling, settings.compat, settings.feature_gates)


def sentences_of(settings: Settings) -> tuple[str, ...]:
    """The chain read back, a sentence a policy."""
    if settings.tail_sampling is None:
        return tuple(sentences(settings.sampling.policies))
    return block_sentences(settings.tail_sampling, settings.compat)


def how_of(settings: Settings) -> str:
    """How its policies come to a verdict."""
    if settings.tail_sampling is None:
        return "the first policy that matches a trace decides alone"
    return "every policy votes: one that drops a trace decides, else any that keeps it"


def what_of(policy: VotingPolicy, compat: int | None) -> str:
    """What a policy of a ``tail_sampling`` block asks for, in words."""
    return block_words(policy, behaviour(NEWEST if compat is None else compat))


def doubts_of(settings: Settings) -> tuple[str, ...]:
    """What is allowed, and may not be meant."""
    block = settings.tail_sampling
    if block is None:
        sampling = settings.sampling
        return (
            *chain_warnings(sampling.policies),
            *chain_doubts(sampling.policies, sampling.decision_wait),
        )
    return (
        *(str(trap) for trap in warnings(block, settings.compat)),
        *differences(block, settings.compat),
    )


def remarks_of(settings: Settings) -> tuple[str, ...]:
    """What is read and has no meaning here."""
    if settings.tail_sampling is None:
        return ()
    gates = ", ".join(gates_text(settings.feature_gates))
    said = (f"feature gates of contrib: {gates}.",) if gates else ()
    return (*said, *explanations(settings.tail_sampling))


def wait_of(settings: Settings) -> tuple[str, timedelta]:
    """The setting that says how long traces are held after their first span, and the longest it is.

    Policies of the native chain may have waits of their own.
    """
    block = settings.tail_sampling
    if block is None:
        return "sampling.decision_wait", settings.sampling.decision_wait
    # Up to a second more: traces are judged at ticks.
    return "tail_sampling.decision_wait", timedelta(seconds=block.wait_s + 1)


def shortest_wait_of(settings: Settings) -> tuple[str, timedelta]:
    """The setting after which a trace may be judged the soonest, and the least that it is."""
    block = settings.tail_sampling
    if block is None:
        section, wait = "sampling", settings.sampling.decision_wait
        after_root = settings.sampling.decision_wait_after_root_received
    else:
        section, wait = "tail_sampling", timedelta(seconds=block.wait_s)
        seconds = block.wait_after_root_s
        after_root = None if seconds is None else timedelta(seconds=seconds)
    if after_root is not None and after_root < wait:
        return f"{section}.decision_wait_after_root_received", after_root
    return f"{section}.decision_wait", wait


def rates_of(settings: Settings) -> Mapping[str, float]:
    """What each policy is to keep of the traces it decides, where that is one share for all."""
    if settings.tail_sampling is not None:
        return {}
    return {policy.name: policy.sample_rate for policy in settings.sampling.policies}
