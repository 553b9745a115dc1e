//! The thread that owns the engine: it writes, indexes, acknowledges and judges.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::RETRY;
use super::WRITER;
use super::inbox::{Command, Queued, Shared, refused};
use crate::admission::{Look, Overload, OverloadOptions};
use crate::clock::Now;
use crate::engine::{Chores, Engine, Prepared};
use crate::intake::{Answer, RefusalReason, Rejected};
use crate::keeping;
use crate::ledger::Count;
use crate::options::Fsync;
use crate::outbox::KeptJob;
use crate::wire::RejectedSpans;

/// Requests written with one call: header and body each take a place in the vector, which the
/// kernel bounds at 1,024.
const GROUP: usize = 510; // and a record of what was shed, two parts each, and what ends a group

/// The longest sleep, so that a clock that jumped is noticed.
const IDLE: Duration = Duration::from_millis(500);

/// The writer thread.
pub(super) struct Writer {
    engine: Engine,
    shared: Arc<Shared>,
    fsync: Fsync,
    jobs: mpsc::Sender<Vec<KeptJob>>,
    chores: mpsc::Sender<Chores>,
    group: Vec<Queued>,
    more_due: bool,
    overload: Option<Overload>,
    /// Requests taken, and refused for the writer's lag, by the last look.
    looked: (u64, u64),
}

impl Writer {
    pub(super) fn new(
        engine: Engine,
        shared: Arc<Shared>,
        (fsync, overload): (Fsync, Option<OverloadOptions>),
        now: Now,
        (jobs, chores): (mpsc::Sender<Vec<KeptJob>>, mpsc::Sender<Chores>),
    ) -> Self {
        let overload = overload.map(|options| Overload::new(options, engine.last_level(now)));
        Self {
            overload,
            looked: (0, 0),
            engine,
            shared,
            fsync,
            jobs,
            chores,
            group: Vec::new(),
            more_due: false,
        }
    }

    /// Work until the inbox is closed and empty.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // A panic means that the books in memory cannot be trusted. The log can: nothing more is
        // taken, readiness goes off, and a restart replays it.
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            shared.panicked(WRITER);
            shared.failed.store(true, Ordering::Release);
        }
        drop(self); // the other threads see by their channels that no more comes
        shared.leave();
        if shared.failed.load(Ordering::Acquire) {
            shared.notify.notify();
        }
    }

    fn work(&mut self) {
        loop {
            let mut commands = std::mem::take(&mut self.shared.wait(self.sleep()).commands);
            let closed = {
                let mut inbox = self.shared.inbox();
                commands.append(&mut inbox.commands);
                self.shared.take(&mut inbox, GROUP, &mut self.group);
                inbox.closed && inbox.requests.is_empty() && self.group.is_empty()
            };
            self.commit();
            let now = self.shared.clock.now();
            self.obey(commands, now);
            self.judge(now);
            // Not only after a commit: while the log is full there is none.
            self.shared.set_full(self.engine.full());
            self.look(now);
            self.hand_over();
            if closed {
                break;
            }
        }
        // Everything a restart needs is in the logs; the checkpoint makes the counters cheap.
        let checkpoint = Some(self.engine.checkpoint());
        // A checkpoint must not speak of what the next start may not find: verdicts, or frames that
        // stand in for requests.
        let outbox = self.engine.outbox();
        if self.fsync != Fsync::Never && keeping::sync(&outbox, || self.engine.take_dirty()) > 0 {
            return;
        }
        let _ = self.chores.send(Chores {
            checkpoint,
            ..Chores::default()
        });
    }

    /// Whether more comes in than can be held.
    fn look(&mut self, now: Now) {
        let Some(overload) = &mut self.overload else {
            return;
        };
        let now_ms = now.mono_ns / 1_000_000;
        if !overload.is_due(now_ms) {
            return;
        }
        let (taken, lagged) = self.shared.taken_and_lagging();
        let level = overload.look(Look {
            now_ms,
            fill: self.engine.fill(),
            lagging: lagged > self.looked.1,
            taking: taken > self.looked.0,
            wait_ms: self.engine.longest_wait_ms(),
        });
        self.looked = (taken, lagged);
        self.shared.set_level(level);
    }

    fn sleep(&self) -> Duration {
        if self.more_due {
            return Duration::ZERO;
        }
        let now_ms = self.shared.clock.now().mono_ns / 1_000_000;
        match self.engine.next_due_ms() {
            // It was due, and still is: the disk refused.
            Some(0) => RETRY,
            // One millisecond of slack: ticks begin on whole ones.
            Some(due_ms) => Duration::from_millis(due_ms.saturating_sub(now_ms) + 1).min(IDLE),
            None => IDLE,
        }
    }

    fn commit(&mut self) {
        if self.group.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let mut promises = Vec::with_capacity(self.group.len());
        let mut prepared: Vec<Prepared> = Vec::with_capacity(self.group.len());
        for queued in self.group.drain(..) {
            promises.push(queued.promise);
            prepared.push(queued.prepared);
        }
        let written = self.engine.commit(&mut prepared, now).is_ok();
        if !written {
            let lost = prepared.iter().map(|one| one.accepted + one.shed);
            let lost = lost.fold(Count::default(), |sum, size| sum + size);
            self.shared.count_unwritten(prepared.len(), lost);
        }
        for (promise, prepared) in promises.into_iter().zip(prepared) {
            let answer = if written {
                Answer::Accepted(rejected(prepared.rejected))
            } else {
                refused(RefusalReason::Storage)
            };
            promise.keep(answer);
        }
        self.shared.in_hand_ns.store(0, Ordering::Relaxed);
    }

    fn obey(&mut self, commands: impl IntoIterator<Item = Command>, now: Now) {
        for command in commands {
            command(&mut self.engine, now);
        }
        self.engine.count_refused(self.shared.take_refused());
    }

    fn judge(&mut self, now: Now) {
        let due = self
            .engine
            .next_due_ms()
            .is_some_and(|due| due <= now.mono_ns / 1_000_000);
        self.more_due = due && self.engine.judge_due(now).1;
    }

    /// Give the other threads what is theirs. They are gone only when the process ends.
    fn hand_over(&mut self) {
        let jobs = self.engine.take_jobs();
        if !jobs.is_empty() {
            let _ = self.jobs.send(jobs);
        }
        let chores = self.engine.take_chores();
        if !chores.is_empty() {
            let _ = self.chores.send(chores);
        }
    }
}

/// What the sender reads about spans that were left out.
fn rejected(spans: RejectedSpans) -> Rejected {
    let RejectedSpans {
        bad_trace_id,
        bad_span_id,
    } = spans;
    if bad_trace_id + bad_span_id == 0 {
        return Rejected::default();
    }
    Rejected {
        spans: bad_trace_id + bad_span_id,
        message: format!(
            "{bad_trace_id} spans have a trace id that is not 16 bytes or is all zero, \
             {bad_span_id} a span id that is not 8 bytes or is all zero; the others were accepted"
        ),
    }
}
