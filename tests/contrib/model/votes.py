"""What a policy says about a trace, and what every policy can be asked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from tests.contrib.model.trace import Trace

ALWAYS = 0
NEVER = 1 << 56


class Decision(Enum):
    """The outcomes; the inverted ones only exist up to v0.143."""

    SAMPLED = "sampled"
    NOT_SAMPLED = "not_sampled"
    DROPPED = "dropped"
    INVERT_SAMPLED = "invert_sampled"
    INVERT_NOT_SAMPLED = "invert_not_sampled"


@dataclass(frozen=True)
class Vote:
    """A decision, OpenTelemetry's T of 56 bits, and a composite's sub-policy that sampled."""

    decision: Decision
    threshold: int = ALWAYS
    composite_policy: str | None = None


@dataclass(frozen=True)
class Failure:
    """A policy that could not decide."""

    message: str


Ballot: TypeAlias = Vote | Failure

NOT_SAMPLED = Vote(Decision.NOT_SAMPLED)
SAMPLED = Vote(Decision.SAMPLED)
DROPPED = Vote(Decision.DROPPED)


def sampled(matched: bool) -> Vote:
    """The vote of a filter."""
    return SAMPLED if matched else NOT_SAMPLED


class Policy(Protocol):
    """A policy, alone or inside another one."""

    @property
    def stateful(self) -> bool:
        """Whether a vote can depend on earlier ones."""

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Vote on a trace at a time in nanoseconds."""

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """See all traces of a tick before any of them is voted on."""


class Stateless:
    """A policy that keeps nothing between traces."""

    stateful: bool = False

    @abstractmethod
    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Vote on a trace."""

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Nothing to prepare."""
