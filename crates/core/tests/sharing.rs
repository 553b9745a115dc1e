//! A trace whose spans reached two gateways: what one has evidence for, the other keeps its part of.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::sync::Arc;

use engine_support::{MS, Sent, error, exported, options, plain, request, trace_id};
use tailsampler_core::clock::Now;
use tailsampler_core::engine::SharedVerdict;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::SharingOptions;
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

const SHARING: SharingOptions = SharingOptions {
    max_traces: 100,
    max_age_ms: 20_000,
    max_waiting: 10,
};

/// Errors are kept, half of what is slow, and nothing else; the wait is a second.
fn gateway(sharing: Option<SharingOptions>) -> World {
    let mut options = options(&["a"]);
    options.sharing = sharing;
    World::new(Arc::new(MemoryDisk::default()), options).unwrap()
}

const fn at(ms: u64) -> Now {
    Now {
        wall_ns: ms * MS,
        mono_ns: ms * MS,
    }
}

fn send(world: &mut World, spans: &[Sent], ms: u64) {
    world.ingest(request(spans), ms * MS).unwrap();
}

/// What one found is told to the other.
fn share(from: &mut World, to: &mut World, ms: u64) -> usize {
    let found = from.engine().take_found();
    to.engine().hear(&found, at(ms));
    found.len()
}

fn numbers(world: &mut World, ms: u64) -> Vec<u64> {
    world.advance(ms * MS);
    let ledger = world.ledger();
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    let payloads = world.take().into_iter();
    let mut numbers: Vec<_> = payloads
        .flat_map(|payload| exported(&payload))
        .map(|(number, _)| number)
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Both parts of a trace with an error are kept, whichever of them has it; without sharing one is.
#[test]
fn both_parts_are_kept() {
    for sharing in [None, Some(SHARING)] {
        let (mut one, mut other) = (gateway(sharing), gateway(sharing));
        send(&mut one, &[plain(1, 1), plain(2, 2)], 0);
        send(&mut other, &[plain(1, 3), error(1, 4), plain(2, 5)], 100);
        let told = share(&mut other, &mut one, 200);
        assert_eq!(share(&mut one, &mut other, 200), 0, "it has no evidence");
        assert_eq!(told, usize::from(sharing.is_some()));
        assert_eq!(numbers(&mut other, 5_000), [3, 4]);
        let here: &[u64] = if sharing.is_some() { &[1] } else { &[] };
        assert_eq!(numbers(&mut one, 5_000), here);
    }
}

/// What is told comes before the spans, too, and is forgotten after a while.
#[test]
fn told_before_it_begins() {
    for (begins_ms, kept) in [(10_000, true), (60_000, false)] {
        let mut world = gateway(Some(SHARING));
        let told = |trace| SharedVerdict {
            trace_id: trace_id(trace),
            threshold: 0,
        };
        world.engine().hear(&[told(1)], at(0));
        // Time passes by what else is told.
        for ms in (1_000..begins_ms).step_by(1_000) {
            world.engine().hear(&[told(ms)], at(ms));
        }
        send(&mut world, &[plain(1, 1)], begins_ms);
        assert_eq!(
            numbers(&mut world, begins_ms + 2_000).len(),
            usize::from(kept)
        );
    }
}

/// A verdict that was given stays, whatever is told later; that is counted.
#[test]
fn told_too_late() {
    let mut world = gateway(Some(SHARING));
    send(&mut world, &[plain(1, 1)], 0);
    assert_eq!(numbers(&mut world, 2_000), [0; 0]);
    let told = SharedVerdict {
        trace_id: trace_id(1),
        threshold: 0,
    };
    world.engine().hear(&[told], at(2_000));
    send(&mut world, &[plain(1, 2)], 2_100);
    assert_eq!(numbers(&mut world, 9_000), [0; 0]);
    let counts = world.engine().sharing_counts().unwrap();
    assert_eq!((counts.heard, counts.late, counts.applied), (1, 1, 0));
}

/// The part that follows says why, and bears the T of the evidence: counts stay right.
#[test]
fn what_follows_is_explained() {
    let mut world = gateway(Some(SHARING));
    send(&mut world, &[plain(1, 1)], 0);
    let told = SharedVerdict {
        trace_id: trace_id(1),
        threshold: 0,
    };
    world.engine().hear(&[told], at(0));
    assert_eq!(numbers(&mut world, 2_000), [1]);
    let decision = world.decision(&trace_id(1)).unwrap();
    assert_eq!(decision["policy"], "default");
    assert_eq!(decision["early"], "shared");
    assert_eq!(decision["reason"], "shared");
    assert_eq!(decision["th"], "0");
}

/// T above R keeps nothing, wherever it comes from.
#[test]
fn a_threshold_above_r_keeps_nothing() {
    let mut world = gateway(Some(SHARING));
    send(&mut world, &[plain(1, 1)], 0);
    let told = SharedVerdict {
        trace_id: trace_id(1),
        threshold: NEVER - 1,
    };
    world.engine().hear(&[told], at(0));
    assert_eq!(numbers(&mut world, 2_000), [0; 0]);
}

/// Only what some rule asks of spans is evidence, told once, as soon as it is there, and of no more
/// traces than may wait.
#[test]
fn what_is_told() {
    let mut world = gateway(Some(SHARING));
    send(&mut world, &[plain(1, 1)], 0);
    assert_eq!(world.engine().take_found(), []);
    send(&mut world, &[error(1, 2)], 100);
    send(&mut world, &[error(1, 3)], 200);
    let found = world.engine().take_found();
    assert_eq!(
        found,
        [SharedVerdict {
            trace_id: trace_id(1),
            threshold: 0
        }]
    );
    for trace in 10..30 {
        send(&mut world, &[error(trace, trace)], 300);
    }
    assert_eq!(world.engine().take_found().len(), SHARING.max_waiting);
    let counts = world.engine().sharing_counts().unwrap();
    assert_eq!((counts.found, counts.unshared), (21, 10));
}
