//! The thread that may wait for the disk: it syncs, writes checkpoints, and removes files.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::inbox::Shared;
use crate::engine::Chores;
use crate::fs::FileSystem;
use crate::options::Fsync;

pub(super) struct Housekeeper {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) directory: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) fsync: Fsync,
}

impl Housekeeper {
    /// Do chores until the writer is gone, then sync a last time.
    pub(super) fn run(&self, chores: &mpsc::Receiver<Chores>) {
        let interval = match self.fsync {
            Fsync::Interval { interval_ms } => Duration::from_millis(interval_ms.max(1)),
            Fsync::Never | Fsync::Always => Duration::from_secs(3_600),
        };
        loop {
            match chores.recv_timeout(interval) {
                Ok(chores) => self.do_chores(&chores),
                Err(mpsc::RecvTimeoutError::Timeout) => self.sync(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn do_chores(&self, chores: &Chores) {
        let errors = chores.carry_out(&*self.fs, &self.directory);
        if errors > 0 {
            self.shared
                .tell(move |engine, _| engine.count_storage_errors(errors));
        }
    }

    /// Make everything written so far durable.
    fn sync(&self) {
        if self.fsync == Fsync::Never {
            return;
        }
        let dirty = self
            .shared
            .ask(|engine, _| engine.take_dirty())
            .unwrap_or_default();
        let failed = dirty.iter().filter(|file| file.sync().is_err()).count() as u64;
        if failed > 0 {
            // Pages that failed to sync are marked clean: never trust that segment again.
            self.shared.tell(move |engine, _| {
                engine.seal();
                engine.count_storage_errors(failed);
            });
        }
    }
}
