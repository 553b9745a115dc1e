"""What can be wrong with a chain whose policies are right each: names, and rules never reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from tailsampler.decide.policies.default import NO_DEFAULT
from tailsampler.decide.policy import Policy, covers, is_catch_all
from tailsampler.settings.base import Loc, Section, found

AnySection = TypeVar("AnySection", bound=Section)


def readable(raw: Iterable[object], kind: type[AnySection]) -> Iterator[tuple[int, AnySection]]:
    """Those entries that can be read, with their positions; the others are reported elsewhere."""
    for index, entry in enumerate(raw):
        try:
            yield index, kind.model_validate(entry)
        except ValidationError:
            continue


def chain_problems(policies: Sequence[tuple[Loc, Policy]]) -> Iterator[InitErrorDetails]:
    """``policies``: in order, each with where it stands below the section that asks."""
    names: set[str] = set()
    for loc, policy in policies:
        if policy.name in names:
            say = f"an earlier policy is called {policy.name}, too; give each its own name"
            yield found("duplicate_policy", say, (*loc, "name"))
        names.add(policy.name)
    last = len(policies) - 1
    for index, (loc, policy) in enumerate(policies):
        if is_catch_all(policy):
            if index < last:
                after = ", ".join(later.name for _, later in policies[index + 1 :])
                say = (
                    f"{policy.name} has no condition and matches every trace, so {after} after it "
                    "can never match; move it to the end, or give it a condition"
                )
                yield found("default_not_last", say, loc)
            return  # behind it nothing is reached, and that is said
        shadow = next((first for _, first in policies[:index] if covers(first, policy)), None)
        if shadow is not None:
            say = (
                f"{policy.name} can never match: every trace it asks for is matched by "
                f"{shadow.name} before it; move it before {shadow.name}, or remove it"
            )
            yield found("policy_never_reached", say, loc)


def chain_warnings(policies: Sequence[Policy]) -> Iterator[str]:
    """What is allowed, and may not be meant."""
    if not any(is_catch_all(policy) for policy in policies):
        yield NO_DEFAULT
    for policy in policies:
        if policy.duration_threshold_ms == 0:
            yield (
                f"policy {policy.name}: every trace takes 0 ms or longer; "
                "leave duration_threshold_ms out"
            )
        if policy.decision_wait is not None and is_catch_all(policy):
            yield (
                f"policy {policy.name}: every trace matches it from its first span on, unless "
                "another policy does; its decision_wait stands in for sampling.decision_wait"
            )
