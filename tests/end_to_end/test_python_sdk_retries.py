"""Python's OpenTelemetry SDK against a gateway that refuses: its own retry brings every span."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import opentelemetry.exporter.otlp.proto.grpc.trace_exporter as grpc_exporter
import opentelemetry.exporter.otlp.proto.http.trace_exporter as http_exporter
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from tailsampler.testing.backend import CapturingBackend
from tests.end_to_end.process import GatewayProcess, exports_to

RATE = 20
SPANS = 50
KEEP = {"decision_wait": "500ms", "policies": [{"name": "everything", "sample_rate": 1.0}]}


@pytest.fixture
def backend() -> Iterator[CapturingBackend]:
    """Takes everything."""
    with CapturingBackend() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, backend: CapturingBackend) -> Iterator[GatewayProcess]:
    """Takes a few spans a second."""
    limited = {"rate_limit_spans_per_second": RATE}
    config = {"sampling": KEEP, "export": exports_to(backend)}
    process = GatewayProcess(tmp_path, config, receive=limited)
    process.start()
    yield process
    process.clean_up()


def over_grpc(gateway: GatewayProcess) -> SpanExporter:
    """As the SDK comes, but for the address."""
    return grpc_exporter.OTLPSpanExporter(gateway.addresses["otlp_grpc"], insecure=True, timeout=60)


def over_http(gateway: GatewayProcess) -> SpanExporter:
    """The same."""
    url = f"http://{gateway.addresses['otlp_http']}/v1/traces"
    return http_exporter.OTLPSpanExporter(url, timeout=60)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("exporter", [over_grpc, over_http])
def test_refused_spans_come_later(
    exporter: object, gateway: GatewayProcess, backend: CapturingBackend
) -> None:
    """More than the rate allows at once: some are refused, and all are delivered, once each."""
    provider = TracerProvider()
    assert callable(exporter)
    provider.add_span_processor(SimpleSpanProcessor(exporter(gateway)))
    tracer = provider.get_tracer("retries")
    for _ in range(SPANS):
        tracer.start_span("one").end()  # returns when the SDK is done with it
    provider.shutdown()
    books = gateway.ledger()
    assert books["spans"]["refused"] > 0
    assert books["spans"]["received"] == SPANS
    gateway.until(gateway.settled, "settled")
    assert len({one.span.span_id for one in backend.spans}) == len(backend.spans) == SPANS
