//! What a file holds, and what of it would survive.

/// A change that is not durable.
#[derive(Clone)]
pub(super) enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// One file: what a reader sees, what would survive, and what lies between the two.
#[derive(Default)]
pub(super) struct Content {
    pub(super) seen: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) fresh: Vec<Change>,
}

/// Apply a change to these bytes.
pub(super) fn apply(change: &Change, bytes: &mut Vec<u8>) {
    match change {
        Change::Write(at, part) => {
            let (from, end) = (*at as usize, *at as usize + part.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[from..end].copy_from_slice(part);
        }
        Change::Truncate(length) => bytes.truncate(*length as usize),
    }
}
