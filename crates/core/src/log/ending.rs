//! Where a log ends whose newest segment is written over the bytes of an earlier one: the length of
//! the file does not tell, so every group is written with a mark behind it.

use std::path::Path;

use super::record::HEADER_BYTES;
use super::segments::Segments;
use super::{Header, Kind, LogError, LogReader};

/// What a file system reads before it writes a part of it: whole blocks are written over without.
const BLOCK: usize = 4096;

/// The mark behind the newest group. The next group is written over it.
pub(super) struct Mark([u8; HEADER_BYTES + BLOCK]);

impl Mark {
    pub(super) const fn new() -> Self {
        Self([0; HEADER_BYTES + BLOCK])
    }

    /// The mark for a group that ends at `position`, which is `from` in its file: a record that
    /// says so, and zeros up to where a block ends.
    pub(super) fn at(&mut self, position: u64, from: u64) -> &[u8] {
        let header = Header::silent(Kind::End).encode(position, 0, 0);
        self.0[..HEADER_BYTES].copy_from_slice(&header);
        let in_block = from as usize % BLOCK;
        &self.0[..(in_block + HEADER_BYTES).next_multiple_of(BLOCK) - in_block]
    }
}

/// Where the log ends, by the records of its newest segment, which begins at `last`.
pub(super) fn find(directory: &Path, segments: &Segments, last: u64) -> Result<u64, LogError> {
    let reader = LogReader::new(directory.to_owned(), segments.clone());
    let mut records = reader.records(last);
    while records.next_found()?.is_some() {}
    Ok(records.end().unwrap_or(last))
}
