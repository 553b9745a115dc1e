"""Send twenty traces to a gateway with OpenTelemetry's SDK; every tenth has an error."""

import argparse
import sys

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

TRACES = 20


def send(tracer: Tracer, *, failing: bool) -> str:
    """Make one trace of two spans; returns its id, 32 hex digits."""
    status = 500 if failing else 200
    with tracer.start_as_current_span("GET /orders", kind=SpanKind.SERVER) as root:
        root.set_attribute("http.response.status_code", status)
        with tracer.start_as_current_span("SELECT orders", kind=SpanKind.CLIENT):
            pass
    return f"{root.get_span_context().trace_id:032x}"


def main() -> int:
    """Send, and name one trace of each kind; exit status 1 if the gateway did not take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", default="http://127.0.0.1:4317", help="OTLP/gRPC, a URL")
    endpoint = parser.parse_args().endpoint
    provider = TracerProvider(resource=Resource.create({"service.name": "first-traces"}))
    made = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer("tailsampler.first_traces")
    sent = [(number % 10 == 0, send(tracer, failing=number % 10 == 0)) for number in range(TRACES)]
    exporter = OTLPSpanExporter(endpoint, insecure=True, timeout=5)
    # Exported by hand, because the SDK's processors do not say whether it went well.
    if exporter.export(made.get_finished_spans()) is not SpanExportResult.SUCCESS:
        print(f"{endpoint} did not take the traces; is `make run` up?", file=sys.stderr)
        return 1
    exporter.shutdown()
    for label, wanted in (("with an error", True), ("without one", False)):
        print(next(trace_id for failing, trace_id in sent if failing is wanted), label)
    return 0


if __name__ == "__main__":
    sys.exit(main())
