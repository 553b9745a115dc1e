//! An input is a list of edits of a directory that a gateway left.
//!
//! In a share of them everything in the file is given a right checksum afterwards, since no fuzzer
//! guesses two of them at once; then what is edited is believed.

use std::ops::Range;
use std::path::PathBuf;

use crate::directory::Directory;
use crate::input::Input;
use crate::past::Past;
use crate::seal::{HEADER, records, seal};

/// Edits at most: more of them only make what happened harder to read.
const MOST: usize = 8;

/// Bytes written at once, at most.
const BYTES: usize = 64;

/// Where fields stand in a header, and how long they are.
const FIELDS: [(usize, usize); 12] = [
    (0, 4),
    (8, 4),
    (16, 1),
    (17, 1),
    (18, 2),
    (20, 4),
    (24, 4),
    (28, 4),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
];

/// The past that an input names, and what its edits make of it. Only files under `within` are
/// edited.
pub(crate) fn edited(bytes: &[u8], within: &str) -> (&'static Past, Directory) {
    let mut input = Input::new(bytes);
    let first = input.byte();
    let past = Past::of(first);
    let mut files = past.files.clone();
    if first >= 0xe0 {
        raw(&mut input, &mut files, within, first & 0x10 != 0);
        return (past, files);
    }
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        edit(&mut input, &mut files, within);
    }
    (past, files)
}

fn paths(files: &Directory, within: &str) -> Vec<PathBuf> {
    let paths = files.keys().filter(|path| path.starts_with(within));
    paths.cloned().collect()
}

/// One file is what is left of the input.
fn raw(input: &mut Input<'_>, files: &mut Directory, within: &str, sealed: bool) {
    let paths = paths(files, within);
    let path = paths[input.index(paths.len())].clone();
    let mut bytes = input.rest().to_vec();
    if sealed {
        seal(&path, &mut bytes);
    }
    files.insert(path, bytes);
}

fn edit(input: &mut Input<'_>, files: &mut Directory, within: &str) {
    let all = paths(files, within);
    let Some(path) = all.get(usize::from(input.byte()) % all.len().max(1)) else {
        return; // all of them were removed
    };
    let what = input.byte();
    let Some(mut bytes) = files.remove(path) else {
        return;
    };
    let mut to = path.clone();
    match what % 16 {
        0 => {
            let at = input.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (input.byte() % 8);
            }
        }
        1 => bytes.truncate(input.index(bytes.len() + 1)),
        2 => return,
        3 => {
            let at = input.index(bytes.len() + 1);
            let with = some(input);
            let end = (at + with.len()).min(bytes.len());
            bytes.splice(at..end, with.iter().copied());
        }
        4 => {
            let at = input.index(bytes.len() + 1);
            resize(&mut bytes, at..at, some(input));
        }
        5 => {
            let at = input.index(bytes.len() + 1);
            let end = (at + usize::from(input.u16())).min(bytes.len());
            resize(&mut bytes, at..end, &[]);
        }
        6 => {
            let with = &all[input.index(all.len())];
            if let Some(other) = files.insert(with.clone(), bytes.clone()) {
                bytes = other;
            }
        }
        7 => {
            to = renamed(input, path);
            files.insert(path.clone(), bytes.clone());
        }
        8 => to = renamed(input, path),
        9 | 10 => field(input, &mut bytes),
        11 | 12 => number_in_text(input, &mut bytes),
        13 => number_in_body(input, &mut bytes),
        14 => rearrange(input, &mut bytes),
        _ => bytes = input.bytes(BYTES).to_vec(),
    }
    if what & 0x10 != 0 {
        seal(&to, &mut bytes);
    }
    files.insert(to, bytes);
}

fn some<'a>(input: &mut Input<'a>) -> &'a [u8] {
    let most = usize::from(input.byte()) % BYTES;
    input.bytes(most)
}

/// Put other bytes into a file, and let the record they stand in be as long as it is then.
fn resize(bytes: &mut Vec<u8>, range: Range<usize>, with: &[u8]) {
    let all = records(bytes);
    let record = all
        .iter()
        .find(|r| r.start + HEADER <= range.start && range.start <= r.end);
    if let Some(record) = record {
        let body = record.len() - HEADER;
        let cut = range.end.min(record.end) - range.start;
        let length = (body - cut + with.len()) as u32;
        bytes[record.start + 8..record.start + 12].copy_from_slice(&length.to_le_bytes());
    }
    bytes.splice(range, with.iter().copied());
}

/// A file of the same kind with another number.
fn renamed(input: &mut Input<'_>, path: &std::path::Path) -> PathBuf {
    let number = input.number();
    path.with_file_name(if path.extension().is_some_and(|end| end == "log") {
        format!("{number:016x}.log")
    } else {
        format!("{:08}.json", number as u32)
    })
}

/// A number in the header of a record.
fn field(input: &mut Input<'_>, bytes: &mut [u8]) {
    let all = records(bytes);
    let Some(record) = all.get(input.index(all.len())) else {
        return;
    };
    let (at, size) = FIELDS[usize::from(input.byte()) % FIELDS.len()];
    let from = record.start + at;
    bytes[from..from + size].copy_from_slice(&input.number().to_le_bytes()[..size]);
}

/// A number that stands anywhere in the body of a record.
fn number_in_body(input: &mut Input<'_>, bytes: &mut [u8]) {
    let all = records(bytes);
    let Some(record) = all.get(input.index(all.len())) else {
        return;
    };
    let from = record.start + HEADER + input.index(record.len() - HEADER + 1);
    let size = [1, 2, 4, 8][usize::from(input.byte()) % 4];
    let size = size.min(record.end - from);
    bytes[from..from + size].copy_from_slice(&input.number().to_le_bytes()[..size]);
}

/// A number in digits, as JSON has them.
fn number_in_text(input: &mut Input<'_>, bytes: &mut Vec<u8>) {
    // The digits of a header's checksums are none: text begins behind it.
    let all = records(bytes);
    let within = match all.get(input.index(all.len())) {
        Some(record) => record.start + HEADER..record.end,
        None => 0..bytes.len(),
    };
    let mut found = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let digits = bytes[at..within.end]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits > 0 {
            found.push(at..at + digits);
        }
        at += digits.max(1);
    }
    let Some(number) = found.get(input.index(found.len())) else {
        return;
    };
    let with = input.number().to_string();
    resize(bytes, number.clone(), with.as_bytes());
}

/// Two records change places, one of them is there twice, or one is gone.
fn rearrange(input: &mut Input<'_>, bytes: &mut Vec<u8>) {
    let all = records(bytes);
    if all.is_empty() {
        return;
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    let (one, other) = (input.index(all.len()), input.index(all.len()));
    match input.byte() % 3 {
        0 => order.swap(one, other),
        1 => order.insert(other, one),
        _ => drop(order.remove(one)),
    }
    let records = order.iter().map(|&at| &bytes[all[at].clone()]);
    *bytes = records.collect::<Vec<_>>().concat();
}
