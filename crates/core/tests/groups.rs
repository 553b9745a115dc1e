//! Requests that are written with one call stand for themselves all the same.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tailsampler_core::clock::Now;
use tailsampler_core::engine::Prepared;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::options::{
    BufferOptions, DecisionOptions, Fsync, LateOptions, Options, OutboxOptions,
};
use tailsampler_core::plan::{Plan, Rule};
use tailsampler_core::replay;
use tailsampler_core::wire::{Scan, scan};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn request(spans: std::ops::Range<u8>) -> Bytes {
    let spans = spans.map(|n| Span {
        trace_id: vec![n + 1; 16],
        span_id: vec![n + 1; 8],
        ..Span::default()
    });
    let scope_spans = vec![ScopeSpans {
        spans: spans.collect(),
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

fn options() -> Options {
    Options {
        data_directory: "data".into(),
        buffer: BufferOptions {
            max_bytes: 1 << 20,
            segment_bytes: 1 << 16,
            fsync: Fsync::Never,
        },
        late: LateOptions {
            max_traces: 100,
            max_age_ms: 60_000,
        },
        decisions: DecisionOptions { max_bytes: 1 << 20 },
        outbox: OutboxOptions { max_bytes: 1 << 20 },
        exporters: vec!["e".into()],
        annotate: false,
        plan: Plan {
            format: 1,
            wait_ms: 1_000,
            rules: vec![Rule {
                name: "all".into(),
                all: vec![],
                threshold: 0,
                wait_ms: None,
            }],
            ..Plan::default()
        },
        hash_secret: Some(1),
    }
}

/// A request without spans takes no other of its group with it: all that is acknowledged is held.
#[test]
fn an_empty_request_takes_no_other_with_it() -> Outcome {
    let fs: Arc<dyn FileSystem> = Arc::new(MemoryDisk::default());
    fs.create_directory(Path::new("data"))?;
    let now = Now::default();
    for empty in 0..4 {
        let (mut engine, plans, _) = replay::start(&fs, options(), now)?;
        let before = engine.cut(now).to_json()["spans"]["held"]["buffer"].clone();
        let plans = plans.read().map_err(|error| error.to_string())?.clone();
        let mut group = Vec::new();
        for at in 0..4 {
            let body = request(if at == empty {
                0..0
            } else {
                10 * at..10 * at + 3
            });
            let mut found = Scan::default();
            scan(&body, &plans, &mut found)?;
            group.push(Prepared::new(0, body, &mut found, plans.generation));
        }
        engine.commit(&mut group, now)?;
        let books = engine.cut(now).to_json();
        let held = books["spans"]["held"]["buffer"].as_u64();
        assert_eq!(held, before.as_u64().map(|n| n + 9), "{books}");
        assert_eq!(books["balanced"], true);
    }
    Ok(())
}
