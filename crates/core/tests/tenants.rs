//! Whose spans go out in which request, and that nobody's become another's.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::sync::Arc;

use engine_support::{MS, error, exported, options, request};
use tailsampler_core::clock::Now;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::options::{Limits, Options};
use tailsampler_core::simulation::World;

fn configured(tenants: &[&str], by_tenant: bool) -> Options {
    let mut options = options(&["a"]);
    options.tenants = tenants.iter().map(|&name| name.to_owned()).collect();
    let limits = Limits {
        by_tenant,
        ..Limits::default()
    };
    options.outbox.exporters.insert("a".to_owned(), limits);
    options
}

/// What goes out now, as tenants and the numbers of their spans.
fn batches(world: &mut World, now_ns: u64) -> Vec<(String, Vec<u64>)> {
    let tenants = world.engine().tenants();
    let outbox = world.engine().outbox();
    let now = Now {
        wall_ns: now_ns,
        mono_ns: now_ns,
    };
    std::iter::from_fn(|| outbox.take("a", 1 << 20, 0, now))
        .map(|batch| {
            let spans = exported(&batch.payload).into_iter();
            let numbers = spans.map(|(number, _)| number).collect();
            (tenants.name(batch.tenant).to_owned(), numbers)
        })
        .collect()
}

fn send(world: &mut World, tenant: u16, traces: &[u64], at_ns: u64) {
    world.set_tenant(tenant);
    for &trace in traces {
        world
            .ingest(request(&[error(trace, trace)]), at_ns)
            .unwrap();
    }
}

/// Traces that are judged together go out by tenant, one request each, whoever came between.
#[test]
fn one_tenant_a_request() {
    let options = configured(&["default", "shop", "search"], true);
    let mut world = World::new(Arc::new(MemoryDisk::default()), options).unwrap();
    for (tenant, trace) in [(1, 1), (2, 2), (1, 3), (0, 4), (2, 5)] {
        send(&mut world, tenant, &[trace], 0);
    }
    world.advance(20_000 * MS);
    let expected = [
        ("default", vec![4]),
        ("shop", vec![1, 3]),
        ("search", vec![2, 5]),
    ];
    let expected = expected.map(|(name, numbers)| (name.to_owned(), numbers));
    assert_eq!(batches(&mut world, 20_000 * MS), expected);
}

/// Where an exporter does not tell them apart, they share requests.
#[test]
fn or_all_in_one() {
    let options = configured(&["default", "shop", "search"], false);
    let mut world = World::new(Arc::new(MemoryDisk::default()), options).unwrap();
    send(&mut world, 1, &[1], 0);
    send(&mut world, 2, &[2], 0);
    world.advance(20_000 * MS);
    assert_eq!(batches(&mut world, 20_000 * MS).len(), 1);
}

/// A restart with another list of tenants changes the owner of nothing that is held: neither of a
/// trace in the buffer, nor of a frame in the outbox, nor of a verdict.
#[test]
fn nothing_changes_hands() {
    let disk: Arc<dyn FileSystem> = Arc::new(MemoryDisk::default());
    let options = configured(&["default", "shop", "search"], true);
    let mut world = World::new(Arc::clone(&disk), options).unwrap();
    send(&mut world, 1, &[1], 0);
    send(&mut world, 2, &[2], 0);
    world.advance(20_000 * MS);
    send(&mut world, 1, &[3], 20_000 * MS);
    drop(world);
    let options = configured(&["default", "new", "search", "shop"], true);
    let mut world = World::left(disk, options, 20_001 * MS).unwrap();
    send(&mut world, 1, &[4], 20_001 * MS);
    world.advance(60_000 * MS);
    let mut found = batches(&mut world, 60_000 * MS);
    found.sort();
    let expected = [
        ("new", vec![4]),
        ("search", vec![2]),
        ("shop", vec![1]),
        ("shop", vec![3]),
    ];
    assert_eq!(
        found,
        expected.map(|(name, numbers)| (name.to_owned(), numbers))
    );
    let trace = engine_support::trace_id(1);
    assert_eq!(world.decision(&trace).unwrap()["tenant"], "shop");
}
