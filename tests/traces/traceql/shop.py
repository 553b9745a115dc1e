"""A trace whose spans a person can hold in their head, and one without a root."""

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message
from opentelemetry.proto.trace.v1.trace_pb2 import Status, TracesData

from tailsampler.testing.spans import request, resource, span
from tailsampler.traces.traceql import evaluate, parse
from tests.traces.memory_store import MemoryStore

ERROR = Status.STATUS_CODE_ERROR
CLIENT, SERVER = Message.SPAN_KIND_CLIENT, Message.SPAN_KIND_SERVER


def shop() -> bytes:
    """Trace 10: cart, then pay in another service, then a failed query. Trace 11: half a trace."""
    cart = span(
        "GET /cart",
        trace_id=10,
        span_id=1,
        duration_ms=1500,
        attributes={"http.route": "/cart", "http.response.status_code": 503, "region": "eu"},
    )
    pay = span(
        "pay",
        trace_id=10,
        span_id=2,
        parent_id=1,
        start_ms=10,
        duration_ms=900,
        kind=CLIENT,
        attributes={"amount": 9.5, "retry": True, "region": "us", "tags": ["a", "b"]},
    )
    query = span(
        "SELECT",
        trace_id=10,
        span_id=3,
        parent_id=2,
        start_ms=20,
        duration_ms=100,
        kind=CLIENT,
        status=ERROR,
        attributes={"db.rows": 0, "strange key=1": "yes", "note": "line one\nline two"},
    )
    query.status.message = "deadlock"
    late = span("pay", trace_id=11, span_id=4, parent_id=9, start_ms=5000, duration_ms=20)
    data = request(
        resource("cart", cart),
        resource("payment", pay, query),
        resource("payment", late),
    )
    data.resource_spans[1].resource.attributes.add(key="region").value.string_value = "mars"
    data.resource_spans[1].resource.attributes.add(key="zone").value.string_value = "z1"
    data.resource_spans[1].scope_spans[0].scope.CopyFrom(
        InstrumentationScope(name="db.client", version="1.2")
    )
    return TracesData(resource_spans=data.resource_spans).SerializeToString()


def matched(text: str) -> dict[int, list[int]]:
    """Span ids by trace id (both as numbers) that a query selects."""
    store = MemoryStore()
    store.write(shop())
    query = parse(text)
    return {
        int.from_bytes(row.trace_id): [int.from_bytes(one.span_id) for one in spans]
        for row, trace in store._all()
        if (spans := evaluate(query, row, trace)) is not None
    }
