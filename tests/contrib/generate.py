"""Random blocks of every type and nesting, and random traffic that they tell apart."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.contrib.build import MS, SECOND, pairs

Config = dict[str, Any]

KEYS = ("http.route", "http.status_code", "app.flag", "service.name", "tier", "")
TEXTS = ("", "cart", "/api/v1/cart", "/health", "GET", "503", "\u017f", "a\nb", "gold")
PATTERNS = ("^/api/v\\d+", "car", "(?i)GET|S", "", "[[:alpha:]]+$", "\\bcart\\b", "a.b", "^$")
NUMBERS = (-5, 0, 1, 200, 404, 500, 503, 1 << 40, -(1 << 63), (1 << 63) - 1)
STATES = ("", "k=v1", "k=v2,a=b", "a=b,,k=v1", "K=v1", "k=v1,k=v2", "k= v1", "vendor=gold")
PERCENTAGES = (-1.0, 0.0, 0.001, 5.0, 10.0, 33.333, 50.0, 99.9, 100.0, 250.0)
BEGAN_NS = 1_700_000_000 * SECOND


@dataclass(frozen=True)
class Sending:
    """A request, and when it comes: seconds since the start, never on a whole one."""

    at_s: float
    request: ExportTraceServiceRequest


def config(dice: Random) -> Config:
    """A block that contrib starts with, and that this program runs."""
    block: Config = {
        "decision_wait": f"{dice.randint(1, 4)}s",
        "policies": [{"name": f"p{at}", **_policy(dice, _TOP)} for at in range(dice.randint(0, 6))],
        "sample_on_first_match": dice.random() < 0.3,
    }
    if dice.random() < 0.3:
        block["decision_wait_after_root_received"] = dice.choice(["500ms", "1s", "1900ms", "3s"])
    if dice.random() < 0.2:
        block["maximum_trace_size_bytes"] = dice.choice([150, 300, 700, 2_000])
    if dice.random() < 0.5:
        block["decision_cache"] = {
            "sampled_cache_size": 100_000,
            "non_sampled_cache_size": 100_000,
        }
    if dice.random() < 0.1:
        block["sampling_strategy"] = "span-ingest"
        block["policies"] = _stateless(dice)
    if dice.random() < 0.1:
        block["policies"] += _many(dice)
    return block


def _stateless(dice: Random) -> list[Config]:
    """Policies that may be asked of a part of a trace."""
    policies: list[Config] = []
    while len(policies) < dice.randint(1, 5):
        policy = {"name": f"p{len(policies)}", **_policy(dice, _TOP)}
        text = json.dumps(policy)
        if not re.search(r'_limiting|"(upper_threshold_ms|max_spans)": [1-9]', text):
            policies.append(policy)
    return policies


def _many(dice: Random) -> list[Config]:
    """So many conditions that a trace needs more than one word for them."""
    policies = []
    for at in range(dice.randint(30, 90)):
        kind = dice.choice(["string_attribute", "numeric_attribute", "ottl_condition", "and"])
        policy = {"name": f"m{at}", **_policy(dice, {kind: _TOP[kind]})}
        if kind == "string_attribute":
            policy[kind]["values"] = [*policy[kind]["values"], f"value {at}"]
        if kind == "numeric_attribute":
            policy[kind] |= {"min_value": 300 + at, "max_value": dice.choice([404, 503, 1 << 40])}
        if kind == "ottl_condition":
            policy[kind]["span"] = [f'attributes["http.status_code"] == {at}', CONDITIONS[12]]
        if kind != "string_attribute" or not policy[kind]["invert_match"]:
            # Rare ones, so that later policies are told apart, too.
            state = {"type": "trace_state", "trace_state": {"key": "k", "values": ["v1"]}}
            policy = {
                "name": policy["name"],
                "type": "and",
                "and": {"and_sub_policy": [state, {**policy, "name": "s"}]},
            }
        if "_limiting" not in json.dumps(policy) and kind != "and":
            policies.append(policy)
    return policies


Maker = Callable[[Random], Config]


def _policy(dice: Random, kinds: dict[str, Maker]) -> Config:
    kind = dice.choice(list(kinds))
    return {"type": kind, kind: kinds[kind](dice)} if kind not in _BARE else {"type": kind}


def _subs(dice: Random, kinds: dict[str, Maker], most: int = 3) -> list[Config]:
    return [{"name": f"s{at}", **_policy(dice, kinds)} for at in range(dice.randint(0, most))]


def _latency(dice: Random) -> Config:
    threshold = dice.choice([0, 1, 20, 100, 1000])
    upper = dice.choice([0, 0, 50, 100, 1_000, 10_000])
    return {"threshold_ms": threshold, "upper_threshold_ms": upper}


def _numeric(dice: Random) -> Config:
    low, high = dice.choice([(1, 0), (0, 500), (200, 503), (-10, 10), (500, 1), (0, -1)])
    bounds = {"min_value": low, "max_value": high}
    return {"key": dice.choice(KEYS), **bounds, "invert_match": dice.random() < 0.3}


def _string(dice: Random) -> Config:
    regex = dice.random() < 0.5
    values = dice.sample(PATTERNS if regex else TEXTS, dice.randint(0, 3))
    return {
        "key": dice.choice(KEYS),
        "values": values,
        "enabled_regex_matching": regex,
        "invert_match": dice.random() < 0.3,
    }


def _boolean(dice: Random) -> Config:
    return {
        "key": dice.choice(KEYS),
        "value": dice.random() < 0.5,
        "invert_match": dice.random() < 0.3,
    }


def _composite(dice: Random) -> Config:
    subs = _subs(dice, {**_SIMPLE, "and": _and}, 4)
    named = [sub["name"] for sub in subs if dice.random() < 0.8]
    return {
        "max_total_spans_per_second": dice.choice([0, 10, 60, 1_000]),
        "composite_sub_policy": subs,
        "rate_allocation": [
            {"policy": name, "percent": dice.choice([-5, 0, 10, 50, 120])} for name in named
        ],
    }


def _and(dice: Random) -> Config:
    return {"and_sub_policy": _subs(dice, {**_SIMPLE, "not": _not})}


def _drop(dice: Random) -> Config:
    return {"drop_sub_policy": _subs(dice, {**_SIMPLE, "not": _not}, 2)}


def _not(dice: Random) -> Config:
    return {"not_sub_policy": {"name": "n", **_policy(dice, _SIMPLE)}}


CONDITIONS = (
    'attributes["http.route"] == "cart"',
    'attributes["http.status_code"] >= 500',
    'attributes["http.status_code"] != nil and attributes["http.status_code"] < 404.5',
    'attributes["tier"] > "gold" or resource.attributes["service.name"] == "cart"',
    'IsMatch(attributes["http.route"], "^/api/v\\\\d+")',
    'IsMatch(resource.attributes["tier"], "car|503")',
    'name == "span" and kind == SPAN_KIND_UNSPECIFIED and IsRootSpan()',
    "status.code == STATUS_CODE_ERROR",
    "not IsRootSpan() and flags == 1",
    "end_time_unix_nano - start_time_unix_nano > 20000000",
    'trace_state["k"] == "v1"',
    'Len(attributes["http.route"]) > 4',
    'attributes["http.status_code"] / attributes["http.status_code"] == 1',
    'HasPrefix(attributes["tier"], "/api")',
    'Concat([name, attributes["tier"]], "-") == "span-gold"',
    'Int(attributes["http.status_code"]) == 503 or String(attributes["tier"]) == "503"',
    'parent_span_id.string == "0000000000000000"',
    'IsString(attributes["app.flag"]) or IsBool(attributes["app.flag"])',
    'attributes["tier"]["cart"] == 503',
    'attributes["app.flag"] == true or true',
    '(attributes["http.status_code"] + 1) * 2 > 400 and scope.name == "lib"',
    'SHA256(attributes["tier"]) != "" and ToUpperCase(attributes["tier"]) == "GOLD"',
    'Substring(attributes["http.route"], 0, 4) == "/api"',
    'resource.attributes["http.status_code"] == attributes["http.status_code"]',
)
OF_EVENTS = (
    'name == "exception"',
    'attributes["tier"] == "gold"',
    'IsMatch(name, "^ex") and span.name == "span"',
    'attributes["http.status_code"] > 400',
    'Len(attributes["tier"]) == 4',
)


def _ottl(dice: Random) -> Config:
    count = dice.randint(1, 3)
    block: Config = {
        "span": dice.sample(CONDITIONS, count),
        "spanevent": dice.sample(OF_EVENTS, dice.choice([0, 0, 1, 2])),
    }
    if dice.random() < 0.7:
        block["error_mode"] = dice.choice(["ignore", "silent", "propagate"])
    return block


_BARE = ("always_sample", "trace_flags")
_SIMPLE: dict[str, Maker] = {
    "always_sample": lambda _: {},
    "trace_flags": lambda _: {},
    "latency": _latency,
    "numeric_attribute": _numeric,
    "probabilistic": lambda dice: {
        "hash_salt": dice.choice(["", "my-salt", "\u00fc"]),
        "sampling_percentage": dice.choice(PERCENTAGES),
    },
    "status_code": lambda dice: {
        "status_codes": dice.sample(["OK", "ERROR", "UNSET"], dice.randint(1, 2))
    },
    "string_attribute": _string,
    "rate_limiting": lambda dice: {
        "spans_per_second": dice.choice([0, 1, 7, 30, 200]),
        "burst_capacity": dice.choice([0, 0, 5, 100]),
    },
    "bytes_limiting": lambda dice: {
        "bytes_per_second": dice.choice([0, 100, 1_000, 20_000]),
        "burst_capacity": dice.choice([0, 0, 700, 5_000]),
    },
    "span_count": lambda dice: {
        "min_spans": dice.randint(0, 4),
        "max_spans": dice.choice([0, 0, 2, 5]),
    },
    "trace_state": lambda dice: {
        "key": dice.choice(["k", "vendor", ""]),
        "values": dice.sample(["v1", "v2", "gold", " v1", "x" * 300, ""], dice.randint(0, 3)),
    },
    "boolean_attribute": _boolean,
    "ottl_condition": _ottl,
}
_TOP: dict[str, Maker] = {
    **_SIMPLE,
    "and": _and,
    "not": _not,
    "drop": _drop,
    "composite": _composite,
}


def traffic(dice: Random, traces: int) -> list[Sending]:
    """Requests over some eight seconds, in order: whole traces, parts, late spans, duplicates."""
    spans: list[tuple[float, Resource, Span]] = []
    for _ in range(traces):
        spans += _trace(dice)
    spans.sort(key=lambda one: one[0])
    sendings = []
    while spans:
        count = dice.randint(1, 12)
        batch, spans = spans[:count], spans[count:]
        sendings.append(Sending(batch[-1][0], _request(dice, batch)))
    return sendings


def _trace(dice: Random) -> Iterator[tuple[float, Resource, Span]]:
    trace_id = dice.randbytes(16)
    began_s = dice.randrange(0, 4_000) / 1_000
    resource = Resource(attributes=pairs(_attributes(dice)))
    states = _states(dice, trace_id)
    for number in range(dice.choice([1, 1, 2, 3, 4, 7])):
        # One in ten comes when its trace is judged.
        apart_s = dice.choice(
            [0, 0, 0.3, 0.9, dice.uniform(0, 3), dice.uniform(4, 9)][: 5 + (dice.random() < 0.5)]
        )
        span = _span(dice, trace_id, root=number == dice.randint(0, 3))
        if states:
            span.trace_state = dice.choice(states)
        # Not on a tick, whose order towards a request is nobody's business.
        at_s = int(began_s + apart_s) + min(max((began_s + apart_s) % 1, 0.01), 0.99)
        yield at_s, resource, span
        if dice.random() < 0.05:
            yield at_s, resource, span


def _states(dice: Random, trace_id: bytes) -> tuple[str, ...]:
    """What spans of a trace say that was sampled before: one R, and thresholds below it."""
    kind = dice.random()
    if kind < 0.7:
        return ()
    randomness = int.from_bytes(trace_id[9:], "big")
    rv = ""
    if kind < 0.85:
        randomness = dice.getrandbits(56)
        rv = f"rv:{randomness:014x}"
    th = f"th:{dice.randrange(randomness + 1):014x}"
    both = ";".join(filter(None, (rv, th, "x:y")))
    only = f"ot={rv or 'x:z'}"
    return (f"a=b,ot={both}", only, f"{only},vendor=gold") if kind < 0.95 else (f"ot={both}",)


def _span(dice: Random, trace_id: bytes, *, root: bool) -> Span:
    start = BEGAN_NS + dice.choice([0, 1, 50 * MS, 999 * MS, -3 * SECOND])
    lasted = dice.choice([0, 999_999, 20 * MS, 21 * MS - 1, 100 * MS, 1_001 * MS, 5 * SECOND])
    span = Span(
        trace_id=trace_id,
        span_id=dice.randbytes(7) + b"\1",
        parent_span_id=b"" if root else dice.randbytes(7) + b"\2",
        trace_state=dice.choice(STATES),
        flags=dice.choice([0, 0, 1, 0x101, 2]),
        name="span",
        start_time_unix_nano=dice.choice([start] * 12 + [0, 1 << 63]),
        end_time_unix_nano=dice.choice([start + lasted] * 12 + [0, start - 5 * MS]),
        attributes=pairs(_attributes(dice)),
    )
    if dice.random() < 0.4:
        span.status.CopyFrom(Status(code=Status.StatusCode.ValueType(dice.choice([0, 1, 2, 2, 3]))))
    if dice.random() < 0.1:
        span.events.add(name="exception", attributes=pairs(_attributes(dice)))
        span.links.add(trace_id=dice.randbytes(16), span_id=dice.choice([b"", b"12345678"]))
    if dice.random() < 0.1:
        span.attributes.extend(pairs(_attributes(dice)))
    return span


def _attributes(dice: Random) -> Config:
    return {key: _value(dice) for key in dice.sample(KEYS, dice.randint(0, 3))}


def _value(dice: Random) -> Any:
    kind = dice.random()
    if kind < 0.4:
        return dice.choice(TEXTS)
    if kind < 0.65:
        return dice.choice(NUMBERS)
    if kind < 0.8:
        return dice.random() < 0.5
    return dice.choice([503.0, 0.5, b"\1\2", None, ["cart"], {"cart": 503}])


def _request(dice: Random, batch: list[tuple[float, Resource, Span]]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for _, resource, span in batch:
        groups = request.resource_spans
        if not groups or groups[-1].resource != resource or dice.random() < 0.2:
            groups.append(ResourceSpans(resource=resource, scope_spans=[ScopeSpans()]))
        elif dice.random() < 0.2:
            scope = InstrumentationScope(name=dice.choice(["", "lib"]), version="1")
            groups[-1].scope_spans.append(ScopeSpans(scope=dice.choice([None, scope])))
        groups[-1].scope_spans[-1].spans.append(span)
    return request
