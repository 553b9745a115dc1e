//! One exporter's place in the outbox: what it was handed, what it is done with.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ledger::{Count, ExporterTotals};
use crate::log::{Failing, Record};

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

/// Runs of positions that neither meet nor overlap: from the begin of each to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// Add a run. After a loss of power runs of before and after it may overlap, and only as one
    /// are they found.
    fn cover(&mut self, (mut from, mut to): Range) {
        while let Some((&start, &end)) = self.0.range(..to).next_back()
            && end > from
        {
            self.0.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.0.insert(from, to);
    }

    fn hold(&self, position: u64) -> bool {
        let before = self.0.range(..=position).next_back();
        before.is_some_and(|(_, to)| position < *to)
    }

    /// Forget those that end at or before this position.
    fn forget_before(&mut self, position: u64) {
        self.0.retain(|_, to| *to > position);
    }

    fn to_vec(&self) -> Vec<Range> {
        self.0.iter().map(|(from, to)| (*from, *to)).collect()
    }
}

/// A run of frames, by the positions of the first and of the one behind the last.
pub(super) type Range = (u64, u64);

/// Where a frame stands, and what is known of it without reading it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameRef {
    pub(super) position: u64,
    pub(super) payload_bytes: u32,
    pub(super) kept: Count,
    /// When it came, on the process's clock.
    pub(super) since_ms: u64,
}

/// One exporter.
#[derive(Default)]
pub(super) struct Exporter {
    pub(super) name: String,
    pub(super) totals: ExporterTotals,
    /// Spans in the frames it is not done with.
    pub(super) held: Count,
    /// It is done with every frame before this position.
    pub(super) done: u64,
    /// And with these runs behind it.
    settled: Runs,
    /// Runs that its backend may have, though nobody has said so: they were handed out when an
    /// earlier process died, or given back by who does not know.
    pub(super) unsure: Runs,
    /// The next frame it has not been handed yet.
    pub(super) next: u64,
    /// Runs it gave back, to be handed out again before anything new.
    pub(super) returned: VecDeque<Range>,
    /// Runs it holds, by token, and what of them could not be read.
    pub(super) out: HashMap<u64, (Range, Count)>,
    /// Spans that it was done with, ever, and no note says so: it could not be written.
    pub(super) unnoted: Count,
    /// Its frames cannot be read.
    pub(super) failing: Option<Failing>,
}

/// What a mark at the begin of a segment says of an exporter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ExporterMark {
    pub(super) totals: ExporterTotals,
    pub(super) done: u64,
    pub(super) settled: Vec<Range>,
    /// Spans in the frames before the mark that it is not done with.
    pub(super) held: Count,
    /// Spans that it was done with, ever, and no note says so.
    #[serde(default)]
    pub(super) unnoted: Count,
}

/// What is written down when an exporter is done with a run of frames.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SettledNote {
    pub(super) exporter: String,
    pub(super) range: Range,
    pub(super) exported: Count,
    pub(super) dropped: BTreeMap<String, Count>,
    /// What the backend may have had before.
    #[serde(default)]
    pub(super) again: Count,
}

/// What is written down when an exporter is handed a run of frames, so that the next process knows
/// what was under way when this one died.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TakenNote {
    pub(super) exporter: String,
    pub(super) range: Range,
}

/// Whether a record at `position` can speak of this run: it was there before.
const fn is_behind((from, to): Range, position: u64) -> bool {
    from < to && to <= position
}

impl ExporterMark {
    /// Whether a mark at `position` can say so. Believed, it would hide frames that come later.
    pub(super) fn is_possible(&self, position: u64) -> bool {
        let mut settled = self.settled.iter();
        self.done <= position && settled.all(|run| is_behind(*run, position))
    }
}

impl SettledNote {
    /// The note in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let note: Self = serde_json::from_slice(&record.body).ok()?;
        is_behind(note.range, record.position).then_some(note)
    }
}

impl TakenNote {
    /// The note in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let note: Self = serde_json::from_slice(&record.body).ok()?;
        is_behind(note.range, record.position).then_some(note)
    }
}

impl Exporter {
    pub(super) fn new(name: &str, position: u64) -> Self {
        Self {
            name: name.to_owned(),
            done: position,
            next: position,
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
        let mut exporter = Self {
            name: name.to_owned(),
            totals: mark.totals,
            done: mark.done,
            next: mark.done,
            unnoted: mark.unnoted,
            ..Self::default()
        };
        for range in mark.settled {
            exporter.settled.cover(range);
        }
        exporter
    }

    pub(super) fn mark(&self) -> ExporterMark {
        ExporterMark {
            totals: self.totals.clone(),
            done: self.done,
            settled: self.settled.to_vec(),
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
        self.settled.cover(note.range);
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
