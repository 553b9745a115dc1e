//! The order in which things reach the disk for good.
//!
//! An outbox says of a trace that it was kept, the verdict log says why, the buffer log has the
//! spans. What leans on something must not be durable before it: so requests first, then verdicts,
//! then frames. A file goes only when everything that stands in for it is durable.

use std::path::Path;
use std::sync::Arc;

use crate::engine::Chores;
use crate::fs::{File, FileSystem};
use crate::outbox::Outbox;

/// Make durable what was written so far; returns how many files failed, after which nothing is
/// written to the failed ones again. `of_engine` gives the files of the buffer log and the verdict
/// log, in this order; it is asked after the outbox, so that it knows every verdict whose frame is
/// in there.
pub fn sync(outbox: &Outbox, of_engine: impl FnOnce() -> Vec<Arc<dyn File>>) -> u64 {
    let frames = outbox.take_dirty();
    let mut failed = 0;
    for file in of_engine().into_iter().chain(frames) {
        failed += u64::from(file.sync().is_err());
    }
    if failed > 0 {
        // Pages that failed to sync are marked clean: never trust that segment again.
        outbox.seal();
    }
    failed
}

/// Do chores, and remove what the outbox is done with; returns how many failed. `sync` makes
/// everything written so far durable, and says whether it could.
pub fn do_chores(
    mut chores: Chores,
    outbox: &Outbox,
    (fs, directory): (&dyn FileSystem, &Path),
    mut sync: impl FnMut() -> bool,
) -> u64 {
    let settled = outbox.take_removable();
    chores.remove.extend(settled.iter().cloned());
    if chores.is_empty() {
        return 0;
    }
    // A checkpoint says what is needed no more: it leans on everything before it, too.
    if !sync() {
        // They stay. What the outbox is done with is asked for again; the next start removes what
        // a later checkpoint does not need.
        outbox.keep_removable(settled);
        return 1;
    }
    let failed = chores.carry_out(fs, directory);
    // There may be room now for the mark that a file went without.
    let owed = outbox.owes_mark();
    failed + u64::from(owed && !(outbox.make_up() && sync()))
}
