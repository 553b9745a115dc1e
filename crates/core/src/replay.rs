//! Start from a directory: bring back what was held, what was judged, and what was counted.
//!
//! The three logs say everything. The verdict log is read first: which traces were judged after
//! which request, and which spans came late. Then the requests are indexed in order, with every
//! verdict applied where it fell, so that nothing is judged twice. A kept trace whose frame is
//! not in the outbox yet is packed again. Counters are those of the checkpoint, plus what the
//! logs say after it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, RwLock};

use bytes::Bytes;

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
    let history = read_history(&engine, &mut found)?;
    replay(&mut engine, &checkpoint, history, now, &mut found)?;
    engine.bring_back_plan(u32::MAX)?;
    engine.install_plan(plan)?;
    found.held = engine.begin_waiting(now, GRACE_MS);
    Ok((engine, plan_set, found))
}

fn read_history(engine: &Engine, found: &mut Found) -> Result<History, LogError> {
    let mut history = History::default();
    let mut records = engine.verdict_reader().records(0);
    while let Some(record) = records.next_record()? {
        history.last_sequence = history.last_sequence.max(record.header.sequence);
        match VerdictLog::decode(&record) {
            Some(Batch::Verdicts(verdicts)) => {
                found.verdicts += verdicts.len() as u64;
                let sequence = record.header.sequence;
                let entries = verdicts
                    .into_iter()
                    .map(|(at, verdict)| (sequence, at, verdict));
                history.verdicts.extend(entries);
            }
            Some(Batch::Late(late)) => {
                for (at, late) in late {
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

/// Index the requests in order, with every verdict where it fell.
fn replay(
    engine: &mut Engine,
    checkpoint: &Checkpoint,
    mut history: History,
    now: Now,
    found: &mut Found,
) -> Result<(), EngineError> {
    let reader = engine.log_reader();
    let reached = Reached {
        counted: checkpoint.verdicts,
        written: engine.outbox().written(),
    };
    let mut records = reader.records(0);
    let mut scanned = Scan::default();
    let mut sequence = checkpoint.sequence;
    while let Some(record) = records.next_record()? {
        if record.header.kind != Kind::Request {
            continue;
        }
        found.requests += 1;
        let header = record.header;
        sequence = sequence.max(header.sequence);
        while history
            .verdicts
            .front()
            .is_some_and(|(after, ..)| *after < header.sequence)
        {
            if let Some((_, at, verdict)) = history.verdicts.pop_front() {
                engine.apply(&verdict, at, reached, now, found);
            }
        }
        let position = record.position;
        let body = Bytes::from(record.body);
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
    for (_, at, verdict) in history.verdicts {
        engine.apply(&verdict, at, reached, now, found);
    }
    engine.set_sequence(sequence.max(history.last_sequence));
    engine.flush_late(now);
    Ok(())
}
