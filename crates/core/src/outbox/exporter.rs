//! One exporter's place in the outbox: what it was handed, what it is done with.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use super::frame::disk_bytes;
use super::notes::{ExporterMark, MovedNote, SettledNote};
use super::runs::{Range, Runs};
use crate::ledger::{Count, ExporterTotals};
use crate::log::Failing;
use crate::options::Limits;

/// Kept spans, ready to be sent as one `ExportTraceServiceRequest`.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Names the batch when it is settled or given back; one use.
    pub token: u64,
    /// The serialized request.
    pub payload: Bytes,
    /// Spans in it.
    pub spans: u64,
    /// Frames in it: traces, or late parts of traces.
    pub traces: u64,
    /// Whose the first of them is, as the logs number tenants; for an exporter that tells them
    /// apart, whose all are.
    pub tenant: u16,
}

/// What became of a batch: every span is exported but those named here.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// Reason, position of the first span in the payload, and how many.
    pub dropped: Vec<(String, u64, u64)>,
    /// Spans the backend refused without saying which.
    pub rejected: u64,
    /// Spans that an earlier try may have brought to the backend already.
    pub again: u64,
}

impl Settlement {
    /// Of `all` spans of a batch, those that are exported, and those dropped, by reason.
    /// `unreadable` ones were not in the payload; `sizes` are those of the spans that were, known
    /// only if single ones are spoken of.
    pub(super) fn shares(
        &self,
        all: Count,
        unreadable: Count,
        sizes: &[u32],
    ) -> (Count, BTreeMap<String, Count>) {
        assert_eq!(
            unreadable.min(all),
            unreadable,
            "a part is not more than all"
        );
        let mut exported = all;
        let mut dropped: BTreeMap<String, Count> = BTreeMap::new();
        let mut drop = |reason: &str, count: Count| {
            let count = Count::new(
                count.spans.min(exported.spans),
                count.bytes.min(exported.bytes),
            );
            exported -= count;
            *dropped.entry(reason.to_owned()).or_default() += count;
        };
        drop("corrupt", unreadable);
        for (reason, first, count) in &self.dropped {
            let from = usize::try_from(*first)
                .unwrap_or(usize::MAX)
                .min(sizes.len());
            let count = usize::try_from(*count)
                .unwrap_or(usize::MAX)
                .min(sizes.len() - from);
            let bytes = sizes[from..from + count]
                .iter()
                .map(|&size| u64::from(size))
                .sum();
            drop(reason, Count::new(count as u64, bytes));
        }
        if self.rejected > 0 {
            drop("backend_rejected", average(all, self.rejected));
        }
        let shares = dropped.values().fold(exported, |sum, count| sum + *count);
        assert_eq!(
            shares, all,
            "every span is exported, or dropped for one reason"
        );
        dropped.retain(|_, count| !count.is_zero());
        (exported, dropped)
    }
}

/// So many of these spans. Which ones is not known, so their bytes are those of the average span.
pub(super) fn average(all: Count, spans: u64) -> Count {
    let spans = spans.min(all.spans);
    let bytes = u128::from(all.bytes) * u128::from(spans) / u128::from(all.spans.max(1));
    Count::new(spans, u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// Where a frame stands, and what is known of it without reading it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameRef {
    pub(super) position: u64,
    /// Of its verdict, or of its note on late spans: its age among others, wherever it stands.
    pub(super) sequence: u64,
    /// When it came, on the process's clock; below zero if that was before its begin.
    pub(super) since_ms: i64,
    pub(super) kept: Count,
    pub(super) payload_bytes: u32,
    /// The plan its trace was judged by.
    pub(super) plan: u32,
    /// Of the rule that kept it, counted from the end of the chain, from 1; 0 if not known.
    pub(super) rank: u16,
    /// Exporters that are not done with it.
    pub(super) wanted: u16,
    /// Whose it is.
    pub(super) tenant: u16,
}

impl FrameRef {
    pub(super) const fn bytes(&self) -> u64 {
        disk_bytes(self.kept.spans, self.payload_bytes)
    }

    /// The lower, the sooner it is given up. What is not known may be anything.
    pub(super) const fn importance(&self) -> u16 {
        match self.rank {
            0 => u16::MAX,
            rank => rank,
        }
    }
}

/// One exporter.
#[derive(Default)]
pub(super) struct Exporter {
    pub(super) name: String,
    pub(super) totals: ExporterTotals,
    /// Spans in the frames it is not done with.
    pub(super) held: Count,
    /// Bytes on disk of these frames.
    pub(super) bytes: u64,
    pub(super) limits: Limits,
    /// It is done with every frame before this position.
    pub(super) done: u64,
    /// And with these runs behind it.
    pub(super) settled: Runs,
    /// Runs that its backend may have, though nobody has said so: they were handed out when an
    /// earlier process died, or given back by who does not know.
    pub(super) unsure: Runs,
    /// Every frame of the backlog before this one it was handed, or is done with.
    pub(super) next: u64,
    /// And every live frame before this one.
    pub(super) fresh: u64,
    /// Bytes of the backlog, and of live frames, that it was handed since both wait.
    pub(super) shares: (u64, u64),
    /// Runs it holds, by token, and what of them could not be read.
    pub(super) out: HashMap<u64, (Range, Count)>,
    /// Frames that are about to be given up, or moved: nobody is handed them.
    pub(super) leaving: Runs,
    /// When it last was done with a batch, or the process began.
    pub(super) settled_ms: i64,
    /// When it was last looked whether frames are too old.
    pub(super) looked_ms: Option<i64>,
    /// Spans that it was done with, ever, and no note says so: it could not be written.
    pub(super) unnoted: Count,
    /// Its frames cannot be read.
    pub(super) failing: Option<Failing>,
}

impl Exporter {
    pub(super) fn new(name: &str, position: u64) -> Self {
        Self {
            name: name.to_owned(),
            done: position,
            next: position,
            fresh: position,
            ..Self::default()
        }
    }

    /// One that was not there before: what was kept until now is not for it, and its books say so.
    pub(super) fn added(name: &str, position: u64, kept: Count) -> Self {
        let mut exporter = Self::new(name, position);
        if !kept.is_zero() {
            let reason = "before_exporter".to_owned();
            exporter.totals.dropped.insert(reason, kept);
        }
        exporter
    }

    pub(super) fn from_mark(name: &str, mark: ExporterMark) -> Self {
        let runs = mark.runs();
        let mut exporter = Self {
            name: name.to_owned(),
            totals: mark.totals,
            done: mark.done,
            next: mark.done,
            fresh: mark.done,
            unnoted: mark.unnoted,
            ..Self::default()
        };
        for range in runs {
            exporter.settled.cover(range);
        }
        exporter
    }

    pub(super) fn mark(&self) -> ExporterMark {
        ExporterMark {
            totals: self.totals.clone(),
            done: self.done,
            settled: Vec::new(),
            steps: self.settled.to_steps(self.done),
            held: self.held,
            unnoted: self.unnoted,
        }
    }

    /// Spans in those of the frames that it is not done with.
    pub(super) fn held_of(&self, frames: &VecDeque<FrameRef>) -> Count {
        let open = frames.iter().filter(|f| !self.is_done_with(f.position));
        open.fold(Count::default(), |sum, frame| sum + frame.kept)
    }

    /// Whether it is done with the frame at this position.
    pub(super) fn is_done_with(&self, position: u64) -> bool {
        position < self.done || self.settled.hold(position)
    }

    /// Whether nobody works on the frame at this position, and somebody has to.
    pub(super) fn is_free(&self, position: u64) -> bool {
        let mut out = self.out.values();
        !self.is_done_with(position)
            && !self.leaving.hold(position)
            && !out.any(|(range, _)| (range.0..range.1).contains(&position))
    }

    /// The frame at this position was copied to the end of the log.
    pub(super) fn moved(&mut self, note: &MovedNote, position: u64) {
        let (old, new) = ((note.from, note.from + 1), (position, position + 1));
        if !note.exporters.contains(&self.name) {
            self.settled.cover(new);
            return;
        }
        if note.unsure.contains(&self.name) {
            self.doubt(new);
        }
        self.settled.cover(old);
    }

    /// Its backend may have the frames of this run.
    pub(super) fn doubt(&mut self, range: Range) {
        self.unsure.cover(range);
    }

    /// Spans in those of the frames that its backend may have already.
    pub(super) fn unsure_of(&self, frames: &[FrameRef]) -> Count {
        let unsure = frames.iter().filter(|f| self.unsure.hold(f.position));
        unsure.fold(Count::default(), |sum, frame| sum + frame.kept)
    }

    /// Count a run of frames as dealt with. Whether the run stands in `held` is the caller's
    /// business: during replay it does not yet.
    pub(super) fn settle(&mut self, note: &SettledNote) {
        self.totals.exported += note.exported;
        self.totals.exported_again += note.again;
        for (reason, count) in &note.dropped {
            *self.totals.dropped.entry(reason.clone()).or_default() += *count;
        }
        for (policy, count) in &note.given_up {
            *self.totals.given_up.entry(policy.clone()).or_default() += *count;
        }
        for range in note.ranges() {
            self.settled.cover(range);
        }
    }

    /// Where a settled run meets others but for other records, they are one: marks name it shorter.
    pub(super) fn join(&mut self, frames: &VecDeque<FrameRef>, range: Range) {
        let (from, to) = (
            frames.partition_point(|frame| frame.position < range.0),
            frames.partition_point(|frame| frame.position < range.1),
        );
        let before = from.checked_sub(1).and_then(|index| frames.get(index));
        let before = before.filter(|frame| self.settled.hold(frame.position));
        let behind = frames.get(to);
        let behind = behind.filter(|frame| self.settled.hold(frame.position));
        let run = (
            before.map_or(range.0, |frame| frame.position),
            behind.map_or(range.1, |frame| frame.position + 1),
        );
        if run != range {
            self.settled.cover(run);
        }
    }

    /// Move `done` past every frame it is done with. Other records stand between frames, so only
    /// the list of frames tells that two settled runs meet.
    pub(super) fn advance(&mut self, frames: &VecDeque<FrameRef>) {
        let before = self.done;
        let from = frames.partition_point(|frame| frame.position < self.done);
        for frame in frames.range(from..) {
            if !self.is_done_with(frame.position) {
                break;
            }
            self.done = frame.position + 1;
        }
        let done = self.done;
        assert!(done >= before, "what is done stays done");
        self.settled.forget_before(done);
        self.unsure.forget_before(done);
    }
}
