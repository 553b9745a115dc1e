//! What replay does to the engine: verdicts and late spans of an earlier run, plans, due times.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::chores::{CHECKPOINT, FORMAT};
use super::plans::{load_plan, stored_plans};
use super::{Checkpoint, Engine, EngineError, Evidence};
use crate::clock::Now;
use crate::fs::guarded::{self, Guarded};
use crate::ledger::Count;
use crate::log::LogError;
use crate::outbox::KeptJob;
use crate::plan::Compiled;
use crate::replay::Found;
use crate::tenants::{TENANTS, Tenants};
use crate::verdicts::{Early, LateSpans, Verdict, VerdictLog};
use crate::waiting::{TICK_MS, Wheel};
use crate::wire::TraceId;

/// How far the effects of an earlier run had come.
#[derive(Debug)]
pub(crate) struct Reached {
    /// Every record of the verdict log before this is in the counters.
    pub(crate) counted: u64,
    /// Every kept entry of the verdict log up to this one had its frame in a segment of the outbox
    /// that was removed.
    pub(crate) removed: u64,
    /// But for these.
    pub(crate) holes: BTreeSet<u64>,
    /// Up to this one it may have had its frame in a segment of which nothing is known any more.
    pub(crate) perhaps_removed: u64,
    /// Every frame that was found, by the position of its entry.
    pub(crate) frames: HashSet<u64>,
}

impl Reached {
    /// Whether the kept entry at this position has its frame, or had it in a segment that is gone
    /// because all of it was dealt with.
    fn has_frame(&self, at: u64) -> bool {
        (at <= self.removed && !self.holes.contains(&at)) || self.frames.contains(&at)
    }
}

impl Engine {
    /// The counters of the last checkpoint, taken over; all zero if there is none.
    pub(crate) fn load_checkpoint(
        &mut self,
        evidence: &mut Evidence,
    ) -> Result<Checkpoint, EngineError> {
        assert!(
            self.plans.is_empty() && self.index.is_empty(),
            "the counters come back first"
        );
        let path = self.directory().join(CHECKPOINT).with_extension("json");
        let path = path.display().to_string();
        let read = guarded::read(&*self.fs, self.directory(), CHECKPOINT);
        let checkpoint = match read.map(|read| read.filter(Checkpoint::is_possible)) {
            Err(error) => {
                let what = error.to_string();
                return Err(EngineError::State { path, what });
            }
            Ok(Guarded::Absent) => {
                // Without one nothing was ever removed from the front of the buffer log.
                let first = self.log_reader.first();
                if first.is_some_and(|first| first > 0)
                    || first.is_none() && self.verdict_reader.first().is_some()
                {
                    evidence.note(format!("{path} is gone, or the requests before it are"));
                }
                Checkpoint::default()
            }
            Ok(Guarded::Damaged) => {
                evidence.note(format!(
                    "{path} and its copy are damaged; what was counted before the oldest records \
                     left is not known any more"
                ));
                Checkpoint::default()
            }
            Ok(Guarded::Whole(checkpoint, damaged)) => {
                if damaged {
                    evidence.note(format!("{path} was damaged; its copy is used"));
                }
                checkpoint
            }
        };
        if checkpoint.format > FORMAT {
            return Err(EngineError::Newer { path });
        }
        if checkpoint.uncorrected {
            let note = "books that were put right at the last start could not be written then";
            evidence.note(note.into());
        }
        self.totals = checkpoint.totals.clone();
        self.limits = checkpoint.limits.clone();
        // Without power the logs may have lost what the checkpoint and the outbox speak of. What
        // is written from now on must not stand where it would pass for that.
        let framed = self.outbox.written();
        let verdicts_from = self.verdict_reader.first().unwrap_or(0);
        self.lost_power = self.log.end() < checkpoint.freed
            || self.outbox.end() < checkpoint.outbox
            || verdicts_from > checkpoint.verdicts_from.max(1)
            // An empty log has no file, and still begins at 1.
            || self.verdict_log.end().max(1) < checkpoint.verdicts.max(framed);
        self.log.skip_to(checkpoint.freed);
        self.verdict_log
            .skip_to(checkpoint.verdicts.max(framed.saturating_add(1)));
        self.freed_before = checkpoint.freed;
        self.chores.remove = self.log.release_before(checkpoint.freed);
        self.plan_floor = stored_plans(&*self.fs, self.directory())?
            .last()
            .copied()
            .unwrap_or(0);
        Ok(checkpoint)
    }

    /// A reader of the verdict log.
    pub(crate) fn verdict_reader(&self) -> crate::log::LogReader {
        self.verdict_reader.clone()
    }

    /// So much was received in all.
    pub(crate) fn set_received(&mut self, received: Count) {
        self.totals.received = received;
    }

    /// Read who has which number; whether nobody knows any more.
    pub(crate) fn read_tenants(&mut self) -> Result<bool, EngineError> {
        let read = Tenants::read(&*self.fs, self.directory());
        let (tenants, damaged) = read.map_err(|error| self.tenants_failed(&error))?;
        self.tenants = Arc::new(tenants);
        Ok(damaged)
    }

    /// Give those who are new in the configuration numbers that stand nowhere in the logs; `frames`
    /// is the largest in the outbox.
    pub(crate) fn number_tenants(&mut self, frames: u16) -> Result<(), EngineError> {
        let mut tenants = Tenants::clone(&self.tenants);
        let most = self.most_tenant.max(frames);
        let (fs, directory) = (&*self.fs, self.directory());
        let numbered = tenants.number_all(fs, directory, &self.options.tenants, most);
        numbered.map_err(|error| self.tenants_failed(&error))?;
        self.tenants = Arc::new(tenants);
        Ok(())
    }

    fn tenants_failed(&self, error: &std::io::Error) -> EngineError {
        let path = self.directory().join(TENANTS).with_extension("json");
        EngineError::State {
            path: path.display().to_string(),
            what: error.to_string(),
        }
    }

    /// Requests up to this one have been seen.
    pub(crate) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// Requests from here on were refused by an earlier process, which could not cut them off.
    pub(crate) fn take_back(&mut self, position: u64) {
        self.log.take_back(position);
    }

    /// The plan of this version becomes the current one, or the newest stored one below it that
    /// can be read.
    pub(crate) fn bring_back_plan(
        &mut self,
        version: u32,
        evidence: &mut Evidence,
    ) -> Result<(), EngineError> {
        let tried = self
            .plans_tried
            .max(self.plans.last().map_or(0, |live| live.version()));
        // Two plans at most: a third one waits where damage took the last verdicts on the first.
        let blocked = self.plans.len() > 1 && self.plans[0].open > 0;
        if (tried < version || self.plans.is_empty()) && !blocked {
            let stored = stored_plans(&*self.fs, self.directory())?;
            for &candidate in stored.range(..=version).rev() {
                if candidate <= tried {
                    break;
                }
                let plan = load_plan(&*self.fs, self.directory(), candidate)?;
                match plan.map(Compiled::new) {
                    Some(Ok(plan)) if plan.plan().version == candidate => {
                        self.make_current(Arc::new(plan));
                        break;
                    }
                    _ => evidence.note(format!(
                        "plan {candidate} is damaged; traces begun under it are judged by another"
                    )),
                }
            }
            self.plans_tried = version.min(self.plan_floor);
        }
        if self.plans.is_empty() {
            self.install_plan(self.options.plan.clone())?;
        }
        Ok(())
    }

    /// A verdict of an earlier run, where it fell.
    pub(crate) fn apply(
        &mut self,
        verdict: &Verdict,
        at: u64,
        reached: &Reached,
        now: Now,
        found: &mut Found,
    ) {
        self.most_tenant = self.most_tenant.max(verdict.tenant);
        let hash = self.index.hash(&verdict.trace_id);
        self.memory
            .insert(hash, at, verdict.kept, now.mono_ns / 1_000_000);
        self.recent.push(at, verdict);
        if at >= reached.counted {
            self.count_verdict(verdict);
        }
        let pending = verdict.kept && !reached.has_frame(at);
        let mut positions = Vec::new();
        let mut pin = None;
        if let Some(slot) = self.index.find(hash, &verdict.trace_id) {
            let trace = self.index.remove(slot, pending.then_some(&mut positions));
            self.beside.remove(&slot);
            // Where damage took a note on late spans, these are more than it was judged on.
            let there = Count::new(u64::from(trace.spans), trace.bytes);
            pin = Some((trace.pin, there));
            let live = self.plans.iter_mut();
            let live = live
                .rev()
                .find(|live| live.compiled.plan().version == trace.plan);
            assert!(live.is_some(), "every open trace holds its plan alive");
            if let Some(live) = live {
                live.open -= 1;
            }
        }
        match pin {
            Some((pin, _)) if !pending => self.pins.unpin(pin),
            _ => {}
        }
        if pending && let Some((pin, expected)) = pin {
            found.repacked += 1;
            self.pack_again(verdict, (at, false), positions, expected, pin);
        } else if pending && at > reached.perhaps_removed {
            // Its requests stay on the disk until its frame is there, so something was lost.
            found.vanished += 1;
        }
    }

    /// Late spans of an earlier run, in the record at `position`. False if the verdict they follow
    /// is lost: then they are spans of a trace that is not known.
    ///
    /// # Errors
    /// [`LogError::Io`]: the disk did not say. Another verdict on them would be one too many.
    pub(crate) fn apply_late(
        &mut self,
        late: LateSpans,
        position: u64,
        at: u64,
        reached: &Reached,
        found: &mut Found,
    ) -> Result<bool, LogError> {
        let expected = Count::new(u64::from(late.spans), late.bytes);
        if !late.kept {
            if at >= reached.counted {
                self.count_late(expected, late.lost);
            }
            return Ok(true);
        }
        if reached.has_frame(at) {
            return Ok(true);
        }
        let verdict = VerdictLog::read(&self.verdict_reader, late.verdict, &late.trace_id);
        let verdict = match verdict {
            Err(error @ LogError::Io { .. }) => return Err(error),
            verdict => verdict.ok().flatten(),
        };
        let Some(verdict) = verdict else {
            return Ok(false);
        };
        found.repacked += 1;
        let base = self.log_reader.base_of(position);
        let pin = self.pins.pin(base.max(self.freed_before));
        self.pack_again(&verdict, (at, true), vec![position], expected, pin);
        Ok(true)
    }

    /// This trace was judged once more after the memory had forgotten it, so what came before
    /// that verdict was no late span.
    pub(crate) fn forget(&mut self, trace_id: &TraceId) {
        let hash = self.index.hash(trace_id);
        self.memory.forget(hash);
    }

    /// Jobs are packed in the order of the verdict log, since the last frame says which ones are
    /// written; late spans may have been noted after a verdict that fell later.
    pub(crate) fn order_jobs(&mut self) {
        self.jobs.sort_by_key(|job| job.sequence);
        assert!(
            self.jobs
                .is_sorted_by(|one, next| one.sequence < next.sequence),
            "one frame an entry"
        );
        self.outbox.owe(self.jobs.iter().map(|job| job.sequence));
    }

    fn pack_again(
        &mut self,
        verdict: &Verdict,
        (sequence, late): (u64, bool),
        positions: Vec<u64>,
        expected: Count,
        pin: u32,
    ) {
        assert!(!positions.is_empty(), "what is packed stands somewhere");
        let plan = self.plan_of(verdict.plan);
        self.outbox.expect(expected);
        self.jobs.push(KeptJob {
            sequence,
            late,
            verdict: verdict.clone(),
            plan,
            positions,
            expected,
            pin,
        });
    }

    /// Traces that became too large while they were read back may have been judged by then; those
    /// that were not are queued again when all is back.
    pub(crate) fn forget_early(&mut self) {
        self.early.clear();
    }

    /// Everything is back: after downtime all is overdue at once, so some of the wait is given
    /// again. Returns the spans held.
    pub(crate) fn begin_waiting(&mut self, now: Now, grace_ms: u64) -> u64 {
        let ready_ms = now.mono_ns / 1_000_000;
        for slot in self.index.slots(|_| true) {
            self.index.update(slot, |trace| {
                let wait = (u64::from(trace.due_tick) * TICK_MS).saturating_sub(trace.began_ms);
                let floor = Wheel::tick_of(ready_ms + wait.min(grace_ms));
                trace.due_tick = trace.due_tick.max(floor);
            });
        }
        assert_eq!(self.index.held(), self.index.recount(), "spans are counted");
        assert!(
            self.due.is_empty() && self.early.is_empty(),
            "nothing is judged before all is back"
        );
        self.check();
        self.retire_plans();
        self.queue_decided();
        self.held().spans
    }

    /// Traces on which all is said before they are due are judged at once.
    fn queue_decided(&mut self) {
        let besides = self.beside.iter();
        let mut decided: Vec<(u32, Early)> = besides
            .filter_map(|(&slot, beside)| Some((slot, beside.early()?)))
            .collect();
        decided.sort_unstable_by_key(|(slot, _)| *slot);
        for (slot, early) in decided {
            self.judge_early(&[slot], early);
        }
    }
}
