//! A disk that is full becomes usable again by itself: what is held is judged, and let go.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::path::Path;
use std::sync::{Arc, Mutex};

use engine_support::disk::{Hooked, Write};
use engine_support::{MS, options, plain, request};
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::reserve::FILE;
use tailsampler_core::simulation::World;

const CAPACITY: usize = 120_000;

/// Room for the verdicts on all that fits beside it.
const ROOM: u64 = 40_000;

/// Bytes on the disk.
fn used(disk: &MemoryDisk) -> usize {
    let size = |path: &Path| {
        disk.read(path)
            .ok()
            .flatten()
            .map_or(0, |bytes| bytes.len())
    };
    let below = |name: &str| {
        let directory = Path::new("data").join(name);
        let names = disk.list(&directory).unwrap_or_default();
        let sizes = names.iter().map(|name| size(&directory.join(name)));
        sizes.sum::<usize>()
    };
    ["", "buffer", "verdicts", "outbox", "plans"]
        .map(below)
        .iter()
        .sum()
}

/// A disk that takes nothing more at its capacity.
fn small() -> Hooked {
    let disk: Arc<Mutex<Option<MemoryDisk>>> = Arc::default();
    let seen = Arc::clone(&disk);
    let hooked = Hooked::new(move |_| {
        let disk = seen.lock().unwrap().clone();
        match disk {
            Some(disk) if used(&disk) >= CAPACITY => Write::Fails,
            _ => Write::Whole,
        }
    });
    *disk.lock().unwrap() = Some(hooked.disk.clone());
    hooked
}

/// Send traces until one is refused; returns how many were taken.
fn fill(world: &mut World, now_ns: u64) -> u64 {
    let taken = |trace: &u64| {
        let body = request(&[plain(1_000 * now_ns + trace, *trace)]);
        world.ingest(body, now_ns).is_ok()
    };
    (0..10_000).take_while(taken).count() as u64
}

fn world(reserve_bytes: u64) -> (Hooked, World) {
    let disk = small();
    let mut options = options(&["a"]);
    options.buffer.reserve_bytes = reserve_bytes;
    let world = World::new(Arc::new(disk.clone()), options).unwrap();
    (disk, world)
}

/// With room kept for them verdicts are written on a full disk; then requests are taken again.
#[test]
fn a_full_disk_empties_itself() {
    let (disk, mut world) = world(ROOM);
    for round in 1..=3 {
        let now_ns = round * 10_000 * MS;
        let taken = fill(&mut world, now_ns);
        assert!(taken > 10, "{taken} in round {round}");
        let judged = world.advance(now_ns + 2_000 * MS).len() as u64;
        assert_eq!(judged, taken, "round {round}");
        assert!(world.engine().reserve().is_spent());
        world.engine().spares().clear(&disk);
        assert!(world.engine().reserve().restore(), "round {round}");
        assert!(world.engine().full().is_none());
        assert_eq!(
            disk.disk
                .read(&Path::new("data").join(FILE))
                .unwrap()
                .unwrap()
                .len(),
            ROOM as usize
        );
    }
    assert_eq!(world.ledger()["balanced"], true);
}

/// Without, it stays full until somebody makes room.
#[test]
fn without_room_it_stays_full() {
    let (_, mut world) = world(0);
    assert!(fill(&mut world, MS) > 10);
    assert_eq!(world.advance(10_000 * MS).len(), 0);
    assert_eq!(fill(&mut world, 20_000 * MS), 0);
}

/// While the last of the room is used no request takes any of it.
#[test]
fn the_last_of_the_room_is_not_for_requests() {
    let (_, mut world) = world(ROOM);
    let taken = fill(&mut world, MS);
    assert!(world.engine().reserve().spend());
    assert_eq!(fill(&mut world, 2 * MS), 0);
    assert!(world.engine().full().is_some());
    assert_eq!(world.ledger()["spans"]["received"], taken);
}
