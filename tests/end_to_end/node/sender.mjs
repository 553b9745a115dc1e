// Sends traces with Node's OpenTelemetry SDK and prints what it sent, as JSON.
//
//     node sender.mjs grpc http://127.0.0.1:4317
//     node sender.mjs http http://127.0.0.1:4318/v1/traces
import { SpanStatusCode, context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as HttpExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const TRACES_OF_A_KIND = 40;
const START_MS = 1_700_000_000_000;
const KINDS = { error: 5, slow: 2_000, http: 5, plain: 5 }; // duration of the root in ms

const [protocol, url] = process.argv.slice(2);
const exporter = protocol === "grpc" ? new GrpcExporter({ url }) : new HttpExporter({ url });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "node-shop" }),
  spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 10_000 })],
});
const tracer = provider.getTracer("end-to-end", "1.0");

const sent = [];
for (const [kind, durationMs] of Object.entries(KINDS)) {
  for (let number = 0; number < TRACES_OF_A_KIND; number += 1) {
    const root = tracer.startSpan("checkout", { root: true, startTime: START_MS });
    const inside = trace.setSpan(context.active(), root);
    const child = tracer.startSpan("pay", { startTime: START_MS + 1 }, inside);
    if (kind === "error") child.setStatus({ code: SpanStatusCode.ERROR, message: "declined" });
    if (kind === "http") child.setAttribute("http.response.status_code", 503);
    child.addEvent("tried", { times: 3, ratio: 0.5, tags: ["a", "b"] }, START_MS + 2);
    child.end(START_MS + 3);
    root.end(START_MS + durationMs);
    const { traceId } = root.spanContext();
    sent.push({ kind, traceId, spanIds: [root, child].map((span) => span.spanContext().spanId) });
  }
}
await provider.forceFlush();
await provider.shutdown();
process.stdout.write(JSON.stringify(sent));
