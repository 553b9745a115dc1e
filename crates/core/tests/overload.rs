//! What is shed at the door while there is too much: whole traces, counted, and counts stay right.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::sync::Arc;

use engine_support::{MS, error, exported, options, plain, plan, request, wrapped};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailsampler_core::clock::Now;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::simulation::World;
use tailsampler_core::wire::TraceId;

/// R of 3/4: it stays up to level 2.
const HIGH: u64 = 2;
/// R near 0: every level sheds it.
const LOW: u64 = 1;
const WAIT_MS: u64 = 1_000;

/// Errors are kept, and of the rest those with an R of at least one half.
fn world() -> World {
    let mut options = options(&["a", "b"]);
    options.plan = plan(1 << 55, WAIT_MS);
    World::new(Arc::new(MemoryDisk::default()), options).unwrap()
}

fn at_ms(ms: u64) -> Now {
    Now {
        wall_ns: ms * MS,
        mono_ns: ms * MS,
    }
}

fn out(world: &mut World) -> Vec<(u64, String)> {
    let payloads = world.take().into_iter();
    let mut spans: Vec<_> = payloads.flat_map(|payload| exported(&payload)).collect();
    spans.sort();
    spans
}

fn numbers(world: &mut World) -> Vec<u64> {
    out(world).into_iter().map(|(number, _)| number).collect()
}

fn dropped(world: &World, reason: &str) -> u64 {
    let ledger = world.ledger();
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    ledger["spans"]["dropped"][reason].as_u64().unwrap_or(0)
}

/// A request is thinned by trace, whoever is in it; its sender is told that all was accepted.
#[test]
fn whole_traces_go() {
    let mut world = world();
    world.set_level(1);
    let spans = [error(LOW, 1), plain(HIGH, 2), plain(LOW, 3), error(HIGH, 4)];
    let told = world.ingest(request(&spans), 0).unwrap();
    assert_eq!(told, (4, 0));
    world.ingest(request(&[error(LOW, 5)]), 1).unwrap();
    world.advance(2 * WAIT_MS * MS);
    assert_eq!(numbers(&mut world), [2, 4]);
    assert_eq!(world.ledger()["spans"]["received"], 5);
    assert_eq!(dropped(&world, "overload"), 3);
    assert_eq!(dropped(&world, "policy"), 0);
}

/// What stays says by how much it stands for more: T0, where the rule was milder.
#[test]
fn what_stays_stands_for_what_went() {
    for (level, th) in [(0, "ot=th:0"), (1, "ot=th:8"), (2, "ot=th:c")] {
        let mut world = world();
        world.set_level(level);
        world.ingest(request(&[error(HIGH, 1)]), 0).unwrap();
        world.advance(2 * WAIT_MS * MS);
        assert_eq!(out(&mut world), [(1, th.to_owned())], "level {level}");
    }
}

/// A trace of which spans may have been shed is dropped, though its rest would be kept: it began
/// before, or its first spans came in the last moment. One wait later everything is as before.
#[test]
fn no_trace_is_kept_in_part() {
    let mut world = world();
    world.ingest(request(&[error(LOW, 1)]), 0).unwrap();
    world.set_level(1);
    world.ingest(request(&[error(LOW, 2)]), 100 * MS).unwrap();
    let verdict = world.advance(2 * WAIT_MS * MS).remove(0);
    assert_eq!(
        (&verdict["kept"], &verdict["early"]),
        (&false.into(), &"overload".into())
    );
    let other = LOW + 2;
    world
        .ingest(request(&[error(other, 3)]), 3_000 * MS)
        .unwrap();
    world.set_level(0);
    world
        .ingest(request(&[error(other, 4)]), 3_999 * MS)
        .unwrap();
    world.advance(6_000 * MS);
    assert_eq!(numbers(&mut world), [0; 0]);
    assert_eq!(dropped(&world, "overload"), 4);
    world
        .ingest(request(&[error(other + 2, 5)]), 6_000 * MS)
        .unwrap();
    world.advance(8_000 * MS);
    assert_eq!(numbers(&mut world), [5]);
}

/// A kept trace loses the spans that come late and below T0; its verdict stands.
#[test]
fn late_spans_are_shed_too() {
    let mut world = world();
    world.ingest(request(&[error(LOW, 1)]), 0).unwrap();
    world.advance(2 * WAIT_MS * MS);
    world.set_level(1);
    let late = 3_000 * MS;
    world
        .ingest(request(&[error(LOW, 2), error(HIGH, 3)]), late)
        .unwrap();
    world.advance(6_000 * MS);
    assert_eq!(numbers(&mut world), [1, 3]);
    assert_eq!(dropped(&world, "overload"), 1);
}

/// Those that are not shed say so: they came under a level of their own.
#[test]
fn late_spans_say_what_they_stand_for() {
    let mut world = world();
    world.ingest(request(&[error(HIGH, 1)]), 0).unwrap();
    world.advance(2 * WAIT_MS * MS);
    world.set_level(2);
    world
        .ingest(request(&[error(HIGH, 2)]), 3_000 * MS)
        .unwrap();
    world.advance(6_000 * MS);
    let expected = [(1, "ot=th:0"), (2, "ot=th:c")];
    assert_eq!(
        out(&mut world),
        expected.map(|(number, th)| (number, th.to_owned()))
    );
}

/// `kill -9` forgets neither the count nor the level, whatever is left of the requests.
#[test]
fn a_restart_remembers() {
    let mut world = world();
    world.set_level(1);
    world.ingest(request(&[error(LOW, 1)]), 0).unwrap();
    world.restart(plan(1 << 55, WAIT_MS)).unwrap();
    assert_eq!(world.ledger()["spans"]["received"], 1);
    assert_eq!(dropped(&world, "overload"), 1);
    assert_eq!(world.engine().last_level(at_ms(0)), 1);
    world.ingest(request(&[error(LOW, 2)]), 100 * MS).unwrap();
    world.restart(plan(1 << 55, WAIT_MS)).unwrap();
    world.advance(10_000 * MS);
    assert_eq!(numbers(&mut world), [0; 0]);
    assert_eq!(dropped(&world, "overload"), 2);
}

/// A level that was left is not come back to, however often the process starts anew.
#[test]
fn a_restart_long_after_begins_anew() {
    let mut world = world();
    world.set_level(3);
    world.ingest(request(&[error(LOW, 1)]), 0).unwrap();
    world.set_level(0);
    world
        .ingest(request(&[error(HIGH, 2)]), 1_500 * MS)
        .unwrap();
    world.advance(5_000 * MS);
    assert_eq!(world.engine().last_level(at_ms(5_000)), 0);
    world.restart(plan(1 << 55, WAIT_MS)).unwrap();
    assert_eq!(world.engine().last_level(at_ms(5_000)), 0);
    world.ingest(request(&[error(LOW, 3)]), 6_000 * MS).unwrap();
    world.advance(9_000 * MS);
    assert_eq!(numbers(&mut world), [2, 3]);
}

/// R from `ot=rv` decides before the trace id does, as everywhere.
#[test]
fn rv_is_heard() {
    let mut world = world();
    world.set_level(1);
    let span = Span {
        trace_id: trace_of(LOW).to_vec(),
        span_id: 7_u64.to_be_bytes().to_vec(),
        trace_state: "ot=rv:ffffffffffffff".to_owned(),
        ..Span::default()
    };
    let body = wrapped(vec![span]).encode_to_vec();
    world.ingest(body.into(), 0).unwrap();
    assert_eq!(dropped(&world, "overload"), 0);
}

fn trace_of(trace: u64) -> TraceId {
    engine_support::trace_id(trace)
}

/// Many traces under changing levels: what comes out, each weighed by its `th`, adds up to what
/// went in. The error is that of the sampling: three standard deviations.
#[test]
fn counts_stay_right() {
    let (mut world, mut state) = (world(), 9_u64);
    let (mut kept, mut sent, mut estimate, mut variance) = (Vec::new(), 0.0, 0.0, 0.0);
    for round in 0..400_u64 {
        world.set_level([0, 2, 1, 3][(round / 40 % 4) as usize]);
        let spans: Vec<Span> = (0..50).map(|span| random_error(&mut state, span)).collect();
        sent += spans.len() as f64;
        let body = wrapped(spans).encode_to_vec();
        world.ingest(body.into(), round * 100 * MS).unwrap();
        world.advance(round * 100 * MS);
        kept.append(&mut out(&mut world));
    }
    world.advance(60_000 * MS);
    kept.append(&mut out(&mut world));
    for (_, state) in kept {
        let digits = state.strip_prefix("ot=th:").unwrap();
        let threshold = u64::from_str_radix(&format!("{digits:0<14}"), 16).unwrap();
        let kept_of_all = 1.0 - threshold as f64 / (1_u64 << 56) as f64;
        estimate += 1.0 / kept_of_all;
        variance += (1.0 - kept_of_all) / kept_of_all.powi(2);
    }
    assert!(variance > 0.0, "some levels took effect");
    let off = (estimate - sent).abs() / f64::sqrt(variance);
    assert!(off < 3.0, "{estimate} of {sent}, off by {off} deviations");
    assert_eq!(world.ledger()["balanced"], true);
}

/// An error alone in a trace of its own, with a random id.
fn random_error(state: &mut u64, span: u64) -> Span {
    let mut word = || {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*state >> 11).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let trace_id = [word().to_be_bytes(), word().to_be_bytes()].concat();
    Span {
        trace_id,
        span_id: (span + 1).to_be_bytes().to_vec(),
        status: Some(opentelemetry_proto::tonic::trace::v1::Status {
            code: 2,
            ..Default::default()
        }),
        ..Span::default()
    }
}
