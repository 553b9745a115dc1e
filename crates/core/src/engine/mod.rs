//! The engine: log, index, wheel, judge and ledger put together, on one thread and without a
//! clock. Everything it does follows from what it is given, so it can be simulated and replayed.
//!
//! Order: a request is appended to the buffer log, then indexed, then acknowledged. A verdict is
//! appended to the verdict log, then takes effect. A kept trace is packed into the outbox, then
//! its part of the buffer log is let go.

mod beside;
mod chores;
mod commit;
mod judging;
mod mending;
mod overload;
mod plans;
mod report;
mod restore;
mod sharing;

use beside::Beside;
pub(crate) use beside::{Decided, Seen};
pub(crate) use chores::CHECKPOINT;
pub use chores::{Checkpoint, Chores};
pub use commit::Prepared;
pub(crate) use mending::Evidence;
pub(crate) use overload::shed_in;
pub(crate) use plans::stored_plan_names;
pub use report::{DecisionReader, PolicyCount};
pub(crate) use restore::Reached;
use sharing::Sharing;
pub use sharing::{SharedVerdict, SharingCounts};

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;

use crate::admission::Levels;
use crate::clock::Now;
use crate::fs::FileSystem;
use crate::index::{Index, Pins, TraceHasher};
use crate::ledger::{Count, Totals};
use crate::log::{Failing, LogError, LogReader, LogWriter, Spares};
use crate::options::Options;
use crate::outbox::{KeptJob, Outbox, Survey};
use crate::plan::{Compiled, PlanError, SharedPlans};
use crate::reserve::{Reserve, Reserving};
use crate::tenants::Tenants;
use crate::verdicts::{Early, LateSpans, Recent, VerdictLog, VerdictMemory};
use crate::votes::{Limits, Said};
use crate::waiting::{Waiting, Wheel};

/// Why the engine could not start, or could not take a plan.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A log or a file beside it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The plan makes no sense.
    #[error("the plan was refused: {0}")]
    Plan(#[from] PlanError),
    /// A file of a later version of this program.
    #[error(
        "{path} was written by a newer version; start that version again, or point data_directory \
         elsewhere"
    )]
    Newer {
        /// The file.
        path: String,
    },
    /// A file of the data directory cannot be read or written.
    #[error("{path}: {what}; make it readable and writable for this user")]
    State {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}

/// A trace is judged by the plan it began under; a plan is forgotten with its last open trace.
struct LivePlan {
    compiled: Arc<Compiled>,
    open: u64,
    /// Some rule has a wait of its own, so the wait must be looked up with every span.
    rule_waits: bool,
}

impl LivePlan {
    fn version(&self) -> u32 {
        self.compiled.plan().version
    }
}

/// The engine.
pub struct Engine {
    fs: Arc<dyn FileSystem>,
    reserve: Arc<Reserve>,
    options: Options,
    tenants: Arc<Tenants>,
    /// The largest number of a tenant in the logs.
    most_tenant: u16,
    /// Some exporter's batches hold spans of one tenant alone.
    by_tenant: bool,
    log: LogWriter,
    log_reader: LogReader,
    verdict_log: VerdictLog,
    verdict_reader: LogReader,
    outbox: Arc<Outbox>,
    index: Index,
    memory: VerdictMemory,
    recent: Recent,
    wheel: Wheel,
    pins: Pins,
    /// Traces whose time has come, and those that are judged before it.
    due: VecDeque<Waiting>,
    early: VecDeque<(Waiting, Early)>,
    /// Late spans that are not written down yet, each with its record and pin. Empty between
    /// calls, unless the disk refused.
    late: Vec<Late>,
    /// The current plan last; at most two.
    plans: Vec<LivePlan>,
    /// A plan that waits until the one before the current is forgotten.
    next_plan: Option<crate::plan::Plan>,
    /// The newest plan that was ever stored, whether it can still be read or not.
    plan_floor: u32,
    /// Plans up to this version have been looked for, while replaying.
    plans_tried: u32,
    /// What the threads that scan requests read.
    plan_set: SharedPlans,
    totals: Totals,
    levels: Levels,
    /// What limits have given, by plan; for live ones alone.
    limits: BTreeMap<u32, Limits>,
    /// What policies said that vote, by plan.
    said: BTreeMap<u32, Said>,
    /// Plans that are not live any more and were asked for, compiled.
    former: Mutex<BTreeMap<u32, Arc<Compiled>>>,
    /// What is known of held traces beside [`crate::index::Trace`], by slot, where their plan
    /// asks for it.
    beside: hashbrown::HashMap<u32, Beside, FixedState>,
    /// None: nothing is shared.
    sharing: Option<Sharing>,
    /// The time of the newest group, milliseconds.
    newest_ms: u64,
    policies: HashMap<(u32, u16), PolicyCount>,
    reasons: BTreeMap<String, u64>,
    sequence: u64,
    next_stamp: u32,
    jobs: Vec<KeptJob>,
    chores: Chores,
    /// Where the log could be cut when that was last looked at.
    freed_before: u64,
    /// Begin of every segment of the buffer log, and where the verdict log ended then.
    segment_verdicts: VecDeque<(u64, u64)>,
    /// Begin of every segment of the buffer log, and what had been received then.
    segment_received: VecDeque<(u64, Count)>,
    /// The segment whose traces were judged early last.
    last_early_pin: Option<u32>,
    storage_errors: u64,
    /// The verdict that late spans are to follow cannot be read.
    failing: Option<Failing>,
    /// When it was opened, a log ended before what other files speak of.
    pub(crate) lost_power: bool,
    positions: Vec<u64>,
    /// Hash and slot of every trace of the request at hand.
    places: Vec<(u64, commit::Place)>,
}

/// Late spans, their record, and its pin.
type Late = (LateSpans, u64, u32);

impl Engine {
    /// An engine on the logs of a directory, with nothing in memory yet; see [`crate::replay`].
    pub(crate) fn open(
        fs: Arc<dyn FileSystem>,
        options: Options,
        now: Now,
        plan_set: SharedPlans,
    ) -> Result<(Self, Survey), LogError> {
        let directory = Path::new(&options.data_directory);
        let room = options.buffer.reserve_bytes;
        let reserve = Reserve::open(Arc::clone(&fs), directory, room);
        let log = LogWriter::open(
            Arc::clone(&fs),
            &directory.join("buffer"),
            options.buffer.segment_bytes,
        )?;
        log.keep_spares(options.buffer.spares());
        // Everything but requests may be written to the last of the room.
        let fs: Arc<dyn FileSystem> = Arc::new(Reserving(fs, Arc::clone(&reserve)));
        let verdict_log = VerdictLog::open(Arc::clone(&fs), &directory.join("verdicts"))?;
        let (outbox, survey) = Outbox::open(
            Arc::clone(&fs),
            &directory.join("outbox"),
            &options.exporters,
            &options.outbox,
            now,
        )?;
        let hasher = TraceHasher::new(options.hash_secret.unwrap_or(0));
        let mut limits = options.outbox.exporters.values();
        let engine = Self {
            tenants: Arc::default(),
            most_tenant: 0,
            by_tenant: limits.any(|limits| limits.by_tenant),
            log_reader: log.reader(),
            verdict_reader: verdict_log.reader(),
            index: Index::new(hasher),
            memory: VerdictMemory::new(options.late.max_traces, options.late.max_age_ms),
            recent: Recent::default(),
            wheel: Wheel::new(
                u32::try_from(now.mono_ns / 1_000_000 / crate::waiting::TICK_MS).unwrap_or(0),
            ),
            pins: Pins::default(),
            due: VecDeque::new(),
            early: VecDeque::new(),
            late: Vec::new(),
            plans: Vec::new(),
            next_plan: None,
            plan_floor: 0,
            plans_tried: 0,
            plan_set,
            totals: Totals::default(),
            levels: Levels::default(),
            limits: BTreeMap::new(),
            said: BTreeMap::new(),
            former: Mutex::default(),
            beside: hashbrown::HashMap::default(),
            sharing: options.sharing.map(Sharing::new),
            newest_ms: now.mono_ns / 1_000_000,
            policies: HashMap::new(),
            reasons: BTreeMap::new(),
            sequence: 0,
            // Any number will do; that it wraps is simulated by a secret that is nearly all ones.
            next_stamp: options.hash_secret.unwrap_or(0) as u32,
            jobs: Vec::new(),
            chores: Chores::default(),
            freed_before: 0,
            // What segments of an earlier run need is not known; from the begin, then.
            segment_verdicts: VecDeque::from([(0, 0)]),
            segment_received: VecDeque::new(),
            last_early_pin: None,
            storage_errors: 0,
            failing: None,
            lost_power: false,
            positions: Vec::new(),
            places: Vec::new(),
            outbox: Arc::new(outbox),
            fs,
            reserve,
            options,
            log,
            verdict_log,
        };
        Ok((engine, survey))
    }

    /// The outbox, for the packer and the exporters.
    #[must_use]
    pub fn outbox(&self) -> Arc<Outbox> {
        Arc::clone(&self.outbox)
    }

    /// Whom the numbers in the logs mean.
    #[must_use]
    pub fn tenants(&self) -> Arc<Tenants> {
        Arc::clone(&self.tenants)
    }

    /// The disk, for whoever carries out chores.
    #[must_use]
    pub fn fs(&self) -> Arc<dyn FileSystem> {
        Arc::clone(&self.fs)
    }

    /// The room that is kept on the disk; somebody must take it again when it was used.
    #[must_use]
    pub fn reserve(&self) -> Arc<Reserve> {
        Arc::clone(&self.reserve)
    }

    /// Files of the buffer log that are kept to be written over; somebody must give them up when
    /// the disk is full.
    #[must_use]
    pub fn spares(&self) -> Spares {
        self.log.spares()
    }

    /// A reader of the buffer log, for the packer.
    #[must_use]
    pub fn log_reader(&self) -> LogReader {
        self.log_reader.clone()
    }

    /// Kept traces that the packer has not been given yet.
    pub fn take_jobs(&mut self) -> Vec<KeptJob> {
        std::mem::take(&mut self.jobs)
    }

    /// The packer is done with jobs: let go of their part of the buffer log.
    pub fn packed(&mut self, pins: impl IntoIterator<Item = u32>) {
        for pin in pins {
            self.pins.unpin(pin);
        }
        let pinned = self.pins.oldest().is_some();
        assert!(
            pinned || self.index.is_empty(),
            "only what is packed is let go"
        );
        self.free_segments();
        // While the log is full no request comes to look after the bound.
        self.guard_bound();
    }

    /// What holds after every slice and after every start, whatever the disk did.
    pub(crate) fn check(&self) {
        let traces = self.index.len();
        let open: u64 = self.plans.iter().map(|live| live.open).sum();
        assert_eq!(open, traces as u64, "every open trace holds one plan");
        let waiting = self.wheel.len() + self.due.len() + self.early.len();
        assert!(waiting >= traces, "every open trace is waited for");
        let pinned = self.pins.oldest().is_some();
        assert!(pinned || traces == 0, "every open trace pins its requests");
        assert!(
            pinned || self.late.is_empty(),
            "late spans pin their request"
        );
        assert!(
            pinned || self.jobs.is_empty(),
            "what is kept is pinned until it is packed"
        );
    }

    /// Spans that are held in the buffer: open traces, and late spans not written down yet.
    fn held(&self) -> Count {
        let (spans, bytes) = self.index.held();
        self.late
            .iter()
            .fold(Count::new(spans, bytes), |sum, (late, _, _)| {
                sum + Count::new(u64::from(late.spans), late.bytes)
            })
    }
}
