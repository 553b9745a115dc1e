"""Policies that are allowed, and may not be meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tailsampler.decide.chosen import doubts_of
from tailsampler.decide.policy import is_catch_all
from tailsampler.doctor.facts import STATUS, Facts
from tailsampler.doctor.finding import Change, Evidence, Finding, Severity

_ENOUGH_TRACES: Final = 10_000


def doubts(facts: Facts) -> Iterator[Finding]:
    """What ``tailsampler check`` doubts: no catch-all, nothing kept, a wait under a duration.

    These are facts of the text, so there is no threshold.
    """
    block = facts.settings.tail_sampling
    section = "sampling" if block is None else "tail_sampling"
    policies = (block or facts.settings.sampling).policies
    for say in doubts_of(facts.settings):
        what, _, advice = say.partition("; ")
        yield Finding(
            id="chain-doubt",
            severity=Severity.HINT,
            what=f"{what[0].upper()}{what[1:]}.",
            evidence=(Evidence(f"{len(policies)} policies", facts.config_name),),
            changes=(
                Change(f"{section}.policies", "as it stands", advice or "as it is, if it is meant"),
            ),
            effect="The chain says what it does.",
        )


def never_matched(facts: Facts) -> Iterator[Finding]:
    """A policy that matched none of ten thousand traces.

    By the rule of three it matches fewer than 1 in 3,000 then, with 95 % confidence. A policy for
    errors may well be that lucky; one for a service is more often misspelt.
    """
    live = facts.live
    if live is None or facts.settings.tail_sampling is not None:
        return  # there a policy that decides nothing may have voted for what others keep as well
    judged = {str(one["policy"]): int(one["judged"]) for one in live.stats.get("policies", ())}
    total = sum(judged.values())
    if total < _ENOUGH_TRACES:
        return
    for policy in facts.settings.sampling.policies:
        if judged.get(policy.name, 0) or is_catch_all(policy):
            continue
        yield Finding(
            id="policy-never-matched",
            severity=Severity.HINT,
            what=f"Policy {policy.name} has matched no trace.",
            evidence=(Evidence(f"0 of {total:,} traces judged since the start", STATUS),),
            changes=(
                Change(
                    f"sampling.policies.{policy.name}",
                    ", ".join(policy.service_name or ()) or "its conditions",
                    "the names and values that your spans have; see tailsampler explain",
                ),
            ),
            effect="The policy does what it was written for, or is gone.",
        )
