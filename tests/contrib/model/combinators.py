"""Policies made of policies: ``and``, ``not``, ``drop`` and ``composite``.

Every sub-policy looks at the whole trace on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.contrib.model.buckets import SECOND
from tests.contrib.model.limits import Limit
from tests.contrib.model.trace import Trace
from tests.contrib.model.votes import (
    ALWAYS,
    DROPPED,
    NOT_SAMPLED,
    SAMPLED,
    Ballot,
    Decision,
    Failure,
    Policy,
    Vote,
)

NEGATIVE = {Decision.NOT_SAMPLED, Decision.INVERT_NOT_SAMPLED}


@dataclass
class And:
    """``and``: what fails or does not sample ends it; no sub-policies sample everything."""

    subs: Sequence[Policy]

    @property
    def stateful(self) -> bool:
        """Whether a sub-policy is."""
        return any(sub.stateful for sub in self.subs)

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if every sub-policy does; the threshold is the strictest."""
        threshold = ALWAYS
        for sub in self.subs:
            ballot = sub.evaluate(trace, now_ns)
            if isinstance(ballot, Failure):
                return ballot
            if ballot.decision in NEGATIVE:
                return NOT_SAMPLED
            threshold = max(threshold, ballot.threshold)
        return Vote(Decision.SAMPLED, threshold)

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Limits see those traces only that every other sub-policy samples, before and after."""
        limits = [sub for sub in self.subs if isinstance(sub, Limit)]
        if not any(limit.consistent for limit in limits):
            return
        others = [sub for sub in self.subs if sub not in limits]
        passed = [trace for trace in traces if all(_passes(sub, trace, now_ns) for sub in others)]
        for limit in limits:
            limit.prepare(passed, now_ns)


def _passes(sub: Policy, trace: Trace, now_ns: int) -> bool:
    ballot = sub.evaluate(trace, now_ns)
    return isinstance(ballot, Vote) and ballot.decision not in NEGATIVE


class Drop(And):
    """``drop``: like ``and``, but what every sub-policy samples is dropped for good."""

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Drop if every sub-policy samples."""
        ballot = super().evaluate(trace, now_ns)
        if isinstance(ballot, Vote) and ballot.decision is Decision.SAMPLED:
            return DROPPED
        return ballot

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Nothing: limits inside a drop draw as they go."""


@dataclass
class Not:
    """``not``: the opposite of its sub-policy; what fails still fails."""

    sub: Policy

    @property
    def stateful(self) -> bool:
        """Whether the sub-policy is."""
        return self.sub.stateful

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if the sub-policy does not."""
        ballot = self.sub.evaluate(trace, now_ns)
        if isinstance(ballot, Failure):
            return ballot
        opposite = {Decision.SAMPLED: NOT_SAMPLED, Decision.NOT_SAMPLED: SAMPLED}
        return opposite.get(ballot.decision, Vote(ballot.decision))

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Nothing: a limit inside a not draws as it goes."""


@dataclass
class Share:
    """A sub-policy of a composite, the spans a second that it may sample, and those it has."""

    name: str
    policy: Policy
    allocated: int
    count: int = 0


@dataclass
class Composite:
    """``composite``: the first sub-policy that samples decides, within its share of the budget."""

    max_total_spans_per_second: int
    shares: Sequence[Share]
    second: int | None = field(default=None, init=False)

    @property
    def stateful(self) -> bool:
        """Whether a sub-policy is; contrib forgets the composite's own counts."""
        return any(share.policy.stateful for share in self.shares)

    def evaluate(self, trace: Trace, now_ns: int) -> Ballot:
        """Sample if the first sub-policy that samples still has room; no later one is asked."""
        if now_ns // SECOND != self.second:
            self.second = now_ns // SECOND
            for share in self.shares:
                share.count = 0
        for share in self.shares:
            ballot = share.policy.evaluate(trace, now_ns)
            if isinstance(ballot, Failure):
                return ballot
            if ballot.decision in {Decision.SAMPLED, Decision.INVERT_SAMPLED}:
                spans = share.count + trace.span_count
                if spans > share.allocated or spans > self.max_total_spans_per_second:
                    return NOT_SAMPLED
                share.count = spans
                return Vote(Decision.SAMPLED, ALWAYS, share.name)
        return NOT_SAMPLED

    def prepare(self, traces: Sequence[Trace], now_ns: int) -> None:
        """Nothing: limits inside a composite draw as they go."""
