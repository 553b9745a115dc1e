//! What is written out of a request, against prost.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod wire_support;

use proptest::prelude::*;
use prost::Message;
use tailsampler_core::wire::{
    Extracted, Layout, OnScope, Stamp, count_spans, extract, shed, split,
};
use wire_support::oracle::{Flat, Request, flatten};
use wire_support::stated::{STAMP, on_scope, stamped};
use wire_support::{oracle, soup};

fn extracted(body: &[u8], id: u8, stamp: &Stamp<'_>) -> (Vec<u8>, Vec<u32>, Extracted) {
    let layout = Layout::of(body).unwrap();
    let (mut out, mut sizes) = (Vec::new(), Vec::new());
    let done = extract(
        body,
        &layout,
        &[id; 16],
        stamp,
        None,
        (&mut out, &mut sizes),
    );
    (out, sizes, done)
}

/// The spans of a request that carry this trace id and have a good span id.
fn spans_of(body: &[u8], id: u8) -> Vec<Flat> {
    let flat = flatten(&Request::decode(body).unwrap());
    let of_trace = flat.into_iter().filter(|flat| {
        flat.span
            .as_ref()
            .is_none_or(|span| span.trace_id == [id; 16] && flat.accepted())
    });
    of_trace.collect()
}

fn all_valid(body: &[u8]) -> bool {
    Request::decode(body).is_ok_and(|request| oracle::all_valid(&request))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Without some traces, a request is what a decoder saw of it without their spans.
    #[test]
    fn what_is_shed_is_gone_and_nothing_else(body in soup::request(), stay in 0..16_u8) {
        let stays = |id: &[u8]| stay >> (id[0] % 4) & 1 == 1;
        let rest = shed(&body, |id| stays(id));
        prop_assert_eq!(rest.is_ok(), Layout::of(&body).is_ok());
        prop_assume!(all_valid(&body));
        let sent = flatten(&Request::decode(body.as_slice()).unwrap());
        let expected: Vec<Flat> = sent
            .into_iter()
            .filter(|flat| !flat.accepted() || stays(&flat.span.as_ref().unwrap().trace_id))
            .collect();
        let found = flatten(&Request::decode(rest.unwrap().as_slice()).unwrap());
        prop_assert_eq!(found, expected);
    }

    /// A kept trace is what a decoder saw of it, less what is cut, with what is stated added.
    #[test]
    fn a_kept_trace_is_what_was_sent_and_the_stamp(body in soup::request(), id in 1..4u8) {
        prop_assume!(all_valid(&body));
        let (out, sizes, done) = extracted(&body, id, &STAMP);
        let sent = spans_of(&body, id);
        let lengths: Vec<u32> = sent.iter().map(|flat| flat.raw.len() as u32).collect();
        prop_assert_eq!(done.spans, sent.len() as u64);
        prop_assert_eq!(done.bytes, lengths.iter().map(|l| u64::from(*l)).sum::<u64>());
        prop_assert_eq!(sizes, lengths);
        let kept = flatten(&Request::decode(out.as_slice()).unwrap());
        let expected: Vec<Flat> = sent
            .into_iter()
            .zip(&kept)
            .map(|(flat, kept)| Flat { span: flat.span.map(stamped), raw: kept.raw.clone(), ..flat })
            .collect();
        prop_assert_eq!(kept, expected);
    }

    /// What is told to scopes stands on each of them once, whatever stood there, and nowhere else.
    #[test]
    fn scopes_are_told_once(body in soup::request(), id in 1..4u8, late: bool) {
        prop_assume!(all_valid(&body));
        let (policy, part) = ("errors", Some("soon"));
        let scope = Some(OnScope { policy, part, late });
        let (out, _, _) = extracted(&body, id, &Stamp { scope, ..STAMP });
        // Once more: what was told before is told anew, and not twice.
        let (again, _, _) = extracted(&out, id, &Stamp { scope, ..STAMP });
        let (plain, _, _) = extracted(&body, id, &STAMP);
        let plain = flatten(&Request::decode(plain.as_slice()).unwrap());
        let told = flatten(&Request::decode(out.as_slice()).unwrap());
        let expected: Vec<Flat> = plain
            .into_iter()
            .map(|flat| Flat { scope: flat.scope.map(|scope| on_scope(scope, late)), ..flat })
            .collect();
        prop_assert_eq!(&told, &expected);
        let again = flatten(&Request::decode(again.as_slice()).unwrap());
        let scopes = |flat: &[Flat]| -> Vec<_> { flat.iter().map(|flat| flat.scope.clone()).collect() };
        prop_assert_eq!(scopes(&again), scopes(&told));
    }

    /// A span that needs nothing said or cut is written byte for byte, unknown fields and all.
    #[test]
    fn untouched_spans_keep_their_bytes(body in soup::request(), id in 1..4u8) {
        prop_assume!(all_valid(&body));
        let stamp = Stamp { annotate: false, threshold: None, ..STAMP };
        let (out, _, _) = extracted(&body, id, &stamp);
        let kept = flatten(&Request::decode(out.as_slice()).unwrap());
        for (kept, sent) in kept.iter().zip(spans_of(&body, id)) {
            let span = sent.span.as_ref().unwrap();
            let cut = span.attributes.iter().any(|a| a.key.starts_with("tailsampler."));
            if !cut && !span.trace_state.contains("th:") {
                prop_assert_eq!(&kept.raw, &sent.raw);
            }
        }
    }

    /// What no backend could decode is left out and counted; what is written can be decoded.
    #[test]
    fn malformed_spans_are_left_out(body in soup::damaged()) {
        let Ok(layout) = Layout::of(&body) else { return Ok(()) };
        let raw = Request::decode(body.as_slice());
        let flat = flatten(&raw.map_err(|e| TestCaseError::fail(e.to_string()))?);
        let (mut written, mut malformed) = (Vec::new(), 0);
        let mut seen = std::collections::BTreeSet::new();
        for span in layout.spans().iter().filter(|s| seen.insert(s.trace_id)) {
            let (mut out, mut sizes) = (Vec::new(), Vec::new());
            let stamp = Stamp { annotate: false, threshold: None, ..STAMP };
            let done = extract(&body, &layout, &span.trace_id, &stamp, None, (&mut out, &mut sizes));
            malformed += done.malformed_spans;
            prop_assert_eq!(done.spans, sizes.len() as u64);
            let kept = flatten(&Request::decode(out.as_slice()).unwrap());
            prop_assert!(kept.iter().all(Flat::valid));
            prop_assert_eq!(kept.len() as u64, done.spans);
            written.extend(kept);
        }
        prop_assert_eq!(written.len() as u64 + malformed, layout.spans().len() as u64);
        let good = flat.iter().filter(|flat| flat.valid() && flat.accepted()).count();
        // A group is malformed to us and well formed to prost, so there may be fewer.
        prop_assert!(written.len() <= good);
        prop_assert!(written.len() == good || body.iter().any(|b| b & 7 == 3));
    }

    /// The two halves of a request hold its spans, in order, each with all that stood around it.
    #[test]
    fn halves_make_the_whole(body in soup::request(), at in 0..12usize) {
        let whole = flatten(&Request::decode(body.as_slice()).unwrap());
        prop_assert_eq!(count_spans(&body).unwrap(), whole.len());
        let (first, second) = split(&body, at).unwrap();
        let mut halves = flatten(&Request::decode(first.as_slice()).unwrap());
        prop_assert_eq!(halves.len(), at.min(whole.len()));
        halves.extend(flatten(&Request::decode(second.as_slice()).unwrap()));
        prop_assert_eq!(halves, whole);
    }
}

/// A request whose only span has this in front of its ids.
fn with_span(fields: &[u8]) -> Vec<u8> {
    let ids = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[1; 8]].concat();
    let request = Request {
        resource_spans: vec![oracle::ResourceSpans {
            scope_spans: vec![oracle::ScopeSpans {
                spans: vec![[fields, &ids].concat()],
                ..Default::default()
            }],
            ..Default::default()
        }],
    };
    request.encode_to_vec()
}

/// An attribute of `levels` lists, one in another.
fn nested(levels: usize) -> Vec<u8> {
    let mut value = Vec::new();
    for _ in 0..levels {
        let list = oracle::Request::default()
            .encode_to_vec()
            .into_iter()
            .chain(value);
        let mut outer = field(0x0a, &list.collect::<Vec<_>>());
        outer = field(0x2a, &outer);
        value = outer;
    }
    field(0x4a, &field(0x12, &value))
}

fn field(key: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![key];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    [out.as_slice(), bytes].concat()
}

/// Nesting is malformed from exactly the depth on at which prost gives up.
#[test]
fn nesting_is_bounded_as_prost_bounds_it() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    let taken: Vec<usize> = (40..55)
        .filter(|levels| {
            let body = with_span(&nested(*levels));
            let ours = extracted(&body, 1, &STAMP).2.spans == 1;
            let theirs = ExportTraceServiceRequest::decode(body.as_slice()).is_ok();
            assert_eq!(ours, theirs, "{levels} levels");
            ours
        })
        .collect();
    assert!(taken.len() > 1 && taken.len() < 15, "{taken:?}");
}

/// A Resource that no backend could decode takes its spans with it, and only those.
#[test]
fn a_bad_resource_makes_its_spans_malformed() {
    let bad = field(
        0x0a,
        &[field(0x0a, &field(0x0a, &[0xff])), Vec::new()].concat(),
    );
    let good = with_span(&[]);
    let mut request = Request::decode(good.as_slice()).unwrap();
    request.resource_spans[0].resource = vec![bad[2..].to_vec()];
    let body = [request.encode_to_vec(), good].concat();
    let (out, sizes, done) = extracted(&body, 1, &STAMP);
    assert_eq!((done.spans, done.malformed_spans), (1, 1));
    assert_eq!((sizes.len(), done.malformed_bytes), (1, 28));
    assert_eq!(count_spans(&out).unwrap(), 1);
}
