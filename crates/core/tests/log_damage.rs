//! A log gives back every whole record, whatever happened to the bytes around it.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "engine_support/disk.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with tests that use more of it"
)]
mod disk;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use disk::{Hooked, Write};

use proptest::prelude::*;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::ledger::Count;
use tailsampler_core::log::{Entry, HEADER_BYTES, Header, Kind, LogError, LogWriter};

const fn header(sequence: u64) -> Header {
    Header {
        kind: Kind::Request,
        tenant: 3,
        plan: 4,
        count: 5,
        rank: 0,
        sequence,
        wall_ns: 6,
        total: Count::new(7, 8),
    }
}

fn open(disk: &MemoryDisk, segment_bytes: u64) -> LogWriter {
    LogWriter::open(Arc::new(disk.clone()), Path::new("log"), segment_bytes).unwrap()
}

fn write(log: &mut LogWriter, bodies: &[Vec<u8>], from: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    let entries: Vec<_> = bodies
        .iter()
        .zip(from..)
        .map(|(body, sequence)| Entry {
            header: header(sequence),
            body,
            body_crc: None,
        })
        .collect();
    log.append(&entries, &mut positions).unwrap();
    positions
}

fn read(disk: &MemoryDisk) -> (Vec<(u64, Vec<u8>)>, u64) {
    let log = open(disk, 1 << 20);
    let mut records = log.reader().records(0);
    let mut found = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        found.push((record.header.sequence, record.body.to_vec()));
    }
    let lost = records.damage().iter().map(|damage| damage.bytes).sum();
    (found, lost)
}

/// What was appended in groups, over many segments and restarts, is read back in order.
#[test]
fn round_trip_over_segments_and_restarts() {
    let disk = MemoryDisk::default();
    let mut sequence = 0;
    for _ in 0..3 {
        let mut log = open(&disk, 200);
        for group in 1..6_usize {
            let bodies: Vec<_> = (0..group).map(|at| vec![at as u8; 30 * at]).collect();
            let positions = write(&mut log, &bodies, sequence);
            for (position, body) in positions.iter().zip(&bodies) {
                assert_eq!(log.reader().read(*position).unwrap().body, *body);
            }
            sequence += group as u64;
        }
        assert!(log.segment_count() > 2);
    }
    let (found, lost) = read(&disk);
    assert_eq!(
        found.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        (0..sequence).collect::<Vec<_>>()
    );
    assert_eq!(lost, 0);
}

/// Segments go from the front, whole, and only those that end at or before the position.
#[test]
fn release_takes_whole_segments_from_the_front() {
    let disk = MemoryDisk::default();
    let mut log = open(&disk, 100);
    let positions: Vec<u64> = (0..6)
        .flat_map(|at| write(&mut log, &[vec![0; 60]], at))
        .collect();
    let before = log.segment_count();
    log.remove_before(positions[2] + 1).unwrap();
    assert!(matches!(
        log.reader().read(positions[0]),
        Err(LogError::Missing { .. })
    ));
    assert!(log.reader().read(positions[2]).is_ok());
    assert!(log.segment_count() < before);
    log.remove_before(u64::MAX).unwrap();
    assert_eq!(log.segment_count(), 1);
    assert!(log.reader().read(positions[5]).is_ok());
}

/// A record that claims a later version is refused in words, not guessed at.
#[test]
fn a_newer_version_is_refused() {
    let disk = MemoryDisk::default();
    write(&mut open(&disk, 1 << 20), &[vec![1; 10]], 0);
    let path = Path::new("log/0000000000000000.log");
    let mut bytes = disk.read(path).unwrap().unwrap();
    bytes[17] = 99;
    let crc = crc32c::crc32c_append(
        crc32c::crc32c(&0_u64.to_le_bytes()), // the position
        &bytes[8..HEADER_BYTES],
    );
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    disk.replace(path, &bytes).unwrap();
    let error = open(&disk, 1 << 20)
        .reader()
        .records(0)
        .next_record()
        .unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
}

/// Segments of another place, and files that only look like segments, are no records here.
#[test]
fn a_record_counts_only_where_it_was_written() {
    let disk = MemoryDisk::default();
    write(&mut open(&disk, 1 << 20), &[vec![1; 10]], 0);
    let bytes = disk.read(Path::new("log/0000000000000000.log")).unwrap();
    let bytes = bytes.unwrap();
    for name in [
        "0000000000001000.log",
        "ffffffffffffffff.log",
        "+000000000000001.log",
        "0000000000ABCDEF.log",
    ] {
        disk.replace(&Path::new("log").join(name), &bytes).unwrap();
    }
    let (found, lost) = read(&disk);
    assert_eq!(found.len(), 1);
    assert_eq!(
        lost, 0x1000,
        "the copy under a possible name, and the gap before it"
    );
    write(&mut open(&disk, 1 << 20), &[vec![2; 10]], 1);
    assert_eq!(read(&disk).0.len(), 2);
}

/// A disk whose syncs fail while the switch is off, and the names of files that were synced.
fn with_syncs(well: &Arc<AtomicBool>) -> (Hooked, Arc<Mutex<Vec<PathBuf>>>) {
    let mut disk = Hooked::new(|_| Write::Whole);
    let (well, synced) = (Arc::clone(well), Arc::new(Mutex::new(Vec::new())));
    let list = Arc::clone(&synced);
    disk.syncs = Arc::new(move |path| {
        list.lock().unwrap().push(path.to_owned());
        well.load(Ordering::Relaxed)
    });
    (disk, synced)
}

/// A group that could not be made durable is not there afterwards.
#[test]
fn a_group_that_is_taken_back_is_gone() {
    let well = Arc::new(AtomicBool::new(true));
    let (disk, _) = with_syncs(&well);
    let mut log = LogWriter::open(Arc::new(disk.clone()), Path::new("log"), 1 << 20).unwrap();
    write(&mut log, &[vec![1; 10]], 1);
    log.sync_or_take_back(0).unwrap();
    let before = log.end();
    write(&mut log, &[vec![2; 10], vec![3; 10]], 2);
    well.store(false, Ordering::Relaxed);
    assert!(log.sync_or_take_back(before).is_err());
    well.store(true, Ordering::Relaxed);
    write(&mut log, &[vec![4; 10]], 4);
    let (found, _) = read(&disk.disk);
    assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 4]);
}

/// After a sync that failed its pages are not tried again, and nothing more is written to them:
/// what they hold is copied, by this process or by the next.
#[test]
fn what_a_failed_sync_left_in_doubt_is_copied() {
    for next in [false, true] {
        let well = Arc::new(AtomicBool::new(false));
        let (disk, synced) = with_syncs(&well);
        let open = || LogWriter::open(Arc::new(disk.clone()), Path::new("log"), 1 << 20).unwrap();
        let mut log = open();
        write(&mut log, &[vec![1; 10]], 1);
        let tried = log.take_dirty();
        assert!(tried[0].make_durable().is_err() && tried.len() == 1);
        well.store(true, Ordering::Relaxed);
        assert!(
            tried[0].make_durable().is_err(),
            "its pages are clean, and mean nothing"
        );
        log.next_base();
        write(&mut log, &[vec![2; 10]], 2);
        if next {
            log = open();
        }
        let mark = Path::new("log/0000000000000000.spoiled");
        assert!(disk.read(mark).unwrap().is_some());
        for dirty in log.take_dirty() {
            dirty.make_durable().unwrap();
        }
        let first = Path::new("log/0000000000000000.log");
        let second = Path::new("log/000000000000004a.log");
        assert_eq!(*synced.lock().unwrap(), [first, second]);
        assert!(disk.read(mark).unwrap().is_none());
        assert!(log.take_dirty().is_empty());
        let (found, _) = read(&disk.disk);
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [1, 2]);
    }
}

proptest! {
    /// One flipped bit costs at most the record it stands in; no other body changes.
    #[test]
    fn a_flip_costs_one_record(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..12),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let disk = MemoryDisk::default();
        write(&mut open(&disk, 1 << 20), &bodies, 0);
        let path = Path::new("log/0000000000000000.log");
        let mut bytes = disk.read(path).unwrap().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        disk.replace(path, &bytes).unwrap();
        let (found, lost) = read(&disk);
        prop_assert!(found.len() >= bodies.len() - 1);
        prop_assert!(lost > 0);
        for (sequence, body) in found {
            prop_assert_eq!(&body, &bodies[sequence as usize]);
        }
    }

    /// A log cut anywhere gives back every record that is whole.
    #[test]
    fn a_cut_costs_the_tail(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..12),
        at in any::<prop::sample::Index>(),
    ) {
        let disk = MemoryDisk::default();
        let positions = write(&mut open(&disk, 1 << 20), &bodies, 0);
        let path = Path::new("log/0000000000000000.log");
        let mut bytes = disk.read(path).unwrap().unwrap();
        bytes.truncate(at.index(bytes.len() + 1));
        disk.replace(path, &bytes).unwrap();
        let whole = positions
            .iter()
            .zip(&bodies)
            .filter(|(position, body)| **position as usize + HEADER_BYTES + body.len() <= bytes.len())
            .count();
        let (found, _) = read(&disk);
        prop_assert_eq!(found.len(), whole);
        // And the next start writes behind it, not over it.
        write(&mut open(&disk, 1 << 20), &[vec![9; 9]], 99);
        prop_assert_eq!(read(&disk).0.len(), whole + 1);
    }
}
