"""A chain as the two things the gateway reads: plan JSON written by hand, and config text."""

from __future__ import annotations

import json
from typing import Any

from tests.model.chain import (
    GRPC_CODE_KEY,
    GRPC_NAME_KEY,
    GRPC_SERVER_FAULTS,
    HTTP_STATUS_KEYS,
    Chain,
    Policy,
    threshold_of,
)

Json = dict[str, Any]


def plan(chain: Chain) -> Json:
    """The plan of a chain, each condition with a bit of its own and nothing shared."""
    predicates: list[Json] = []
    rules = [_rule(policy, predicates) for policy in chain.policies]
    return {
        "format": 1,
        "wait_ms": chain.wait_ms,
        "wait_after_root_ms": chain.wait_after_root_ms,
        "hash_trace_ids": chain.hash_trace_ids,
        "large": None,
        "predicates": predicates,
        "rules": rules,
    }


def _rule(policy: Policy, predicates: list[Json]) -> Json:
    clauses: list[Json] = []
    if policy.error_status_codes is not None:
        first = len(predicates)
        predicates.extend(_error_predicates(policy))
        clauses.append({"kind": "any_bit", "bits": list(range(first, len(predicates)))})
    if policy.duration_threshold_ms is not None:
        nanoseconds = policy.duration_threshold_ms * 1_000_000
        clauses.append({"kind": "duration_at_least", "ns": nanoseconds})
    if policy.service_name is not None:
        test = {"keys": ["service.name"], "values": [policy.service_name]}
        clauses.append({"kind": "any_bit", "bits": [len(predicates)]})
        predicates.append(
            {"reason": "service_name", "test": {"kind": "resource_string_in", **test}}
        )
    return {
        "name": policy.name,
        "all": clauses,
        "threshold": threshold_of(policy.sample_rate),
        "wait_ms": policy.wait_ms,
    }


def _error_predicates(policy: Policy) -> list[Json]:
    def predicate(reason: str, kind: str, **test: object) -> Json:
        return {"reason": reason, "test": {"kind": kind, **test}}

    codes, names = list(GRPC_SERVER_FAULTS), list(GRPC_SERVER_FAULTS.values())
    http = list(policy.error_status_codes or ())
    found = [predicate("http_status", "span_int_in", keys=list(HTTP_STATUS_KEYS), values=http)]
    if policy.error_status:
        found += [
            predicate("span_status", "span_status_in", codes=[2]),
            predicate("grpc_status", "span_int_in", keys=[GRPC_CODE_KEY], values=codes),
            predicate("grpc_status", "span_string_in", keys=[GRPC_NAME_KEY], values=names),
        ]
    return found


def config(chain: Chain) -> Json:
    """The ``sampling:`` section of a chain in the native spelling; JSON is YAML too."""
    section: Json = {
        "decision_wait": f"{chain.wait_ms}ms",
        "policies": [_native(policy) for policy in chain.policies],
    }
    if chain.wait_after_root_ms is not None:
        section["decision_wait_after_root_received"] = f"{chain.wait_after_root_ms}ms"
    if chain.hash_trace_ids:
        section["trace_ids"] = "hashed"
    return section


def _native(policy: Policy) -> Json:
    written: Json = {"name": policy.name, "sample_rate": policy.sample_rate}
    if policy.error_status_codes is not None:
        written["error_status_codes"] = list(policy.error_status_codes)
        written["error_status"] = policy.error_status
    if policy.duration_threshold_ms is not None:
        written["duration_threshold_ms"] = policy.duration_threshold_ms
    if policy.service_name is not None:
        written["service_name"] = policy.service_name
    if policy.wait_ms is not None:
        written["decision_wait"] = f"{policy.wait_ms}ms"
    return written


def policy_list(chain: Chain) -> list[Json]:
    """The same chain in the policy-list spelling; it has no words for waits."""
    entries = []
    for policy in chain.policies:
        parameters = _native(policy)
        del parameters["name"]
        entries.append(
            {"policy": {"name": policy.name, "type": "sampling", "parameters": parameters}}
        )
    return entries


def plan_text(chain: Chain) -> str:
    """The plan as it crosses the seam."""
    return json.dumps(plan(chain))
