"""What can be wrong with a chain whose policies are right each: names, and rules never reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from tailsampler.decide.policies.default import NO_DEFAULT
from tailsampler.decide.policy import Policy, covers, is_catch_all
from tailsampler.settings.base import Loc, found


@dataclass(frozen=True, slots=True)
class Listed:
    """A policy as it stands in the file, and where, below the section that asks."""

    loc: Loc
    name: str | None
    policy: Policy | None
    """None if it cannot be read; what is wrong with it is reported elsewhere."""


def listed(loc: Loc, raw: object) -> Listed:
    """A policy in the native dialect, readable or not."""
    try:
        policy = Policy.model_validate(raw)
    except ValidationError:
        name = raw.get("name") if isinstance(raw, dict) else None
        return Listed(loc, str(name) if isinstance(name, str) else None, None)
    return Listed(loc, policy.name, policy)


def chain_problems(chain: Sequence[Listed]) -> Iterator[InitErrorDetails]:
    """``chain``: every policy, in order."""
    names: set[str] = set()
    for entry in chain:
        if entry.name in names:
            say = f"an earlier policy is called {entry.name}, too; give each its own name"
            yield found("duplicate_policy", say, (*entry.loc, "name"))
        if entry.name is not None:
            names.add(entry.name)
    before: list[Policy] = []
    for index, entry in enumerate(chain):
        policy = entry.policy
        if policy is None:
            continue
        if is_catch_all(policy):
            if index < len(chain) - 1:
                after = ", ".join(later.name or "what stands" for later in chain[index + 1 :])
                say = (
                    f"{policy.name} has no condition and matches every trace, so {after} after it "
                    "can never match; move it to the end, or give it a condition"
                )
                yield found("default_not_last", say, entry.loc)
            return  # behind it nothing is reached, and that is said
        shadow = next((first for first in before if covers(first, policy)), None)
        if shadow is not None:
            say = (
                f"{policy.name} can never match: every trace it asks for is matched by "
                f"{shadow.name} before it; move it before {shadow.name}, or remove it"
            )
            yield found("policy_never_reached", say, entry.loc)
        before.append(policy)


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
