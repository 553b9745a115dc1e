//! Requests encoded once, with the places of their ids; a copy gets fresh ids in a few writes.

use fastrand::Rng;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::traces::{self, Kind};

/// Spans of one service in a request; a larger request holds several services, as a Collector's.
const SPANS_PER_RESOURCE: usize = 64;
/// gRPC: one byte of compression flag, four of length.
pub(crate) const FRAME_HEADER: usize = 5;
const LENGTH_DELIMITED: u8 = 2;

/// Where the ids of one span lie in the request, in bytes from its beginning.
#[derive(Clone, Copy, Debug)]
struct Places {
    trace_id: usize,
    span_id: usize,
    parent: Option<usize>,
}

/// One request that was encoded before the clock started.
#[derive(Debug)]
pub(crate) struct Template {
    /// The uncompressed gRPC message, frame header included.
    bytes: Vec<u8>,
    /// In the order of the spans; those of a trace stand together.
    places: Vec<Places>,
    spans_per_trace: usize,
}

/// How often traces of a kind are made, and how large they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub spans_per_request: usize,
    pub spans_per_trace: usize,
    pub error_share: f64,
    pub slow_share: f64,
    /// When the traces begin, nanoseconds since the epoch.
    pub base_ns: u64,
}

impl Template {
    /// Encodes one request.
    pub(crate) fn new(rng: &mut Rng, shape: Shape) -> Self {
        let mut message = Vec::new();
        let mut places = Vec::with_capacity(shape.spans_per_request);
        let mut left = shape.spans_per_request;
        // A resource takes whole traces, so at least one.
        let chunk = (SPANS_PER_RESOURCE / shape.spans_per_trace).max(1) * shape.spans_per_trace;
        while left > 0 {
            let count = left.min(chunk);
            left -= count;
            resource_spans(rng, shape, count, &mut message, &mut places);
        }
        let mut bytes = vec![0; FRAME_HEADER];
        bytes[1..].copy_from_slice(&(message.len() as u32).to_be_bytes());
        bytes.append(&mut message);
        for place in &mut places {
            place.shift(FRAME_HEADER);
        }
        Self {
            bytes,
            places,
            spans_per_trace: shape.spans_per_trace,
        }
    }

    /// Bytes of the uncompressed message, without the frame header.
    pub(crate) fn message_len(&self) -> usize {
        self.bytes.len() - FRAME_HEADER
    }

    /// A copy with wholly random trace and span ids, and the span ids in the order of the spans.
    pub(crate) fn stamp(&self, rng: &mut Rng, span_ids: &mut Vec<u64>) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        span_ids.clear();
        for trace in self.places.chunks(self.spans_per_trace) {
            let trace_id = rng.u128(1..).to_be_bytes();
            let root = rng.u64(1..);
            for (position, place) in trace.iter().enumerate() {
                let span_id = if position == 0 { root } else { rng.u64(1..) };
                put(&mut bytes, place.trace_id, &trace_id);
                put(&mut bytes, place.span_id, &span_id.to_be_bytes());
                if let Some(at) = place.parent {
                    put(&mut bytes, at, &root.to_be_bytes());
                }
                span_ids.push(span_id);
            }
        }
        bytes
    }
}

impl Places {
    fn shift(&mut self, by: usize) {
        self.trace_id += by;
        self.span_id += by;
        if let Some(parent) = &mut self.parent {
            *parent += by;
        }
    }
}

fn put(bytes: &mut [u8], at: usize, id: &[u8]) {
    bytes[at..at + id.len()].copy_from_slice(id);
}

/// Appends one `ResourceSpans` of `count` spans as field 1 of the request.
fn resource_spans(
    rng: &mut Rng,
    shape: Shape,
    count: usize,
    message: &mut Vec<u8>,
    places: &mut Vec<Places>,
) {
    let first = places.len();
    let mut spans = Vec::new();
    for _ in 0..count / shape.spans_per_trace {
        let draw = rng.f64();
        let kind = if draw < shape.error_share {
            Kind::Error
        } else if draw < shape.error_share + shape.slow_share {
            Kind::Slow
        } else {
            Kind::Plain
        };
        for span in traces::trace(rng, kind, shape.spans_per_trace, shape.base_ns) {
            append_span(&span, &mut spans, places);
        }
    }
    // Fields go out in order of number, so what has no spans yet is a prefix of what has.
    let scope = ScopeSpans {
        scope: Some(traces::scope()),
        ..ScopeSpans::default()
    };
    let mut scope_spans = scope.encode_to_vec();
    let in_scope = scope_spans.len();
    scope_spans.append(&mut spans);

    let resource = ResourceSpans {
        resource: Some(traces::resource(rng)),
        ..ResourceSpans::default()
    };
    let mut whole = resource.encode_to_vec();
    let in_resource = append(2, &scope_spans, &mut whole);
    let in_message = append(1, &whole, message);
    for place in &mut places[first..] {
        place.shift(in_scope + in_resource + in_message);
    }
}

/// Appends a span as field 2 of its scope, and notes where its ids lie within the scope's spans.
fn append_span(span: &Span, spans: &mut Vec<u8>, places: &mut Vec<Places>) {
    let body = append(2, &span.encode_to_vec(), spans);
    // Tag, length, 16 bytes of trace id; tag, length, 8 bytes of span id; no tracestate; parent.
    places.push(Places {
        trace_id: body + 2,
        span_id: body + 20,
        parent: (!span.parent_span_id.is_empty()).then_some(body + 30),
    });
}

/// Appends a length-delimited field; returns where its content begins.
fn append(field: u8, content: &[u8], to: &mut Vec<u8>) -> usize {
    to.push(field << 3 | LENGTH_DELIMITED);
    prost::encode_length_delimiter(content.len(), to)
        .unwrap_or_else(|_| unreachable!("a Vec grows"));
    let begins = to.len();
    to.extend_from_slice(content);
    begins
}
