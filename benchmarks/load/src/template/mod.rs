//! Requests encoded once, with the places of their ids; a copy gets fresh ids in a few writes.

mod json;

use fastrand::Rng;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use crate::options::Protocol;
use crate::traces::{self, Kind, Make};

/// Spans of one service in a request; a larger request holds several services, as a Collector's.
const SPANS_PER_RESOURCE: usize = 64;
/// gRPC: one byte of compression flag, four of length.
pub const FRAME_HEADER: usize = 5;
const LENGTH_DELIMITED: u8 = 2;
/// What a span weighs without further attributes.
pub const USUAL_BYTES: usize = 270;

/// Where the ids of one span lie in the request, in bytes from its beginning.
#[derive(Clone, Copy, Debug)]
struct Places {
    trace_id: usize,
    span_id: usize,
    parent: Option<usize>,
}

/// The ids that the parts of one trace have in common.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    /// Of the trace.
    pub trace: u128,
    /// Of its root, the parent of all others.
    pub root: u64,
}

impl Ids {
    /// Wholly random ones.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            trace: rng.u128(1..),
            root: rng.u64(1..),
        }
    }
}

/// One request that was encoded before the clock started.
#[derive(Debug)]
pub struct Template {
    /// The uncompressed body; for gRPC a frame, its header included.
    bytes: Vec<u8>,
    header: usize,
    /// Ids stand in hex.
    hex: bool,
    /// In the order of the spans; those of a trace stand together.
    places: Vec<Places>,
    spans_per_part: usize,
}

/// How often traces of a kind are made, and how large they are.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What the request is encoded for.
    pub protocol: Protocol,
    /// A multiple of `spans_per_part`.
    pub spans_per_request: usize,
    /// What a trace has in one request.
    pub spans_per_part: usize,
    /// The first span of every part is the root of its trace.
    pub rooted: bool,
    /// Bytes a span of protobuf beyond [`USUAL_BYTES`].
    pub more_bytes: usize,
    /// Share of traces with a span that answered HTTP 500.
    pub error_share: f64,
    /// Share of traces that last over a second.
    pub slow_share: f64,
    /// When the traces begin, nanoseconds since the epoch.
    pub base_ns: u64,
}

impl Template {
    /// Encodes one request.
    pub fn new(rng: &mut Rng, shape: Shape) -> Self {
        let header = if shape.protocol == Protocol::Grpc {
            FRAME_HEADER
        } else {
            0
        };
        let mut resources = Vec::new();
        let mut left = shape.spans_per_request;
        // A resource takes whole parts of traces, so at least one.
        let parts = (SPANS_PER_RESOURCE / shape.spans_per_part).max(1);
        while left > 0 {
            let count = left.min(parts * shape.spans_per_part);
            left -= count;
            resources.push(resource_spans(rng, shape, count));
        }
        let mut places = Vec::with_capacity(shape.spans_per_request);
        let hex = shape.protocol == Protocol::HttpJson;
        let message = if hex {
            json::encode(&resources, &mut places)
        } else {
            let mut message = Vec::new();
            for resource in &resources {
                append_resource(resource, &mut message, &mut places);
            }
            message
        };
        let mut bytes = vec![0; header];
        if header > 0 {
            bytes[1..].copy_from_slice(&(message.len() as u32).to_be_bytes());
        }
        bytes.extend_from_slice(&message);
        for place in &mut places {
            place.shift(header);
        }
        Self {
            bytes,
            header,
            hex,
            places,
            spans_per_part: shape.spans_per_part,
        }
    }

    /// Bytes of the uncompressed message, without the frame header.
    pub fn message_len(&self) -> usize {
        self.bytes.len() - self.header
    }

    /// Traces that have spans in it.
    pub fn traces(&self) -> usize {
        self.places.len() / self.spans_per_part
    }

    /// A copy with these traces' ids and random span ids; those go to `span_ids`, too, in the order
    /// of the spans.
    pub fn stamp(&self, rng: &mut Rng, traces: &[Ids], span_ids: &mut Vec<u64>) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        span_ids.clear();
        for (part, ids) in self.places.chunks(self.spans_per_part).zip(traces) {
            let trace_id = ids.trace.to_be_bytes();
            let root = ids.root.to_be_bytes();
            for place in part {
                let span_id = place.parent.map_or(ids.root, |_| rng.u64(1..));
                self.put(&mut bytes, place.trace_id, &trace_id);
                self.put(&mut bytes, place.span_id, &span_id.to_be_bytes());
                if let Some(at) = place.parent {
                    self.put(&mut bytes, at, &root);
                }
                span_ids.push(span_id);
            }
        }
        bytes
    }

    fn put(&self, bytes: &mut [u8], at: usize, id: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if self.hex {
            for (to, byte) in bytes[at..].chunks_exact_mut(2).zip(id) {
                to[0] = DIGITS[usize::from(byte >> 4)];
                to[1] = DIGITS[usize::from(byte & 15)];
            }
        } else {
            bytes[at..at + id.len()].copy_from_slice(id);
        }
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

/// The spans of one service.
fn resource_spans(rng: &mut Rng, shape: Shape, count: usize) -> ResourceSpans {
    let make = Make {
        spans: shape.spans_per_part,
        rooted: shape.rooted,
        more_bytes: shape.more_bytes,
        base_ns: shape.base_ns,
    };
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count / shape.spans_per_part {
        let draw = rng.f64();
        let kind = if draw < shape.error_share {
            Kind::Error
        } else if draw < shape.error_share + shape.slow_share {
            Kind::Slow
        } else {
            Kind::Plain
        };
        spans.append(&mut traces::trace(rng, kind, make));
    }
    ResourceSpans {
        resource: Some(traces::resource(rng)),
        scope_spans: vec![ScopeSpans {
            scope: Some(traces::scope()),
            spans,
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }
}

/// Appends one `ResourceSpans` as field 1 of the request, and notes where its ids lie.
fn append_resource(resource: &ResourceSpans, message: &mut Vec<u8>, places: &mut Vec<Places>) {
    let first = places.len();
    let mut spans = Vec::new();
    for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
        append_span(span, &mut spans, places);
    }
    // Fields go out in order of number, so what has no spans yet is a prefix of what has.
    let scope = ScopeSpans {
        scope: resource.scope_spans[0].scope.clone(),
        ..ScopeSpans::default()
    };
    let mut scope_spans = scope.encode_to_vec();
    let in_scope = scope_spans.len();
    scope_spans.append(&mut spans);

    let without = ResourceSpans {
        resource: resource.resource.clone(),
        ..ResourceSpans::default()
    };
    let mut whole = without.encode_to_vec();
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
