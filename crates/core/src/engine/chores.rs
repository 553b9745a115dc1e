//! What the engine leaves to a thread that may wait for the disk: checkpoints, removing files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::admission::Seen;
use crate::fs::{FileSystem, guarded};
use crate::intake::RefusalReason;
use crate::ledger::{Count, Totals};
use crate::log::{Dirty, POSITION_BOUND, Spares};
use crate::verdicts::Early;
use crate::votes::Limits;

/// The counters at a moment, and how far the logs had come. Replay adds what the logs say after
/// it, so it must be on disk before anything it covers is removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Version of this file.
    pub format: u32,
    /// Every request up to this one is counted.
    pub sequence: u64,
    /// Every record of the verdict log before this position is counted.
    pub verdicts: u64,
    /// Where the verdict log begins.
    #[serde(default)]
    pub verdicts_from: u64,
    /// Nothing of the buffer log before this position is needed any more.
    #[serde(default)]
    pub freed: u64,
    /// Where the outbox ended.
    #[serde(default)]
    pub outbox: u64,
    /// The books were put right after a loss, and nothing else on the disk says so.
    #[serde(default)]
    pub uncorrected: bool,
    /// What had been received when the log came to that position, if that is known.
    #[serde(default)]
    pub received_before: Option<Count>,
    /// The levels of overload of late.
    #[serde(default)]
    pub overload: Vec<Seen>,
    /// What the limits of live plans have given, by plan.
    #[serde(default)]
    pub limits: BTreeMap<u32, Limits>,
    /// The counters.
    pub totals: Totals,
}

impl Checkpoint {
    /// Whether a process can have counted so far: everything is counted on from here. What a
    /// later version counts is not for this one to say.
    pub(crate) fn is_possible(&self) -> bool {
        let positions = [
            self.sequence,
            self.verdicts,
            self.verdicts_from,
            self.freed,
            self.outbox,
        ];
        let totals = &self.totals;
        let mut counted = totals.rejected.values().chain(&positions);
        self.format > FORMAT
            || totals.kept <= totals.judged
                && totals.judged < POSITION_BOUND
                && counted.all(|number| *number < POSITION_BOUND)
    }
}

/// Work for a thread that may wait for the disk: first write the checkpoint, then remove.
#[derive(Debug, Default)]
pub struct Chores {
    /// To be written.
    pub checkpoint: Option<Checkpoint>,
    /// Files to be removed once it is.
    pub remove: Vec<PathBuf>,
    /// Who may want to keep some of them.
    pub spares: Option<Spares>,
}

impl Chores {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.checkpoint.is_none() && self.remove.is_empty()
    }

    /// More of them: a later checkpoint covers all that an earlier one does.
    pub fn add(&mut self, later: Self) {
        self.checkpoint = later.checkpoint.or_else(|| self.checkpoint.take());
        self.remove.extend(later.remove);
        self.spares = later.spares.or_else(|| self.spares.take());
    }

    /// Logs with a file that could not be removed; those behind it were not tried.
    pub(crate) fn stuck_logs(&self) -> u64 {
        let logs: BTreeSet<_> = self.remove.iter().map(|path| path.parent()).collect();
        logs.len() as u64
    }

    /// First the checkpoint, then the removals it allows; returns what failed, to be done later.
    #[must_use]
    pub fn carry_out(mut self, fs: &dyn FileSystem, directory: &Path) -> Self {
        if let Some(checkpoint) = &self.checkpoint
            && guarded::write(fs, directory, CHECKPOINT, checkpoint).is_err()
        {
            return self; // the files stay, too
        }
        let spares = self.spares.clone();
        let go = |path: &Path| {
            let kept = spares.as_ref().and_then(|spares| spares.keep(fs, path));
            kept.unwrap_or_else(|| fs.remove(path))
        };
        let gone = |path: &PathBuf| match go(path) {
            Err(error) => error.kind() == ErrorKind::NotFound,
            Ok(()) => true,
        };
        self.checkpoint = None;
        // In order, the oldest first: a log with a file missing in its middle looks damaged.
        let mut stuck = BTreeSet::new();
        self.remove.retain(|path| {
            let log = path.parent().map(Path::to_owned);
            let stays = stuck.contains(&log) || !gone(path);
            if stays {
                stuck.insert(log);
            }
            stays
        });
        self
    }
}

/// The checkpoint's file in the data directory, without what ends its name.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// The newest version of the checkpoint's content that this program knows.
pub(super) const FORMAT: u32 = 1;

impl Engine {
    /// What there is to do on the disk.
    pub fn take_chores(&mut self) -> Chores {
        std::mem::take(&mut self.chores)
    }

    /// Segments of the buffer log and the verdict log to be made durable. The outbox is asked by
    /// itself, since asking waits for whoever writes to it.
    pub fn take_dirty(&mut self) -> Vec<Dirty> {
        let mut files = self.log.take_dirty();
        files.extend(self.verdict_log.take_dirty());
        files
    }

    /// Count what went wrong on another thread.
    pub fn count_storage_errors(&mut self, errors: u64) {
        self.storage_errors += errors;
    }

    /// Count spans of requests that were refused before they came here.
    pub fn count_refused(&mut self, spans: Count) {
        self.totals.refused += spans;
    }

    /// The counters as of now.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        assert!(
            self.freed_before <= self.log.end(),
            "only what was written is free"
        );
        Checkpoint {
            format: FORMAT,
            sequence: self.sequence,
            verdicts: self.verdict_log.end(),
            verdicts_from: self.verdict_reader.first().unwrap_or(0),
            freed: self.freed_before,
            outbox: self.outbox.end(),
            uncorrected: self.outbox.owes_correction(),
            received_before: self.received_before(self.freed_before),
            overload: self.levels.lately(self.newest_ms),
            limits: self.limits.clone(),
            totals: self.totals.clone(),
        }
    }

    /// Cut the logs: requests that nothing needs any more, and verdicts that are old.
    pub(crate) fn free_segments(&mut self) {
        let before = self.pins.oldest().unwrap_or_else(|| self.log.active_base());
        // A late span that is not written down yet is in neither counter.
        if !self.late.is_empty() {
            return;
        }
        assert!(before >= self.freed_before, "what is free stays free");
        assert!(before <= self.log.end(), "only what was written is free");
        self.freed_before = before;
        let mut remove = self.log.release_before(before);
        let first = self.log_reader.first();
        assert!(
            self.pins
                .oldest()
                .is_none_or(|oldest| first <= Some(oldest)),
            "what is pinned stays on the disk"
        );
        if remove.is_empty() {
            return;
        }
        remove.extend(self.old_verdicts());
        self.chores.checkpoint = Some(self.checkpoint());
        self.chores.remove.extend(remove);
        self.chores.spares = Some(self.log.spares());
    }

    /// Segments of the verdict log beyond the bound that no request on disk can still need.
    fn old_verdicts(&mut self) -> Vec<PathBuf> {
        let end = self.verdict_log.end();
        let keep_from = end.saturating_sub(self.options.decisions.max_bytes);
        let needed_from = self.verdicts_needed_from();
        assert!(needed_from <= end, "no verdict is needed before it falls");
        self.verdict_log.release_before(keep_from.min(needed_from))
    }

    /// Remember where the verdict log ended when a segment of the buffer log was begun: every
    /// verdict on spans in it stands behind.
    pub(crate) fn note_segment(&mut self, base: u64) {
        self.note_received(base, self.totals.received);
        if self
            .segment_verdicts
            .back()
            .is_none_or(|(newest, _)| *newest < base)
        {
            let newest = self.segment_verdicts.back();
            assert!(
                newest.is_none_or(|(_, end)| *end <= self.verdict_log.end()),
                "the verdict log only grows"
            );
            self.segment_verdicts
                .push_back((base, self.verdict_log.end()));
        }
    }

    /// Remember what had been received when a segment of the buffer log was begun.
    pub(crate) fn note_received(&mut self, base: u64, received: Count) {
        let newest = self.segment_received.back();
        if newest.is_none_or(|(newest, _)| *newest < base) {
            self.segment_received.push_back((base, received));
        }
    }

    /// What had been received before this position of the buffer log, which begins a segment.
    fn received_before(&self, position: u64) -> Option<Count> {
        if position >= self.log.active_base() && self.log.active_base() == self.log.end() {
            return Some(self.totals.received);
        }
        let at = self
            .segment_received
            .partition_point(|(base, _)| *base < position);
        self.segment_received.get(at).map(|(_, received)| *received)
    }

    /// The first verdict that replay of the requests on disk can still need.
    fn verdicts_needed_from(&mut self) -> u64 {
        while self.segment_verdicts.len() > 1 && self.segment_verdicts[1].0 <= self.freed_before {
            self.segment_verdicts.pop_front();
        }
        while self.segment_received.len() > 1 && self.segment_received[1].0 <= self.freed_before {
            self.segment_received.pop_front();
        }
        let oldest = self.segment_verdicts.front();
        assert!(
            oldest.is_some_and(|(base, _)| *base <= self.freed_before),
            "every segment that is left is counted from here"
        );
        oldest.map_or(0, |(_, end)| *end)
    }

    /// Judge early what holds the oldest segment, when the log or the index stands at its bound.
    pub(crate) fn guard_bound(&mut self) {
        let buffer = &self.options.buffer;
        let ahead = 2 * buffer.segment_bytes;
        let log = self.log.bytes() + ahead > buffer.max_bytes;
        let index = self.held_memory_bytes() > buffer.max_index_bytes / 10 * 9;
        if !(log || index) || !self.early.is_empty() {
            return;
        }
        let early = if log {
            Early::BufferFull
        } else {
            Early::IndexFull
        };
        if let Some(oldest) = self.pins.oldest_pin()
            && self.last_early_pin != Some(oldest)
        {
            self.last_early_pin = Some(oldest);
            let slots = self.index.slots(|trace| trace.pin == oldest);
            self.judge_early(&slots, early);
        }
    }

    /// How full the log or the index is, whichever is fuller; from 1 on traces are judged early.
    #[must_use]
    pub fn fill(&self) -> f64 {
        let buffer = &self.options.buffer;
        // What is needed, and not what else is in the files: that goes by itself.
        let end = self.log.end();
        let needed = end - self.pins.oldest().unwrap_or(end).min(end);
        let log = buffer.max_bytes.saturating_sub(3 * buffer.segment_bytes);
        let index = buffer.max_index_bytes / 10 * 9;
        let part = |of: u64, whole: u64| of as f64 / whole.max(1) as f64;
        part(needed, log).max(part(self.held_memory_bytes(), index))
    }

    /// Why there is no room for more, even after judging early; none: there is.
    #[must_use]
    pub fn full(&self) -> Option<RefusalReason> {
        // What nothing needs goes as soon as the next segment begins, so it is no reason to refuse.
        let needed = self.pins.oldest().is_some() || !self.late.is_empty();
        if needed && self.log.bytes() >= self.options.buffer.max_bytes {
            return Some(RefusalReason::BufferFull);
        }
        // The last of the room is for verdicts.
        if self.reserve.is_spent() {
            return Some(RefusalReason::Storage);
        }
        let index = self.held_memory_bytes() >= self.options.buffer.max_index_bytes;
        index.then_some(RefusalReason::IndexFull)
    }
}
