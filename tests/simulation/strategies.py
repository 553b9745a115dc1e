"""Random chains, traces and histories, drawn so that rare branches are not rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.model.build import Value, attributes
from tests.model.chain import MASK, Chain, Policy, threshold_of
from tests.model.tracestate import encode_threshold

UPTIMES_NS = (10**10, 10**15)  # ten seconds and eleven days after the start
CODES = (500, 502, 503, 504)
SERVICES = ("api", "shop", "api-gateway")
THRESHOLDS_MS = (1, 50, 1000)
BASE_NS = 1_700_000_000_000_000_000
EDGES_NS = sorted({0, 1} | {ms * 1_000_000 + by for ms in THRESHOLDS_MS for by in (-1, 0, 1)})
MARKS: tuple[tuple[str, Value], ...] = (
    ("http.response.status_code", 500),
    ("http.response.status_code", 404),
    ("http.response.status_code", "503"),
    ("http.response.status_code", 503.0),
    ("http.status_code", 504),
    ("http.status_code", "00502"),
    ("http.status_code", "+500"),
    ("http.status_code", "500 "),
    ("http.status_code", ""),
    ("http.status_code", True),
    ("http.status_code", "99999999999999999999"),
    ("http.status_code", 2**32 + 500),
    ("http.status_code", -500),
    ("rpc.grpc.status_code", 13),
    ("rpc.grpc.status_code", 5),
    ("rpc.response.status_code", "UNAVAILABLE"),
    ("rpc.response.status_code", "OK"),
    ("tailsampler.policy", "forged"),
    ("tailsampler.reason", 1),
    ("tailsampler.", ""),
    ("tailsampler", "not ours to cut"),
    ("peer.service", "\u00e9\U0001f600"),
)
TIMES = st.sampled_from((*(BASE_NS + by for by in EDGES_NS), 0))
UNKNOWN_FIELD = b"\xba\x3e\x03new"  # field 999, three bytes: from a later version of OTLP

rates = st.sampled_from((0.5, 1.0, 0.1, 0.25, 0.001, 0.0)) | st.integers(1, 1024).map(
    lambda share: share / 1024  # the decimal and the double are the same number
)
waits = st.sampled_from((100, 500, 2_000, 10_000))


@st.composite
def policies(draw: st.DrawFn, number: int) -> Policy:
    """One policy with any mix of criteria."""
    kind = draw(st.sampled_from(("errors", "duration", "service", "any mix")))
    errors = draw(st.sets(st.sampled_from(CODES), min_size=1)) if kind == "errors" else None
    if kind == "any mix":
        errors = draw(st.none() | st.sets(st.sampled_from(CODES), min_size=1))
    slow, named = kind in ("duration", "any mix"), kind in ("service", "any mix")
    return Policy(
        name=f"policy {number}",
        sample_rate=draw(rates),
        error_status_codes=None if errors is None else tuple(sorted(errors)),
        error_status=errors is None or draw(st.booleans()),
        duration_threshold_ms=draw(st.sampled_from(THRESHOLDS_MS)) if slow else None,
        service_name=draw(st.sampled_from(SERVICES)) if named else None,
        wait_ms=draw(st.none() | waits),
    )


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """Up to four policies, now and then without a last one that matches everything."""
    found = [draw(policies(number)) for number in range(draw(st.integers(1, 4)))]
    if draw(st.integers(0, 3)):
        found.append(Policy("default", draw(rates)))
    wait = draw(waits)
    return Chain(
        tuple(found),
        wait_ms=wait,
        wait_after_root_ms=draw(st.none() | st.sampled_from((50, min(wait, 300)))),
        hash_trace_ids=draw(st.integers(0, 3)) == 0,
    )


def lots(*both: Chain) -> st.SearchStrategy[int]:
    """Numbers of 56 bits, nearly all of them at or one beside a threshold of the chains."""
    edges = {0, MASK}
    for policy in (policy for chain in both for policy in chain.policies):
        edges |= {threshold_of(policy.sample_rate) + by for by in (-1, 0, 1)}
    usable = sorted(edge for edge in edges if 0 <= edge <= MASK)
    return st.sampled_from([*usable, 0x5A_5A5A_5A5A_5A5A])


@st.composite
def tracestates(draw: st.DrawFn, numbers: st.SearchStrategy[int]) -> str:
    """A tracestate with any of rv, th, other sub-keys and other vendors' members."""
    inner = []
    if draw(st.booleans()):
        inner.append(f"rv:{draw(numbers):014x}")
    if draw(st.booleans()):
        inner.append(f"th:{encode_threshold(draw(numbers))}")
    if draw(st.integers(0, 3)) == 0:
        inner.append("zz:keep-me")
    members = [f"ot={';'.join(draw(st.permutations(inner)))}"] if inner else []
    if draw(st.booleans()):
        members += draw(st.sampled_from((["a=1"], ["a=1", "b@c=2;3:4"])))
    return ",".join(draw(st.permutations(members)))


@st.composite
def spans(draw: st.DrawFn, ids: list[bytes], numbers: st.SearchStrategy[int]) -> Span:
    """A span of one of the traces; one in sixteen has an id that can never be valid."""
    trace_id, span_id = draw(st.sampled_from(ids)), draw(st.integers(1, 40)).to_bytes(8, "big")
    if draw(st.integers(0, 15)) == 15:
        trace_id = draw(st.sampled_from((b"", bytes(16), trace_id[:15], trace_id)))
        span_id = draw(st.sampled_from((b"", bytes(8), span_id + b"x", span_id)))
    span = Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=draw(st.sampled_from((b"", b"\x01" * 8, b"\x02" * 8))),
        name=draw(st.sampled_from(("", "GET /", "x" * 200))),
        kind=draw(st.sampled_from(Span.SpanKind.values())),
        flags=draw(st.sampled_from((0, 1, 0x301))),
        trace_state=draw(st.just("") | tracestates(numbers)),
        start_time_unix_nano=draw(TIMES),
        end_time_unix_nano=draw(TIMES),
    )
    for key, value in draw(st.lists(st.sampled_from(MARKS), max_size=3)):
        span.attributes.extend(attributes({key: value}))
    status = draw(st.none() | st.sampled_from(Status.StatusCode.values()))
    if status is not None:
        span.status.code = status
        span.status.message = draw(st.sampled_from(("", "failed")))
    if draw(st.integers(0, 7)) == 0:
        span.events.add(time_unix_nano=BASE_NS, name="exception")
        span.links.add(trace_id=ids[0], span_id=span_id, trace_state="ot=rv:00000000000000")
        span.MergeFromString(UNKNOWN_FIELD)
    return span


def resources() -> st.SearchStrategy[Resource]:
    """A resource of one of the services, of none, or with a name that is no string."""
    names = st.sampled_from(({}, *({"service.name": name} for name in (*SERVICES, 1))))
    more = st.sampled_from(({}, {"host.name": "a"}))
    return st.builds(
        lambda name, rest: Resource(attributes=attributes({**rest, **name})), names, more
    )


@st.composite
def requests(
    draw: st.DrawFn, ids: list[bytes], numbers: st.SearchStrategy[int]
) -> ExportTraceServiceRequest:
    """A request of several resources and scopes, empty ones among them."""
    request = ExportTraceServiceRequest()
    schemas = st.sampled_from(("", "https://opentelemetry.io/schemas/1.30.0"))
    for _ in range(draw(st.sampled_from((1, 2, 0, 3)))):
        resource = ResourceSpans(resource=draw(resources()), schema_url=draw(schemas))
        for number in range(draw(st.sampled_from((1, 2, 0)))):
            scope = InstrumentationScope(name=f"scope {number}") if number else None
            found = draw(st.lists(spans(ids, numbers), max_size=4))
            resource.scope_spans.append(
                ScopeSpans(scope=scope, spans=found, schema_url=draw(schemas))
            )
        request.resource_spans.append(resource)
    return request


@dataclass(frozen=True)
class Step:
    """One thing that happens, ``gap_ms`` after the one before."""

    gap_ms: int
    action: Literal["ingest", "install", "restart", "wait"]
    request: ExportTraceServiceRequest
    take: bool


@dataclass(frozen=True)
class History:
    """Two chains, and what happens while they are in force."""

    chains: tuple[Chain, Chain]
    steps: list[Step]
    start_ns: int


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Interleaved traces, late spans, a change of plan and restarts."""
    both = (draw(chains()), draw(chains()))
    numbers = lots(*both)
    lows = draw(st.lists(numbers, min_size=1, max_size=6))
    ids = [
        (index + 1).to_bytes(9, "big") + low.to_bytes(7, "big") for index, low in enumerate(lows)
    ]
    actions = st.sampled_from(("ingest",) * 9 + ("wait", "install", "restart"))
    gaps = st.sampled_from((0, 0, 1, 30, 100, 500, 2_000, 10_000))
    steps = []
    for _ in range(draw(st.integers(2, 12))):
        action = draw(actions)
        request = (
            draw(requests(ids, numbers)) if action == "ingest" else ExportTraceServiceRequest()
        )
        gap = draw(gaps) if action != "restart" else draw(st.sampled_from((0, 1, 30)))
        steps.append(Step(gap, action, request, draw(st.integers(0, 3)) > 0))
    return History(both, steps, draw(st.sampled_from(UPTIMES_NS)))
