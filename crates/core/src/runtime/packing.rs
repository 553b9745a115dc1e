//! The thread that brings kept traces into the outbox.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::RETRY;
use super::inbox::Shared;
use crate::outbox::{KeptJob, Outbox, Packer};

/// Frames written with one call.
const JOBS: usize = 256;

/// With nothing to pack for this long, what was read is let go.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Packing {
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) max_bytes: u64,
}

impl Packing {
    /// Pack what comes until the writer is gone. A restart packs what was not.
    pub(super) fn run_until_closed(&self, mut packer: Packer, jobs: &mpsc::Receiver<Vec<KeptJob>>) {
        loop {
            match jobs.recv_timeout(REST) {
                Ok(jobs) => {
                    for some in jobs.chunks(JOBS) {
                        if !self.pack(&mut packer, some) {
                            return;
                        }
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => packer.rest(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Pack these jobs, however long the outbox is full or the disk refuses; false if the gateway
    /// stops meanwhile.
    fn pack(&self, packer: &mut Packer, jobs: &[KeptJob]) -> bool {
        while self.outbox.bytes() >= self.max_bytes
            || packer.pack(jobs, self.shared.clock.now()).is_err()
        {
            if self.shared.inbox().closed || self.shared.failed.load(Ordering::Acquire) {
                return false;
            }
            thread::sleep(RETRY);
        }
        let pins: Vec<u32> = jobs.iter().map(|job| job.pin).collect();
        self.shared.tell(move |engine, _| engine.packed(pins));
        self.shared.notify.notify();
        true
    }
}
