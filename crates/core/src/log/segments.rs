//! The segments of a log: which there are, and what they are called.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::fs::File;

/// No record stands at or behind this position: far more than a disk holds in a century, and far
/// enough from the end of the number range that sums of positions never overflow.
pub(crate) const POSITION_BOUND: u64 = 1 << 62;

const _: () = assert!(
    POSITION_BOUND <= u64::MAX - i64::MAX as u64,
    "no file is so long that its end has no number"
);

/// One segment.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) base: u64,
    pub(super) file: Arc<dyn File>,
    /// Where the next one begins; nothing of this one reaches further.
    pub(super) next: Option<u64>,
}

/// The segments of a log, shared between its writer and its readers.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<BTreeMap<u64, Arc<dyn File>>>>);

impl Segments {
    pub(super) fn insert(&self, base: u64, file: Arc<dyn File>) {
        assert!(base < POSITION_BOUND, "no log comes to there");
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = map.insert(base, file);
        assert!(before.is_none(), "no two segments begin at one place");
    }

    pub(super) fn remove(&self, base: u64) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let removed = map.remove(&base);
        assert!(removed.is_some(), "what is taken out was there");
    }

    pub(super) fn first(&self) -> Option<u64> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.keys().next().copied()
    }

    pub(super) fn last(&self) -> Option<u64> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.keys().next_back().copied()
    }

    pub(super) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The segment that holds `position`, and where it begins.
    pub(super) fn holding(&self, position: u64) -> Option<(u64, Arc<dyn File>)> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (base, file) = map.range(..=position).next_back()?;
        Some((*base, Arc::clone(file)))
    }

    /// The first segment that begins at or behind `position`.
    pub(super) fn from(&self, position: u64) -> Option<Segment> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut range = map.range(position..);
        let (base, file) = range.next()?;
        Some(Segment {
            base: *base,
            file: Arc::clone(file),
            next: range.next().map(|(next, _)| *next),
        })
    }

    /// Forget every segment that is followed by one beginning at or before `position`.
    pub(super) fn release_before(&self, position: u64) -> Vec<u64> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut released = Vec::new();
        loop {
            let mut bases = map.keys();
            let (Some(&first), next) = (bases.next(), bases.next()) else {
                return released;
            };
            // The last segment ends where the log ends, so it needs a position past its begin.
            if next.is_none_or(|&next| next > position) {
                return released;
            }
            map.remove(&first);
            assert!(!map.is_empty(), "the newest segment stays");
            assert!(first < position, "only what ends before is let go");
            released.push(first);
        }
    }
}

/// The name of the segment that begins at `base`.
pub(crate) fn file_name(base: u64) -> String {
    format!("{base:016x}.log")
}

/// Where the segment of this name begins; None for any other file, also for one that claims to
/// stand where no log comes to.
pub(super) fn segment_base(name: &str) -> Option<u64> {
    let base = u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
    (base < POSITION_BOUND && file_name(base) == name).then_some(base)
}
