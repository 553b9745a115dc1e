//! Make damage harmless: bytes that are no record become the body of one that says nothing.
//!
//! Only the 64 bytes of its header are written, so a repair needs no room and takes nothing that
//! was not lost already.

use super::record::{HEADER_BYTES, MAGIC, RawHeader};
use super::{Damage, Header, Kind, LogError, LogReader};

/// Bytes of a segment that are to be written over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patch {
    /// Where the segment begins.
    pub(crate) base: u64,
    /// Where the bytes stand, as a position of the log.
    pub(crate) position: u64,
    /// What stands there.
    pub(crate) old: Vec<u8>,
    /// What is to stand there.
    pub(crate) new: Vec<u8>,
}

/// What makes this damage harmless; None if nothing can, since the bytes are gone, or are too few.
/// `header` is that of the record, if it is whole and only the body is not.
pub(crate) fn patch(
    reader: &LogReader,
    damage: &Damage,
    header: Option<Header>,
) -> Result<Option<Patch>, LogError> {
    let Damage {
        position, bytes, ..
    } = *damage;
    assert!(bytes > 0, "damage has bytes");
    let Some((base, file)) = reader.segments.holding(position) else {
        return Ok(None);
    };
    let failed = |error| reader.failed(base, error);
    let from = position - base;
    if from + bytes > file.size().map_err(failed)? {
        return Ok(None); // a hole between segments
    }
    let Some(length) = bytes.checked_sub(HEADER_BYTES as u64) else {
        if !damage.at_end {
            return Ok(None);
        }
        // Too short for a record, but not for the begin of one: that is what a crash leaves.
        let mut old = vec![0; usize::try_from(bytes).unwrap_or(0).min(MAGIC.len())];
        file.read_at(from, &mut old).map_err(failed)?;
        let new = MAGIC[..old.len()].to_vec();
        assert!(old.len() as u64 <= bytes, "a patch stays within the damage");
        return Ok(Some(Patch {
            base,
            position,
            old,
            new,
        }));
    };
    let Ok(length) = u32::try_from(length) else {
        return Ok(None);
    };
    let mut crc = 0;
    let mut window = vec![0; 1 << 20];
    let (mut at, end) = (from + HEADER_BYTES as u64, from + bytes);
    while at < end {
        let some = (end - at).min(window.len() as u64) as usize;
        file.read_at(at, &mut window[..some]).map_err(failed)?;
        crc = crc32c::crc32c_append(crc, &window[..some]);
        at += some as u64;
    }
    assert_eq!(at, end, "the whole body is summed, and nothing behind it");
    let mut old = vec![0; HEADER_BYTES];
    file.read_at(from, &mut old).map_err(failed)?;
    let header = filler(header);
    assert_ne!(header.kind, Kind::Request, "what is damaged is no request");
    let new = header.encode(position, length, crc);
    let raw = RawHeader(&new);
    assert!(raw.is_whole(position), "what stands in for it is a record");
    assert_eq!(
        (HEADER_BYTES + raw.length()) as u64,
        bytes,
        "and ends where the damage ends"
    );
    let new = new.to_vec();
    Ok(Some(Patch {
        base,
        position,
        old,
        new,
    }))
}

/// The header of what stands in for a damaged record. What it said of others stays true: its
/// number, and what had been received.
fn filler(header: Option<Header>) -> Header {
    match header {
        // Their entries have checksums of their own: most of them can be read all the same.
        Some(header) if matches!(header.kind, Kind::Verdicts | Kind::Late) => header,
        Some(header) => Header {
            kind: Kind::Filler,
            ..header
        },
        None => Header::silent(Kind::Filler),
    }
}
