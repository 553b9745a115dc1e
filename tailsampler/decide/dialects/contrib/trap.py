"""What contrib takes without a word and may not be meant: one trap, and what matches everything."""

from __future__ import annotations

from dataclasses import dataclass

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.nested import And
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.settings.base import Loc
from tailsampler.settings.document import key_path

PER_CENT = 100


@dataclass(frozen=True, slots=True)
class Trap:
    """Something that starts, and may not do what was meant."""

    code: str
    at: Loc
    """Below the block."""
    say: str
    """What happens, and what to write for something else."""

    def __str__(self) -> str:
        """``policies[2]: what happens; what to write``."""
        return f"{key_path(self.at)}: {self.say}" if self.at else self.say


def matches_all(policy: Policy) -> bool:
    """Whether every trace matches, for sure."""
    block = policy.settings
    if isinstance(block, blocks.Probabilistic):
        return block.sampling_percentage >= PER_CENT
    if isinstance(block, And):
        return all(matches_all(sub) for sub in block.policies)
    return isinstance(block, blocks.AlwaysSample)


def called(policy: Policy) -> str:
    """Its name, or its type where it has none."""
    return policy.name or policy.type


def names(policies: list[Policy]) -> str:
    """``a, b and c``."""
    words = [called(policy) for policy in policies]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
