"""One policy: a name, criteria, a rate."""

from __future__ import annotations

from typing import Annotated, ClassVar, Protocol

from pydantic import Field, PlainValidator

from tailsampler.decide.plan import AnyBit, DurationAtLeast, PredicateTable, Rule
from tailsampler.decide.policies import default, duration, errors, service
from tailsampler.decide.threshold import SMALLEST_RATE, threshold
from tailsampler.settings.base import BadValueError, Section
from tailsampler.settings.expand import Expanded
from tailsampler.settings.units import Duration, lasting, milliseconds
from tailsampler.settings.values import Text, parse_number, resolved, shown

_PER_CENT = 100


def parse_rate(value: object) -> float:
    """A probability from 0 to 1."""
    plain = resolved(value)
    if isinstance(plain, str) and plain.strip().endswith("%"):
        say = f"{shown(value)} is per cent; write a share from 0 to 1, e.g. 0.1 for 10 %"
        raise BadValueError("rate_in_per_cent", say)
    rate = parse_number(value)
    if 1 < rate <= _PER_CENT and not isinstance(value, Expanded):
        say = f"{shown(value)} is over 1; write a share from 0 to 1: {rate / _PER_CENT:.6g} for "
        raise BadValueError("rate_in_per_cent", f"{say}{shown(value)} %")
    if not 0 <= rate <= 1:
        say = f"{shown(value)} is not a share; write a number from 0 to 1, e.g. 0.1 for 10 %"
        raise BadValueError("rate_out_of_range", say)
    if 0 < rate < SMALLEST_RATE:
        say = f"{shown(value)} is under 2^-56, the smallest share there is; write 0 to keep nothing"
        raise BadValueError("rate_too_small", say)
    return rate


class Named(Section):
    """Its own class so that a printed policy begins with it: fields of the last base come first."""

    name: Text = Field(
        description="Name in verdicts, metrics and the attribute tailsampler.policy.",
        examples=["errors"],
    )


class Policy(service.ServiceCriterion, duration.DurationCriterion, errors.ErrorCriterion, Named):
    """One rule of the chain; it matches a trace that meets all of its criteria."""

    HINTS: ClassVar = {
        "sampling_percentage": "write sample_rate, a share from 0 to 1",
        "rate": "write sample_rate, a share from 0 to 1",
        "threshold_ms": "write duration_threshold_ms",
        "latency": "write duration_threshold_ms: 1000",
        "type": "a policy is told by its criteria; write error_status_codes, "
        "duration_threshold_ms or service_name",
        "status_codes": "write error_status_codes",
        "parameters": "write what stands in it one level higher",
        "service": "write service_name",
    }

    sample_rate: Annotated[float, PlainValidator(parse_rate)] = Field(
        description="Share of the matching traces to keep, from 0 (none) to 1 (all).",
        examples=["0.1"],
    )
    decision_wait: Annotated[Duration, lasting("1ms", "1h")] | None = Field(
        default=None,
        description="Instead of sampling.decision_wait, for traces whose first matching policy "
        "this is so far. Default: sampling.decision_wait.",
    )


class Criterion(Protocol):
    """What a module in ``policies/`` offers."""

    def clause(self, policy: Policy, table: PredicateTable, /) -> AnyBit | DurationAtLeast | None:
        """Its part of the rule, or None."""

    def words(self, policy: Policy, /) -> str | None:
        """Its part for people, or None."""

    def covers(self, earlier: Policy, later: Policy, /) -> bool:
        """Whether each trace that meets it in ``later`` meets it in ``earlier``."""


CRITERIA: tuple[Criterion, ...] = (errors, duration, service)


def lower(policy: Policy, table: PredicateTable) -> Rule:
    """The rule that the core runs; its conditions are added to ``table``."""
    clauses = (criterion.clause(policy, table) for criterion in CRITERIA)
    wait = policy.decision_wait
    return Rule(
        name=policy.name,
        all=tuple(clause for clause in clauses if clause is not None),
        threshold=threshold(policy.sample_rate),
        wait_ms=None if wait is None else milliseconds(wait),
    )


def conditions(policy: Policy) -> list[str]:
    """What the policy asks for, in words; all of it must hold."""
    parts = [words for criterion in CRITERIA if (words := criterion.words(policy))]
    return parts or [default.WORDS]


def is_catch_all(policy: Policy) -> bool:
    """Whether it matches every trace."""
    return not lower(policy, PredicateTable()).all


def covers(earlier: Policy, later: Policy) -> bool:
    """Whether ``later``, standing after ``earlier``, can never be the first match."""
    return all(criterion.covers(earlier, later) for criterion in CRITERIA)
