"""A few traces worth looking at: an error, a slow one, a skewed clock, and hostile strings."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from tailsampler.testing.spans import EPOCH_NS, request, resource, span, trace_id_of
from tests.end_to_end.process import GatewayProcess

ERROR: Final = "0af7651916cd43dd8448eb211c80319c"
SLOW: Final = "00000000000000000af7651916cd43dd"
DROPPED: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
HOSTILE: Final = "5b8efff798038103d269b633813fc60c"
WIDE: Final = "5b8efff798038103d269b633813fc60d"
PWN: Final = '"><script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">\u202edne'
WIDE_SPANS: Final = 2_000


def shop_traces(now_ns: int) -> list[list[ResourceSpans]]:
    """The traces, each as the groups of a request, ending about ``now_ns``."""
    error = Status.STATUS_CODE_ERROR
    client, server = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
    failing = span("POST /pay", trace_id=ERROR, span_id=1, duration_ms=120, status=error)
    failing.events.add(name="exception", time_unix_nano=failing.start_time_unix_nano + 5_000_000)
    failing.links.add(trace_id=trace_id_of(SLOW), span_id=b"\1" * 8)
    call = span("charge", trace_id=ERROR, span_id=2, parent_id=1, duration_ms=100, kind=client)
    ahead = span(
        "charge", trace_id=ERROR, span_id=3, parent_id=2, start_ms=3_010, duration_ms=80,
        kind=server, attributes={"http.response.status_code": 503},
    )  # fmt: skip
    hostile = dict.fromkeys(("http.route", "error.type", PWN, "db.query.text"), PWN)
    wide = [
        span(f"item {number}", trace_id=WIDE, span_id=10 + number, parent_id=1, start_ms=number)
        for number in range(WIDE_SPANS)
    ]
    traces = [
        [resource("checkout", failing, call), resource("payment", ahead)],
        [resource("catalog", span("GET /search", trace_id=SLOW, duration_ms=2_500))],
        [resource("cart", span("GET /cart", trace_id=DROPPED, duration_ms=20))],
        [
            resource(
                PWN,
                span(PWN, trace_id=HOSTILE, status=error, attributes=hostile, trace_state=PWN),
                attributes={PWN: PWN},
            )
        ],
        [resource("search", span("GET /all", trace_id=WIDE, duration_ms=2_100), *wide)],
    ]
    shift = now_ns - EPOCH_NS - 4_000_000_000
    for trace in traces:
        for group in trace:
            for scoped in group.scope_spans:
                for each in scoped.spans:
                    each.start_time_unix_nano += shift
                    each.end_time_unix_nano += shift
                    for event in each.events:
                        event.time_unix_nano += shift
    return traces


def send_shop(gateway: GatewayProcess) -> None:
    """Send all of it; return when it is judged, and the kept traces are stored."""
    for groups in shop_traces(time.time_ns()):
        post(gateway, request(*groups).SerializeToString())
    gateway.until(gateway.settled, "settled")


def post(gateway: GatewayProcess, body: bytes) -> None:
    """One OTLP/HTTP request."""
    connection = HTTPConnection(gateway.addresses["otlp_http"], timeout=30)
    connection.request(
        "POST", "/v1/traces", body, headers={"Content-Type": "application/x-protobuf"}
    )
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 200, said
