//! The segments of a log: which there are, and what they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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

/// The segments of a log, shared between its writer, its readers, and who makes them durable.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<u64, Arc<dyn File>>,
    /// Of these, those of which a sync has failed.
    spoiled: BTreeSet<u64>,
    /// Syncs under way.
    syncing: BTreeMap<u64, u32>,
}

impl Segments {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, base: u64, file: Arc<dyn File>) {
        assert!(base < POSITION_BOUND, "no log comes to there");
        let before = self.change().files.insert(base, file);
        assert!(before.is_none(), "no two segments begin at one place");
    }

    pub(super) fn remove(&self, base: u64) {
        let mut state = self.change();
        let removed = state.files.remove(&base);
        assert!(removed.is_some(), "what is taken out was there");
        state.spoiled.remove(&base);
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.state().files.keys().next().copied()
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.state().files.keys().next_back().copied()
    }

    pub(super) fn count(&self) -> usize {
        self.state().files.len()
    }

    /// The segment that holds `position`, and where it begins.
    pub(super) fn holding(&self, position: u64) -> Option<(u64, Arc<dyn File>)> {
        let state = self.state();
        let (base, file) = state.files.range(..=position).next_back()?;
        Some((*base, Arc::clone(file)))
    }

    /// The first segment that begins at or behind `position`.
    pub(super) fn from(&self, position: u64) -> Option<Segment> {
        let state = self.state();
        let mut range = state.files.range(position..);
        let (base, file) = range.next()?;
        Some(Segment {
            base: *base,
            file: Arc::clone(file),
            next: range.next().map(|(next, _)| *next),
        })
    }

    /// The segment that begins here, and where the next one does.
    pub(super) fn at(&self, base: u64) -> Option<(Arc<dyn File>, Option<u64>)> {
        let segment = self.from(base).filter(|segment| segment.base == base)?;
        Some((segment.file, segment.next))
    }

    /// Forget every segment that is followed by one beginning at or before `position`.
    pub(super) fn release_before(&self, position: u64) -> Vec<u64> {
        let mut state = self.change();
        let mut released = Vec::new();
        loop {
            let mut bases = state.files.keys();
            let (Some(&first), next) = (bases.next(), bases.next()) else {
                return released;
            };
            // The last segment ends where the log ends, so it needs a position past its begin.
            if next.is_none_or(|&next| next > position) {
                return released;
            }
            state.files.remove(&first);
            state.spoiled.remove(&first);
            assert!(!state.files.is_empty(), "the newest segment stays");
            assert!(first < position, "only what ends before is let go");
            released.push(first);
        }
    }

    /// Sync this segment. Of two syncs of the same pages at once the kernel tells only one that
    /// they are lost: so the other one counts as failed, too, or the first to end does.
    pub(super) fn sync(&self, base: u64, file: &dyn File) -> io::Result<()> {
        if self.is_spoiled(base) {
            return Err(io::Error::other("a sync of it has failed before"));
        }
        *self.change().syncing.entry(base).or_default() += 1;
        let synced = file.sync();
        let mut state = self.change();
        let others = state.syncing.remove(&base).unwrap_or(1) - 1;
        if others > 0 {
            state.syncing.insert(base, others);
        }
        if synced.is_err() && state.files.contains_key(&base) {
            state.spoiled.insert(base);
        }
        if synced.is_ok() && (others > 0 || state.spoiled.contains(&base)) {
            return Err(io::Error::other(
                "another sync of it has failed, or may do so",
            ));
        }
        synced
    }

    /// A sync of this segment has failed.
    pub(super) fn spoil(&self, base: u64) {
        let mut state = self.change();
        if state.files.contains_key(&base) {
            state.spoiled.insert(base);
        }
    }

    pub(super) fn is_spoiled(&self, base: u64) -> bool {
        self.state().spoiled.contains(&base)
    }

    /// Those of which a sync has failed.
    pub(super) fn spoiled(&self) -> Vec<(u64, Arc<dyn File>)> {
        let state = self.state();
        let files = state.spoiled.iter().filter_map(|base| {
            let file = state.files.get(base)?;
            Some((*base, Arc::clone(file)))
        });
        files.collect()
    }

    /// A spoiled segment is durable in another file.
    pub(super) fn renew(&self, base: u64, file: Arc<dyn File>) {
        let mut state = self.change();
        if let Some(old) = state.files.get_mut(&base) {
            *old = file;
        }
        state.spoiled.remove(&base);
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
