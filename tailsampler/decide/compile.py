"""The chain, compiled to the plan that the core runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailsampler.decide.plan import MAX_PREDICATES, Large, Plan, PredicateTable
from tailsampler.decide.policy import lower
from tailsampler.errors import Place, Problem, SettingsError
from tailsampler.settings.units import milliseconds

if TYPE_CHECKING:
    from tailsampler.settings.sampling import Sampling


def compile_plan(sampling: Sampling) -> Plan:
    """The plan of a chain, version 0: the core numbers it when it is installed.

    Raises:
        SettingsError: the chain has more conditions than a trace has bits.
    """
    table = PredicateTable()
    rules = tuple(lower(policy, table) for policy in sampling.policies)
    predicates = table.predicates()
    if len(predicates) > MAX_PREDICATES:
        say = (
            f"the policies have {len(predicates)} different conditions, and a trace has room for "
            f"{MAX_PREDICATES}; share lists of codes and of services between policies"
        )
        raise SettingsError([Problem("too_many_conditions", Place(key="sampling.policies"), say)])
    after_root = sampling.decision_wait_after_root_received
    return Plan(
        wait_ms=milliseconds(sampling.decision_wait),
        wait_after_root_ms=None if after_root is None else milliseconds(after_root),
        hash_trace_ids=sampling.trace_ids == "hashed",
        large=_large(sampling),
        predicates=predicates,
        rules=rules,
    )


def _large(sampling: Sampling) -> Large | None:
    if sampling.max_trace_bytes is None:
        return None
    return Large(max_bytes=sampling.max_trace_bytes, drop=sampling.large_traces == "drop")
