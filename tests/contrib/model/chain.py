"""The policies of a processor together: drops first, then all others, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.contrib.model.combinators import Drop
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import ALWAYS, NEVER, Decision, Failure, Policy, Vote


@dataclass(frozen=True)
class Named:
    """A policy by the operator's name."""

    name: str
    policy: Policy


@dataclass(frozen=True)
class Outcome:
    """What became of a trace: the credited policy, its T of 56 bits, how many policies failed."""

    decision: Decision
    policy: str | None = None
    composite_policy: str | None = None
    threshold: int = ALWAYS
    failures: int = 0


def in_order(policies: Sequence[Named]) -> list[Named]:
    """Drops before everything else, each in the operator's order."""
    return sorted(policies, key=lambda named: not isinstance(named.policy, Drop))


def decide(
    policies: Sequence[Named],
    trace: Trace,
    now_ns: int,
    *,
    first_match: bool,
    credit_loosest: bool = False,
) -> Outcome:
    """Ask every policy and add up; one that fails contributes nothing.

    ``credit_loosest``: of those that sample the first of the loosest is credited, not the first.
    """
    seen: dict[Decision, tuple[str, Vote]] = {}
    composite = None
    threshold = NEVER
    failures = 0
    for named in in_order(policies):
        ballot = named.policy.evaluate(trace, now_ns)
        if isinstance(ballot, Failure):
            failures += 1
            continue
        # A composite leaves its mark whoever is credited in the end.
        composite = ballot.composite_policy or composite
        first = ballot.decision not in seen
        if ballot.decision is Decision.SAMPLED and ballot.threshold < threshold:
            threshold = ballot.threshold
            first |= credit_loosest
        if first:
            seen[ballot.decision] = (named.name, ballot)
        if ballot.decision is Decision.DROPPED:
            break
        if first_match and ballot.decision is Decision.SAMPLED:
            break
    decision, credit = _final(seen)
    if decision is not Decision.SAMPLED or credit is None:
        return Outcome(decision, credit[0] if credit else None, failures=failures)
    sampled = Decision.SAMPLED in seen
    return Outcome(decision, credit[0], composite, threshold if sampled else ALWAYS, failures)


def _final(
    seen: dict[Decision, tuple[str, Vote]],
) -> tuple[Decision, tuple[str, Vote] | None]:
    """The decision, and who is credited with it. The inverted ones are those of old releases."""
    for voted, final in (
        (Decision.DROPPED, Decision.DROPPED),
        (Decision.INVERT_NOT_SAMPLED, Decision.NOT_SAMPLED),
        (Decision.SAMPLED, Decision.SAMPLED),
    ):
        if voted in seen:
            return final, seen[voted]
    if Decision.INVERT_SAMPLED in seen and Decision.NOT_SAMPLED not in seen:
        return Decision.SAMPLED, seen[Decision.INVERT_SAMPLED]
    return Decision.NOT_SAMPLED, None
