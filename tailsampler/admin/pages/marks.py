"""The chain as one trace met it: which policy matched first, which would have later."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tailsampler.decide.compile import compile_plan
from tailsampler.decide.plan import AnyBit, Plan, Rule
from tailsampler.decide.policy import conditions
from tailsampler.settings.report import rows
from tailsampler.settings.root import Settings
from tailsampler.settings.sampling import Sampling

Mark = Literal["first", "later", "perhaps", "no", "unknown"]
"""``perhaps``: two conditions of the chain go by the same name, and evidence has only names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPolicy:
    """One policy of the chain."""

    name: str
    conditions: Sequence[str]
    sample_rate: float
    mark: Mark


def marked(settings: Settings, found: Mapping[str, Any], *, same_plan: bool) -> list[MarkedPolicy]:
    """``found`` is a verdict, or what is known of a held trace.

    ``same_plan``: whether this chain is the one that the trace is judged by; if not, policies are
    known by their names alone.
    """
    if settings.tail_sampling is not None:
        # Who voted like the one that decided is not written down.
        return [
            MarkedPolicy(
                name=row.name,
                conditions=row.conditions,
                sample_rate=row.sample_rate,
                mark="first" if row.name == _winner(found) else "unknown",
            )
            for row in rows(settings)
        ]
    sampling = settings.sampling
    marks = _marks(compile_plan(sampling), found) if same_plan else _by_name(sampling, found)
    return [
        MarkedPolicy(
            name=policy.name,
            conditions=tuple(conditions(policy)),
            sample_rate=policy.sample_rate,
            mark=mark,
        )
        for policy, mark in zip(sampling.policies, marks, strict=True)
    ]


def _winner(found: Mapping[str, Any]) -> str | None:
    name = found.get("policy") if found["state"] == "judged" else found.get("first_match")
    return None if name is None else str(name)


def _by_name(sampling: Sampling, found: Mapping[str, Any]) -> Iterator[Mark]:
    for policy in sampling.policies:
        yield "first" if policy.name == _winner(found) else "unknown"


def _marks(plan: Plan, found: Mapping[str, Any]) -> Iterator[Mark]:
    winner, judged = _winner(found), found["state"] == "judged"
    before = any(rule.name == winner for rule in plan.rules)
    for rule in plan.rules:
        if rule.name == winner:
            before = False
            yield "first"
        elif before or (judged and winner is None):
            yield "no"  # or it would have been the first
        else:
            yield _later(plan, rule, found) if judged else "unknown"


def _later(plan: Plan, rule: Rule, found: Mapping[str, Any]) -> Mark:
    evidence = set((found.get("evidence") or {}).get("reasons") or ())
    shared = [predicate.reason for predicate in plan.predicates]
    sure = True
    for clause in rule.all:
        if isinstance(clause, AnyBit):
            met = [plan.predicates[bit].reason for bit in clause.bits]
            met = [reason for reason in met if reason in evidence]
            if not met:
                return "no"
            sure = sure and any(shared.count(reason) == 1 for reason in met)
        elif found["duration_ns"] < clause.ns:
            return "no"
    return "later" if sure else "perhaps"
