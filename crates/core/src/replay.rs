//! Start from a directory: bring back what was held, what was judged, and what was counted.
//!
//! The three logs say everything. The verdict log is read first: which traces were judged after
//! which request, and which spans came late. Then the requests are indexed in order, with every
//! verdict applied where it fell, so that nothing is judged twice. A kept trace whose frame is
//! not in the outbox yet is packed again. Counters are those of the checkpoint, plus what the
//! logs say after it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, RwLock};

use crate::clock::Now;
use crate::engine::{Checkpoint, Engine, EngineError, Prepared, Reached};
use crate::fs::FileSystem;
use crate::log::{Damage, Kind, LogError};
use crate::options::Options;
use crate::plan::{Compiled, PlanSet, SharedPlans};
use crate::verdicts::{Batch, LateSpans, Verdict, VerdictLog};
use crate::wire::{Scan, TraceId, scan};

/// After downtime everything is overdue at once; this much of the wait is given again, for spans
/// that senders held back meanwhile.
const GRACE_MS: u64 = 5_000;

/// What a start found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Requests read.
    pub requests: u64,
    /// Spans held again.
    pub held: u64,
    /// Verdicts read.
    pub verdicts: u64,
    /// Kept traces whose frames are packed again.
    pub repacked: u64,
    /// Requests that could not be understood, though their checksum was right.
    pub unreadable: u64,
    /// Bytes of the buffer log and the verdict log that hold no whole record.
    pub damage: Vec<Damage>,
}

/// What the verdict log says.
#[derive(Default)]
struct History {
    /// Verdicts in order: the request they came after, their position.
    verdicts: VecDeque<(u64, u64, Verdict)>,
    /// How many of them are on a trace.
    ahead: HashMap<TraceId, u32>,
    /// Late spans by request and trace, with the position of their note.
    late: HashMap<(u64, TraceId), (u64, LateSpans)>,
    /// The last request any record speaks of.
    last_sequence: u64,
}

/// Open an engine on a directory and bring everything back.
///
/// # Errors
/// [`EngineError`]: the disk refused, a file is from a newer version, or the plan makes no sense.
pub fn start(
    fs: &Arc<dyn FileSystem>,
    options: Options,
    now: Now,
) -> Result<(Engine, SharedPlans, Found), EngineError> {
    let plan = options.plan.clone();
    let first = Arc::new(Compiled::new(plan.clone())?);
    let plan_set = Arc::new(RwLock::new(Arc::new(PlanSet::new(first))));
    let mut engine = Engine::open(
        Arc::clone(fs),
        options,
        now.mono_ns / 1_000_000,
        Arc::clone(&plan_set),
    )?;
    let mut found = Found::default();
    let checkpoint = engine.load_checkpoint()?;
    let reached = Reached {
        counted: checkpoint.verdicts,
        written: engine.outbox().written(),
    };
    let history = read_history(&mut engine, &checkpoint, reached, now, &mut found)?;
    replay(&mut engine, &checkpoint, reached, history, now, &mut found)?;
    engine.bring_back_plan(u32::MAX)?;
    engine.install_plan(plan)?;
    found.held = engine.begin_waiting(now, GRACE_MS);
    Ok((engine, plan_set, found))
}

/// Read the verdict log. What was judged before the oldest request that is left has no bearing on
/// the others: it takes effect here, so that only verdicts of late are kept in memory.
fn read_history(
    engine: &mut Engine,
    checkpoint: &Checkpoint,
    reached: Reached,
    now: Now,
    found: &mut Found,
) -> Result<History, LogError> {
    let mut history = History::default();
    let oldest = first_request(engine, checkpoint)?;
    let mut records = engine.verdict_reader().records(0);
    while let Some(record) = records.next_record()? {
        history.last_sequence = history.last_sequence.max(record.header.sequence);
        match VerdictLog::decode(&record) {
            Some(Batch::Verdicts(verdicts)) => {
                found.verdicts += verdicts.len() as u64;
                let sequence = record.header.sequence;
                for (at, verdict) in verdicts {
                    if sequence < oldest {
                        engine.apply(&verdict, at, reached, now, found);
                        continue;
                    }
                    *history.ahead.entry(verdict.trace_id).or_default() += 1;
                    history.verdicts.push_back((sequence, at, verdict));
                }
            }
            Some(Batch::Late(late)) => {
                for (at, late) in late {
                    if late.sequence < oldest {
                        continue;
                    }
                    history
                        .late
                        .insert((late.sequence, late.trace_id), (at, late));
                }
            }
            None => {}
        }
    }
    found.damage.extend_from_slice(records.damage());
    Ok(history)
}

/// The number of the oldest request that is left.
fn first_request(engine: &Engine, checkpoint: &Checkpoint) -> Result<u64, LogError> {
    let mut records = engine.log_reader().records(checkpoint.freed);
    while let Some(record) = records.next_record()? {
        if record.header.kind == Kind::Request {
            return Ok(record.header.sequence);
        }
    }
    Ok(u64::MAX)
}

impl History {
    /// The next verdict, if it fell before this request.
    fn before(&mut self, sequence: u64) -> Option<(u64, Verdict)> {
        if self.verdicts.front()?.0 >= sequence {
            return None;
        }
        let (_, at, verdict) = self.verdicts.pop_front()?;
        if let Some(ahead) = self.ahead.get_mut(&verdict.trace_id) {
            *ahead -= 1;
            if *ahead == 0 {
                self.ahead.remove(&verdict.trace_id);
            }
        }
        Some((at, verdict))
    }
}

/// Index the requests in order, with every verdict where it fell.
fn replay(
    engine: &mut Engine,
    checkpoint: &Checkpoint,
    reached: Reached,
    mut history: History,
    now: Now,
    found: &mut Found,
) -> Result<(), EngineError> {
    let reader = engine.log_reader();
    let mut records = reader.records(checkpoint.freed);
    let mut scanned = Scan::default();
    let mut sequence = checkpoint.sequence;
    while let Some(record) = records.next_record()? {
        if record.header.kind != Kind::Request {
            continue;
        }
        found.requests += 1;
        let header = record.header;
        sequence = sequence.max(header.sequence);
        while let Some((at, verdict)) = history.before(header.sequence) {
            engine.apply(&verdict, at, reached, now, found);
        }
        let position = record.position;
        let body = record.body;
        engine.bring_back_plan(header.plan)?;
        let plans = engine.plan_set();
        if scan(&body, &plans, &mut scanned).is_err() {
            found.unreadable += 1;
            continue;
        }
        let mut prepared = Prepared::new(header.tenant, body, &mut scanned, plans.generation);
        if header.sequence > checkpoint.sequence {
            engine.count_received(&prepared);
        }
        prepared.traces.retain(|delta| {
            let Some((at, late)) = history.late.remove(&(header.sequence, delta.trace_id)) else {
                if history.ahead.contains_key(&delta.trace_id) {
                    engine.forget(&delta.trace_id);
                }
                return true;
            };
            engine.apply_late(late, position, at, reached, found);
            false
        });
        // Waits go on as if the process had lived; its clock begins late enough for that.
        let ago = now.wall_ns.saturating_sub(header.wall_ns);
        let then = Now {
            wall_ns: header.wall_ns,
            mono_ns: now.mono_ns.saturating_sub(ago),
        };
        engine.set_sequence(header.sequence);
        engine.index_request(&prepared, position, reader.base_of(position), then);
    }
    found.damage.extend_from_slice(records.damage());
    engine.set_sequence(sequence.max(history.last_sequence));
    while let Some((at, verdict)) = history.before(u64::MAX) {
        engine.apply(&verdict, at, reached, now, found);
    }
    engine.order_jobs();
    engine.flush_late(now);
    Ok(())
}
