//! The engine on threads: one that owns it and writes the log, one that packs kept traces, and
//! one that waits for the disk (sync, checkpoints, removal). Doors submit from their own threads
//! and never touch a file.

mod housekeeper;
mod inbox;
mod packing;
mod writer;

pub use inbox::{LAG_BOUND, Shared};

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::engine::{DecisionReader, EngineError, SharedVerdict};
use crate::fs::{FileSystem, Lock};
use crate::log::LogError;
use crate::options::{Fsync, Options};
use crate::outbox::Outbox;
use crate::plan::Plan;
use crate::replay::{self, Found};
use crate::tenants::Tenants;
use crate::verdicts::Early;
use crate::wire::TraceId;

/// Something happened that whoever drives the exporters should look at. Must not block.
pub trait Notify: Send + Sync {
    /// New batches in the outbox, or a failure.
    fn notify(&self);
}

/// Why the data plane could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in this directory.
    #[error("{0} is in use by another process; stop it, or choose another data_directory")]
    InUse(String),
    /// The directory cannot be written.
    #[error("{path}: {error}; make it writable for this user, or choose another data_directory")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A thread could not be started.
    #[error("could not start a thread: {0}")]
    Thread(std::io::Error),
    /// The engine could not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A running data plane, doors excluded.
pub struct Runtime {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    decisions: DecisionReader,
    tenants: Arc<Tenants>,
    clock: Arc<dyn Clock>,
    found: Found,
    fsync: Fsync,
    writer: Option<JoinHandle<()>>,
    packer: Option<JoinHandle<()>>,
    housekeeper: Option<JoinHandle<()>>,
    _lock: Box<dyn Lock>,
}

impl Runtime {
    /// Lock the directory, bring everything back, start the threads.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        fs: Arc<dyn FileSystem>,
        clock: Arc<dyn Clock>,
        options: Options,
        notify: Arc<dyn Notify>,
    ) -> Result<Self, OpenError> {
        let directory = std::path::PathBuf::from(&options.data_directory);
        let path = || directory.display().to_string();
        fs.create_directory(&directory)
            .map_err(|error| OpenError::Directory {
                path: path(),
                error,
            })?;
        let lock = fs
            .lock(&directory.join("lock"))
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::WouldBlock => OpenError::InUse(path()),
                _ => OpenError::Directory {
                    path: path(),
                    error,
                },
            })?;
        let fsync = options.buffer.fsync;
        let annotate = options.annotate;
        let admission = options.admission.clone();
        let began_ns = clock.now().mono_ns;
        let (engine, plan_set, mut found) = replay::start(&fs, options, clock.now())?;
        found.took_s = clock.now().mono_ns.saturating_sub(began_ns) as f64 / 1e9;
        let (fs, reserve, spares) = (engine.fs(), engine.reserve(), engine.spares());
        let outbox = engine.outbox();
        let decisions = engine.decision_reader();
        let tenants = engine.tenants();
        let packer = crate::outbox::Packer::new(engine.log_reader(), engine.outbox(), annotate);
        let shared = Arc::new(Shared::new(
            plan_set,
            Arc::clone(&clock),
            notify,
            &admission,
        ));
        let (jobs, job_queue) = mpsc::channel();
        let (chores, chore_queue) = mpsc::channel();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let builder = thread::Builder::new().name(format!("ts-{name}"));
            builder.spawn(work).map_err(OpenError::Thread)
        };
        let modes = (fsync, admission.overload);
        let (shared_by, now) = (Arc::clone(&shared), clock.now());
        let writer = writer::Writer::new(engine, shared_by, modes, now, (jobs, chores));
        let packing = packing::Packing {
            shared: Arc::clone(&shared),
            outbox: Arc::clone(&outbox),
        };
        let keeper = housekeeper::Housekeeper {
            fs,
            reserve,
            spares,
            directory,
            shared: Arc::clone(&shared),
            outbox: Arc::clone(&outbox),
            fsync,
        };
        let packer = spawn(
            PACKER,
            Box::new(move || packing.run_until_closed(packer, &job_queue)),
        )?;
        let housekeeper = spawn(KEEPER, Box::new(move || keeper.run(&chore_queue)))?;
        let writer = spawn(WRITER, Box::new(move || writer.run()))?;
        Ok(Self {
            shared,
            outbox,
            decisions,
            tenants,
            clock,
            found,
            fsync,
            writer: Some(writer),
            packer: Some(packer),
            housekeeper: Some(housekeeper),
            _lock: lock,
        })
    }

    /// What the start found on the disk.
    #[must_use]
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// Where doors submit.
    #[must_use]
    pub fn intake(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Where exporters take from.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The books, in one cut; None if the writer is gone.
    #[must_use]
    pub fn ledger(&self) -> Option<Value> {
        self.shared.ask(|engine, now| engine.cut(now).to_json())
    }

    /// Sizes and counters beside the ledger; None if the writer is gone.
    #[must_use]
    pub fn stats(&self) -> Option<Value> {
        let mut stats = self.shared.ask(|engine, now| engine.stats(now))?;
        stats["queue"] = self.shared.queue_stats();
        stats["panics"] = json!(self.shared.panics());
        stats["failed_threads"] = self.ended().collect();
        Some(stats)
    }

    /// Threads that have ended, though only [`Self::close`] ends them.
    fn ended(&self) -> impl Iterator<Item = &'static str> {
        let threads = [
            (WRITER, &self.writer),
            (PACKER, &self.packer),
            (KEEPER, &self.housekeeper),
        ];
        threads.into_iter().filter_map(|(name, thread)| {
            thread
                .as_ref()
                .is_some_and(JoinHandle::is_finished)
                .then_some(name)
        })
    }

    /// Whether requests should go elsewhere: to be asked about once a second.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.shared.is_refusing()
    }

    /// Whom the numbers in the logs mean.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// How often the share of traces that is taken was halved; 0: all are.
    #[must_use]
    pub fn overload_level(&self) -> u8 {
        self.shared.level()
    }

    /// Verdicts that the other gateways are to be told; None if the writer is gone.
    #[must_use]
    pub fn take_found(&self) -> Option<Vec<SharedVerdict>> {
        self.shared.ask(|engine, _| engine.take_found())
    }

    /// Other gateways told these; None if the writer is gone.
    #[must_use]
    pub fn hear(&self, verdicts: Vec<SharedVerdict>) -> Option<()> {
        self.shared
            .ask(move |engine, now| engine.hear(&verdicts, now))
    }

    /// What is known of a trace.
    ///
    /// # Errors
    /// [`LogError`] if the verdict log could not be searched.
    pub fn decision(&self, trace_id: TraceId) -> Result<Option<Value>, LogError> {
        let known = self
            .shared
            .ask(move |engine, now| engine.decision(&trace_id, now));
        match known.flatten() {
            Some(value) => Ok(Some(value)),
            None => self.decisions.find(&trace_id),
        }
    }

    /// The newest verdicts, the newest first: at most `limit` that kept and as many that dropped.
    /// None if the writer is gone.
    #[must_use]
    pub fn recent(&self, limit: usize) -> Option<Vec<Value>> {
        let newest = self.shared.ask(move |engine, _| engine.recent(limit))?;
        Some(self.decisions.word(&newest))
    }

    /// Judge traces that begin from now on by this plan; returns its version.
    ///
    /// # Errors
    /// [`EngineError`]; None if the writer is gone.
    pub fn install_plan(&self, plan: Plan) -> Option<Result<u32, EngineError>> {
        self.shared.ask(move |engine, _| engine.install_plan(plan))
    }

    /// Judge everything that is held now; returns how many traces.
    #[must_use]
    pub fn judge_all(&self) -> usize {
        self.shared
            .ask(|engine, _| engine.judge_all(Early::Shutdown))
            .unwrap_or(0)
    }

    /// Whether the writer died; requests are refused then, and a restart brings all back.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Finish what was submitted, write a checkpoint, stop and join all threads.
    pub fn close(&mut self) {
        self.shared.close();
        for thread in [
            self.writer.take(),
            self.packer.take(),
            self.housekeeper.take(),
        ] {
            // A thread that panicked has said so through `failed`.
            let _ = thread.map(JoinHandle::join);
        }
        if self.fsync != Fsync::Never {
            for dirty in self.outbox.take_dirty() {
                // Nothing is left to be told of a failure; the next start reads what is there.
                let _ = dirty.make_durable();
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.close();
    }
}

const WRITER: &str = "writer";
const PACKER: &str = "packer";
const KEEPER: &str = "keeper";

/// How long a thread sleeps before it tries the disk again.
pub(crate) const RETRY: Duration = Duration::from_millis(50);
