//! Traces that are larger than is allowed: what goes, what stays, and that all of it is counted.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::sync::Arc;

use engine_support::{MS, Sent, error, exported, options, plain, plan, request, trace_id, wrapped};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::plan::{Large, Plan};
use tailsampler_core::simulation::World;

/// A trace above one half, so that the last rule keeps it.
const TRACE: u64 = 2;

/// Everything is kept, unless it is too large.
fn bounded(max_bytes: u64, drop: bool) -> Plan {
    Plan {
        large: Some(Large { max_bytes, drop }),
        ..plan(1 << 55, 1_000)
    }
}

fn world(max_bytes: u64, drop: bool) -> World {
    let mut options = options(&["a", "b"]);
    options.plan = bounded(max_bytes, drop);
    World::new(Arc::new(MemoryDisk::default()), options).unwrap()
}

/// The bytes of one plain span as received.
fn size() -> u64 {
    let request = ExportTraceServiceRequest::decode(request(&[plain(TRACE, 1)])).unwrap();
    request.resource_spans[0].scope_spans[0].spans[0].encoded_len() as u64
}

fn plain_ones(from: u64, count: u64) -> Vec<Sent> {
    (from..from + count)
        .map(|span| plain(TRACE, span))
        .collect()
}

fn out(world: &mut World) -> Vec<u64> {
    let payloads = world.take().into_iter();
    let spans = payloads.flat_map(|payload| exported(&payload));
    let mut numbers: Vec<u64> = spans.map(|(number, _)| number).collect();
    numbers.sort_unstable();
    numbers
}

/// The root goes, and every error, though they came last; of the others those that came first.
/// What goes is counted; what stays is marked, and says nothing of probability.
#[test]
fn truncated() {
    let mut world = world(5 * size(), false);
    world.ingest(request(&plain_ones(10, 6)), 0).unwrap();
    let root = Span {
        trace_id: trace_id(TRACE).to_vec(),
        span_id: 101_u64.to_be_bytes().to_vec(),
        trace_state: "ot=th:8;rv:ffffffffffffff".to_owned(),
        ..Span::default()
    };
    let root = wrapped(vec![root]).encode_to_vec();
    world.ingest(root.into(), 0).unwrap();
    world.ingest(request(&[error(TRACE, 20)]), 0).unwrap();
    assert_eq!(world.advance(20_000 * MS)[0]["kept"], true);
    let payload = world.take().remove(0);
    let request = ExportTraceServiceRequest::decode(payload.as_ref()).unwrap();
    let groups = request.resource_spans.into_iter();
    let scopes = groups.flat_map(|group| group.scope_spans);
    for span in scopes.flat_map(|scope| scope.spans) {
        let marks = span.attributes.iter();
        let marks = marks.filter(|one| one.key == "tailsampler.truncated");
        assert_eq!(marks.count(), 1, "{span:?}");
        assert!(!span.trace_state.contains("th:"), "{span:?}");
    }
    let spans = exported(&payload).into_iter();
    let mut numbers: Vec<u64> = spans.map(|(number, _)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [10, 11, 12, 20, 100]);
    let ledger = world.ledger();
    assert_eq!(
        ledger["spans"]["dropped"]["trace_too_large"], 3,
        "{ledger:#}"
    );
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    // Nothing is left for late ones.
    world.ingest(request_of(30), 21_000 * MS).unwrap();
    world.advance(40_000 * MS);
    assert!(world.take().is_empty());
    assert_eq!(world.ledger()["spans"]["dropped"]["trace_too_large"], 4);
}

fn request_of(span: u64) -> bytes::Bytes {
    request(&[plain(TRACE, span)])
}

/// It is judged as soon as it is too large, and what comes later follows.
#[test]
fn dropped() {
    let mut world = world(3 * size(), true);
    world.ingest(request(&plain_ones(0, 3)), 0).unwrap();
    assert!(world.advance(500 * MS).is_empty());
    world.ingest(request_of(4), 500 * MS).unwrap();
    let verdict = world.advance(600 * MS).remove(0);
    assert_eq!(
        (&verdict["kept"], &verdict["reason"]),
        (&false.into(), &"trace_too_large".into())
    );
    world.ingest(request_of(5), 700 * MS).unwrap();
    world.advance(20_000 * MS);
    assert!(out(&mut world).is_empty());
    let ledger = world.ledger();
    assert_eq!(
        ledger["spans"]["dropped"]["trace_too_large"], 4,
        "{ledger:#}"
    );
    assert_eq!(ledger["spans"]["dropped"]["policy"], 1, "{ledger:#}");
    assert_eq!(ledger["balanced"], true);
}

proptest! {
    /// However it comes, and whenever the process dies: within the bound, nothing twice, all counted.
    #[test]
    fn any_order(requests in prop::collection::vec((1..5_u64, any::<bool>(), any::<bool>()), 1..20), room in 1..20_u64) {
        let mut world = world(room * size(), false);
        let (mut sent, mut next) = (0, 0);
        for (count, dies, wrong) in requests {
            let span = if wrong { error } else { plain };
            let spans: Vec<Sent> = (next..next + count).map(|number| span(TRACE, number)).collect();
            world.ingest(request(&spans), 0).unwrap();
            (sent, next) = (sent + count, next + count);
            if dies {
                world.restart(bounded(room * size(), false)).unwrap();
            }
        }
        world.advance(20_000 * MS);
        world.restart(bounded(room * size(), false)).unwrap();
        world.advance(40_000 * MS);
        let numbers = out(&mut world);
        prop_assert!(numbers.len() as u64 <= room);
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        let ledger = world.ledger();
        let cut = ledger["spans"]["dropped"]["trace_too_large"].as_u64().unwrap_or(0);
        prop_assert_eq!(cut + numbers.len() as u64, sent);
        prop_assert_eq!(&ledger["balanced"], true);
    }
}
