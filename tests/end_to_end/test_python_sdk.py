"""Ten thousand traces by Python's OpenTelemetry SDK: exactly the right ones arrive, unchanged."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import opentelemetry.exporter.otlp.proto.grpc.trace_exporter as grpc_exporter
import opentelemetry.exporter.otlp.proto.http.trace_exporter as http_exporter
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import WAIT_S, GatewayProcess
from tests.model.chain import Chain, Policy, Received, judge
from tests.model.gateway import Exported, received_in
from tests.model.output import expected, observed

TRACES = 5_000  # by each exporter
LEDGER_READS = 100
START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
CHAIN = Chain(
    (
        Policy("errors", 1.0, error_status_codes=(500, 502, 503, 504)),
        Policy("slow", 0.5, duration_threshold_ms=1000),
        Policy("api-gateway", 0.25, service_name="api-gateway"),
        Policy("default", 0.01),
    ),
    wait_ms=WAIT_S * 1000,
)

Encode = Callable[[Sequence[ReadableSpan]], ExportTraceServiceRequest]


@contextmanager
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ExportTraceServiceRequest]]:
    """Everything that an exporter of the SDK encodes."""
    sent: list[ExportTraceServiceRequest] = []

    def recorded(encode: Encode) -> Encode:
        def encoded(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
            request = encode(spans)
            sent.append(request)
            return request

        return encoded

    with monkeypatch.context() as patch:
        for module in (grpc_exporter, http_exporter):
            patch.setattr(module, "encode_spans", recorded(module.encode_spans))
        yield sent


def send_traces(exporter: SpanExporter, service: str, seed: int) -> None:
    """Two or three spans a trace; a tenth are errors, a tenth slow, some at the very threshold."""
    dice = random.Random(seed)
    provider = TracerProvider(resource=Resource({"service.name": service}))
    processor = BatchSpanProcessor(exporter, max_queue_size=100_000, schedule_delay_millis=50)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("end-to-end", "1.0", schema_url="https://example.com/schema")
    durations = [5 * MS] * 8 + [999_999_999, 1_000_000_000, 2_000_000_000]
    for _ in range(TRACES):
        root = tracer.start_span("checkout", start_time=START_NS, attributes={"user.tier": "gold"})
        inside = set_span_in_context(root)
        for number in range(dice.randint(1, 2)):
            child = tracer.start_span("pay", inside, start_time=START_NS + number)
            match dice.randrange(30):
                case 0:
                    child.set_status(Status(StatusCode.ERROR, "declined"))
                case 1:
                    child.set_attribute("http.response.status_code", 503)
                case 2:
                    child.set_attribute("rpc.grpc.status_code", 14)
                case 3:
                    child.set_attribute("http.response.status_code", 404)
            child.add_event("tried", {"times": 3, "tags": ["a", "b"]}, timestamp=START_NS + 2)
            child.end(START_NS + 3)
        root.end(START_NS + dice.choice(durations))
    assert provider.force_flush(60_000)
    provider.shutdown()


def wanted_spans(sent: list[ExportTraceServiceRequest]) -> dict[bytes, Exported]:
    """What must arrive, by span id, as the slow model sees it."""
    traces: dict[bytes, list[Received]] = {}
    for request in sent:
        for received in received_in(request):
            traces.setdefault(received.span.trace_id, []).append(received)
    assert len(traces) == 2 * TRACES
    wanted = {}
    for spans in traces.values():
        verdict = judge(CHAIN, spans)
        if verdict.kept:
            for received in spans:
                exported = Exported(received, verdict, (verdict.randomness,), CHAIN)
                wanted[received.span.span_id] = exported
    return wanted


def check_arrived(backend: CapturingBackend, wanted: dict[bytes, Exported]) -> None:
    """Every wanted span once, with its resource and scope, unchanged but for the additions."""
    arrived = [one for request in backend.requests for one in received_in(request.message)]
    spans = {received.span.span_id: received for received in arrived}
    assert len(spans) == len(arrived), "a span arrived twice"
    assert spans.keys() == wanted.keys()
    for span_id, received in spans.items():
        exported = wanted[span_id]
        assert observed(received) == expected(exported, exported.verdict.randomness)


@pytest.mark.timeout(180)
def test_exactly_the_right_traces_arrive(
    gateway: GatewayProcess, backend: CapturingBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept by the chain and nothing else, span by span; the books balance at each of 100 reads."""
    with recording(monkeypatch) as sent:
        over_grpc = grpc_exporter.OTLPSpanExporter(gateway.addresses["otlp_grpc"], insecure=True)
        over_http = http_exporter.OTLPSpanExporter(
            f"http://{gateway.addresses['otlp_http']}/v1/traces"
        )
        with ThreadPoolExecutor() as pool:
            senders = [
                pool.submit(send_traces, over_grpc, "shop", 1),
                pool.submit(send_traces, over_http, "api-gateway", 2),
            ]
            for _ in range(LEDGER_READS):
                gateway.ledger()
                time.sleep(0.03)
            for sender in senders:
                sender.result()
    gateway.until(gateway.settled, "settled")
    spans = sum(1 for request in sent for _ in received_in(request))
    books = gateway.ledger()
    wanted = wanted_spans(sent)
    assert books["spans"]["received"] == spans
    assert books["spans"]["exported"] == len(wanted)
    assert books["spans"]["dropped"]["policy"] == spans - len(wanted)
    assert books["traces"]["judged"] == 2 * TRACES
    check_arrived(backend, wanted)
