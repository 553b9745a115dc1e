//! The scan against prost: any bytes, the same spans or the same refusal.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use prost::Message;
use tailsampler_core::plan::{Clause, Compiled, Plan, PlanSet, Predicate, Rule, Test};
use tailsampler_core::wire::{Layout, Scan, ScanError, Stamp, count_spans, extract, scan, split};

use crate::oracle::{self, Flat};

/// R and T of everything that is written out: kept, and nothing said of it.
const STAMP: Stamp<'static> = Stamp {
    truncated: false,
    annotate: false,
    policy: "",
    reason: "",
    randomness: 0xab_0000_0000_000c,
    threshold: None,
    write_rv: false,
};

fn strings(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|s| (*s).to_owned()).collect()
}

/// A plan that asks these questions.
fn plan(tests: Vec<Test>) -> Plan {
    let predicate = |test| Predicate {
        reason: "reason".to_owned(),
        test,
    };
    Plan {
        format: 1,
        wait_ms: 10_000,
        predicates: tests.into_iter().map(predicate).collect(),
        rules: vec![Rule {
            name: "errors".to_owned(),
            all: vec![Clause::AnyBit { bits: vec![0, 1] }],
            threshold: 0,
            wait_ms: None,
        }],
        ..Plan::default()
    }
}

/// Questions of every kind, in two plans that are alive at once.
fn plans() -> &'static ([Plan; 2], PlanSet) {
    static MADE: OnceLock<([Plan; 2], PlanSet)> = OnceLock::new();
    MADE.get_or_init(|| {
        let current = plan(vec![
            Test::SpanIntIn {
                keys: strings(&["http.response.status_code", "a"]),
                values: vec![500, 503, -1, 1],
            },
            Test::SpanStatusIn { codes: vec![2] },
            Test::ResourceStringIn {
                keys: strings(&["service.name", "s"]),
                values: strings(&["api", "x"]),
            },
        ]);
        let previous = plan(vec![
            Test::SpanStringIn {
                keys: strings(&["a", "b"]),
                values: strings(&["GET", "503", ""]),
            },
            Test::SpanIntIn {
                keys: strings(&["b"]),
                values: vec![200, 0],
            },
            Test::SpanStatusIn {
                codes: vec![0, -1, 127],
            },
        ]);
        let compiled = |plan: &Plan| match Compiled::new(plan.clone()) {
            Ok(compiled) => Arc::new(compiled),
            Err(error) => panic!("{error}"),
        };
        let set = PlanSet {
            previous: Some(compiled(&previous)),
            ..PlanSet::new(compiled(&current))
        };
        ([current, previous], set)
    })
}

/// Hold every reader of requests to what prost reads.
pub fn agrees(body: &[u8]) {
    let mut found = Scan::seeded([1, 2]);
    let found = scan(body, &plans().1, &mut found).map(|()| found);
    layout_agrees(body, &found);
    let raw = oracle::Request::decode(body);
    if let Err(error) = &found
        && error.what.contains("group")
    {
        return; // prost knows groups, and OTLP does not
    }
    let Ok(raw) = raw else {
        assert!(found.is_err(), "prost refuses the containers");
        return;
    };
    let flat = oracle::flatten(&raw);
    if found.is_ok() {
        extract_agrees(body, &flat);
    }
    if oracle::all_valid(&raw) {
        match found {
            Ok(found) => scan_agrees(&found, &flat),
            Err(error) => panic!("prost takes it: {error}"),
        }
        split_agrees(body, &flat);
    }
}

fn scan_agrees(found: &Scan, flat: &[Flat]) {
    let [current, previous] = &plans().0;
    let (mut traces, rejected) = oracle::expect(flat, [Some(current), Some(previous)]);
    for (expected, found) in traces.iter_mut().zip(&found.traces) {
        // The oracle does not read tracestates; `wire/tracestate` has tests of its own.
        (expected.rv, expected.rv_source) = (found.rv, found.rv_source);
    }
    let spans = traces
        .iter()
        .map(|trace| u64::from(trace.spans))
        .sum::<u64>();
    let bytes = traces.iter().map(|trace| trace.bytes).sum::<u64>();
    assert_eq!((found.spans, found.span_bytes), (spans, bytes));
    assert_eq!(found.traces, traces);
    assert_eq!(found.rejected, rejected);
}

/// The layout finds the spans that the scan accepts, or the same fault.
fn layout_agrees(body: &[u8], scan: &Result<Scan, ScanError>) {
    let (scan, layout) = match (scan, Layout::of(body)) {
        (Ok(scan), Ok(layout)) => (scan, layout),
        (scan, layout) => {
            return assert_eq!(scan.as_ref().err(), layout.err().as_ref());
        }
    };
    assert_eq!(scan.spans, layout.spans().len() as u64);
    for trace in &scan.traces {
        let spans = layout.spans_of(&trace.trace_id);
        assert_eq!(spans.len(), trace.spans as usize);
        let bytes: u64 = spans.iter().map(|span| u64::from(span.bytes())).sum();
        assert_eq!(bytes, trace.bytes);
        assert_eq!(spans.iter().any(|span| span.root), trace.root);
    }
}

/// What is written out can be decoded, and is as much as prost could decode.
fn extract_agrees(body: &[u8], flat: &[Flat]) {
    let Ok(layout) = Layout::of(body) else {
        return;
    };
    let ids: BTreeSet<_> = layout.spans().iter().map(|span| span.trace_id).collect();
    let (mut written, mut malformed) = (0, 0);
    for id in ids {
        let (mut out, mut sizes) = (Vec::new(), Vec::new());
        let done = extract(body, &layout, &id, &STAMP, None, (&mut out, &mut sizes));
        assert_eq!(done.spans, sizes.len() as u64);
        let kept = match oracle::Request::decode(out.as_slice()) {
            Ok(request) => oracle::flatten(&request),
            Err(error) => panic!("what is written cannot be decoded: {error}"),
        };
        assert!(
            kept.iter().all(Flat::valid),
            "what is written can be decoded"
        );
        assert_eq!(kept.len() as u64, done.spans);
        written += done.spans;
        malformed += done.malformed_spans;
    }
    assert_eq!(written + malformed, layout.spans().len() as u64);
    let good = flat
        .iter()
        .filter(|flat| flat.valid() && flat.accepted())
        .count() as u64;
    // A group is malformed to us and well formed to prost, so there may be fewer.
    assert!(written == good || written < good && body.iter().any(|byte| byte & 7 == 3));
}

/// A span and what stands around it, as bytes: a number that is none does not equal itself.
fn bytes(flat: &Flat) -> [Vec<u8>; 5] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
    [
        flat.resource
            .as_ref()
            .map_or(Vec::new(), Message::encode_to_vec),
        text(&flat.resource_schema),
        flat.scope
            .as_ref()
            .map_or(Vec::new(), Message::encode_to_vec),
        text(&flat.scope_schema),
        flat.raw.clone(),
    ]
}

/// The two halves of a request hold its spans, in order, each with all that stood around it.
fn split_agrees(body: &[u8], whole: &[Flat]) {
    let at = whole.len() / 2;
    let halves = match (count_spans(body), split(body, at)) {
        (Ok(count), Ok((first, second))) => {
            assert_eq!(count, whole.len());
            [first, second].map(|half| match oracle::Request::decode(half.as_slice()) {
                Ok(request) => oracle::flatten(&request),
                Err(error) => panic!("half of a request: {error}"),
            })
        }
        (count, halves) => panic!("{:?} {:?}", count.err(), halves.err()),
    };
    let halves = halves.concat();
    assert_eq!(halves.len(), whole.len());
    for (half, whole) in halves.iter().zip(whole) {
        assert_eq!(bytes(half), bytes(whole));
    }
}
