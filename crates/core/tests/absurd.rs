//! Numbers that no process wrote, under right checksums: a start succeeds all the same.
//!
//! Coverage-guided fuzzing found what is tested here; see docs/testing.md.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;
mod past_support;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use past_support::{Past, files};
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::inspect::DataDirectory;
use tailsampler_core::log::HEADER_BYTES;

/// Near the ends of the number range, and near the last position of a log.
const ABSURD: [u64; 6] = [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 62, (1 << 62) - 1, 0];

/// Position and length of the numbers in a header.
const NUMBERS: [(usize, usize); 7] = [
    (18, 2),
    (20, 4),
    (24, 4),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
];

type Contents = Vec<(PathBuf, Vec<u8>)>;

fn past() -> Past {
    let mut past = Past::new(&["a"]);
    past.live(8);
    past
}

fn contents(disk: &MemoryDisk) -> Contents {
    let read = |path: PathBuf| {
        let bytes = disk.read(&path).unwrap().unwrap();
        (path, bytes)
    };
    files(disk).into_iter().map(read).collect()
}

/// The records of a segment that is whole, up to the one that ends it, if one does.
fn records(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        found.push(at..at + HEADER_BYTES + length as usize);
        if bytes[at + 16] == 11 {
            break;
        }
        at += HEADER_BYTES + length as usize;
    }
    found
}

/// Give a record at this position right checksums.
fn seal(record: &mut [u8], position: u64) {
    let (header, body) = record.split_at_mut(HEADER_BYTES);
    header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
    header[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
    let crc = crc32c::crc32c(&position.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &header[8..]);
    header[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// A small file with this content.
fn guarded(content: &[u8]) -> Vec<u8> {
    let crc = crc32c::crc32c(content);
    let front = format!(r#"{{"crc32c":"{crc:08x}","content":"#);
    [front.as_bytes(), content, b"}\n"].concat()
}

fn base(path: &Path) -> u64 {
    let name = path.file_name().unwrap().to_str().unwrap();
    let digits = name.split('.').next().unwrap();
    // A spare file has no begin; what is made of its records is no record anywhere.
    u64::from_str_radix(digits, 16).unwrap_or(0)
}

/// Every text that comes of writing another number for one of those in it.
fn with_other_numbers(text: &[u8]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        if digits > 0 {
            texts.extend(ABSURD.map(|number| {
                let number = number.to_string();
                [&text[..at], number.as_bytes(), &text[at + digits..]].concat()
            }));
        }
        at += digits.max(1);
    }
    texts
}

/// A start, a life and one more start on these files; what goes out by then. Books need not
/// balance: what is under a right checksum is believed.
fn lives(left: &Contents, past: &Past) -> usize {
    let mut again = Past::left(left, &past.sent, past.now_ns);
    assert!(again.world.ledger().is_object());
    let sent = [
        engine_support::error(900, 9_000),
        engine_support::plain(901, 9_001),
    ];
    again.send(&sent);
    let mut out = 0;
    for _ in 0..3 {
        again.now_ns += 10_000 * engine_support::MS;
        again.world.advance(again.now_ns);
        out += again.world.take().len();
    }
    assert!(again.world.ledger().is_object());
    again.world.restart(engine_support::plan(1, 1_000)).unwrap();
    out
}

/// Every number in every header.
#[test]
fn numbers_in_headers() {
    let past = past();
    let mut left = contents(&past.disk);
    for file in 0..left.len() {
        let (path, whole) = left[file].clone();
        if path.extension().is_none_or(|end| end != "log") {
            continue;
        }
        for record in records(&whole) {
            for (at, size) in NUMBERS {
                for number in ABSURD {
                    let at = record.start + at;
                    left[file].1[at..at + size].copy_from_slice(&number.to_le_bytes()[..size]);
                    let position = base(&path) + record.start as u64;
                    seal(&mut left[file].1[record.clone()], position);
                    lives(&left, &past);
                    left[file].1.clone_from(&whole);
                }
            }
        }
    }
}

/// Every number in the last mark, and in the last note, of the outbox.
#[test]
fn numbers_in_the_outbox() {
    let past = past();
    let left = contents(&past.disk);
    let mut last = BTreeMap::new();
    for (file, (path, bytes)) in left.iter().enumerate() {
        if path.starts_with("data/outbox") {
            let all = records(bytes).into_iter();
            last.extend(all.map(|record| (bytes[record.start + 16], (file, record))));
        }
    }
    for kind in [5, 6] {
        let (file, record) = &last[&kind];
        let (path, whole) = &left[*file];
        let (header, text) = whole[record.clone()].split_at(HEADER_BYTES);
        for text in with_other_numbers(text) {
            let mut changed = [header, &text].concat();
            seal(&mut changed, base(path) + record.start as u64);
            let mut changed_files = left.clone();
            // What stood behind it would stand elsewhere now, and be damage.
            changed_files[*file].1 = [&whole[..record.start], &changed].concat();
            lives(&changed_files, &past);
        }
    }
}

/// A checkpoint that frees the log up to anywhere, and not only to where a segment begins.
#[test]
fn a_log_freed_up_to_anywhere() {
    let past = past();
    let left = contents(&past.disk);
    let mut places = Vec::new();
    for (path, bytes) in &left {
        if path.starts_with("data/buffer") {
            let all = records(bytes).into_iter();
            places.extend(all.map(|record| base(path) + record.start as u64));
        }
    }
    assert!(places.len() > 3);
    for freed in places {
        let mut changed = left.clone();
        for (path, bytes) in &mut changed {
            if path.to_str().unwrap().contains("checkpoint") {
                let text = std::str::from_utf8(bytes).unwrap();
                let (front, rest) = text.split_once(r#""freed":"#).unwrap();
                let (_, content) = front.split_once(r#""content":"#).unwrap();
                let rest = rest.trim_start_matches(|one: char| one.is_ascii_digit());
                let rest = rest.strip_suffix("}\n").unwrap();
                *bytes = guarded(format!(r#"{content}"freed":{freed}{rest}"#).as_bytes());
            }
        }
        lives(&changed, &past);
    }
}

/// Every number in the small files, in both copies.
#[test]
fn numbers_in_small_files() {
    let past = past();
    let left = contents(&past.disk);
    for (path, bytes) in left
        .iter()
        .filter(|(path, _)| path.extension().unwrap() == "json")
    {
        let text = std::str::from_utf8(bytes).unwrap();
        let (_, content) = text.split_once(r#""content":"#).unwrap();
        for content in with_other_numbers(content.strip_suffix("}\n").unwrap().as_bytes()) {
            let changed = guarded(&content);
            let name = path.to_str().unwrap();
            let stem = name
                .strip_suffix(".copy.json")
                .or(name.strip_suffix(".json"));
            let stem = format!("{}.", stem.unwrap());
            let mut changed_files = left.clone();
            for (other, bytes) in &mut changed_files {
                if other.to_str().unwrap().starts_with(&stem) {
                    bytes.clone_from(&changed);
                }
            }
            lives(&changed_files, &past);
        }
    }
}

/// A plan whose file bears the last number leaves the next one a number of its own.
#[test]
fn a_plan_with_the_last_number() {
    let past = past();
    let mut left = contents(&past.disk);
    for number in [u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1] {
        let path = PathBuf::from(format!("data/plans/{number:08}.json"));
        left.push((path, b"{}".to_vec()));
        lives(&left, &past);
        left.pop();
    }
}

/// A mark that speaks of what stands behind it does not hide the frames that come there.
#[test]
fn a_mark_cannot_speak_of_what_comes() {
    let past = past();
    let mut left = contents(&past.disk);
    let before = lives(&left, &past);
    let outbox: Vec<usize> = (0..left.len())
        .filter(|at| left[*at].0.starts_with("data/outbox"))
        .collect();
    for file in outbox {
        let (path, bytes) = left[file].clone();
        for record in records(&bytes) {
            let body = record.start + HEADER_BYTES..record.end;
            let text = String::from_utf8_lossy(&bytes[body.clone()]).into_owned();
            let Some((front, rest)) = text.split_once(r#""done":"#) else {
                continue;
            };
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            // As long as the number it stands for, so that all that follows stays in place.
            let text = format!(r#"{front}"done":{}{}"#, "9".repeat(digits), &rest[digits..]);
            left[file].1[body].copy_from_slice(text.as_bytes());
            let position = base(&path) + record.start as u64;
            seal(&mut left[file].1[record], position);
        }
    }
    assert!(lives(&left, &past) >= before, "kept spans go out");
}

/// A copy of a small file that has a right checksum and is no JSON is repaired, once.
#[test]
fn a_copy_that_is_no_json_is_repaired_once() {
    let past = past();
    let bytes = guarded(b"{");
    past.disk
        .replace(Path::new("data/checkpoint.json"), &bytes)
        .unwrap();
    let disk = std::sync::Arc::new(past.disk.clone());
    let directory = DataDirectory::open(disk, Path::new("data")).unwrap();
    assert_eq!(directory.repair(false).unwrap().rewritten.len(), 1);
    assert_eq!(directory.repair(false).unwrap().rewritten.len(), 0);
}
