//! Judge what is due: verdicts first to their log, then every effect of them.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::{Beside, Engine, LivePlan, PolicyCount};
use crate::clock::Now;
use crate::judge::{Circumstances, judge};
use crate::ledger::Count;
use crate::log::{Failing, LogError};
use crate::options::Fsync;
use crate::outbox::KeptJob;
use crate::plan::Compiled;
use crate::verdicts::{Context, Early, LateSpans, Verdict, VerdictLog};
use crate::votes::{Limits, Said};
use crate::waiting::Due;
use crate::wire::{Scan, scan};

/// Traces judged at once: a few milliseconds, so that new requests never wait long for it.
const SLICE: usize = 2_048;

/// A verdict that late spans follow, and its plan if that can still be read.
type Followed = (Verdict, Option<Arc<Compiled>>);

impl Engine {
    /// Turn the wheel and judge one slice of what is due; returns the verdicts, and whether more
    /// is due now.
    pub fn judge_due(&mut self, now: Now) -> (Vec<Verdict>, bool) {
        self.memory.turn(now.mono_ns / 1_000_000);
        self.flush_late(now);
        let (index, due_before) = (&self.index, self.due.len());
        self.wheel
            .advance(now.mono_ns / 1_000_000, &mut self.due, |(slot, stamp)| {
                if index.is_live(slot, stamp) {
                    Due::Later(index.trace(slot).due_tick)
                } else {
                    Due::Gone
                }
            });
        let voted = |live: &LivePlan| live.compiled.plan().votes.is_some();
        if self.due.len() > due_before && self.plans.iter().any(voted) {
            // Limits go by the order in which traces began, whatever moved them here.
            let next = self.next_stamp;
            let age = |waiting: &crate::waiting::Waiting| next.wrapping_sub(waiting.1);
            self.due
                .make_contiguous()
                .sort_by_key(|waiting| std::cmp::Reverse(age(waiting)));
            self.prepare_budgets(now.wall_ns);
        }
        let wait_ms = self.longest_wait_ms();
        // A verdict that is not written down has taken nothing from a limit either.
        let before = (self.limits.clone(), self.said.clone());
        let plans = self.plans.iter().map(LivePlan::version);
        let mut kept: Vec<(Limits, Said)> = plans
            .map(|version| {
                let limits = self.limits.remove(&version).unwrap_or_default();
                (limits, self.said.remove(&version).unwrap_or_default())
            })
            .collect();
        let most = SLICE.min(self.due.len() + self.early.len());
        let mut slice = Vec::with_capacity(most);
        let mut picked = HashSet::with_capacity_and_hasher(most, FixedState::default());
        let mut verdicts = Vec::with_capacity(most);
        while verdicts.len() < SLICE
            && let Some((waiting, early)) = self.next_due()
        {
            let (slot, stamp) = waiting;
            // A trace may stand in the queue twice: moved to an earlier time, or judged early.
            if !self.index.is_live(slot, stamp) || !picked.insert(slot) {
                continue;
            }
            let trace = self.index.trace(slot);
            let mut live = self.plans.iter().zip(&mut kept);
            let live = live.find(|(live, _)| live.version() == trace.plan);
            assert!(live.is_some(), "every open trace holds its plan alive");
            let Some((live, (limits, said))) = live else {
                continue;
            };
            let found = Circumstances {
                early,
                overload: self.shed_since(trace.began_ms, wait_ms),
                shared: self.shared_threshold(&trace.trace_id),
            };
            let beside = self.beside.get(&slot);
            let beside = beside.map(Beside::seen).unwrap_or_default();
            let seen = (trace, beside);
            let kept = (limits, said);
            verdicts.push(judge(seen, &live.compiled, kept, found, now.wall_ns));
            slice.push((waiting, early));
        }
        for (live, (limits, said)) in self.plans.iter().zip(kept) {
            if live.compiled.plan().votes.is_some() {
                self.limits.insert(live.version(), limits);
                self.said.insert(live.version(), said);
            }
        }
        assert_eq!(verdicts.len(), slice.len(), "one verdict a trace");
        assert!(
            verdicts.len() <= SLICE,
            "new requests never wait long for a slice"
        );
        if verdicts.is_empty() {
            return (verdicts, false);
        }
        if self.by_tenant {
            // Frames are written in the order of verdicts, and batches end where a tenant does.
            let mut pairs: Vec<_> = verdicts.into_iter().zip(slice).collect();
            pairs.sort_by_key(|(verdict, _)| verdict.tenant);
            (verdicts, slice) = pairs.into_iter().unzip();
        }
        let context = self.context(now);
        let durable = self.options.buffer.fsync == Fsync::Always;
        match self
            .verdict_log
            .append_verdicts(&verdicts, context, durable)
        {
            Ok(positions) => {
                let open = self.index.len();
                let slots = slice.iter().map(|((slot, _), _)| *slot);
                self.index.foresee(slots);
                let remembered = positions.clone();
                let slots = slice.into_iter().map(|((slot, _), _)| slot);
                for ((slot, verdict), position) in slots.zip(&verdicts).zip(positions) {
                    self.take_effect(slot, verdict, position);
                    self.recent.push(position, verdict);
                }
                let shared = verdicts.iter().filter(|one| one.early == Early::Shared);
                self.count_applied(shared.count() as u64);
                let left = self.index.len() + verdicts.len();
                assert_eq!(left, open, "what is judged is held no more");
                // Apart from the index, so that the misses of the cache overlap.
                let now_ms = now.mono_ns / 1_000_000;
                for (verdict, position) in verdicts.iter().zip(remembered) {
                    let hash = self.index.hash(&verdict.trace_id);
                    self.memory.insert(hash, position, verdict.kept, now_ms);
                }
            }
            Err(_) => {
                // Without its record a verdict must have no effect: the traces stay due.
                self.storage_errors += 1;
                (self.limits, self.said) = before;
                for due in slice.into_iter().rev() {
                    self.early.push_front(due);
                }
                let due = self.early.len();
                assert!(due >= verdicts.len(), "what is not written down stays due");
                return (Vec::new(), false);
            }
        }
        self.retire_plans();
        self.free_segments();
        self.guard_bound();
        self.check();
        let more = !self.due.is_empty() || !self.early.is_empty();
        (verdicts, more)
    }

    /// How far the engine has come, for a record of the verdict log.
    const fn context(&self, now: Now) -> Context {
        Context {
            sequence: self.sequence,
            received: self.totals.received,
            now,
        }
    }

    fn next_due(&mut self) -> Option<(crate::waiting::Waiting, Early)> {
        if let Some(early) = self.early.pop_front() {
            return Some(early);
        }
        self.due.pop_front().map(|waiting| (waiting, Early::No))
    }

    /// A verdict that is written down takes effect.
    fn take_effect(&mut self, slot: u32, verdict: &Verdict, position: u64) {
        let mut positions = Vec::new();
        let trace = self
            .index
            .remove(slot, verdict.kept.then_some(&mut positions));
        self.beside.remove(&slot);
        assert_eq!(
            (trace.trace_id, trace.spans, trace.bytes),
            (verdict.trace_id, verdict.spans, verdict.bytes),
            "a verdict is on what the trace held"
        );
        let live = self
            .plans
            .iter_mut()
            .find(|live| live.compiled.plan().version == verdict.plan);
        assert!(live.is_some(), "every open trace holds its plan alive");
        assert!(
            verdict.kept != positions.is_empty(),
            "what is kept stands somewhere, and nothing else is read back"
        );
        let plan = live.and_then(|live| {
            live.open -= 1;
            verdict.kept.then(|| Arc::clone(&live.compiled))
        });
        let count = Count::new(u64::from(trace.spans), trace.bytes);
        match plan {
            Some(plan) => {
                self.outbox.expect(count);
                self.jobs.push(KeptJob {
                    sequence: position,
                    late: false,
                    verdict: verdict.clone(),
                    plan: Some(plan),
                    positions,
                    expected: count,
                    pin: trace.pin,
                });
            }
            None => self.pins.unpin(trace.pin),
        }
        self.count_verdict(verdict);
    }

    /// Count a verdict in the books.
    pub(crate) fn count_verdict(&mut self, verdict: &Verdict) {
        let count = Count::new(u64::from(verdict.spans), verdict.bytes);
        self.totals.judged += 1;
        if verdict.kept {
            self.totals.kept += 1;
        } else {
            *match verdict.early {
                Early::TooLarge => &mut self.totals.dropped_large,
                Early::Overload => &mut self.totals.dropped_overload,
                _ => &mut self.totals.dropped_policy,
            } += count;
        }
        let policy: &mut PolicyCount = self
            .policies
            .entry((verdict.plan, verdict.rule))
            .or_default();
        policy.judged += 1;
        if verdict.kept {
            policy.kept += 1;
            policy.spans_kept += count.spans;
        } else {
            policy.dropped += 1;
            policy.spans_dropped += count.spans;
        }
        let decided = policy.kept + policy.dropped;
        assert_eq!(policy.judged, decided, "what is judged is kept or dropped");
        if let Some(slug) = verdict.early.slug() {
            *self.reasons.entry(slug.to_owned()).or_default() += 1;
        }
    }

    /// Write down the late spans that wait for it; then they follow their verdict.
    pub(crate) fn flush_late(&mut self, now: Now) {
        if self.late.is_empty() {
            return;
        }
        let mut verdicts = Vec::with_capacity(self.late.len());
        for (late, _, _) in &self.late {
            verdicts.push(match self.verdict_to_follow(late) {
                Err(LogError::Io { .. }) if Failing::again(&mut self.failing, now) => {
                    self.storage_errors += 1;
                    return; // they stay held, and are tried again
                }
                verdict => verdict.ok().flatten(),
            });
        }
        self.failing = None;
        let mut decided = Vec::with_capacity(self.late.len());
        for (late, verdict) in std::mem::take(&mut self.late).into_iter().zip(verdicts) {
            if verdict.is_some() || !late.0.kept || !self.begin_again(&late, now) {
                decided.push((late, verdict));
            }
        }
        assert!(self.late.is_empty(), "none of them waits any longer");
        if decided.is_empty() {
            return;
        }
        let note = |((late, _, _), verdict): &(super::Late, Option<Followed>)| LateSpans {
            kept: verdict.is_some(),
            lost: late.kept && verdict.is_none(),
            ..*late
        };
        let notes: Vec<LateSpans> = decided.iter().map(note).collect();
        let context = self.context(now);
        let durable = self.options.buffer.fsync == Fsync::Always;
        let Ok(sequences) = self.verdict_log.append_late(&notes, context, durable) else {
            // They stay held, and are tried again with the next group or tick.
            self.late.extend(decided.into_iter().map(|(late, _)| late));
            assert_eq!(
                self.late.len(),
                notes.len(),
                "what is not written down stays held"
            );
            self.storage_errors += 1;
            return;
        };
        for (((late, position, pin), verdict), sequence) in decided.into_iter().zip(sequences) {
            self.late_takes_effect(late, verdict, (position, pin), sequence);
        }
    }

    /// Whether late spans wait to be written down, since the disk refuses.
    #[must_use]
    pub const fn late_spans_wait(&self) -> bool {
        !self.late.is_empty()
    }

    /// Nothing is left of the verdict that these spans were to follow: they are spans of a trace
    /// that is not known, as they would be after a restart. False if they cannot be read.
    fn begin_again(&mut self, (late, position, pin): &super::Late, now: Now) -> bool {
        let Ok(record) = self.log_reader.read(*position) else {
            return false;
        };
        let mut scanned = Scan::default();
        let delta = scan(&record.body, &self.plan_set(), &mut scanned).ok();
        let mut deltas = delta.iter().flat_map(|()| &scanned.traces);
        let Some(delta) = deltas.find(|delta| delta.trace_id == late.trace_id) else {
            return false;
        };
        assert!(
            late.kept,
            "spans of a dropped trace are answered from memory"
        );
        let hash = self.index.hash(&late.trace_id);
        self.memory.forget(hash);
        if let Some(slot) = self.index.find(hash, &late.trace_id) {
            self.extend(slot, delta, *position, now);
            self.pins.unpin(*pin);
        } else {
            self.begin(hash, delta, (*position, *pin), record.header.tenant, now);
        }
        let held = self.index.find(hash, &late.trace_id);
        assert!(held.is_some(), "what begins again is held");
        true
    }

    /// The verdict that late spans of a kept trace follow, and its plan. None if the trace was
    /// dropped, or nothing is left of what was decided.
    fn verdict_to_follow(&self, late: &LateSpans) -> Result<Option<Followed>, LogError> {
        if !late.kept {
            return Ok(None); // answered from memory, as most late spans are
        }
        let read = VerdictLog::read(&self.verdict_reader, late.verdict, &late.trace_id)?;
        Ok(read.map(|verdict| {
            let plan = self.plan_of(verdict.plan);
            (verdict, plan)
        }))
    }

    /// Late spans that are written down follow their verdict.
    fn late_takes_effect(
        &mut self,
        late: LateSpans,
        verdict: Option<Followed>,
        (position, pin): (u64, u32),
        sequence: u64,
    ) {
        let expected = Count::new(u64::from(late.spans), late.bytes);
        *self.reasons.entry("late_spans".to_owned()).or_default() += expected.spans;
        assert!(
            late.kept || verdict.is_none(),
            "no late span is kept without its trace"
        );
        let Some((verdict, plan)) = verdict else {
            self.count_late(expected, late.kept);
            self.pins.unpin(pin);
            return;
        };
        self.outbox.expect(expected);
        self.jobs.push(KeptJob {
            sequence,
            late: true,
            verdict,
            plan,
            positions: vec![position],
            expected,
            pin,
        });
    }

    /// Count late spans that go no further: their trace was dropped, or all is lost that could tell.
    pub(super) fn count_late(&mut self, spans: Count, lost: bool) {
        if lost {
            self.totals.corrupt += spans;
        } else {
            self.totals.dropped_policy += spans;
        }
    }

    /// Judge everything that is held, before it is due.
    pub fn judge_all(&mut self, early: Early) -> usize {
        let slots = self.index.slots(|_| true);
        self.judge_early(&slots, early);
        slots.len()
    }

    /// Judge these traces before they are due.
    pub(crate) fn judge_early(&mut self, slots: &[u32], early: Early) {
        for &slot in slots {
            let stamp = self.index.trace(slot).stamp;
            self.early.push_back(((slot, stamp), early));
        }
    }

    /// When the next trace may be due, in milliseconds; None if none is held.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        if self.due.is_empty() && self.early.is_empty() && self.late.is_empty() {
            self.wheel.next_ms()
        } else {
            Some(0)
        }
    }
}
