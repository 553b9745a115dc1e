//! The threads of a gateway as turns that a scheduler gives in any order: the writer, the packer
//! and the keeper, with the queues between them. It does what `runtime` does, one turn at a time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use tailsampler_core::clock::Now;
use tailsampler_core::engine::{Chores, Engine, EngineError, Prepared};
use tailsampler_core::fs::FileSystem;
use tailsampler_core::keeping;
use tailsampler_core::options::{Fsync, Options};
use tailsampler_core::outbox::{KeptJob, Outbox, Packer};
use tailsampler_core::plan::{Plan, SharedPlans};
use tailsampler_core::replay::{self, Found};
use tailsampler_core::reserve::Reserve;
use tailsampler_core::verdicts::{Early, Verdict};
use tailsampler_core::wire::{Scan, TraceId, scan};

use super::disk::Disk;

/// A request in the queue, with the number its sender knows it by.
struct Queued {
    number: usize,
    prepared: Prepared,
    /// What it takes in the log.
    bytes: u64,
    at_ns: u64,
}

/// What a door answers at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The answer comes later.
    Queued,
    /// Not now.
    Refused(&'static str),
}

/// What came of a turn of the writer.
#[derive(Default)]
pub struct Turn {
    /// Requests that are answered, and whether they were taken.
    pub answers: Vec<(usize, bool)>,
    /// The level of overload that each of them came under.
    pub levels: Vec<u8>,
    /// Verdicts.
    pub verdicts: Vec<Verdict>,
    /// The plan of traces that began in it.
    pub plan: u32,
}

#[derive(Default)]
struct Queues {
    inbox: VecDeque<Queued>,
    packed: Vec<u32>,
    failed_syncs: u64,
    errors: u64,
    jobs: VecDeque<KeptJob>,
    chores: VecDeque<Chores>,
    full: bool,
}

/// A gateway without threads.
pub struct Machine {
    disk: Disk,
    options: Options,
    engine: Mutex<Engine>,
    packer: Mutex<Packer>,
    plan_set: SharedPlans,
    outbox: Arc<Outbox>,
    reserve: Arc<Reserve>,
    fs: Arc<dyn FileSystem>,
    queues: Mutex<Queues>,
    /// Chores that could not be done yet.
    left: Mutex<Chores>,
    /// What the start found.
    pub found: Found,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    /// Start on what the disk has.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn start(disk: &Disk, options: Options, now: Now) -> Result<Self, EngineError> {
        let fs: Arc<dyn FileSystem> = Arc::new(disk.clone());
        let (engine, plan_set, found) = replay::start(&fs, options.clone(), now)?;
        let packer = Packer::new(engine.log_reader(), engine.outbox(), options.annotate);
        Ok(Self {
            disk: disk.clone(),
            options,
            outbox: engine.outbox(),
            reserve: engine.reserve(),
            fs: engine.fs(),
            packer: Mutex::new(packer),
            engine: Mutex::new(engine),
            plan_set,
            queues: Mutex::default(),
            left: Mutex::default(),
            found,
        })
    }

    /// A request comes, under this level of overload.
    ///
    /// # Errors
    /// It is malformed.
    pub fn submit(&self, number: usize, body: Bytes, level: u8, now: Now) -> Result<Door, String> {
        {
            let queues = held(&self.queues);
            if queues.full {
                return Ok(Door::Refused("the log is full"));
            }
            let oldest = queues.inbox.front().map_or(now.mono_ns, |q| q.at_ns);
            if now.mono_ns.saturating_sub(oldest) > 100_000_000 {
                return Ok(Door::Refused("the writer lags"));
            }
        }
        let plans = {
            let plans = self.plan_set.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&plans)
        };
        let mut scanned = Scan::default();
        scan(&body, &plans, &mut scanned).map_err(|error| error.to_string())?;
        let bytes = 64 + body.len() as u64;
        let mut prepared = Prepared::new(0, body, &mut scanned, plans.generation);
        if level > 0 {
            prepared.shed(level, &plans.current);
        }
        held(&self.queues).inbox.push_back(Queued {
            number,
            prepared,
            bytes,
            at_ns: now.mono_ns,
        });
        Ok(Door::Queued)
    }

    /// The writer takes up to `most` requests, obeys, judges, and hands over. None while another
    /// thread has the engine.
    pub fn write(&self, most: usize, now: Now) -> Option<Turn> {
        let mut engine = self.engine.try_lock().ok()?;
        let mut turn = Turn::default();
        let (group, packed, failed_syncs, errors) = {
            let mut queues = held(&self.queues);
            let count = queues.inbox.len().min(most);
            let group: Vec<Queued> = queues.inbox.drain(..count).collect();
            let packed = std::mem::take(&mut queues.packed);
            let failed = std::mem::take(&mut queues.failed_syncs);
            (group, packed, failed, std::mem::take(&mut queues.errors))
        };
        turn.plan = self.plan();
        if !group.is_empty() {
            let (numbers, mut prepared): (Vec<_>, Vec<_>) =
                group.into_iter().map(|q| (q.number, q.prepared)).unzip();
            turn.levels = prepared.iter().map(|one| one.level).collect();
            let written = engine.commit(&mut prepared, now).is_ok();
            turn.answers = numbers
                .into_iter()
                .map(|number| (number, written))
                .collect();
        }
        if !packed.is_empty() {
            engine.packed(packed);
        }
        engine.count_storage_errors(failed_syncs + errors);
        if engine
            .next_due_ms()
            .is_some_and(|due| due <= now.mono_ns / 1_000_000)
        {
            turn.verdicts = engine.judge_due(now).0;
        }
        let mut queues = held(&self.queues);
        queues.full = engine.full().is_some();
        queues.jobs.extend(engine.take_jobs());
        let chores = engine.take_chores();
        if !chores.is_empty() {
            queues.chores.push_back(chores);
        }
        Some(turn)
    }

    /// The packer takes up to `most` jobs. False if it has none or cannot.
    pub fn pack(&self, most: usize, now: Now) -> bool {
        let Ok(mut packer) = self.packer.try_lock() else {
            return false;
        };
        if self.outbox.is_busy() || !self.outbox.make_room(now) {
            return false;
        }
        let jobs: Vec<KeptJob> = {
            let queues = held(&self.queues);
            queues.jobs.iter().take(most).cloned().collect()
        };
        if jobs.is_empty() || packer.pack(&jobs, now).is_err() {
            return false;
        }
        let mut queues = held(&self.queues);
        queues.jobs.drain(..jobs.len());
        queues.packed.extend(jobs.iter().map(|job| job.pin));
        true
    }

    /// The packer has had nothing to do for a while.
    pub fn rest(&self) {
        held(&self.packer).rest();
    }

    /// The keeper does its next chore. `synced` is told of every sync: before it, and how it went.
    pub fn keep(&self, now: Now, mut syncing: impl FnMut(Option<bool>)) {
        self.outbox.make_room(now);
        let chores = held(&self.queues).chores.pop_front().unwrap_or_default();
        let directory = PathBuf::from(&self.options.data_directory);
        let mut left = std::mem::take(&mut *held(&self.left));
        let disk = (&*self.fs, &*directory);
        let errors = keeping::do_chores(chores, &mut left, &self.outbox, disk, || {
            self.sync(&mut syncing)
        });
        *held(&self.left) = left;
        held(&self.queues).errors += errors;
        if self.reserve.is_spent() {
            self.reserve.restore();
        }
    }

    /// The keeper's interval is over.
    pub fn sync(&self, syncing: &mut impl FnMut(Option<bool>)) -> bool {
        if self.options.buffer.fsync == Fsync::Never {
            return true;
        }
        syncing(None);
        let failed = keeping::sync(&self.outbox, || held(&self.engine).take_dirty());
        syncing(Some(failed == 0));
        held(&self.queues).failed_syncs += failed;
        failed == 0
    }

    /// The version of the plan that is in force.
    fn plan(&self) -> u32 {
        let plans = self.plan_set.read().unwrap_or_else(PoisonError::into_inner);
        plans.current.plan().version
    }

    /// Another plan.
    pub fn install(&self, plan: Plan) -> bool {
        held(&self.engine).install_plan(plan).is_ok()
    }

    /// Everything is judged before it is due, as `shutdown: drain` does.
    pub fn judge_all(&self) {
        let _ = held(&self.engine).judge_all(Early::Shutdown);
    }

    /// Stop in order: the checkpoint is written, and synced before.
    pub fn close(&self) {
        let mut engine = held(&self.engine);
        let checkpoint = engine.checkpoint();
        if self.options.buffer.fsync != Fsync::Never
            && keeping::sync(&self.outbox, || engine.take_dirty()) > 0
        {
            return;
        }
        let directory = PathBuf::from(&self.options.data_directory);
        let chores = Chores {
            checkpoint: Some(checkpoint),
            ..Chores::default()
        };
        // A failure leaves the checkpoint before it, which will do.
        let _ = chores.carry_out(&*self.fs, &directory);
    }

    /// Whether the room kept on the disk is used up.
    #[must_use]
    pub fn reserve_is_spent(&self) -> bool {
        self.reserve.is_spent()
    }

    /// The disk it works on.
    #[must_use]
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The outbox, for the exporters.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The books; out of balance as well if the index disagrees with itself.
    #[must_use]
    pub fn ledger(&self, now: Now) -> Value {
        let engine = held(&self.engine);
        let mut ledger = engine.cut(now).to_json();
        if !engine.recount_agrees() {
            ledger["balanced"] = Value::Bool(false);
        }
        ledger
    }

    /// Sizes and counters.
    #[must_use]
    pub fn stats(&self, now: Now) -> Value {
        held(&self.engine).stats(now)
    }

    /// Whether a trace was kept, as the gateway says.
    #[must_use]
    pub fn decision(&self, trace: &TraceId, now: Now) -> Option<Value> {
        let engine = held(&self.engine);
        let known = engine.decision(trace, now);
        known.or_else(|| engine.decision_reader().find(trace).ok()?)
    }

    /// Whether late spans are not written down yet.
    #[must_use]
    pub fn late_spans_wait(&self) -> bool {
        held(&self.engine).late_spans_wait()
    }

    /// Whether nothing waits in a queue.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let queues = held(&self.queues);
        queues.inbox.is_empty() && queues.jobs.is_empty() && queues.packed.is_empty()
    }

    /// Bytes of the log that the requests in the queue will take.
    #[must_use]
    pub fn inbox_bytes(&self) -> u64 {
        held(&self.queues)
            .inbox
            .iter()
            .map(|queued| queued.bytes)
            .sum()
    }

    /// How many requests and jobs wait.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let queues = held(&self.queues);
        (queues.inbox.len(), queues.jobs.len())
    }
}
