//! What goes when an exporter's backlog is at a bound.
//!
//! Frames that are too old go whatever they are. Of those that are too many, what the last rule of
//! the chain kept goes first, then what the rule before it kept, and so on; within a rule, the
//! oldest. What an exporter has in hand stays.

use std::collections::BTreeMap;

use super::books::Books;
use super::exporter::FrameRef;
use super::handing::LIVE_MS;
use super::notes::SettledNote;
use crate::ledger::Count;

/// Frames went because their exporter's share of the outbox was full.
pub(super) const FULL: &str = "outbox_full";
/// Frames went because they were too old.
pub(super) const EXPIRED: &str = "outbox_expired";

/// Below the bound by this part of it, so that not every new frame makes another one go.
const SLACK: u64 = 16;

/// Runs in one note, at most: about 100 kB of it.
const MOST_RUNS: usize = 4_096;

/// How often it is looked whether frames are too old: this part of the age, within these bounds.
const LOOKS: u64 = 64;
const LOOK_MS: std::ops::RangeInclusive<u64> = 1_000..=60_000;

/// Of the outbox, what frames that somebody wants may fill.
pub(super) const fn wanted_bound(max_bytes: u64) -> u64 {
    max_bytes / 4 * 3
}

impl Books {
    /// What has to go now, as the note that says so; its frames are handed to nobody meanwhile.
    /// None once every exporter is within its bounds, or has in hand what is too much.
    pub(super) fn surplus(&mut self, now_ms: i64, max_bytes: u64) -> Option<SettledNote> {
        for at in 0..self.exporters.len() {
            if let Some(note) = self.expired(at, now_ms) {
                return Some(note);
            }
        }
        for at in 0..self.exporters.len() {
            let Some(bound) = self.exporters[at].limits.max_bytes else {
                continue;
            };
            let bytes = self.exporters[at].bytes;
            let need = bytes.saturating_sub(bound - bound / SLACK);
            if bytes > bound
                && let Some(note) = self.give_up(at, FULL, need, |_| true)
            {
                return Some(note);
            }
        }
        let bound = wanted_bound(max_bytes);
        if self.wanted_bytes <= bound {
            return None;
        }
        // Whoever holds most is furthest behind. What others want as well stays for them, until
        // their turn comes. Those that keep up but for a burst are waited for.
        let mut order: Vec<usize> = (0..self.exporters.len()).collect();
        order.retain(|at| self.is_behind(*at, now_ms));
        order.sort_by_key(|at| std::cmp::Reverse(self.exporters[*at].bytes));
        let need = self.wanted_bytes - (bound - bound / SLACK);
        let mut notes = order.into_iter();
        notes.find_map(|at| self.give_up(at, FULL, need, |_| true))
    }

    /// Whether an exporter has done nothing for some seconds, or has frames that wait for longer.
    fn is_behind(&self, at: usize, now_ms: i64) -> bool {
        let exporter = &self.exporters[at];
        let oldest = self.frames.get(self.index_of(exporter.done));
        let waits_ms = oldest.map_or(0, |frame| now_ms.saturating_sub(frame.since_ms));
        now_ms.saturating_sub(exporter.settled_ms).max(waits_ms) >= LIVE_MS
    }

    fn expired(&mut self, at: usize, now_ms: i64) -> Option<SettledNote> {
        let exporter = &mut self.exporters[at];
        let max_age_ms = exporter.limits.max_age_ms?;
        let pause_ms = (max_age_ms / LOOKS).clamp(*LOOK_MS.start(), *LOOK_MS.end());
        let next_ms = exporter
            .looked_ms
            .map(|at| at.saturating_add_unsigned(pause_ms));
        if next_ms.is_some_and(|next_ms| now_ms < next_ms) {
            return None;
        }
        let oldest_ms = now_ms.saturating_sub_unsigned(max_age_ms);
        let note = self.give_up(at, EXPIRED, u64::MAX, |frame| frame.since_ms < oldest_ms);
        if note.is_none() {
            self.exporters[at].looked_ms = Some(now_ms);
        }
        note
    }

    /// Have an exporter give up so many bytes of such frames, if there are any.
    fn give_up(
        &mut self,
        at: usize,
        reason: &str,
        need: u64,
        such: impl Fn(&FrameRef) -> bool,
    ) -> Option<SettledNote> {
        let going = self.least_important(at, need, such);
        let mut note = SettledNote {
            exporter: self.exporters[at].name.clone(),
            ..SettledNote::default()
        };
        let mut frames: Vec<FrameRef> = going.iter().map(|index| self.frames[*index]).collect();
        let mut runs = self.runs_of(&frames);
        if let Some(beyond) = runs.get(MOST_RUNS) {
            frames.retain(|frame| frame.position < beyond.0);
            runs.truncate(MOST_RUNS);
        }
        let mut sum = Count::default();
        for frame in &frames {
            sum += frame.kept;
            // Its backend may have it, and even twice: nobody will ever ask again.
            let unsure = self.exporters[at].unsure.hold(frame.position);
            note.again += if unsure { frame.kept } else { Count::default() };
            *note.given_up.entry(self.policy_of(frame)).or_default() += frame.kept;
        }
        note.set_ranges(runs)?;
        note.dropped.insert(reason.to_owned(), sum);
        for range in note.ranges() {
            self.exporters[at].leaving.cover(range);
        }
        Some(note)
    }

    /// Where the free frames of an exporter stand that are to go first, in the order of the log.
    fn least_important(
        &self,
        at: usize,
        need: u64,
        such: impl Fn(&FrameRef) -> bool,
    ) -> Vec<usize> {
        let exporter = &self.exporters[at];
        let from = self.index_of(exporter.done);
        let free = || {
            let frames = self.frames.range(from..).enumerate();
            let free = frames.filter(|(_, f)| such(f) && exporter.is_free(f.position));
            free.map(move |(index, frame)| (from + index, frame))
        };
        let mut by_importance: BTreeMap<u16, u64> = BTreeMap::new();
        for (_, frame) in free() {
            *by_importance.entry(frame.importance()).or_default() += frame.bytes();
        }
        // All of the classes below this one go, and of it as many as it takes.
        let (mut rest, mut last) = (need, u16::MAX);
        for (importance, bytes) in by_importance {
            last = importance;
            if bytes >= rest {
                break;
            }
            rest -= bytes;
        }
        let (mut going, mut oldest) = (Vec::new(), Vec::new());
        for (index, frame) in free() {
            match frame.importance().cmp(&last) {
                std::cmp::Ordering::Less => going.push(index),
                std::cmp::Ordering::Equal => oldest.push((frame.sequence, index, frame.bytes())),
                std::cmp::Ordering::Greater => {}
            }
        }
        oldest.sort(); // nearly sorted: only what was moved stands elsewhere
        for (_, index, bytes) in oldest {
            if rest == 0 {
                break;
            }
            rest = rest.saturating_sub(bytes);
            going.push(index);
        }
        going.sort_unstable();
        going
    }

    /// The name of the rule that kept a frame.
    fn policy_of(&self, frame: &FrameRef) -> String {
        let names = self.policies.get(&frame.plan);
        let from_end = usize::from(frame.rank);
        let name = names.and_then(|names| names.get(names.len().checked_sub(from_end)?));
        name.map_or_else(|| "unknown".to_owned(), Clone::clone)
    }
}
