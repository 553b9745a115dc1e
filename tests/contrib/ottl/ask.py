"""One rich span, and what a condition says about it."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.contrib.build import PARENT, TRACE, pairs, request, span, trace_of
from tests.contrib.model.ottl.compile import compile_condition
from tests.contrib.model.ottl.paths import Context
from tests.contrib.model.ottl.values import OttlError, SyntaxFault
from tests.contrib.model.trace import Trace

ERROR = "error"
START = "start error"

ATTRIBUTES = {
    "text": "Hello",
    "empty": "",
    "umlaut": "\u00fc",
    "digits": "42",
    "csv": "a,b,c",
    "padded": "  x ",
    "number": 503,
    "negative": -7,
    "double": 503.0,
    "half": 0.5,
    "yes": True,
    "no": False,
    "bytes": b"\x01\xff",
    "list": [1, "two", [3]],
    "ints": [2],
    "map": {"b": 1, "a": {"x": [True, None]}},
    "unset": None,
    "address": "https://me:pw@example.com:8080/a/b.gif?q=1&r=2#part",
    "json": '{"a": 1, "b": [1, "x"]}',
    "regex": "^H",
    "bad.regex": "(",
}


def rich(*, root: bool = False) -> Trace:
    """A trace of one span with a value of every kind, and one event."""
    one = span(
        TRACE,
        0x0102,
        name="GET /a",
        parent_span_id=b"" if root else PARENT,
        trace_state="vendor=x1,other=y",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=1_000_000_000,
        end_time_unix_nano=2_500_000_000,
        dropped_attributes_count=3,
        dropped_events_count=4,
        dropped_links_count=5,
        flags=257,
        status=Status(code=Status.STATUS_CODE_ERROR, message="boom"),
        attributes=ATTRIBUTES,
        events=[
            Span.Event(
                name="exception",
                time_unix_nano=7,
                attributes=pairs({"exception.type": "Timeout"}),
                dropped_attributes_count=2,
            )
        ],
    )
    whole = request(one, resource={"service.name": "cart", "deep": {"k": {"l": 1}}})
    whole.resource_spans[0].scope_spans[0].scope.CopyFrom(
        InstrumentationScope(name="lib.a", version="1.2", attributes=pairs({"s": 1}))
    )
    return trace_of(whole)


CHILD = rich()
ROOT_SPAN = rich(root=True)


def ask(condition: str, *, within: str = "span", trace: Trace = CHILD) -> bool | str:
    """The outcome of a condition: a boolean, an error, or an error at start."""
    try:
        test = compile_condition(condition, within=within)
    except SyntaxFault:
        return START
    (arrival,) = trace.arrivals
    (scope,) = arrival.scopes
    (held,) = scope.spans
    event = held.span.events[0] if within == "spanevent" else None
    try:
        return test.run(Context(arrival, scope, held, event))
    except OttlError:
        return ERROR


def value(name: str) -> str:
    """The path of one of the span's attributes."""
    return f'attributes["{name}"]'
