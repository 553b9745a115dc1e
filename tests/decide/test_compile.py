"""From the chain to the plan."""

import json

import pytest

from tailsampler.decide.compile import compile_plan
from tailsampler.decide.plan import MAX_PREDICATES, Large, Plan
from tailsampler.errors import SettingsError
from tailsampler.settings.load import parse
from tailsampler.settings.sampling import Sampling

HTTP = ["http.response.status_code", "http.status_code"]
GRPC_NAMES = ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE"]
STANDARD = {
    "format": 1,
    "version": 0,
    "wait_ms": 10000,
    "wait_after_root_ms": None,
    "hash_trace_ids": False,
    "large": {"max_bytes": 33554432, "drop": False},
    "predicates": [
        {
            "reason": "http_status",
            "test": {"kind": "span_int_in", "keys": HTTP, "values": [500, 502, 503, 504]},
        },
        {"reason": "span_status", "test": {"kind": "span_status_in", "codes": [2]}},
        {
            "reason": "grpc_status",
            "test": {
                "kind": "span_int_in",
                "keys": ["rpc.grpc.status_code"],
                "values": [2, 4, 12, 13, 14, 15],
            },
        },
        {
            "reason": "grpc_status",
            "test": {
                "kind": "span_string_in",
                "keys": ["rpc.response.status_code"],
                "values": [*GRPC_NAMES, "DATA_LOSS"],
            },
        },
        {
            "reason": "service_name",
            "test": {
                "kind": "resource_string_in",
                "keys": ["service.name"],
                "values": ["api-gateway"],
            },
        },
    ],
    "rules": [
        {
            "name": "errors",
            "all": [{"kind": "any_bit", "bits": [0, 1, 2, 3]}],
            "threshold": 0,
            "wait_ms": None,
        },
        {
            "name": "slow",
            "all": [{"kind": "duration_at_least", "ns": 1000000000}],
            "threshold": 0xE6666666666666,
            "wait_ms": None,
        },
        {
            "name": "api-gateway",
            "all": [{"kind": "any_bit", "bits": [4]}],
            "threshold": 0xFD70A3D70A3D71,
            "wait_ms": None,
        },
        {"name": "default", "all": [], "threshold": 0xFFBE76C8B43958, "wait_ms": None},
    ],
    "votes": None,
}


def plan(text: str) -> Plan:
    return compile_plan(parse(text, environ={}).sampling)


def test_the_standard_chain_compiles_to_this_plan() -> None:
    """The form is the core's, name by name; a change here is a change of the seam."""
    assert json.loads(compile_plan(Sampling()).model_dump_json()) == STANDARD


def test_a_plan_reads_back() -> None:
    """What is stored beside the log is a plan again."""
    written = compile_plan(Sampling())
    assert Plan.model_validate_json(written.model_dump_json()) == written


def test_the_same_condition_in_two_policies_is_one_bit() -> None:
    """Bits are few, and each costs a look at every span."""
    text = """
sampling:
  policies:
    - {name: a, error_status_codes: [503, 500], duration_threshold_ms: 10, sample_rate: 1}
    - {name: b, error_status_codes: [500, 503, 500], sample_rate: 1}
    - {name: c, service_name: [y, x], sample_rate: 1, duration_threshold_ms: 5}
    - {name: d, service_name: [x, y], sample_rate: 1}
"""
    compiled = plan(text)
    assert len(compiled.predicates) == 5
    bits = [[getattr(part, "bits", None) for part in rule.all] for rule in compiled.rules]
    assert bits == [[(0, 1, 2, 3), None], [(0, 1, 2, 3)], [None, (4,)], [(4,)]]


def test_waits_and_hashed_ids_cross() -> None:
    """In milliseconds."""
    text = """
sampling:
  decision_wait: 30s
  decision_wait_after_root_received: 500ms
  trace_ids: hashed
  max_trace_bytes: 1MiB
  large_traces: drop
  policies:
    - {name: a, service_name: x, sample_rate: 1, decision_wait: 1m}
    - {name: b, sample_rate: 0}
"""
    compiled = plan(text)
    assert (compiled.wait_ms, compiled.wait_after_root_ms) == (30_000, 500)
    assert compiled.hash_trace_ids
    assert compiled.large == Large(max_bytes=1 << 20, drop=True)
    assert plan("sampling: {max_trace_bytes: null}").large is None
    assert [rule.wait_ms for rule in compiled.rules] == [60_000, None]
    assert compiled.rules[1].threshold == 1 << 56


def test_more_conditions_than_bits_are_refused() -> None:
    """By name, before the core sees them."""

    def chain(count: int) -> str:
        entries = [f"{{name: s{n}, service_name: s{n}, sample_rate: 1}}" for n in range(count)]
        return f"sampling: {{policies: [{', '.join(entries)}]}}"

    assert len(plan(chain(MAX_PREDICATES)).predicates) == MAX_PREDICATES
    with pytest.raises(SettingsError) as caught:
        plan(chain(MAX_PREDICATES + 1))
    assert caught.value.code == "too_many_conditions"
    assert caught.value.at.key == "sampling.policies"
