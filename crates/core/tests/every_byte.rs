//! Every byte of a log of 1 MB is flipped once: no flip costs more than the record it hits, and
//! none makes a record that was never written.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::ledger::Count;
use tailsampler_core::log::{Entry, Header, Kind, LogWriter};

const MEGABYTE: u64 = 1_000_000;
/// Small segments: only the one that is hit has to be read again.
const SEGMENT_BYTES: u64 = 4_096;

/// Bodies of many sizes, some of which look like headers themselves.
fn body(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let length = state >> 54;
    let mut body: Vec<u8> = (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    if number.is_multiple_of(5) && body.len() > 4 {
        body[..4].copy_from_slice(b"TSR2");
    }
    body
}

fn write(disk: &MemoryDisk) -> u64 {
    let mut log = LogWriter::open(Arc::new(disk.clone()), Path::new("log"), SEGMENT_BYTES).unwrap();
    let mut number = 0;
    while log.end() < MEGABYTE {
        number += 1;
        let header = Header {
            kind: Kind::Request,
            tenant: 0,
            plan: 1,
            count: 1,
            rank: 0,
            sequence: number,
            wall_ns: number,
            total: Count::new(number, number),
        };
        let body = body(number);
        let entry = Entry {
            header,
            body: &body,
            body_crc: None,
        };
        log.append(&[entry], &mut Vec::new()).unwrap();
    }
    number
}

/// The records of one segment, alone on a disk.
fn records(name: &str, bytes: &[u8]) -> Vec<(u64, Bytes)> {
    let disk = MemoryDisk::default();
    disk.replace(&Path::new("log").join(name), bytes).unwrap();
    let log = LogWriter::open(Arc::new(disk), Path::new("log"), SEGMENT_BYTES).unwrap();
    let mut records = log.reader().records(0);
    let mut found = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        found.push((record.header.sequence, record.body));
    }
    found
}

#[test]
fn every_byte_of_a_megabyte() {
    let disk = MemoryDisk::default();
    let written = write(&disk);
    let (mut flips, mut lost, mut seen) = (0, 0, 0);
    for name in disk.list(Path::new("log")).unwrap() {
        let path = Path::new("log").join(&name);
        let mut bytes = disk.read(&path).unwrap().unwrap();
        let whole = records(&name, &bytes);
        seen += whole.len() as u64;
        for at in 0..bytes.len() {
            let bit = 1 << ((at * 5 + 3) % 8);
            bytes[at] ^= bit;
            let found = records(&name, &bytes);
            bytes[at] ^= bit;
            flips += 1;
            lost += whole.len() - found.len();
            assert_eq!(whole.len() - found.len(), 1, "{name}, byte {at}");
            let mut left = whole.iter();
            assert!(found.iter().all(|one| left.any(|other| other == one)));
        }
    }
    assert_eq!(seen, written);
    assert!(flips >= MEGABYTE && lost as u64 == flips, "{flips} {lost}");
}
