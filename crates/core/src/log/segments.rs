//! The segments of a log: which there are, and what they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::LogError;
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
    /// It was written over the bytes of an earlier one.
    pub(super) reused: bool,
}

/// The segments of a log, shared between its writer, its readers, and who makes them durable.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<u64, Arc<dyn File>>,
    /// Of these, those that were written over the bytes of earlier ones.
    reused: BTreeSet<u64>,
    /// Of these, those of which a sync has failed.
    spoiled: BTreeSet<u64>,
    /// Syncs under way.
    syncing: BTreeMap<u64, u32>,
}

impl State {
    /// What else was known of a segment that is gone.
    fn forget(&mut self, base: u64) {
        self.spoiled.remove(&base);
        self.reused.remove(&base);
    }
}

impl Segments {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, (base, reused): (u64, bool), file: Arc<dyn File>) {
        assert!(base < POSITION_BOUND, "no log comes to there");
        let mut state = self.change();
        let before = state.files.insert(base, file);
        assert!(before.is_none(), "no two segments begin at one place");
        if reused {
            state.reused.insert(base);
        }
    }

    /// What the file of the segment that begins here is called.
    pub(super) fn name(&self, base: u64) -> String {
        file_name(base, self.state().reused.contains(&base))
    }

    pub(super) fn remove(&self, base: u64) {
        let mut state = self.change();
        let removed = state.files.remove(&base);
        assert!(removed.is_some(), "what is taken out was there");
        state.forget(base);
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
            reused: state.reused.contains(base),
        })
    }

    /// The segment that begins here, and where the next one does.
    pub(super) fn at(&self, base: u64) -> Option<(Arc<dyn File>, Option<u64>)> {
        let segment = self.from(base).filter(|segment| segment.base == base)?;
        Some((segment.file, segment.next))
    }

    /// Forget every segment that is followed by one beginning at or before `position`.
    /// Returns where each begins, its name, and whether a sync of it had failed.
    pub(super) fn release_before(&self, position: u64) -> Vec<(u64, String, bool)> {
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
            let name = file_name(first, state.reused.contains(&first));
            let spoiled = state.spoiled.contains(&first);
            state.files.remove(&first);
            state.forget(first);
            assert!(!state.files.is_empty(), "the newest segment stays");
            assert!(first < position, "only what ends before is let go");
            released.push((first, name, spoiled));
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

/// The name of the segment that begins at `base`; of one that was written over the bytes of an
/// earlier one, whose own bytes may end before the file does.
pub(super) fn file_name(base: u64, reused: bool) -> String {
    let end = if reused { REUSED } else { LOG };
    format!("{base:016x}{end}")
}

const LOG: &str = ".log";
const REUSED: &str = ".reused.log";

/// Where the segment of this name begins, and whether it is a reused file; None for any other file,
/// also for one that claims to stand where no log comes to.
pub(super) fn segment_of(name: &str) -> Option<(u64, bool)> {
    let (digits, reused) = match name.strip_suffix(REUSED) {
        Some(digits) => (digits, true),
        None => (name.strip_suffix(LOG)?, false),
    };
    let base = u64::from_str_radix(digits, 16).ok()?;
    (base < POSITION_BOUND && file_name(base, reused) == name).then_some((base, reused))
}

/// The segments among these names, in order: where each begins, whether it is a reused file, and
/// its name.
///
/// # Errors
/// [`LogError::Twice`]: two files claim to be one segment.
pub(super) fn segments_of<'a>(
    directory: &Path,
    names: &'a [String],
) -> Result<Vec<(u64, bool, &'a str)>, LogError> {
    let mut found: Vec<_> = names
        .iter()
        .filter_map(|name| segment_of(name).map(|(base, reused)| (base, reused, name.as_str())))
        .collect();
    found.sort_unstable();
    if let Some(pair) = found.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(LogError::Twice {
            directory: directory.display().to_string(),
            one: pair[0].2.to_owned(),
            other: pair[1].2.to_owned(),
        });
    }
    Ok(found)
}
