//! What replay does to the engine: verdicts and late spans of an earlier run, plans, due times.

use std::sync::Arc;

use super::chores::CHECKPOINT;
use super::plans::{load_plan, newest_plan};
use super::{Checkpoint, Engine, EngineError};
use crate::clock::Now;
use crate::ledger::Count;
use crate::outbox::KeptJob;
use crate::plan::Compiled;
use crate::replay::Found;
use crate::verdicts::{LateSpans, Verdict, VerdictLog};
use crate::waiting::{TICK_MS, Wheel};
use crate::wire::TraceId;

/// How far the effects of an earlier run had come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    /// Every record of the verdict log before this is in the counters.
    pub(crate) counted: u64,
    /// Every kept entry of the verdict log up to this one has its frame in the outbox.
    pub(crate) written: u64,
}

impl Engine {
    /// The counters of the last checkpoint, taken over; all zero if there is none.
    pub(crate) fn load_checkpoint(&mut self) -> Result<Checkpoint, EngineError> {
        let path = self.directory().join(CHECKPOINT);
        let state = |what: String| EngineError::State {
            path: path.display().to_string(),
            what,
        };
        let bytes = self
            .fs
            .read(&path)
            .map_err(|error| state(error.to_string()))?;
        let checkpoint: Checkpoint = match bytes {
            None => Checkpoint::default(),
            Some(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| state(error.to_string()))?
            }
        };
        self.totals = checkpoint.totals.clone();
        // Without power the logs may have lost what the checkpoint and the outbox speak of. What
        // is written from now on must not stand where it would pass for that.
        self.log.skip_to(checkpoint.freed);
        let framed = self.outbox.written();
        self.verdict_log
            .skip_to(checkpoint.verdicts.max(framed.saturating_add(1)));
        self.freed_before = checkpoint.freed;
        self.chores.remove = self.log.release_before(checkpoint.freed);
        Ok(checkpoint)
    }

    /// A reader of the verdict log.
    pub(crate) fn verdict_reader(&self) -> crate::log::LogReader {
        self.verdict_reader.clone()
    }

    /// Requests up to this one have been seen.
    pub(crate) fn set_sequence(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// The plan of this version becomes the current one, or the newest stored one below it.
    pub(crate) fn bring_back_plan(&mut self, version: u32) -> Result<(), EngineError> {
        let current = self
            .plans
            .last()
            .map_or(0, |live| live.compiled.plan().version);
        if current >= version {
            return Ok(());
        }
        let newest = newest_plan(&*self.fs, self.directory())?.min(version);
        if newest > current
            && let Some(plan) = load_plan(&*self.fs, self.directory(), newest)?
        {
            self.make_current(Arc::new(Compiled::new(plan)?));
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
        reached: Reached,
        now: Now,
        found: &mut Found,
    ) {
        let hash = self.index.hash(&verdict.trace_id);
        self.memory
            .insert(hash, at, verdict.kept, now.mono_ns / 1_000_000);
        self.recent.push(at, verdict);
        if at >= reached.counted {
            self.count_verdict(verdict);
        }
        let pending = verdict.kept && at > reached.written;
        let mut positions = Vec::new();
        let mut pin = None;
        if let Some(slot) = self.index.find(hash, &verdict.trace_id) {
            let trace = self.index.remove(slot, pending.then_some(&mut positions));
            pin = Some(trace.pin);
            let live = self.plans.iter_mut();
            if let Some(live) = live
                .rev()
                .find(|live| live.compiled.plan().version == trace.plan)
            {
                live.open -= 1;
            }
        }
        match pin {
            Some(pin) if !pending => self.pins.unpin(pin),
            _ => {}
        }
        if pending {
            found.repacked += 1;
            let expected = Count::new(u64::from(verdict.spans), verdict.bytes);
            // A kept trace without any record is lost, and the packer says so in the books. It
            // needs no segment; 0 is as old as any, so that no later pin is taken for newer.
            let pin = pin.unwrap_or_else(|| self.pins.pin(0));
            self.pack_again(verdict, at, positions, expected, pin);
        }
    }

    /// Late spans of an earlier run, in the record at `position`.
    pub(crate) fn apply_late(
        &mut self,
        late: LateSpans,
        position: u64,
        at: u64,
        reached: Reached,
        found: &mut Found,
    ) {
        let expected = Count::new(u64::from(late.spans), late.bytes);
        if !late.kept {
            if at >= reached.counted {
                self.totals.dropped_policy += expected;
            }
            return;
        }
        let verdict = VerdictLog::read(&self.verdict_reader, late.verdict, &late.trace_id);
        if at > reached.written
            && let Ok(Some(verdict)) = verdict
        {
            found.repacked += 1;
            let pin = self.pins.pin(self.log_reader.base_of(position));
            self.pack_again(&verdict, at, vec![position], expected, pin);
        }
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
    }

    fn pack_again(
        &mut self,
        verdict: &Verdict,
        sequence: u64,
        positions: Vec<u64>,
        expected: Count,
        pin: u32,
    ) {
        let Some(plan) = self.plan_of(verdict.plan) else {
            self.pins.unpin(pin);
            return;
        };
        self.outbox.expect(expected);
        self.jobs.push(KeptJob {
            sequence,
            verdict: verdict.clone(),
            plan,
            positions,
            expected,
            pin,
        });
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
        self.retire_plans();
        self.held().spans
    }
}
