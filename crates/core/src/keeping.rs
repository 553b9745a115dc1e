//! The order in which things reach the disk for good.
//!
//! An outbox says of a trace that it was kept, the verdict log says why, the buffer log has the
//! spans. What leans on something must not be durable before it: so requests first, then verdicts,
//! then frames. A file goes only when everything that stands in for it is durable.

use std::path::Path;

use crate::engine::Chores;
use crate::fs::FileSystem;
use crate::log::Dirty;
use crate::outbox::Outbox;

/// Make durable what was written so far; returns how many segments failed, which are tried again
/// at the next call. `of_engine` gives those of the buffer log and the verdict log, in this order;
/// it is asked after the outbox, so that it knows every verdict whose frame is in there.
pub fn sync(outbox: &Outbox, of_engine: impl FnOnce() -> Vec<Dirty>) -> u64 {
    let frames = outbox.take_dirty();
    let all = of_engine().into_iter().chain(frames);
    let failed = all.filter(|dirty| dirty.make_durable().is_err());
    failed.count() as u64
}

/// Do chores, and remove what the outbox is done with; returns how many failed, and leaves these in
/// `left` for the next time. `sync` makes everything written so far durable, and says whether it
/// could.
pub fn do_chores(
    chores: Chores,
    left: &mut Chores,
    outbox: &Outbox,
    (fs, directory): (&dyn FileSystem, &Path),
    mut sync: impl FnMut() -> bool,
) -> u64 {
    left.add(chores);
    let settled = outbox.take_removable();
    let mut chores = std::mem::take(left);
    chores.remove.extend(settled);
    if chores.is_empty() {
        return 0;
    }
    // A checkpoint says what is needed no more: it leans on everything before it, too.
    if !sync() {
        *left = chores;
        return 1;
    }
    *left = chores.carry_out(fs, directory);
    let failed = u64::from(left.checkpoint.is_some()) + left.stuck_logs();
    // There may be room now for the mark that a file went without.
    let owed = outbox.owes_mark();
    failed + u64::from(owed && !(outbox.make_up() && sync()))
}
