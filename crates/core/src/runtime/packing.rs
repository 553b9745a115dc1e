//! The thread that brings kept traces into the outbox.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::inbox::Shared;
use super::{PACKER, RETRY};
use crate::outbox::{KeptJob, Outbox, Packer};

/// Frames written with one call.
const JOBS: usize = 256;

/// And bytes of spans in them: they stand in memory until they are written.
const JOB_BYTES: u64 = 8 * 1024 * 1024;

/// With nothing to pack for this long, what was read is let go.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Packing {
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Arc<Outbox>,
}

impl Packing {
    /// Pack what comes until the writer is gone. A restart packs what was not.
    pub(super) fn run_until_closed(&self, mut packer: Packer, jobs: &mpsc::Receiver<Vec<KeptJob>>) {
        loop {
            match jobs.recv_timeout(REST) {
                Ok(jobs) => {
                    for some in slices(&jobs) {
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

    /// Pack these jobs, however long the disk refuses, or what exporters have in hand keeps the
    /// outbox full; false if the gateway stops meanwhile.
    fn pack(&self, packer: &mut Packer, jobs: &[KeptJob]) -> bool {
        while !self.outbox.make_room(self.shared.clock.now()) || !self.packed(packer, jobs) {
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

    /// Whether the jobs are written. One that makes the packer panic would do so at every try and
    /// after every start, so its spans are given up, by name, and the others go on.
    fn packed(&self, packer: &mut Packer, jobs: &[KeptJob]) -> bool {
        let now = self.shared.clock.now();
        let all = catch_unwind(AssertUnwindSafe(|| packer.pack(jobs, now).is_ok()));
        all.unwrap_or_else(|_| {
            self.shared.panicked(PACKER);
            packer.rest();
            match jobs {
                [job] => {
                    let given_up = AssertUnwindSafe(|| packer.give_up(job, now).is_ok());
                    catch_unwind(given_up).unwrap_or(false) // and tried again after a while
                }
                jobs => jobs.iter().all(|job| {
                    // What is written is not written again: the first failure is tried anew.
                    self.outbox.has_written(job.sequence)
                        || self.packed(packer, std::slice::from_ref(job))
                }),
            }
        })
    }
}

/// Jobs in runs of bounded number and size; a job that is larger alone stands alone.
fn slices(jobs: &[KeptJob]) -> impl Iterator<Item = &[KeptJob]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(JOBS).take_while(|job| {
            bytes += job.expected.bytes;
            bytes <= JOB_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        let (slice, after) = rest.split_at(count);
        rest = after;
        (!slice.is_empty()).then_some(slice)
    })
}
