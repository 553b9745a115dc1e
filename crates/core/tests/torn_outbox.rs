//! A loss of power takes what it wants where nothing is made durable: also from the outbox alone.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_support::{MS, error, exported, options, request};
use tailsampler_core::engine::Chores;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::options::Options;
use tailsampler_core::plan::{Vote, Votes};
use tailsampler_core::simulation::World;

/// With segments of the outbox as small as they come.
fn small() -> Options {
    let mut options = options(&["a"]);
    options.outbox.max_bytes = 100_000;
    options
}

/// A life with kept traces, sent and unsent, that ends with a checkpoint.
fn life(rounds: u64, taken: u64) -> (MemoryDisk, Vec<u64>) {
    life_with(small(), rounds, taken)
}

fn life_with(options: Options, rounds: u64, taken: u64) -> (MemoryDisk, Vec<u64>) {
    let disk = MemoryDisk::default();
    let mut world = World::new(Arc::new(disk.clone()), options).unwrap();
    let mut sent = Vec::new();
    for round in 0..rounds {
        let now = round * 2_000 * MS;
        world
            .ingest(request(&[error(round, round + 1)]), now)
            .unwrap();
        world.advance(now + 1_500 * MS);
        if round < taken {
            let batches = world.take();
            let spans = batches.iter().flat_map(|batch| exported(batch));
            sent.extend(spans.map(|(span, _)| span));
        }
    }
    let chores = Chores {
        checkpoint: Some(world.engine().checkpoint()),
        ..Chores::default()
    };
    let left = chores.carry_out(&disk, Path::new("data"));
    assert!(left.is_empty());
    (disk, sent)
}

fn segments(disk: &MemoryDisk) -> Vec<(PathBuf, usize)> {
    let names = disk.list(Path::new("data/outbox")).unwrap();
    let paths = names
        .into_iter()
        .map(|name| Path::new("data/outbox").join(name));
    let sized = paths.map(|path| {
        let length = disk.read(&path).unwrap().unwrap().len();
        (path, length)
    });
    sized.collect()
}

/// Whatever stretch of the outbox is gone, its begin, its middle or its end, what the checkpoint
/// says of it is missed: the books are put right, and every span is counted once.
#[test]
fn whatever_of_the_outbox_is_gone_the_books_balance() {
    let (whole, sent) = life(6, 4);
    assert_eq!(sent, [1, 2, 3, 4]);
    let length: usize = segments(&whole).iter().map(|(_, length)| length).sum();
    assert!(length > 1_000, "{length}");
    let step = 41;
    for from in (0..length).step_by(step) {
        for to in (from + step..length + step).step_by(5 * step) {
            let (disk, _) = life(6, 4);
            let mut begin = 0;
            for (path, size) in segments(&disk) {
                let mut bytes = disk.read(&path).unwrap().unwrap();
                let lost = from.saturating_sub(begin).min(size)..to.saturating_sub(begin).min(size);
                bytes[lost].fill(0);
                disk.replace(&path, &bytes).unwrap();
                begin += size;
            }
            let now = 20_000 * MS;
            let mut world = World::left(Arc::new(disk), small(), now).unwrap();
            let ledger = world.ledger();
            assert_eq!(ledger["balanced"], true, "{from}..{to}: {ledger:#}");
            world.take();
            let ledger = world.ledger();
            assert_eq!(ledger["balanced"], true, "{from}..{to}: {ledger:#}");
            assert_eq!(ledger["spans"]["received"], 6, "{from}..{to}");
        }
    }
}

/// The same of a segment that is not the last: its end may be torn while the next one stands.
#[test]
fn whatever_a_segment_before_the_last_lost_the_books_balance() {
    const ROUNDS: u64 = 60;
    let (whole, _) = life(ROUNDS, 20);
    let all = segments(&whole);
    assert!(all.len() > 1, "{all:?}");
    let (first, length) = all[all.len() - 2].clone();
    for from in (0..length).step_by(97) {
        let (disk, _) = life(ROUNDS, 20);
        let mut bytes = disk.read(&first).unwrap().unwrap();
        bytes[from..].fill(0);
        disk.replace(&first, &bytes).unwrap();
        let now = 200_000 * MS;
        let mut world = World::left(Arc::new(disk), small(), now).unwrap();
        world.take();
        let ledger = world.ledger();
        assert_eq!(ledger["balanced"], true, "from {from}: {ledger:#}");
        assert_eq!(ledger["spans"]["received"], ROUNDS, "from {from}");
    }
}

/// Policies that vote, of which the bound on size drops every trace.
fn none_is_small_enough() -> Options {
    let mut options = small();
    options.plan.votes = Some(Votes {
        policies: vec![Vote::Always; options.plan.rules.len()],
        first_match: false,
        tick_ms: 1_000,
        max_bytes: Some(1),
        ..Votes::default()
    });
    options
}

/// A start that mends books queues nothing before all is back, also where traces are too large for
/// their plan.
#[test]
fn traces_that_are_too_large_do_not_stop_a_start_that_mends() {
    let disk = MemoryDisk::default();
    let mut world = World::new(Arc::new(disk.clone()), none_is_small_enough()).unwrap();
    for round in 0..2 {
        world
            .ingest(request(&[error(round, round + 1)]), MS)
            .unwrap();
    }
    drop(world);
    let buffer = Path::new("data/buffer");
    let path = buffer.join(&disk.list(buffer).unwrap()[0]);
    let mut bytes = disk.read(&path).unwrap().unwrap();
    bytes[80] ^= 0xff; // the first request is lost
    disk.replace(&path, &bytes).unwrap();
    let now = 20_000 * MS;
    let mut world = World::left(Arc::new(disk), none_is_small_enough(), now).unwrap();
    world.advance(now + 10_000 * MS);
    let ledger = world.ledger();
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    assert_eq!(ledger["traces"]["judged"], 1, "{ledger:#}");
}
