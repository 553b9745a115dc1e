//! A segment that is written over the bytes of an earlier one gives back what was written to it,
//! and nothing of what stood there before, wherever a write was cut short.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::ledger::Count;
use tailsampler_core::log::{Entry, Header, Kind, LogError, LogReader, LogWriter};

const SEGMENT: u64 = 3_000;
const BLOCK: usize = 4_096;

fn open(disk: &MemoryDisk) -> LogWriter {
    let log = LogWriter::open(Arc::new(disk.clone()), Path::new("log"), SEGMENT).unwrap();
    log.keep_spares(2);
    log
}

/// The number of a record, and the length of its body, which is filled with the number.
type Written = (u64, usize);

const fn filled_with(number: u64) -> u8 {
    number as u8 | 1
}

/// Append one group; numbers and bodies tell records of all generations apart.
fn write(log: &mut LogWriter, from: u64, lengths: &[usize]) -> Vec<Written> {
    let bodies: Vec<(u64, Vec<u8>)> = (from..)
        .zip(lengths)
        .map(|(number, length)| (number, vec![filled_with(number); *length]))
        .collect();
    let entries: Vec<_> = bodies
        .iter()
        .map(|(number, body)| Entry {
            header: Header {
                kind: Kind::Request,
                tenant: 0,
                plan: 0,
                count: 1,
                rank: 0,
                sequence: *number,
                wall_ns: 0,
                total: Count::new(1, u64::MAX), // no header ends with what stood there before
            },
            body,
            body_crc: None,
        })
        .collect();
    log.append(&entries, &mut Vec::new()).unwrap();
    (from..).zip(lengths.iter().copied()).collect()
}

/// What a log holds, and how many places of it are damaged.
fn read(reader: &LogReader) -> (Vec<Written>, usize) {
    let mut records = reader.records(reader.first().unwrap_or(0));
    let mut found = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        let number = record.header.sequence;
        assert!(record.body.iter().all(|byte| *byte == filled_with(number)));
        found.push((number, record.body.len()));
    }
    (found, records.damage().len())
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.list(Path::new("log")).unwrap()
}

/// A log of which the newest segment is written over an old one, and what it holds.
fn reused(groups: &[usize]) -> (MemoryDisk, LogWriter, Vec<Written>) {
    let disk = MemoryDisk::default();
    let mut log = open(&disk);
    for number in 0..8 {
        write(&mut log, number, &[700]);
    }
    for path in log.release_before(log.end()) {
        if let Some(kept) = log.spares().keep(&disk, &path) {
            kept.unwrap();
        }
    }
    let mut held = read(&log.reader()).0;
    while !names(&disk)
        .iter()
        .any(|name| name.ends_with(".reused.log"))
    {
        held.extend(write(&mut log, 100 + held.len() as u64, &[500]));
    }
    for (number, length) in (200..).zip(groups) {
        held.extend(write(&mut log, number, &[*length]));
    }
    (disk, log, held)
}

fn newest(disk: &MemoryDisk) -> PathBuf {
    let mut names = names(disk);
    names.retain(|name| name.ends_with(".log"));
    Path::new("log").join(names.pop().unwrap())
}

/// Over many generations of files everything is read back in order, before and after a start.
#[test]
fn generations_are_read_back() {
    let disk = MemoryDisk::default();
    let mut log = open(&disk);
    let mut held = Vec::new();
    let mut seen = 0;
    for round in 0..200 {
        held.extend(write(&mut log, 2 * round, &[round as usize * 7 % 900, 40]));
        if round % 5 == 4 {
            let keep = log.end() - 2 * SEGMENT.min(log.bytes() / 2);
            for path in log.release_before(keep) {
                match log.spares().keep(&disk, &path) {
                    Some(kept) => kept.unwrap(),
                    None => disk.remove(&path).unwrap(),
                }
            }
            let (found, damage) = read(&log.reader());
            assert_eq!(damage, 0);
            assert_eq!(found, held[held.len() - found.len()..]);
            held = found;
        }
        let spares = names(&disk)
            .iter()
            .filter(|name| name.starts_with("spare-"))
            .count();
        assert!(spares <= 2, "{spares}");
        seen += usize::from(names(&disk).iter().any(|name| name.contains("reused")));
        if round % 31 == 30 {
            let end = log.end();
            log = open(&disk);
            assert_eq!(log.end(), end);
            assert!(!names(&disk).iter().any(|name| name.starts_with("spare-")));
        }
    }
    assert!(seen > 100, "{seen}");
}

/// A process that dies within a write leaves some of its bytes, and behind them old ones. Every
/// record that is whole is found, nothing counts as damage, and the log goes on behind.
#[test]
fn a_write_that_is_cut_short_anywhere() {
    let lengths = [0, 300, 1_000];
    let (disk, mut log, held) = reused(&[200]);
    let path = newest(&disk);
    let before = disk.read(&path).unwrap().unwrap();
    let (first, end) = (log.reader().first(), log.end());
    let group = write(&mut log, 900, &lengths);
    let after = disk.read(&path).unwrap().unwrap();
    let base = end - before_end(&before, end, &path);
    let from = (end - base) as usize;
    let changed = after.len() - from;
    let ends = lengths.iter().scan(0, |sum, length| {
        *sum += 64 + length;
        Some(*sum)
    });
    let ends: Vec<usize> = ends.collect();
    for cut in 0..=changed {
        let mut bytes = before.clone();
        bytes.resize(bytes.len().max(from + cut), 0);
        bytes[from..from + cut].copy_from_slice(&after[from..from + cut]);
        let disk = copy(&disk, &path, bytes);
        let mut log = open(&disk);
        assert_eq!(log.reader().first(), first);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let mut wanted = [&held[..], &group[..whole]].concat();
        assert_eq!(read(&log.reader()), (wanted.clone(), 0), "cut at {cut}");
        let written = whole.checked_sub(1).map_or(0, |last| ends[last]);
        assert_eq!(log.end(), end + written as u64, "cut at {cut}");
        wanted.extend(write(&mut log, 950, &[30, 30]));
        assert_eq!(read(&log.reader()), (wanted.clone(), 0), "cut at {cut}");
        assert_eq!(read(&open(&disk).reader()), (wanted, 0), "cut at {cut}");
    }
}

/// How far into the file the log reached.
fn before_end(_: &[u8], end: u64, path: &Path) -> u64 {
    let name = path.file_name().unwrap().to_str().unwrap();
    end - u64::from_str_radix(&name[..16], 16).unwrap()
}

/// The same files, one of them with other bytes.
fn copy(disk: &MemoryDisk, path: &Path, bytes: Vec<u8>) -> MemoryDisk {
    let other = MemoryDisk::default();
    for name in names(disk) {
        let file = Path::new("log").join(name);
        let read = disk.read(&file).unwrap().unwrap();
        other.replace(&file, &read).unwrap();
    }
    other.replace(path, &bytes).unwrap();
    other
}

/// Of what was not synced the loss of power takes any blocks. What is found was written; a record
/// that stands whole behind a hole is found, and the hole is told.
#[test]
fn blocks_that_are_lost() {
    let (disk, mut log, held) = reused(&[100]);
    let path = newest(&disk);
    let before = disk.read(&path).unwrap().unwrap();
    let group: Vec<_> = (900..903)
        .flat_map(|number| write(&mut log, number, &[BLOCK - 64]))
        .collect();
    let mut after = disk.read(&path).unwrap().unwrap();
    let size = after.len().next_multiple_of(BLOCK);
    after.resize(size, 0);
    for kept in 0..1_u32 << (size / BLOCK) {
        let mut bytes = before.clone();
        bytes.resize(size, 0);
        for block in (0..size / BLOCK).filter(|block| kept >> block & 1 == 1) {
            let range = block * BLOCK..(block + 1) * BLOCK;
            bytes[range.clone()].copy_from_slice(&after[range]);
        }
        let (found, damage) = read(&open(&copy(&disk, &path, bytes)).reader());
        let all = [&held[..], &group[..]].concat();
        assert!(found.iter().all(|record| all.contains(record)), "{kept:b}");
        let in_order = all.iter().filter(|record| found.contains(record));
        assert!(in_order.eq(&found), "{kept:b}");
        let last = found
            .last()
            .and_then(|last| all.iter().position(|one| one == last));
        let holes = last.is_some_and(|last| last + 1 > found.len());
        assert_eq!(damage > 0, holes, "{kept:b}: {found:?}");
    }
}

/// A flipped bit costs the record it stands in and is told, also where nothing stands behind.
#[test]
fn no_flip_is_passed_over() {
    let (disk, log, held) = reused(&[60, 0, 80]);
    let path = newest(&disk);
    let bytes = disk.read(&path).unwrap().unwrap();
    let written = before_end(&bytes, log.end(), &path) as usize;
    for at in 0..written {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let (found, damage) = read(&open(&copy(&disk, &path, bytes)).reader());
        assert_eq!((found.len(), damage), (held.len() - 1, 1), "byte {at}");
    }
    for at in written..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let found = read(&open(&copy(&disk, &path, bytes)).reader());
        assert_eq!(found, (held.clone(), 0), "byte {at}");
    }
}

/// Whole blocks are written, so that none has to be read before.
#[test]
fn a_group_ends_where_a_block_does() {
    let (disk, log, _) = reused(&[100]);
    let path = newest(&disk);
    let bytes = disk.read(&path).unwrap().unwrap();
    let end = before_end(&bytes, log.end(), &path) as usize;
    let block = (end + 64).next_multiple_of(BLOCK);
    assert_eq!(bytes[end + 16], 11, "a record that ends the group");
    assert!(bytes[end + 64..block].iter().all(|byte| *byte == 0));
}

/// Two files for one segment are no log: nobody can say which of them is meant.
#[test]
fn a_copy_of_a_segment_is_refused_in_words() {
    let (disk, _, _) = reused(&[100]);
    let path = newest(&disk);
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = disk.read(&path).unwrap().unwrap();
    let plain = Path::new("log").join(format!("{}.log", &name[..16]));
    disk.replace(&plain, &bytes).unwrap();
    let error = LogWriter::open(Arc::new(disk), Path::new("log"), SEGMENT).err();
    assert!(matches!(error, Some(LogError::Twice { .. })));
    assert!(error.unwrap().to_string().contains("move the one away"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the rest of a file, records of other positions are none.
    #[test]
    fn old_bytes_are_no_records(groups in prop::collection::vec(0_usize..600, 1..4)) {
        let (disk, log, held) = reused(&groups);
        prop_assert_eq!(read(&log.reader()), (held.clone(), 0));
        let end = log.end();
        let again = open(&disk);
        prop_assert_eq!(again.end(), end);
        prop_assert_eq!(read(&again.reader()), (held, 0));
    }
}
