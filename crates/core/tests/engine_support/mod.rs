//! What the tests of the engine share: requests, plans, options, and a disk that misbehaves.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "shared by test files, not a library"
)]

pub mod disk;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use tailsampler_core::admission::AdmissionOptions;
use tailsampler_core::options::{
    BufferOptions, DecisionOptions, Fsync, LateOptions, Options, OutboxOptions,
};
use tailsampler_core::plan::{Clause, NEVER, Plan, Predicate, Rule, Test};

pub const MS: u64 = 1_000_000;

/// One span, as far as the plans look at it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub trace: u64,
    pub span: u64,
    pub error: bool,
    pub start_ns: u64,
    pub end_ns: u64,
}

/// A plain span, which only the last rule matches.
pub const fn plain(trace: u64, span: u64) -> Sent {
    Sent {
        trace,
        span,
        error: false,
        start_ns: 1_000,
        end_ns: 1_001,
    }
}

/// A span with status ERROR.
pub const fn error(trace: u64, span: u64) -> Sent {
    Sent {
        error: true,
        ..plain(trace, span)
    }
}

pub fn trace_id(trace: u64) -> [u8; 16] {
    // R is the low 56 bits: even traces lie above one half, odd ones below.
    let r = (trace << 8 | 1)
        | if trace.is_multiple_of(2) {
            0xc0 << 48
        } else {
            0
        };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&trace.wrapping_add(1).to_be_bytes());
    id[8..].copy_from_slice(&r.to_be_bytes());
    id
}

pub fn request(spans: &[Sent]) -> Bytes {
    let spans = spans.iter().map(|sent| Span {
        trace_id: trace_id(sent.trace).to_vec(),
        span_id: (sent.span + 1).to_be_bytes().to_vec(),
        parent_span_id: vec![7; 8],
        name: "a name".to_owned(),
        start_time_unix_nano: sent.start_ns,
        end_time_unix_nano: sent.end_ns,
        status: sent.error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..Span::default()
    });
    Bytes::from(wrapped(spans.collect()).encode_to_vec())
}

pub fn wrapped(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

/// The numbers of the spans in an exported request, and their tracestate.
pub fn exported(payload: &[u8]) -> Vec<(u64, String)> {
    let request = ExportTraceServiceRequest::decode(payload).unwrap();
    let groups = request.resource_spans.into_iter();
    groups
        .flat_map(|group| group.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| {
            let id = u64::from_be_bytes(span.span_id.try_into().unwrap());
            (id - 1, span.trace_state)
        })
        .collect()
}

/// Errors are kept, traces of 1 us and more at one half, of the others `rest` says how many.
pub fn plan(rest: u64, wait_ms: u64) -> Plan {
    let rule = |name: &str, all, threshold| Rule {
        name: name.to_owned(),
        all,
        threshold,
        wait_ms: None,
    };
    Plan {
        format: 1,
        wait_ms,
        predicates: vec![Predicate {
            reason: "status".to_owned(),
            test: Test::SpanStatusIn { codes: vec![2] },
        }],
        rules: vec![
            rule("errors", vec![Clause::AnyBit { bits: vec![0] }], 0),
            rule(
                "slow",
                vec![Clause::DurationAtLeast { ns: 1_000 }],
                NEVER / 2,
            ),
            rule("default", vec![], rest),
        ],
        ..Plan::default()
    }
}

/// Small segments, so that they are begun and freed all the time.
pub fn options(exporters: &[&str]) -> Options {
    Options {
        data_directory: "data".to_owned(),
        admission: AdmissionOptions::default(),
        buffer: BufferOptions {
            max_index_bytes: u64::MAX,
            reserve_bytes: 0,
            max_bytes: 1 << 20,
            segment_bytes: 400,
            fsync: Fsync::Never,
        },
        late: LateOptions {
            max_traces: 1_000,
            max_age_ms: 600_000,
        },
        decisions: DecisionOptions { max_bytes: 1 << 20 },
        outbox: OutboxOptions {
            max_bytes: 1 << 20,
            ..OutboxOptions::default()
        },
        exporters: exporters.iter().map(|&name| name.to_owned()).collect(),
        annotate: false,
        plan: plan(NEVER, 1_000),
        tenants: Vec::new(),
        sharing: None,
        hash_secret: Some(11),
    }
}
