//! The same requests as OTLP/JSON.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Held};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use serde_json::{Value, json};

use super::Places;

const TRACE: &str = "\"traceId\":\"";
const SPAN: &str = "\"spanId\":\"";
const PARENT: &str = "\"parentSpanId\":\"";

/// The request, and where its ids lie.
pub(super) fn encode(resources: &[ResourceSpans], places: &mut Vec<Places>) -> Vec<u8> {
    let resources: Vec<Value> = resources.iter().map(resource_spans).collect();
    let text = json!({ "resourceSpans": resources }).to_string();
    // A span's keys come in order of their letters: parent, span, trace.
    let mut from = 0;
    while let Some(trace) = text[from..].find(TRACE) {
        let (before, begins) = (&text[from..from + trace], from + trace + TRACE.len());
        let after = |key: &str| before.find(key).map(|at| from + at + key.len());
        if let Some(span_id) = after(SPAN) {
            places.push(Places {
                trace_id: begins,
                span_id,
                parent: after(PARENT),
            });
        }
        from = begins;
    }
    text.into_bytes()
}

fn resource_spans(one: &ResourceSpans) -> Value {
    let resource = one.resource.as_ref().map_or_else(Vec::new, |resource| {
        resource.attributes.iter().map(attribute).collect()
    });
    let scopes = one.scope_spans.iter().map(|scope| {
        let about = scope.scope.clone().unwrap_or_default();
        json!({
            "scope": {"name": about.name, "version": about.version},
            "spans": scope.spans.iter().map(span).collect::<Vec<_>>(),
        })
    });
    json!({
        "resource": {"attributes": resource},
        "scopeSpans": scopes.collect::<Vec<_>>(),
    })
}

fn span(span: &Span) -> Value {
    let mut object = json!({
        "traceId": "1".repeat(32),
        "spanId": "1".repeat(16),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
    });
    if !span.parent_span_id.is_empty() {
        object["parentSpanId"] = "1".repeat(16).into();
    }
    if let Some(status) = &span.status {
        object["status"] = json!({"code": status.code});
    }
    object
}

fn attribute(one: &KeyValue) -> Value {
    let value = match one.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Held::StringValue(text)) => json!({"stringValue": text}),
        Some(Held::IntValue(number)) => json!({"intValue": number.to_string()}),
        other => unreachable!("no attribute of ours holds {other:?}"),
    };
    json!({"key": one.key, "value": value})
}
