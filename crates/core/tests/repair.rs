//! Looking at a data directory offline finds every damage, and a repair loses nothing more.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;
mod past_support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_support::options;
use past_support::{Harm, Past, files, harm};
use proptest::prelude::*;
use serde_json::Value;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::inspect::{DataDirectory, Repairs, Survey};
use tailsampler_core::simulation::World;

type Contents = Vec<(PathBuf, Vec<u8>)>;

fn contents(disk: &MemoryDisk) -> Contents {
    let with_bytes = |path: PathBuf| {
        let bytes = disk.read(&path).unwrap().unwrap();
        (path, bytes)
    };
    files(disk).into_iter().map(with_bytes).collect()
}

fn disk_of(contents: &Contents) -> MemoryDisk {
    let disk = MemoryDisk::default();
    for (path, bytes) in contents {
        disk.replace(path, bytes).unwrap();
    }
    disk
}

fn open(disk: &MemoryDisk) -> DataDirectory {
    DataDirectory::open(Arc::new(disk.clone()), Path::new("data")).unwrap()
}

fn survey(disk: &MemoryDisk) -> Survey {
    open(disk).survey(|_, _| true).unwrap()
}

/// What a start on this directory accounts for, and what goes out to the backend by then.
fn started(disk: &MemoryDisk) -> (Value, Vec<Vec<u8>>) {
    let mut world = World::new(Arc::new(disk.clone()), options(&["a"])).unwrap();
    let ledger = world.ledger();
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    (
        ledger["spans"].clone(),
        world.take().into_iter().map(Into::into).collect(),
    )
}

/// Damage that a repair is to see to: not the tail that a crash leaves.
fn wounds(survey: &Survey) -> usize {
    let spots = survey.logs.values().flat_map(|log| &log.damage);
    spots.filter(|spot| !spot.is_torn_tail()).count()
}

proptest! {
    /// After a repair nothing damaged is in the way, a start accounts for every span as it would
    /// have without, and the same spans go out.
    #[test]
    fn a_repair_loses_nothing_more(
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 1..6),
        rounds in 1..20_u64,
    ) {
        let mut past = Past::new(&["a"]);
        past.live(rounds);
        for (which, harm) in &harms {
            past.inflict(which, harm);
        }
        let left = contents(&past.disk);
        let disk = disk_of(&left);
        if DataDirectory::open(Arc::new(disk.clone()), Path::new("data")).is_err() {
            return Ok(()); // nothing is left to repair
        }
        let would = open(&disk).repair(true).unwrap();
        prop_assert_eq!(&contents(&disk), &left);
        let did = open(&disk).repair(false).unwrap();
        prop_assert_eq!(would.repaired.len(), did.repaired.len());
        let again = open(&disk).repair(false).unwrap();
        prop_assert!(again.repaired.is_empty() && again.rewritten.is_empty(), "{:?}", again);
        let after = survey(&disk);
        prop_assert!(wounds(&after) <= did.left.len(), "{:?} {:#?}", did, after);
        prop_assert_eq!(started(&disk), started(&disk_of(&left)), "{:?} {:?}", past.harmed, did);
    }

    /// What was written over can be brought back from the journal.
    #[test]
    fn the_journal_has_what_stood_there(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut past = Past::new(&["a"]);
        past.live(6);
        past.inflict(&which, &Harm::Flip(at, bit));
        let left = contents(&past.disk);
        open(&past.disk).repair(false).unwrap();
        let journal = past.disk.read(&Path::new("data").join(Repairs::JOURNAL)).unwrap();
        for line in journal.unwrap_or_default().split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
            let path = PathBuf::from(line["path"].as_str().unwrap());
            let offset = line["offset"].as_u64().unwrap() as usize;
            let was = line["was"].as_str().unwrap();
            let mut bytes = past.disk.read(&path).unwrap().unwrap();
            for (index, pair) in was.as_bytes().chunks(2).enumerate() {
                let pair = std::str::from_utf8(pair).unwrap();
                bytes[offset + index] = u8::from_str_radix(pair, 16).unwrap();
            }
            past.disk.replace(&path, &bytes).unwrap();
            past.disk.remove(&Path::new("data").join(Repairs::JOURNAL)).unwrap();
            prop_assert_eq!(
                past.disk.read(&path).unwrap().unwrap(),
                left.iter().find(|(other, _)| *other == path).unwrap().1.clone()
            );
        }
    }
}

/// How many bytes of a file were written for what it is now: one that is written over an earlier
/// one's bytes says so itself, at the end of every group. A spare one has none.
fn written((path, bytes): &(PathBuf, Vec<u8>)) -> usize {
    let name = path.file_name().unwrap().to_str().unwrap();
    if name.starts_with("spare-") {
        return 0;
    }
    let mut at = 0;
    while name.ends_with(".reused.log") && bytes[at + 16] != 11 {
        let length = bytes[at + 8..at + 12].try_into().unwrap();
        at += 64 + u32::from_le_bytes(length) as usize;
    }
    if at == 0 { bytes.len() } else { at }
}

/// A directory that a process left, in good order or by dying, is sound; with any byte of it
/// flipped it is not.
#[test]
fn no_flip_passes() {
    let mut past = Past::new(&["a"]);
    past.live(8);
    let mut left = contents(&past.disk);
    let whole = survey(&past.disk);
    assert!(whole.sound, "{whole:#?}");
    assert!(whole.logs.values().all(|log| !log.kinds.is_empty()));
    for file in 0..left.len() {
        for at in 0..written(&left[file]) {
            let bit = 1 << ((at * 5 + file) % 8);
            left[file].1[at] ^= bit;
            let found = survey(&disk_of(&left));
            // A hexadecimal digit of a checksum means the same in upper case.
            let same = bit == 0x20 && left[file].1[at].is_ascii_hexdigit();
            assert!(!found.sound || same, "{:?} byte {at}", left[file].0);
            left[file].1[at] ^= bit;
        }
    }
}

/// A segment that is missing is missed, by the spans that were in it.
#[test]
fn a_missing_segment_is_missed() {
    let mut past = Past::new(&["a"]);
    past.live(8);
    let buffer: Vec<PathBuf> = files(&past.disk)
        .into_iter()
        .filter(|path| path.starts_with("data/buffer"))
        .collect();
    past.disk.remove(&buffer[buffer.len() / 2]).unwrap();
    let found = survey(&past.disk);
    assert!(!found.sound && found.missing.spans > 0, "{found:#?}");
}

/// A directory that is none, or that is not there, is refused in words.
#[test]
fn another_directory_is_refused() {
    let disk = MemoryDisk::default();
    disk.replace(Path::new("data/notes.txt"), b"hello").unwrap();
    let error = DataDirectory::open(Arc::new(disk), Path::new("data")).err();
    assert!(error.unwrap().to_string().contains("is no data directory"));
}
