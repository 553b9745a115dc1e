//! Checksums: what carries a right one, and how to give it one.
//!
//! The layouts are written down here a second time, from the comments that state them, so that the
//! program is not held to its own reading of them.

use std::ops::Range;
use std::path::Path;

use crate::directory::Directory;

/// Bytes of header before the body of a record.
pub(crate) const HEADER: usize = 64;
const MAGIC: &[u8] = b"TSR2";
const BEGIN: &[u8] = br#"{"crc32c":""#;
const MIDDLE: &[u8] = br#"","content":"#;
const END: &[u8] = b"}\n";

/// Where the segment of this name begins; None for other files.
fn base(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_suffix(".log")?;
    // What was written over the bytes of an earlier segment says so in its name.
    let digits = digits.strip_suffix(".reused").unwrap_or(digits);
    u64::from_str_radix(digits, 16).ok()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|index| bytes[at + index]))
}

/// Records that begin with the magic number and end within the file, right or wrong.
pub(crate) fn records(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + HEADER <= bytes.len() {
        let end = at + HEADER + u32_at(bytes, at + 8) as usize;
        if bytes[at..].starts_with(MAGIC) && end <= bytes.len() {
            found.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

fn header_crc(position: u64, header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), &header[8..HEADER])
}

/// Whether a segment's name leaves its log little room, or none, for more.
pub(crate) fn is_near_the_end(files: &Directory) -> bool {
    files
        .keys()
        .filter_map(|path| base(path))
        .any(|base| base >= 1 << 61)
}

/// Give everything in a file a right checksum: entries of the verdict log, bodies, headers; the
/// content of a small file.
pub(crate) fn seal(path: &Path, bytes: &mut Vec<u8>) {
    let Some(base) = base(path) else {
        return seal_content(bytes);
    };
    for range in records(bytes) {
        let position = base.wrapping_add(range.start as u64);
        let (header, body) = bytes[range].split_at_mut(HEADER);
        let entry = match header[16] {
            2 => 96,
            3 => 56,
            _ => usize::MAX,
        };
        for entry in body.chunks_exact_mut(entry) {
            let (fields, crc) = entry.split_at_mut(entry.len() - 4);
            crc.copy_from_slice(&crc32c::crc32c(fields).to_le_bytes());
        }
        header[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        let crc = header_crc(position, header);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
    }
}

fn seal_content(bytes: &mut Vec<u8>) {
    let front = BEGIN.len() + 8 + MIDDLE.len();
    let content = match bytes.get(front..) {
        Some(rest) if bytes.starts_with(BEGIN) => rest.strip_suffix(END).unwrap_or(rest),
        _ => bytes,
    };
    let crc = format!("{:08x}", crc32c::crc32c(content));
    *bytes = [BEGIN, crc.as_bytes(), MIDDLE, content, END].concat();
}

/// The content of a small file whose checksum matches.
fn content(bytes: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = bytes.strip_prefix(BEGIN)?.split_at_checked(8)?;
    let content = rest.strip_prefix(MIDDLE)?.strip_suffix(END)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc32c::crc32c(content) == crc).then_some(content)
}

/// Whether something carries a right checksum and was never written: what it says is believed, so
/// books that it speaks of need not balance. The fuzzer finds checksums by itself, too.
pub(crate) fn is_forged(now: &Directory, before: &Directory) -> bool {
    now.iter().any(|(path, bytes)| match base(path) {
        None => content(bytes).is_some_and(|content| {
            let mut all = before.values();
            !all.any(|other| self::content(other) == Some(content))
        }),
        Some(base) => {
            let old = before.get(path).map_or(&[][..], |bytes| bytes);
            (0..(bytes.len() + 1).saturating_sub(HEADER))
                .any(|at| bytes[at..].starts_with(MAGIC) && is_forged_record(base, at, bytes, old))
        }
    })
}

fn is_forged_record(base: u64, at: usize, bytes: &[u8], old: &[u8]) -> bool {
    let header = &bytes[at..at + HEADER];
    let position = base.wrapping_add(at as u64);
    let header_was = old.get(at..at + HEADER) == Some(header);
    if header_crc(position, header) != u32_at(header, 4) {
        return false;
    }
    if !header_was {
        return true;
    }
    let body = at + HEADER..at + HEADER + u32_at(header, 8) as usize;
    let Some(now) = bytes.get(body.clone()) else {
        return false;
    };
    // Entries of the verdict log have checksums of their own, and are read from damaged bodies.
    let entries = matches!(header[16], 2 | 3);
    let whole = crc32c::crc32c(now) == u32_at(header, 12);
    let was = old.get(body).unwrap_or_default();
    if whole || !entries {
        return whole && was != now;
    }
    let size = if header[16] == 2 { 96 } else { 56 };
    now.chunks_exact(size)
        .zip(was.chunks_exact(size))
        .any(|(now, was)| now != was && crc32c::crc32c(&now[..size - 4]) == u32_at(now, size - 4))
}
