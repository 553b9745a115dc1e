//! The thread that may wait for the disk: it syncs, writes checkpoints, and removes files.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::inbox::Shared;
use crate::engine::Chores;
use crate::fs::FileSystem;
use crate::options::Fsync;
use crate::outbox::Outbox;

pub(super) struct Housekeeper {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) directory: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) fsync: Fsync,
}

impl Housekeeper {
    /// Do chores until the writer is gone, which syncs a last time itself.
    pub(super) fn run(&self, chores: &mpsc::Receiver<Chores>) {
        let interval = match self.fsync {
            Fsync::Interval { interval_ms } => Duration::from_millis(interval_ms.max(1)),
            Fsync::Never | Fsync::Always => Duration::from_secs(3_600),
        };
        let clock = &self.shared.clock;
        let mut synced_ns = clock.now().mono_ns;
        loop {
            let since = Duration::from_nanos(clock.now().mono_ns.saturating_sub(synced_ns));
            match chores.recv_timeout(interval.saturating_sub(since)) {
                Ok(chores) => self.do_chores(&chores),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    synced_ns = clock.now().mono_ns;
                    let _ = self.sync();
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn do_chores(&self, chores: &Chores) {
        // What the files to be removed held stands elsewhere by now: in the outbox, in the
        // verdict log, in the checkpoint. It must be as safe there as it was.
        if !chores.remove.is_empty() && !self.sync() {
            return; // they stay; the next start removes what a later checkpoint does not need
        }
        let errors = chores.carry_out(&*self.fs, &self.directory);
        if errors > 0 {
            self.shared
                .tell(move |engine, _| engine.count_storage_errors(errors));
        }
    }

    /// Make everything written so far durable; false, counted and told, if that failed.
    fn sync(&self) -> bool {
        if self.fsync == Fsync::Never {
            return true;
        }
        // Asked of the outbox here: the writer must not wait while the packer writes.
        let mut dirty = self.outbox.take_dirty();
        let engine = self.shared.ask(|engine, _| engine.take_dirty());
        dirty.extend(engine.unwrap_or_default());
        let failed = dirty.iter().filter(|file| file.sync().is_err()).count() as u64;
        if failed > 0 {
            // Pages that failed to sync are marked clean: never trust that segment again.
            self.outbox.seal();
            self.shared.tell(move |engine, _| {
                engine.seal();
                engine.count_storage_errors(failed);
            });
        }
        failed == 0
    }
}
