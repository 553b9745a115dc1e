"""What one policy that votes asks for, as criteria of a native policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tailsampler.convert.match import EVERYTHING, LONGEST_MS, Match
from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.compat import Behaviour
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.policies.errors import HTTP_STATUS_KEYS
from tailsampler.decide.policies.service import SERVICE_KEYS
from tailsampler.settings.expand import Expanded
from tailsampler.settings.values import shown

LEAST_CODE: Final = 100
MOST_CODE: Final = 599
GRPC: Final = "traces with a gRPC status that is a server's fault and no span status ERROR"
OF_SPANS: Final = "traces in which only an attribute of a span is called service.name"
OUTSIDE: Final = f"traces with numbers outside of {LEAST_CODE} to {MOST_CODE}"
OTHER_KEY: Final = "traces with the status under the other name of the attribute"

_SERVICE: Final = re.compile(r'\s*resource\.attributes\["service\.name"\]\s*==\s*"([^"\\]+)"\s*')
_ERROR: Final = re.compile(r"\s*(?:span\.)?status\.code\s*==\s*(?:STATUS_CODE_ERROR|2)\s*")


@dataclass(frozen=True, slots=True)
class Never:
    """No trace matches."""

    why: str


@dataclass(frozen=True, slots=True)
class Cannot:
    """No native policy can ask for it."""

    what: str


Asked = Match | Never | Cannot


def asked(policy: Policy, version: Behaviour) -> Asked:
    """Its criteria. ``probabilistic`` and policies that hold others are no condition."""
    block = policy.settings
    ask = _ASK.get(type(block))
    return Cannot(_CANNOT[policy.type]) if ask is None else ask(block, version)


def _always(_block: blocks.AlwaysSample, _version: Behaviour) -> Asked:
    return EVERYTHING


def _latency(block: blocks.Latency, version: Behaviour) -> Asked:
    lower, upper = block.threshold_ms, block.upper_threshold_ms
    if upper:
        if upper <= lower:
            return Never("its upper_threshold_ms is not above its threshold_ms")
        words = f"traces that last longer than {upper} ms"
        return Match(least_ms=_least(lower + 1)).but(words)
    return Match(least_ms=_least(lower if version.latency_at_least else lower + 1))


def _least(ms: int) -> int:
    return max(0, min(ms, LONGEST_MS))


def _status(block: blocks.StatusCode, _version: Behaviour) -> Asked:
    codes = set(block.status_codes)
    if len(codes) == len(blocks.STATUS_CODES):
        return EVERYTHING.but("traces whose spans all have a status that OTLP does not know")
    if "ERROR" not in codes:
        return Cannot(f"asks for span status {' or '.join(sorted(codes))}")
    others = tuple(
        f"traces with a span of status {code} and without an error"
        for code in sorted(codes)
        if code != "ERROR"
    )
    return Match(status=True, wider=(GRPC,), narrower=others)


def _string(block: blocks.StringAttribute, _version: Behaviour) -> Asked:
    if block.invert_match:
        return Cannot(f"asks for traces without certain values of {shown(block.key)}")
    values = tuple(value for value in block.values if value)
    if block.key not in SERVICE_KEYS:
        return Cannot(f"asks for attribute {shown(block.key)}")
    if block.enabled_regex_matching:
        return Cannot("asks for services by expressions; list their names")
    if not values:
        return Never("it has no values")
    if any(not value.strip() for value in values):
        return Cannot("asks for a service whose name is blank")
    return Match(services=tuple(dict.fromkeys(values)), narrower=(OF_SPANS,))


def _numeric(block: blocks.NumericAttribute, version: Behaviour) -> Asked:
    if block.invert_match:
        return Cannot(f"asks for traces without certain numbers of {shown(block.key)}")
    if block.key not in HTTP_STATUS_KEYS:
        return Cannot(f"asks for attribute {shown(block.key)}")
    low, high = block.min_value, block.max_value
    if not version.zero_is_a_bound:
        low, high = low or LEAST_CODE, high or MOST_CODE
        if not block.min_value and not block.max_value:
            return Cannot("has no bounds, which ends contrib's process at the first trace")
    codes = tuple(range(max(low, LEAST_CODE), min(high, MOST_CODE) + 1))
    if not codes:
        return Cannot("asks for numbers that are no HTTP statuses")
    narrower = ["traces with the status on a resource"]
    if block.min_value < LEAST_CODE or not block.max_value or block.max_value > MOST_CODE:
        narrower.append(OUTSIDE)
    texts = "traces with the status as text"
    return Match(codes=codes, wider=(OTHER_KEY, texts), narrower=tuple(narrower))


def _ottl(block: blocks.OttlCondition, _version: Behaviour) -> Asked:
    """The two conditions that native policies have, too; those cannot err."""
    if not block.spanevent and not any(isinstance(text, Expanded) for text in block.span):
        services = [_SERVICE.fullmatch(text) for text in block.span]
        names = [found[1] for found in services if found and found[1].strip()]
        if len(names) == len(block.span):
            return Match(services=tuple(dict.fromkeys(names)))
        if all(_ERROR.fullmatch(text) for text in block.span):
            return Match(status=True, wider=(GRPC,))
    return Cannot("asks for conditions in OTTL")


_ASK: Final[dict[type[blocks.Block], Callable[[Any, Behaviour], Asked]]] = {
    blocks.AlwaysSample: _always,
    blocks.Latency: _latency,
    blocks.StatusCode: _status,
    blocks.StringAttribute: _string,
    blocks.NumericAttribute: _numeric,
    blocks.OttlCondition: _ottl,
}
_CANNOT: Final = {
    "rate_limiting": "limits spans a second",
    "bytes_limiting": "limits bytes a second",
    "span_count": "asks for the number of spans",
    "trace_state": "asks for tracestate",
    "boolean_attribute": "asks for an attribute that is a switch",
    "trace_flags": "asks for the sampled flag",
    "composite": "shares out a budget of spans a second",
    "not": "asks for the opposite of a policy",
}
