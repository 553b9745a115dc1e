//! The books of the outbox: what stands in it, and how far every exporter has come.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::bounds::wanted_bound;
use super::exporter::{Exporter, FrameRef};
use super::notes::{Mark, MovedNote, SettledNote, TakenNote};
use super::runs::Range;
use super::{ExporterStats, Frame, OutboxStats};
use crate::clock::Now;
use crate::ledger::{Count, Cut, TOO_LARGE};
use crate::log::{Damage, Kind, Record};

/// What was found while the books were read back, for the start of the engine.
#[derive(Debug, Default)]
pub struct Survey {
    /// Bytes that are no records.
    pub damage: Vec<Damage>,
    /// Frames stand before any mark: what was said of exporters before them is lost.
    pub marks_lost: bool,
    /// A mark speaks of frames that are not there.
    pub frames_lost: bool,
    /// Damage was made harmless by a repair.
    pub repaired: bool,
    /// Frames of verdicts up to this one stood in segments that were removed, all dealt with.
    pub removed: u64,
    /// And so it may have been up to this one, but the mark that would say so is lost.
    pub perhaps_removed: u64,
    /// But for these, whose frames damage took, and that were not packed again by then.
    pub holes: BTreeSet<u64>,
    /// The largest number of a tenant in any frame.
    pub most_tenant: u16,
    /// Every frame by the position of its verdict, or of its note on late spans.
    pub frames: HashSet<u64>,
}

/// Whether a record of the outbox says what a record of its kind must.
#[must_use]
pub(crate) fn is_sound(record: &Record) -> bool {
    match record.header.kind {
        Kind::Mark => Mark::of(record).is_some(),
        Kind::Settled => SettledNote::of(record).is_some(),
        Kind::Taken => TakenNote::of(record).is_some(),
        Kind::Moved if MovedNote::of(record).is_none() => false,
        Kind::Kept | Kind::Moved => Frame::decode(record)
            .is_some_and(|frame| frame.sizes.len() == record.header.count as usize),
        _ => true,
    }
}

/// What the books of one exporter lack or have too much of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Correction {
    /// Received, and found nowhere.
    pub(crate) uncounted: Count,
    /// Accounted for twice.
    pub(crate) restored: Count,
}

/// Every frame that some exporter is not done with, and the place of each exporter among them.
#[derive(Default)]
pub(super) struct Books {
    pub(super) frames: VecDeque<FrameRef>,
    pub(super) exporters: Vec<Exporter>,
    /// Bytes on disk of the frames that some exporter is not done with.
    pub(super) wanted_bytes: u64,
    /// Frames that stand before this position are no live ones any more.
    pub(super) live_from: u64,
    /// The names of the rules of every plan that frames were kept by.
    pub(super) policies: HashMap<u32, Vec<String>>,
    /// Kept spans that are not in a frame yet.
    pub(super) pending: Count,
    /// Spans in all frames that were ever written.
    pub(super) kept: Count,
    pub(super) malformed: Count,
    pub(super) missing: Count,
    /// Spans cut from traces that were too large.
    pub(super) too_large: Count,
    /// Sequence of the newest frame: every verdict up to here has its frame, or stands in `holes`.
    pub(super) written: u64,
    pub(super) holes: BTreeSet<u64>,
    pub(super) next_token: u64,
    pub(super) storage_errors: u64,
    /// Frames that were copied to the end of the log.
    pub(super) moves: u64,
    /// Segments that went before a mark could be written.
    pub(super) unmarked_segments: u64,
    /// The books were put right, and no mark says so yet.
    pub(super) uncorrected: bool,
    /// Where the newest mark stands: segments before its own may go, and no others.
    pub(super) marked: u64,
    /// When a settlement could not be noted, since the last mark.
    pub(super) unmarked: Option<Now>,
}

/// The spans of these frames.
pub(super) fn total(frames: &[FrameRef]) -> Count {
    let counts = frames.iter().map(|frame| frame.kept);
    counts.fold(Count::default(), |sum, count| sum + count)
}

impl Books {
    /// Put right the books of single exporters.
    pub(super) fn correct(&mut self, corrections: &BTreeMap<String, Correction>) {
        for exporter in &mut self.exporters {
            let Some(correction) = corrections.get(&exporter.name) else {
                continue;
            };
            exporter.totals.restored += correction.restored;
            let (lacking, twice) = (correction.uncounted, correction.restored);
            assert!(
                lacking.min(twice).is_zero(),
                "books lack something, or have too much of it"
            );
            if !correction.uncounted.is_zero() {
                let dropped = &mut exporter.totals.dropped;
                *dropped.entry("uncounted".to_owned()).or_default() += correction.uncounted;
            }
        }
    }

    /// What the next segment begins with.
    pub(super) fn mark(&self) -> Mark {
        assert!(
            self.holes.last().is_none_or(|last| *last <= self.written),
            "only a frame that was due is owed"
        );
        Mark {
            written: self.written,
            holes: self.holes.clone(),
            kept: self.kept,
            malformed: self.malformed,
            missing: self.missing,
            cut: self.too_large,
            exporters: self
                .exporters
                .iter()
                .map(|e| (e.name.clone(), e.mark()))
                .collect(),
        }
    }

    /// Whether nothing is held for any exporter, nor on the way to it.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_zero() && self.exporters.iter().all(|e| e.held.is_zero())
    }

    /// Fill in what the outbox knows of a cut through the books.
    pub(super) fn cut(&self, cut: &mut Cut) {
        cut.pending = self.pending;
        cut.lost = BTreeMap::from([("malformed", self.malformed), ("corrupt", self.missing)]);
        if !self.too_large.is_zero() {
            cut.lost.insert(TOO_LARGE, self.too_large);
        }
        cut.exporters = self
            .exporters
            .iter()
            .map(|e| (e.name.clone(), e.totals.clone(), e.held))
            .collect();
    }

    /// Sizes, of which the file's is not known here.
    pub(super) fn stats(&self, now: Now, max_bytes: u64) -> OutboxStats {
        let of = |exporter: &Exporter| {
            let oldest = self.frames.get(self.index_of(exporter.done));
            let since_ms = oldest.map_or(now.mono_ms(), |frame| frame.since_ms);
            ExporterStats {
                bytes: exporter.bytes,
                max_bytes: exporter.limits.max_bytes.unwrap_or(wanted_bound(max_bytes)),
                oldest_seconds: now.mono_ms().saturating_sub(since_ms) as f64 / 1e3,
            }
        };
        OutboxStats {
            bytes: 0,
            traces: self.frames.iter().filter(|frame| frame.wanted > 0).count() as u64,
            storage_errors: self.storage_errors,
            moved: self.moves,
            unmarked: self.unmarked_segments,
            exporters: self
                .exporters
                .iter()
                .map(|exporter| (exporter.name.clone(), of(exporter)))
                .collect(),
        }
    }

    pub(super) fn exporter(&mut self, name: &str) -> Option<&mut Exporter> {
        self.exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)
    }

    /// Take a written frame into the books.
    pub(super) fn add(&mut self, position: u64, sequence: u64, frame: &Frame, since_ms: i64) {
        let kept = frame.kept();
        self.kept += kept;
        self.malformed += frame.malformed;
        self.missing += frame.missing;
        self.too_large += frame.cut;
        self.written = self.written.max(sequence);
        self.holes.remove(&sequence);
        if kept.spans == 0 {
            return;
        }
        self.push(FrameRef {
            position,
            sequence,
            since_ms,
            kept,
            payload_bytes: u32::try_from(frame.payload.len()).unwrap_or(u32::MAX),
            plan: frame.plan,
            rank: u16::try_from(frame.rank).unwrap_or(u16::MAX),
            wanted: self.exporters.len() as u16,
            tenant: frame.tenant,
        });
        let bytes = self.frames.back().map_or(0, FrameRef::bytes);
        for exporter in &mut self.exporters {
            exporter.held += kept;
            exporter.bytes += bytes;
        }
        self.wanted_bytes += if self.exporters.is_empty() { 0 } else { bytes };
    }

    /// Take a frame into the list.
    pub(super) fn push(&mut self, frame: FrameRef) {
        let newest = self.frames.back();
        assert!(
            newest.is_none_or(|newest| newest.position < frame.position),
            "frames stand in order"
        );
        self.frames.push_back(frame);
    }

    /// A frame was copied to the end of the log; those who are done with it stay so.
    pub(super) fn moved(&mut self, note: &MovedNote, position: u64) {
        let from = self.index_of(note.from);
        let old = self.frames.get_mut(from);
        let old = old.filter(|frame| frame.position == note.from);
        assert!(old.is_some(), "what is moved was there");
        if let Some(old) = old {
            let new = FrameRef { position, ..*old };
            assert_eq!(
                usize::from(new.wanted),
                note.exporters.len(),
                "it is moved for those who want it"
            );
            old.wanted = 0;
            self.push(new);
            self.moves += 1;
        }
        let Self {
            frames, exporters, ..
        } = self;
        for exporter in exporters {
            exporter.moved(note, position);
            exporter.advance(frames);
        }
    }

    /// Frames of these verdicts are lost, and are to be written again.
    pub(super) fn owe(&mut self, sequences: impl Iterator<Item = u64>) {
        assert!(self.holes.is_empty(), "what is lost is asked for once");
        let written = self.written;
        self.holes = sequences.filter(|one| *one <= written).collect();
    }

    /// Whether the frame of this verdict is written.
    pub(super) fn has_written(&self, sequence: u64) -> bool {
        sequence <= self.written && !self.holes.contains(&sequence)
    }

    /// An exporter is done with a run of frames, and whether that is `written` down.
    pub(super) fn settle(&mut self, note: &SettledNote, written: bool) {
        assert!(
            note.ranges().all(|range| range.0 < range.1),
            "a run has frames"
        );
        let at = self.exporters.iter().position(|e| e.name == note.exporter);
        assert!(at.is_some(), "who settles was handed something");
        let Some(at) = at else { return };
        let (mut all, mut bytes) = (Count::default(), 0);
        for range in note.ranges() {
            let (from, to) = (self.index_of(range.0), self.index_of(range.1));
            for frame in self.frames.range_mut(from..to) {
                if self.exporters[at].is_done_with(frame.position) {
                    continue;
                }
                all += frame.kept;
                bytes += frame.bytes();
                frame.wanted -= 1;
                self.wanted_bytes -= if frame.wanted == 0 { frame.bytes() } else { 0 };
            }
        }
        let shares = note.all();
        assert_eq!(
            shares.min(all),
            shares,
            "no more is settled than was handed out"
        );
        let exporter = &mut self.exporters[at];
        exporter.held -= all;
        exporter.bytes -= bytes;
        if !written {
            exporter.unnoted += all;
        }
        exporter.settle(note);
        for range in note.ranges() {
            exporter.join(&self.frames, range);
        }
        exporter.advance(&self.frames);
    }

    /// Forget frames that every exporter is done with; the position of the oldest one left.
    pub(super) fn forget(&mut self) -> Option<u64> {
        let done = self.exporters.iter().map(|e| e.done).min();
        let done = done.unwrap_or(u64::MAX);
        while self
            .frames
            .front()
            .is_some_and(|frame| frame.position < done)
        {
            let gone = self.frames.pop_front();
            let mut exporters = self.exporters.iter();
            assert!(
                gone.is_none_or(|gone| exporters.all(|e| e.is_done_with(gone.position))),
                "no frame goes that somebody is in want of"
            );
        }
        self.frames.front().map(|frame| frame.position)
    }

    /// Where the first frame stands in the list that stands in the log at or behind a position.
    pub(super) fn index_of(&self, position: u64) -> usize {
        self.frames.partition_point(|f| f.position < position)
    }

    /// Where these frames stand, as runs that have nothing between them: a note speaks for itself.
    /// Were it to cover what other notes say, one of those that is lost would not be missed.
    pub(super) fn runs_of(&self, frames: &[FrameRef]) -> Vec<Range> {
        let mut runs: Vec<Range> = Vec::new();
        let mut next = None;
        for frame in frames {
            let index = self.index_of(frame.position);
            match runs.last_mut() {
                Some(run) if next == Some(index) => run.1 = frame.position + 1,
                _ => runs.push((frame.position, frame.position + 1)),
            }
            next = Some(index + 1);
        }
        runs
    }

    /// The frames of a run that an exporter is not done with.
    pub(super) fn run_of(&self, exporter: &Exporter, range: Range) -> Vec<FrameRef> {
        let (from, to) = (self.index_of(range.0), self.index_of(range.1));
        let open = self.frames.range(from..to);
        let open = open.filter(|frame| !exporter.is_done_with(frame.position));
        open.copied().collect()
    }

    /// The same, for an exporter by name.
    pub(super) fn run(&self, exporter: &str, range: Range) -> Vec<FrameRef> {
        let exporter = self.exporters.iter().find(|e| e.name == exporter);
        exporter.map_or_else(Vec::new, |exporter| self.run_of(exporter, range))
    }
}
