//! The scan against prost: any bytes, the same spans or the same refusal.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod wire_support;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::prelude::*;
use prost::Message;
use tailsampler_core::plan::{Asks, Clause, Compiled, Plan, PlanSet, Predicate, Rule, Test};
use tailsampler_core::wire::{Layout, Scan, ScanError, scan};
use wire_support::{oracle, soup};

fn predicate(test: Test) -> Predicate {
    Predicate {
        reason: "reason".to_owned(),
        test,
    }
}

fn first(key: &str, asks: Asks) -> Predicate {
    let key = key.to_owned();
    predicate(Test::First { key, asks })
}

fn strings(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|s| (*s).to_owned()).collect()
}

/// The standard chain's conditions.
fn standard() -> Plan {
    Plan {
        format: 1,
        wait_ms: 10_000,
        predicates: vec![
            predicate(Test::SpanIntIn {
                keys: strings(&["http.response.status_code", "http.status_code"]),
                values: vec![500, 503, -1],
            }),
            predicate(Test::SpanStatusIn { codes: vec![2] }),
            predicate(Test::ResourceStringIn {
                keys: strings(&["service.name"]),
                values: strings(&["api", "x"]),
            }),
        ],
        rules: vec![Rule {
            name: "errors".to_owned(),
            all: vec![Clause::AnyBit { bits: vec![0, 1] }],
            threshold: 0,
            wait_ms: None,
        }],
        ..Plan::default()
    }
}

/// Conditions of every kind, several on one key.
fn other() -> Plan {
    Plan {
        predicates: vec![
            predicate(Test::SpanStringIn {
                keys: strings(&["http.request.method", "other"]),
                values: strings(&["GET", "503", ""]),
            }),
            predicate(Test::SpanIntIn {
                keys: strings(&["other"]),
                values: vec![200, 0],
            }),
            predicate(Test::SpanStatusIn {
                codes: vec![0, -1, 127],
            }),
            first(
                "other",
                Asks::StringIn {
                    values: strings(&["GET", ""]),
                },
            ),
            first("other", Asks::IntBetween { min: 1, max: 200 }),
            first("http.status_code", Asks::IntBetween { min: -5, max: 0 }),
            first("service.name", Asks::Bool { value: false }),
            first("other", Asks::Bool { value: true }),
            predicate(Test::SpanSampled),
            predicate(Test::TraceStateIn {
                key: "z".to_owned(),
                values: strings(&["0", "1"]),
            }),
            predicate(Test::Lasting {
                from_ms: 0,
                to_ms: None,
                wraps: false,
            }),
        ],
        rules: Vec::new(),
        ..standard()
    }
}

fn plans() -> PlanSet {
    PlanSet {
        previous: Some(Arc::new(Compiled::new(other()).unwrap())),
        ..PlanSet::new(Arc::new(Compiled::new(standard()).unwrap()))
    }
}

fn scanned(body: &[u8]) -> Result<Scan, ScanError> {
    let mut out = Scan::seeded([1, 2]);
    scan(body, &plans(), &mut out).map(|()| out)
}

/// Prost knows groups, and OTLP does not: those are refused here and passed over there.
fn is_group(error: &ScanError) -> bool {
    error.what.contains("group")
}

fn agrees(body: &[u8]) -> Result<(), TestCaseError> {
    let raw = oracle::Request::decode(body);
    let found = match (scanned(body), raw.is_ok()) {
        (Err(error), _) if is_group(&error) => return Ok(()),
        (found, _) => found,
    };
    let Ok(raw) = raw else {
        prop_assert!(found.is_err(), "prost refuses the containers");
        return Ok(());
    };
    let flat = oracle::flatten(&raw);
    if !oracle::all_valid(&raw) {
        return Ok(()); // `damage_inside` below says what holds then
    }
    let found = found.map_err(|e| TestCaseError::fail(format!("prost takes it: {e}")))?;
    let (current, previous) = (standard(), other());
    let (mut traces, rejected) = oracle::expect(&flat, [Some(&current), Some(&previous)]);
    // The oracle knows by heart what the soup's tracestates say. A damaged one may say something
    // else that is just as valid, and then nobody here can tell.
    let states: Vec<_> = flat.iter().flat_map(|one| &one.span).collect();
    if !states
        .iter()
        .all(|span| soup::STATES.contains(&span.trace_state.as_bytes()))
    {
        for (expected, found) in traces.iter_mut().zip(&found.traces) {
            expected.rv = found.rv;
            expected.rv_source = found.rv_source;
            expected.bits = found.bits;
        }
    }
    prop_assert_eq!(
        found.spans,
        traces.iter().map(|t| u64::from(t.spans)).sum::<u64>()
    );
    prop_assert_eq!(
        found.span_bytes,
        traces.iter().map(|t| t.bytes).sum::<u64>()
    );
    prop_assert_eq!(found.traces, traces);
    prop_assert_eq!(found.rejected, rejected);
    Ok(())
}

/// The layout finds the spans that the scan accepts, or the same fault.
fn layout_agrees(body: &[u8]) -> Result<(), TestCaseError> {
    match (scanned(body), Layout::of(body)) {
        (Ok(scan), Ok(layout)) => {
            prop_assert_eq!(scan.spans, layout.spans().len() as u64);
            for trace in &scan.traces {
                let spans = layout.spans_of(&trace.trace_id);
                prop_assert_eq!(spans.len(), trace.spans as usize);
                let bytes: u64 = spans.iter().map(|s| u64::from(s.bytes())).sum();
                prop_assert_eq!(bytes, trace.bytes);
                prop_assert_eq!(spans.iter().any(|s| s.root), trace.root);
                prop_assert!(spans.is_sorted_by_key(|s| s.from));
            }
        }
        (scan, layout) => prop_assert_eq!(scan.err(), layout.err()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    /// Whatever the order, number and spelling of fields, the scan sees what a decoder sees.
    #[test]
    fn soup_is_scanned_as_decoded(body in soup::request()) {
        agrees(&body)?;
        layout_agrees(&body)?;
    }

    /// Damage is refused where a decoder refuses, or changes both views alike.
    #[test]
    fn damage_is_seen_as_decoded(body in soup::damaged()) {
        agrees(&body)?;
        layout_agrees(&body)?;
    }

    /// Bytes that mean nothing are refused in words, or scanned; nothing panics.
    #[test]
    fn any_bytes_are_safe(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        agrees(&body)?;
        layout_agrees(&body)?;
    }
}

/// Every trace of a request of many gets its own delta, and spans that come later find it.
#[test]
fn many_traces_are_told_apart() {
    let mut spans = Vec::new();
    for round in 0..2u64 {
        for id in 1..=20_000u64 {
            let mut span = vec![0x0a, 16];
            span.extend([id.to_le_bytes(), [0; 8]].concat());
            span.extend([0x12, 8]);
            span.extend((round + 1).to_le_bytes());
            spans.push(span);
        }
    }
    let request = oracle::Request {
        resource_spans: vec![oracle::ResourceSpans {
            scope_spans: vec![oracle::ScopeSpans {
                spans,
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    let found = scanned(&request.encode_to_vec()).unwrap();
    assert_eq!(found.traces.len(), 20_000);
    assert!(found.traces.iter().all(|t| t.spans == 2 && t.bytes == 56));
}

/// A length in one part of a Resource does not run into the next part.
#[test]
fn a_part_ends_where_it_ends() {
    let parts = [&[0x0a, 2, 0x0a, 2][..], &[0x0a, 2, 0x0a, 0]].concat();
    let body = [&[0x0a, parts.len() as u8][..], &parts].concat();
    agrees(&body).unwrap();
    assert!(scanned(&body).is_err());
    assert!(ExportTraceServiceRequest::decode(body.as_slice()).is_err());
}

/// An error says what is wrong, in which message, and where in the request.
#[test]
fn errors_name_the_place() {
    let error = scanned(&[0x0a, 4, 0x12, 2, 0x12, 9]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a length that runs past the end of its message in ScopeSpans at byte 5 of the request"
    );
}

/// A scan leaves nothing behind for the next, and a failed one nothing at all.
#[test]
fn a_scan_starts_afresh() {
    let body = [0x0a, 6, 0x12, 4, 0x12, 2, 0x0a, 0];
    let mut out = Scan::default();
    for _ in 0..2 {
        scan(&body, &plans(), &mut out).unwrap();
        assert_eq!(out.rejected.bad_trace_id, 1);
    }
    scan(&[0xff], &plans(), &mut out).unwrap_err();
    assert_eq!(out.rejected.bad_trace_id, 0);
}
