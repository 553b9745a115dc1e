//! The thread that may wait for the disk: it syncs, writes checkpoints, and removes files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::inbox::Shared;
use super::{KEEPER, RETRY};
use crate::engine::Chores;
use crate::fs::FileSystem;
use crate::keeping;
use crate::log::Spares;
use crate::options::Fsync;
use crate::outbox::Outbox;
use crate::reserve::Reserve;

/// How often it looks whether the outbox has files to remove.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Housekeeper {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) directory: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) reserve: Arc<Reserve>,
    pub(super) spares: Spares,
    pub(super) fsync: Fsync,
}

impl Housekeeper {
    /// Do chores until the writer is gone. A chore that panics leaves files behind that the next
    /// start removes; the others are done all the same.
    pub(super) fn run(&self, chores: &mpsc::Receiver<Chores>) {
        while catch_unwind(AssertUnwindSafe(|| self.work(chores))).is_err() {
            self.shared.panicked(KEEPER);
            std::thread::sleep(RETRY);
        }
    }

    fn work(&self, chores: &mpsc::Receiver<Chores>) {
        let interval = match self.fsync {
            Fsync::Interval { interval_ms } => Duration::from_millis(interval_ms.max(1)),
            Fsync::Never | Fsync::Always => Duration::MAX,
        };
        let clock = &self.shared.clock;
        let mut synced_ns = clock.now().mono_ns;
        let mut undone = Chores::default();
        loop {
            let since = Duration::from_nanos(clock.now().mono_ns.saturating_sub(synced_ns));
            let left = interval.saturating_sub(since);
            match chores.recv_timeout(left.min(LOOK)) {
                Ok(chores) => self.do_chores(chores, &mut undone),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if left <= LOOK {
                        synced_ns = clock.now().mono_ns;
                        let _ = self.sync(); // a failure is counted, and the next chore waits
                    }
                    self.do_chores(Chores::default(), &mut undone);
                    if self.reserve.is_spent() {
                        self.spares.clear(&*self.fs);
                        self.reserve.restore();
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn do_chores(&self, chores: Chores, left: &mut Chores) {
        // What is too old goes also while nothing comes.
        self.outbox.make_room(self.shared.clock.now());
        let disk = (&*self.fs, &*self.directory);
        let errors = keeping::do_chores(chores, left, &self.outbox, disk, || self.sync());
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
        let failed = keeping::sync(&self.outbox, || {
            let files = self.shared.ask(|engine, _| engine.take_dirty());
            files.unwrap_or_default()
        });
        if failed > 0 {
            self.shared
                .tell(move |engine, _| engine.count_storage_errors(failed));
        }
        failed == 0
    }
}
