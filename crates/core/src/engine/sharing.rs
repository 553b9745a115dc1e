//! Verdicts shared between gateways, for traces whose spans reached more than one of them: what
//! one has evidence for, the others keep their part of, too.
//!
//! All of it is in memory and bounded: what is forgotten, or told too late, leaves a trace split
//! that would have been split without.

use std::collections::HashMap;

use serde::Serialize;

use super::Engine;
use crate::clock::Now;
use crate::index::Trace;
use crate::options::SharingOptions;
use crate::plan::Compiled;
use crate::randomness::resolve;
use crate::wire::TraceId;

/// That a trace is kept, and with which T.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedVerdict {
    /// The trace.
    pub trace_id: TraceId,
    /// T of the rule that some gateway has evidence for; not above the trace's R.
    pub threshold: u64,
}

/// What was counted since the start, in traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SharingCounts {
    /// Found out here, for the others.
    pub found: u64,
    /// Of these, not passed on: more than may wait.
    pub unshared: u64,
    /// Heard from others.
    pub heard: u64,
    /// Of these, those whose part here had been dropped before.
    pub late: u64,
    /// Judged here by what another gateway had seen.
    pub applied: u64,
}

/// What others told, and what they are to be told.
pub(super) struct Sharing {
    options: SharingOptions,
    /// T by keyed hash of the trace id, in two generations, as the memory of verdicts has them.
    young: HashMap<u64, u64>,
    old: HashMap<u64, u64>,
    turned_ms: u64,
    found: Vec<SharedVerdict>,
    counts: SharingCounts,
}

impl Sharing {
    pub(super) fn new(options: SharingOptions) -> Self {
        Self {
            options,
            young: HashMap::new(),
            old: HashMap::new(),
            turned_ms: 0,
            found: Vec::new(),
            counts: SharingCounts::default(),
        }
    }

    fn turn(&mut self, now_ms: u64) {
        let age_ms = now_ms.saturating_sub(self.turned_ms);
        if age_ms >= self.options.max_age_ms || self.young.len() >= self.options.max_traces / 2 {
            self.old = std::mem::take(&mut self.young);
            self.turned_ms = now_ms;
        }
    }

    fn remember(&mut self, hash: u64, threshold: u64, now_ms: u64) {
        self.turn(now_ms);
        let known = self.young.entry(hash).or_insert(threshold);
        *known = threshold.min(*known);
    }

    fn threshold(&self, hash: u64) -> Option<u64> {
        let known = [self.young.get(&hash), self.old.get(&hash)];
        known.into_iter().flatten().min().copied()
    }
}

impl Engine {
    /// Other gateways have evidence for these traces.
    pub fn hear(&mut self, verdicts: &[SharedVerdict], now: Now) {
        let Some(mut sharing) = self.sharing.take() else {
            return;
        };
        for told in verdicts {
            sharing.counts.heard += 1;
            let hash = self.index.hash(&told.trace_id);
            let judged = self.memory.find(hash);
            match judged.filter(|_| self.index.find(hash, &told.trace_id).is_none()) {
                Some((_, kept)) => sharing.counts.late += u64::from(!kept),
                None => sharing.remember(hash, told.threshold, now.mono_ns / 1_000_000),
            }
        }
        self.sharing = Some(sharing);
    }

    /// What the other gateways are to be told.
    pub fn take_found(&mut self) -> Vec<SharedVerdict> {
        let found = self.sharing.as_mut().map(|sharing| &mut sharing.found);
        found.map(std::mem::take).unwrap_or_default()
    }

    /// What came of it so far; None if nothing is shared.
    #[must_use]
    pub fn sharing_counts(&self) -> Option<SharingCounts> {
        self.sharing.as_ref().map(|sharing| sharing.counts)
    }

    /// T that another gateway has evidence for.
    pub(super) fn shared_threshold(&self, trace_id: &TraceId) -> Option<u64> {
        let sharing = self.sharing.as_ref()?;
        if sharing.young.is_empty() && sharing.old.is_empty() {
            return None;
        }
        sharing.threshold(self.index.hash(trace_id))
    }

    pub(super) fn count_applied(&mut self, traces: u64) {
        if let Some(sharing) = &mut self.sharing {
            sharing.counts.applied += traces;
        }
    }

    /// A trace matches this rule now, and matched that one before: the others are told if it is
    /// kept for something that they may not see.
    pub(super) fn notice(
        &mut self,
        trace: &Trace,
        plan: &Compiled,
        (before, rule): (Option<usize>, Option<usize>),
    ) {
        let Some(sharing) = &mut self.sharing else {
            return;
        };
        let Some(rule) = rule.filter(|_| before != rule) else {
            return;
        };
        let plan = plan.plan();
        let rule = &plan.rules[rule];
        // A rule without a clause matches everywhere, and R decides the same everywhere.
        if rule.all.is_empty() {
            return;
        }
        let hash = plan.hash_trace_ids;
        let (randomness, _) = resolve(&trace.trace_id, hash, trace.rv, trace.rv_source);
        if rule.threshold > randomness {
            return;
        }
        sharing.counts.found += 1;
        if sharing.found.len() >= sharing.options.max_waiting {
            sharing.counts.unshared += 1;
            return;
        }
        sharing.found.push(SharedVerdict {
            trace_id: trace.trace_id,
            threshold: rule.threshold,
        });
    }
}
