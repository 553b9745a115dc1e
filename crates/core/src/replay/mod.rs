//! Start from a directory: bring back what was held, what was judged, and what was counted.
//!
//! The three logs say everything. The verdict log is read first: which traces were judged after
//! which request, and which spans came late. Then the requests are indexed in order, with every
//! verdict applied where it fell, so that nothing is judged twice. A kept trace whose frame is
//! not in the outbox yet is packed again. Counters are those of the checkpoint, plus what the
//! logs say after it.
//!
//! Any bytes will do: what is no record is skipped, counted, and told in [`Found`].

mod found;
mod history;
mod received;

pub use found::{Found, Lost, Spot};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};

use crate::clock::Now;
use crate::engine::{Checkpoint, Engine, EngineError, Evidence, Prepared, Reached, shed_in};
use crate::fs::FileSystem;
use crate::keeping;
use crate::ledger::Count;
use crate::log::{Kind, LogError, Record};
use crate::options::{Fsync, Options};
use crate::plan::{Compiled, PlanSet, SharedPlans};
use crate::wire::{Scan, scan};
use history::History;
pub(crate) use received::Received;

/// After downtime everything is overdue at once; this much of the wait is given again, for spans
/// that senders held back meanwhile.
const GRACE_MS: u64 = 5_000;

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
    let always = options.buffer.fsync == Fsync::Always;
    let first = Arc::new(Compiled::new(plan.clone())?);
    let plan_set = Arc::new(RwLock::new(Arc::new(PlanSet::new(first))));
    let mut found = Found::default();
    let mut evidence = Evidence::default();
    let (mut engine, survey) = Engine::open(Arc::clone(fs), options, now, Arc::clone(&plan_set))?;
    let damaged = engine.read_tenants()?;
    if damaged {
        let note = "the numbers of tenants are lost; spans of before go out as those of `_unknown`";
        evidence.note(note.into());
    }
    found.add_damage("outbox", &engine.outbox().reader(), &survey.damage);
    let frames_lost = survey.frames_lost || survey.damage.iter().any(|damage| !damage.at_end);
    if frames_lost {
        evidence.note(
            "the outbox is damaged; what it lost is packed again where it still can be".into(),
        );
    }
    if survey.marks_lost {
        evidence
            .note("what had become of batches in the outbox is lost; they are sent again".into());
    }
    let survey_tenant = survey.most_tenant;
    let checkpoint = engine.load_checkpoint(&mut evidence)?;
    let reached = Reached {
        counted: checkpoint.verdicts,
        removed: survey.removed,
        holes: survey.holes,
        perhaps_removed: survey.perhaps_removed,
        frames: survey.frames,
    };
    // A log that begins at its begin says all that was ever received.
    let whole = engine.log_reader().first().unwrap_or(0) == 0 && checkpoint.freed == 0;
    let before = checkpoint.received_before;
    let before = before.or_else(|| whole.then(Count::default));
    let mut replay = Replay {
        received: Received::from(before),
        engine,
        evidence,
        found,
        now,
    };
    replay.received.claim(checkpoint.totals.received);
    for seen in &checkpoint.overload {
        let then = then(seen.wall_ns, now);
        replay.engine.note_level(seen.level, then);
    }
    let spoken_of = checkpoint.verdicts.max(replay.engine.outbox().written());
    let history = History::read(
        &mut replay.engine,
        &checkpoint,
        &reached,
        (&mut replay.received, &mut replay.found),
        now,
    )?;
    // A tail that a dying process left stays where it is while the log grows behind it.
    let torn = |spot: &Spot| {
        let spoken_of = match spot.log {
            "verdicts" => spoken_of,
            "outbox" => checkpoint.outbox,
            _ => 0,
        };
        spot.position < spoken_of && !spot.cut_short
    };
    if replay.engine.lost_power || replay.found.damage.iter().any(torn) {
        let note = "logs end before what other files speak of, as after a loss of power";
        replay.evidence.note(note.into());
    }
    replay.evidence.any |= history.incomplete || survey.repaired;
    replay.requests(&checkpoint, &reached, history)?;
    replay
        .engine
        .bring_back_plan(u32::MAX, &mut replay.evidence)?;
    replay.engine.install_plan(plan)?;
    replay.engine.number_tenants(survey_tenant)?;
    replay.engine.name_kept();
    replay.engine.forget_early();
    replay.mend();
    replay.found.held_spans = replay.engine.begin_waiting(now, GRACE_MS);
    replay.stand_on_the_disk(always);
    Ok((replay.engine, plan_set, replay.found))
}

/// A start under way.
struct Replay {
    engine: Engine,
    received: Received,
    evidence: Evidence,
    found: Found,
    now: Now,
}

impl Replay {
    /// In mode `always` nobody is told of what is not durable, and the process before may have died
    /// between a write and its sync.
    fn stand_on_the_disk(&mut self, always: bool) {
        if !always {
            return;
        }
        let outbox = self.engine.outbox();
        let failed = keeping::sync(&outbox, || self.engine.take_dirty());
        self.engine.count_storage_errors(failed);
    }

    /// Index the requests in order, with every verdict where it fell.
    fn requests(
        &mut self,
        checkpoint: &Checkpoint,
        reached: &Reached,
        mut history: History,
    ) -> Result<(), EngineError> {
        let reader = self.engine.log_reader();
        let mut records = reader.records(checkpoint.freed);
        let mut scanned = Scan::default();
        let mut sequence = checkpoint.sequence;
        let mut refused = None;
        while let Some(record) = records.next_found()? {
            assert!(
                record.position >= checkpoint.freed,
                "what is freed is not read again"
            );
            let header = record.header;
            let filler = header.kind == Kind::Filler;
            // What was damaged before a repair had no number, if its header was damaged, too.
            self.evidence.any |= filler;
            let ours = matches!(header.kind, Kind::Request | Kind::Shed);
            if !(ours || filler && header.sequence > 0) {
                continue;
            }
            sequence = sequence.max(header.sequence);
            if !filler && history.was_refused(&header) {
                refused.get_or_insert(record.position);
                continue;
            }
            self.received.claim(header.total);
            if !filler {
                // A trace that was shed in part is judged so for as long as it would have waited.
                let level = u8::try_from(header.rank).unwrap_or(u8::MAX);
                let then = then(header.wall_ns, self.now);
                self.engine.note_level(level, then);
            }
            if !record.whole || filler {
                // No death of a process leaves a whole header before another body.
                self.evidence.any = true;
                self.found.lost.requests += 1;
                continue;
            }
            if header.kind == Kind::Shed {
                let base = reader.base_of(record.position).max(checkpoint.freed);
                self.shed(&record, base, checkpoint);
                continue;
            }
            self.found.requests += 1;
            while let Some((at, verdict)) = history.before(header.sequence) {
                let (now, found) = (self.now, &mut self.found);
                self.engine.apply(&verdict, at, reached, now, found);
            }
            self.engine
                .bring_back_plan(header.plan, &mut self.evidence)?;
            // The segment that is freed to here may be gone, and what another one has there be old.
            let base = reader.base_of(record.position).max(checkpoint.freed);
            let total = header.total;
            let Some(prepared) = self.read(&record, &mut scanned) else {
                let spans = u64::from(header.count);
                self.evidence.quarantined += self.received.unknown(spans, total);
                continue;
            };
            self.received.request(prepared.accepted, total);
            self.engine
                .note_received(base, total.saturating_sub(prepared.accepted));
            if header.sequence > checkpoint.sequence {
                self.engine.count_rejected(prepared.rejected);
            }
            self.index(prepared, &record, base, reached, &mut history)?;
        }
        self.found.add_damage("buffer", &reader, records.damage());
        if let Some(position) = refused {
            self.engine.take_back(position);
        }
        self.engine
            .set_sequence(sequence.max(history.last_sequence));
        while let Some((at, verdict)) = history.before(u64::MAX) {
            let (now, found) = (self.now, &mut self.found);
            self.engine.apply(&verdict, at, reached, now, found);
        }
        if !history.unbacked.is_empty() {
            self.evidence.note(format!(
                "the verdicts on {} kept traces are lost; they are judged and sent once more",
                history.unbacked.len()
            ));
        }
        self.engine.order_jobs();
        self.received.finish();
        self.engine.set_received(self.received.sum);
        self.engine.flush_late(self.now);
        Ok(())
    }

    /// Count what was shed at the door; what that was is lost if the record cannot say so.
    fn shed(&mut self, record: &Record, base: u64, checkpoint: &Checkpoint) {
        let Some(shed) = shed_in(record) else {
            self.evidence.any = true;
            return;
        };
        let total = record.header.total;
        self.received.request(shed, total);
        self.engine.note_received(base, total.saturating_sub(shed));
        if record.header.sequence > checkpoint.sequence {
            self.engine.count_shed(shed);
        }
    }

    /// Scan a request; None if this program cannot. A record that makes it panic would do so at
    /// every start, so it is left alone instead.
    fn read(&self, record: &Record, scanned: &mut Scan) -> Option<Prepared> {
        let plans = self.engine.plan_set();
        let body = record.body.clone();
        let scan = AssertUnwindSafe(|| {
            scan(&body, &plans, scanned).ok()?;
            let (tenant, generation) = (record.header.tenant, plans.generation);
            Some(Prepared::new(tenant, body.clone(), scanned, generation))
        });
        catch_unwind(scan).unwrap_or_else(|_| {
            *scanned = Scan::default();
            None
        })
    }

    fn index(
        &mut self,
        mut prepared: Prepared,
        record: &Record,
        base: u64,
        reached: &Reached,
        history: &mut History,
    ) -> Result<(), LogError> {
        let header = record.header;
        let mut failed = Ok(());
        prepared.traces.retain(|delta| {
            let key = (header.sequence, delta.trace_id);
            let Some((at, late)) = history.late.remove(&key) else {
                if history.is_ahead(&delta.trace_id) {
                    self.engine.forget(&delta.trace_id);
                }
                return true;
            };
            let found = &mut self.found;
            let applied = self
                .engine
                .apply_late(late, record.position, at, reached, found);
            !applied.unwrap_or_else(|error| {
                failed = Err(error);
                true
            })
        });
        failed?;
        let then = then(header.wall_ns, self.now);
        self.engine.set_sequence(header.sequence);
        self.engine
            .index_request(&prepared, record.position, base, then);
        Ok(())
    }

    /// Bring the books into balance where the disk is known to have failed.
    fn mend(&mut self) {
        let evidence = &mut self.evidence;
        evidence.lost = self.received.lost;
        evidence.any |= !evidence.lost.is_zero() || !evidence.quarantined.is_zero();
        evidence.any |= self.found.damage.iter().any(|spot| !spot.at_end);
        if self.found.vanished > 0 {
            evidence.note(format!(
                "what became of {} kept traces is not known any more",
                self.found.vanished
            ));
        }
        let (left_alone, received) = (evidence.quarantined, self.received.sum);
        assert_eq!(
            left_alone.min(received),
            left_alone,
            "what is left alone was received"
        );
        let mended = self.engine.mend_books(evidence, self.now);
        assert_eq!(
            mended.corrupt.min(evidence.lost),
            mended.corrupt,
            "no more is lost than stood in what cannot be read"
        );
        let found = &mut self.found;
        (found.lost.spans, found.lost.bytes) = (mended.corrupt.spans, mended.corrupt.bytes);
        found.quarantined = self.evidence.quarantined;
        (found.restored, found.uncounted) = (mended.restored, mended.uncounted);
        found.notes.append(&mut self.evidence.notes);
    }
}

/// A moment before the start. Waits go on as if the process had lived; its clock begins late enough
/// for that.
fn then(wall_ns: u64, now: Now) -> Now {
    let ago = now.wall_ns.saturating_sub(wall_ns);
    Now {
        wall_ns,
        mono_ns: now.mono_ns.saturating_sub(ago),
    }
}
