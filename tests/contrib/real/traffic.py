"""Traffic for a real Collector, which never changes: verdicts are recorded against it.

Every trace has dice of its own, so that a few of the traces can be made without all others.
What the traffic of a recording came to is recorded with it, as a hash: change anything here, and
the recorded verdicts are of no use any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.contrib.build import pairs

PHASES = 3
"""Pieces of a trace come in up to so many bursts, far enough apart for a verdict between them."""

_KEYS = ("http.route", "http.status_code", "app.flag", "service.name", "tier", "")
_TEXTS = ("", "cart", "/api/v1/cart", "/health", "GET", "503", "\u017f", "a\nb", "gold", "503.0")
_NUMBERS = (-5, 0, 1, 200, 404, 500, 503, 1 << 40, -(1 << 63), (1 << 63) - 1)
_OTHERS: tuple[Any, ...] = (503.0, 0.5, b"\1\2", None, ["cart"], {"cart": 503}, [], {"a": [1, 2.0]})
_STATES = ("", "k=v1", "k=v2,a=b", "a=b,,k=v1", "K=v1", "k=v1,k=v2", "k= v1", "vendor=gold")
_OT = (
    "ot=th:{th}",
    "ot=rv:{rv}",
    "ot=rv:{rv};th:{th}",
    "ot=th:{th};rv:{rv};x:1,k=v1",
    "k=v1,ot=th:{th}",
    "ot=rv:{rv}0",
    "ot=th:0",
    "ot=x:y",
    "ot=th:{th},k= v1",
    "K=v1,ot=th:{th}",
)
_THRESHOLDS = ("8", "c", "e6666666666666", "0", "4", "fd70a3d70a3d71", "80000000000000")
_SCOPES = (
    None,
    InstrumentationScope(name="lib", version="1"),
    InstrumentationScope(),
    InstrumentationScope(name="lib", attributes=pairs({"tier": "gold"})),
)
_SCHEMA = "https://opentelemetry.io/schemas/1.40.0"
_RESOURCES = 12
_BEGAN_NS = 1_700_000_000_000_000_000
_MS = 1_000_000


@dataclass(frozen=True)
class Piece:
    """What one request brings of a trace: a ResourceSpans, when it comes, and of which resource."""

    trace_id: bytes
    order: tuple[int, int]  # phase; anything, ascending within a trace
    resource: int
    whole: ResourceSpans

    @property
    def phase(self) -> int:
        return self.order[0]


@cache
def _resources(seed: int) -> list[Resource]:
    dice = Random(f"{seed}/resources")
    return [Resource(attributes=pairs(_attributes(dice))) for _ in range(_RESOURCES)]


def trace_id(seed: int, number: int) -> bytes:
    """16 bytes."""
    return _dice(seed, number).randbytes(16)


def _dice(seed: int, number: int) -> Random:
    return Random(f"{seed}/{number}")


def pieces(seed: int, number: int, phases: int = 1) -> list[Piece]:
    """A trace, in order of arrival; with one phase everything comes before it is judged."""
    dice = _dice(seed, number)
    mine = dice.randbytes(16)
    count = dice.choice([1, 1, 1, 2, 2, 3, 4, 7])
    root = dice.randint(0, 3)
    spans: list[Span] = []
    for at in range(count):
        span = _span(dice, mine, root=at == root)
        spans += [span] * (2 if dice.random() < 0.04 else 1)
    orders = []
    whole: list[tuple[int, ResourceSpans]] = []
    while spans:
        taken = min(len(spans), dice.choice([1, 1, 2, 3]))
        whole.append(_whole(dice, seed, spans[:taken]))
        spans = spans[taken:]
        orders.append((dice.randrange(PHASES), dice.randrange(1 << 32)))
    if phases == 1:
        orders = [(0, order) for _, order in orders]
    orders.sort()
    return [Piece(mine, order, *each) for order, each in zip(orders, whole, strict=True)]


def _whole(dice: Random, seed: int, spans: Sequence[Span]) -> tuple[int, ResourceSpans]:
    resource = dice.randrange(_RESOURCES)
    whole = ResourceSpans(resource=_resources(seed)[resource])
    if dice.random() < 0.03:
        whole.schema_url = _SCHEMA
    for span in spans:
        if not whole.scope_spans or dice.random() < 0.3:
            whole.scope_spans.append(ScopeSpans(scope=dice.choice(_SCOPES)))
        whole.scope_spans[-1].spans.append(span)
    if dice.random() < 0.03:
        whole.scope_spans[0].schema_url = _SCHEMA
    return resource, whole


def _span(dice: Random, trace_id: bytes, *, root: bool) -> Span:
    start = _BEGAN_NS + dice.choice([0, 1, 50 * _MS, 999 * _MS, -3_000 * _MS])
    lasted = dice.choice([0, 999_999, 20 * _MS, 21 * _MS - 1, 100 * _MS, 1_001 * _MS, 5_000 * _MS])
    span = Span(
        trace_id=trace_id,
        span_id=dice.randbytes(7) + b"\1",
        parent_span_id=b"" if root else dice.randbytes(7) + b"\2",
        trace_state=_state(dice),
        flags=dice.choice([0, 0, 0, 0, 1, 0x101, 2]),
        name=dice.choice(["span"] * 9 + ["GET /cart"]),
        kind=Span.SpanKind.ValueType(dice.choice([0, 0, 0, 2, 3])),
        start_time_unix_nano=dice.choice([start] * 24 + [0, 1 << 63]),
        end_time_unix_nano=dice.choice([start + lasted] * 24 + [0, start - 5 * _MS]),
        attributes=pairs(_attributes(dice)),
    )
    if dice.random() < 0.4:
        code = Status.StatusCode.ValueType(dice.choice([0, 1, 2, 2, 3]))
        span.status.CopyFrom(Status(code=code, message=dice.choice(["", "failed"])))
    if dice.random() < 0.15:
        name = dice.choice(["exception", "exception", "retry", ""])
        span.events.add(name=name, attributes=pairs(_attributes(dice)))
        span.links.add(trace_id=dice.randbytes(16), span_id=dice.choice([b"", b"12345678"]))
    if dice.random() < 0.1:  # keys that occur twice
        span.attributes.extend(pairs(_attributes(dice)))
    return span


def _state(dice: Random) -> str:
    if dice.random() < 0.85:
        return dice.choice(_STATES) if dice.random() < 0.4 else ""
    rv = dice.randbytes(7).hex()
    return dice.choice(_OT).format(rv=rv, th=dice.choice(_THRESHOLDS))


def _attributes(dice: Random) -> dict[str, Any]:
    return {key: _value(dice) for key in dice.sample(_KEYS, dice.choice([0, 0, 1, 1, 2, 3]))}


def _value(dice: Random) -> Any:
    kind = dice.random()
    if kind < 0.4:
        return dice.choice(_TEXTS)
    if kind < 0.65:
        return dice.choice(_NUMBERS)
    if kind < 0.8:
        return dice.random() < 0.5
    return dice.choice(_OTHERS)


def in_order(seed: int, numbers: Iterable[int], phases: int = 1) -> list[Piece]:
    """The pieces of these traces, as they come."""
    every = [piece for number in numbers for piece in pieces(seed, number, phases)]
    return sorted(every, key=lambda piece: piece.order)


def requests(every: Iterable[Piece]) -> Iterator[tuple[int, ExportTraceServiceRequest]]:
    """The phase and the request; neighbours of one resource share a ResourceSpans.

    Two pieces of the same trace never do, so that what is sent beside a trace changes nothing.
    """
    request = ExportTraceServiceRequest()
    phase = count = 0
    last: Piece | None = None
    within: set[bytes] = set()
    for piece in every:
        if count >= 20 + piece.trace_id[0] % 20 or piece.phase != phase:
            if count:
                yield phase, request
            request, count, last, phase = ExportTraceServiceRequest(), 0, None, piece.phase
        if last is not None and _shares(last, piece) and piece.trace_id not in within:
            request.resource_spans[-1].scope_spans.extend(piece.whole.scope_spans)
        else:
            request.resource_spans.append(piece.whole)
            within = set()
        within.add(piece.trace_id)
        last, count = piece, count + 1
    if count:
        yield phase, request


def _shares(last: Piece, piece: Piece) -> bool:
    return last.resource == piece.resource and last.whole.schema_url == piece.whole.schema_url


def digest(every: Iterable[Piece]) -> str:
    """What the pieces come to; the same whatever they are sent beside."""
    found = hashlib.sha256()
    for piece in every:
        found.update(b"%d/" % piece.phase + piece.whole.SerializeToString(deterministic=True))
    return found.hexdigest()
