//! What only some chains that vote ask of a held trace, beside [`crate::index::Trace`].

use std::collections::HashSet;

use super::Engine;
use crate::clock::Now;
use crate::judge::evidence;
use crate::plan::{Bits, Compiled};
use crate::verdicts::Early;
use crate::votes::{Evidence, Outcome, prepare, vote_at_ingest};
use crate::wire::{Encoded, Piece, TraceDelta};

/// What is known of a held trace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// What the Collector would take for it.
    encoded: Encoded,
    /// The predicates beyond the first page that held.
    more_bits: Box<[u64]>,
    /// The first `rv` of its spans.
    rv: Option<u64>,
    decided: Option<Decided>,
}

/// What is certain of a trace before it is due. Whatever comes after changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It is larger than allowed.
    TooLarge,
    /// A vote at ingest said so.
    Voted(Outcome),
}

/// What is known of a held trace, for the judge.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen<'a> {
    /// What the Collector would take for it, where the plan asks for that.
    pub encoded: Encoded,
    /// The predicates beyond the first page that held.
    pub more_bits: &'a [u64],
    /// The first `rv` of its spans, where the plan asks for that.
    pub rv: Option<u64>,
    /// What is certain already.
    pub decided: Option<Decided>,
}

impl Beside {
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            encoded: self.encoded,
            more_bits: &self.more_bits,
            rv: self.rv,
            decided: self.decided,
        }
    }

    /// Why the trace is judged at once, if it is.
    pub(super) const fn early(&self) -> Option<Early> {
        match self.decided {
            None => None,
            Some(Decided::TooLarge) => Some(Early::TooLarge),
            Some(Decided::Voted(_)) => Some(Early::No),
        }
    }

    fn add_bits(&mut self, delta: &TraceDelta, plan: &Compiled, which: usize) {
        let pages = plan.pages();
        if self.more_bits.len() < pages.len() {
            self.more_bits = vec![0; pages.len()].into();
        }
        let more = delta.more_bits(which).iter().zip(pages);
        for (sum, (bits, page)) in self.more_bits.iter_mut().zip(more) {
            *sum = page.join(*sum, *bits);
        }
    }

    fn add_size(&mut self, size: Encoded, plan: &Compiled) {
        self.encoded.add(size);
        if self.decided.is_none() && plan.is_too_large(self.encoded) {
            self.decided = Some(Decided::TooLarge);
        }
    }
}

impl Engine {
    /// Add to what is known beside of a trace; `which`: 0 if its plan is the current one, else 1.
    pub(super) fn look_beside(&mut self, slot: u32, delta: &TraceDelta, which: usize, now: Now) {
        let trace = self.index.trace(slot);
        let version = trace.plan;
        let live = self.plans.iter().find(|live| live.version() == version);
        let Some(plan) = live.map(|live| &live.compiled) else {
            return;
        };
        if !plan.asks_beside() {
            return;
        }
        let beside = self.beside.entry(slot).or_default();
        let before = beside.decided;
        beside.add_bits(delta, plan, which);
        beside.rv = beside.rv.or(delta.first_rv);
        match plan.plan().votes.as_ref().filter(|votes| votes.at_ingest) {
            None => beside.add_size(delta.encoded, plan),
            Some(votes) => {
                let limits = self.limits.entry(version).or_default();
                let said = self.said.entry(version).or_default();
                let mut spans = i64::from(trace.spans) - i64::from(delta.spans);
                for piece in &delta.pieces {
                    spans += i64::from(piece.spans);
                    beside.add_size(piece.encoded, plan);
                    if beside.decided.is_some() {
                        continue;
                    }
                    let evidence = Evidence {
                        trace_id: &trace.trace_id,
                        bits: bits_of(piece, plan, which),
                        spans,
                        bytes: 0, // limits on bytes keep state, and do not vote on pieces
                        wall_ns: i64::try_from(now.wall_ns).unwrap_or(i64::MAX),
                        randomness: trace.randomness(plan, piece.first_rv).0,
                    };
                    let outcome = vote_at_ingest(votes, &evidence, limits, said);
                    if outcome != Outcome::NotSampled {
                        beside.decided = Some(Decided::Voted(outcome));
                    }
                }
            }
        }
        if before.is_none()
            && let Some(early) = beside.early()
        {
            self.early.push_back(((slot, trace.stamp), early));
        }
    }
}

impl Engine {
    /// Let limits see all traces that are due now, where they keep those with the highest R.
    pub(super) fn prepare_budgets(&mut self, wall_ns: u64) {
        for live in &self.plans {
            let votes = live.compiled.plan().votes.as_ref();
            let Some(votes) = votes.filter(|votes| votes.budgets) else {
                continue;
            };
            let mut seen_before = HashSet::new(); // a trace may stand in the queue twice
            let due = self.due.iter().filter_map(|&(slot, stamp)| {
                let held = self.index.is_live(slot, stamp) && seen_before.insert(slot);
                let trace = held.then(|| self.index.trace(slot))?;
                let seen = self.beside.get(&slot).map(Beside::seen).unwrap_or_default();
                let judged = trace.plan == live.version() && seen.decided.is_none();
                let randomness = trace.randomness(&live.compiled, seen.rv).0;
                judged.then(|| evidence((trace, seen), randomness, wall_ns))
            });
            let due: Vec<Evidence<'_>> = due.collect();
            let limits = self.limits.entry(live.version()).or_default();
            prepare(votes, &due, limits);
        }
    }

    /// Bytes that the traces held take, here and in the index.
    pub(super) fn held_memory_bytes(&self) -> u64 {
        let pages = |live: &super::LivePlan| live.compiled.pages().len();
        let pages = self.plans.iter().map(pages).max().unwrap_or_default();
        // A table is half full when it grows, and what it points at is rounded up.
        let one = 2 * size_of::<(u32, Beside)>() + if pages == 0 { 0 } else { 16 + 8 * pages };
        self.index.used_bytes() + (self.beside.len() * one) as u64
    }
}

/// What a piece alone says.
fn bits_of<'p>(piece: &'p Piece, plan: &Compiled, which: usize) -> Bits<'p> {
    let mut bits = piece.bits(which);
    if plan.asks_for_times() {
        bits.first |= plan.run(&mut (0, 0), &piece.times);
    }
    bits
}
