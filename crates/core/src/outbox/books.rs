//! The books of the outbox: what stands in it, and how far every exporter has come.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::exporter::{Exporter, ExporterMark, FrameRef, Range, SettledNote, TakenNote};
use super::{Frame, OutboxStats};
use crate::clock::Now;
use crate::ledger::{Count, Cut};
use crate::log::{Damage, Kind, LogError, LogReader, POSITION_BOUND, Record};

/// The first record of a segment: everything the segments before it said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    written: u64,
    /// Verdicts before that one whose frames are not written all the same.
    #[serde(default)]
    holes: BTreeSet<u64>,
    kept: Count,
    malformed: Count,
    missing: Count,
    exporters: BTreeMap<String, ExporterMark>,
}

impl Mark {
    /// The mark in a record, if one can say so that stands there.
    fn of(record: &Record) -> Option<Self> {
        let mark: Self = serde_json::from_slice(&record.body).ok()?;
        let mut exporters = mark.exporters.values();
        let possible = mark.written < POSITION_BOUND
            && exporters.all(|exporter| exporter.is_possible(record.position));
        possible.then_some(mark)
    }
}

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
        Kind::Kept => Frame::decode(record)
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
    frames: VecDeque<FrameRef>,
    exporters: Vec<Exporter>,
    /// Kept spans that are not in a frame yet.
    pub(super) pending: Count,
    /// Spans in all frames that were ever written.
    kept: Count,
    malformed: Count,
    missing: Count,
    /// Sequence of the newest frame: every verdict up to here has its frame, or stands in `holes`.
    pub(super) written: u64,
    holes: BTreeSet<u64>,
    pub(super) next_token: u64,
    pub(super) storage_errors: u64,
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
    /// Read the books back, for these exporters, the primary first; the log ends at `end`.
    pub(super) fn read(
        reader: &LogReader,
        end: u64,
        exporters: &[String],
    ) -> Result<(Self, Survey), LogError> {
        let mut books = Self::default();
        let mut survey = Survey::default();
        let mut known: BTreeMap<String, Exporter> = BTreeMap::new();
        let mut records = reader.records(0);
        let mut marked = false;
        // Spans that exporters were not done with, in frames before the oldest segment.
        let mut owed: BTreeMap<String, Count> = BTreeMap::new();
        while let Some(record) = records.next_record()? {
            match record.header.kind {
                Kind::Mark => {
                    let Some(mark) = Mark::of(&record) else {
                        continue;
                    };
                    if !marked && survey.frames.is_empty() {
                        survey.removed = mark.written;
                        survey.holes.clone_from(&mark.holes);
                        let exporters = mark.exporters.iter();
                        owed = exporters.map(|(name, e)| (name.clone(), e.held)).collect();
                    }
                    books.marked = record.position;
                    (books.written, books.kept) = (mark.written, mark.kept);
                    (books.malformed, books.missing) = (mark.malformed, mark.missing);
                    marked = true;
                    let before = std::mem::take(&mut known);
                    for (name, mark) in mark.exporters {
                        let held = mark.held;
                        let mut exporter = Exporter::from_mark(&name, mark);
                        if let Some(before) = before.get(&name) {
                            exporter.unsure = before.unsure.clone();
                        }
                        let here = exporter.held_of(&books.frames);
                        // What a note should have said, and only this mark does.
                        let (was_here, unnoted) =
                            before.get(&name).map_or((here, Count::default()), |e| {
                                let unnoted = exporter.unnoted.saturating_sub(e.unnoted);
                                (e.held_of(&books.frames), unnoted)
                            });
                        let owed = owed.entry(name.clone()).or_default();
                        survey.frames_lost |= held + unnoted != was_here + *owed;
                        *owed = owed
                            .saturating_sub(unnoted.saturating_sub(was_here.saturating_sub(here)));
                        known.insert(name, exporter);
                    }
                }
                Kind::Settled => {
                    if let Some(note) = SettledNote::of(&record)
                        && let Some(exporter) = known.get_mut(&note.exporter)
                    {
                        if let Some(owed) = owed.get_mut(&note.exporter) {
                            let here = total(&books.run(note.range));
                            let dropped = note.dropped.values();
                            let all = dropped.fold(note.exported, |sum, count| sum + *count);
                            *owed = owed.saturating_sub(all.saturating_sub(here));
                        }
                        exporter.settle(&note);
                    }
                }
                Kind::Kept => {
                    survey.marks_lost |= !marked;
                    if let Some(frame) = Frame::decode(&record) {
                        let sequence = record.header.sequence;
                        survey.frames.insert(sequence);
                        books.add(record.position, sequence, &frame, 0);
                    }
                }
                Kind::Taken => {
                    if let Some(note) = TakenNote::of(&record)
                        && let Some(exporter) = known.get_mut(&note.exporter)
                    {
                        exporter.doubt(note.range);
                    }
                }
                Kind::Filler => survey.repaired = true,
                _ => {}
            }
        }
        survey.damage.extend_from_slice(records.damage());
        if owed.values().any(|owed| !owed.is_zero()) {
            // A segment is removed when all exporters are done with it, so this one was lost.
            survey.frames_lost = true;
            survey.removed = 0;
        }
        if survey.marks_lost && reader.first() != Some(0) {
            // Nothing says whether the segments before were removed or lost.
            let first = survey.frames.iter().min();
            survey.perhaps_removed = first.map_or(0, |first| first.saturating_sub(1));
        }
        // Without any mark nobody's place is known. Sent twice is better than not at all.
        for name in exporters {
            let mut exporter = known.remove(name).unwrap_or_else(|| {
                if marked {
                    Exporter::added(name, end, books.kept)
                } else {
                    Exporter::new(name, 0)
                }
            });
            exporter.advance(&books.frames);
            exporter.next = exporter.done;
            exporter.held = exporter.held_of(&books.frames);
            books.exporters.push(exporter);
        }
        Ok((books, survey))
    }

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
        cut.exporters = self
            .exporters
            .iter()
            .map(|e| (e.name.clone(), e.totals.clone(), e.held))
            .collect();
    }

    /// Sizes, of which the file's is not known here.
    pub(super) fn stats(&self) -> OutboxStats {
        OutboxStats {
            bytes: 0,
            traces: self.frames.len() as u64,
            storage_errors: self.storage_errors,
        }
    }

    pub(super) fn exporter(&mut self, name: &str) -> Option<&mut Exporter> {
        self.exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)
    }

    /// Take a written frame into the books.
    pub(super) fn add(&mut self, position: u64, sequence: u64, frame: &Frame, since_ms: u64) {
        let kept = frame.kept();
        self.kept += kept;
        self.malformed += frame.malformed;
        self.missing += frame.missing;
        self.written = self.written.max(sequence);
        self.holes.remove(&sequence);
        if kept.spans == 0 {
            return;
        }
        let newest = self.frames.back();
        assert!(
            newest.is_none_or(|newest| newest.position < position),
            "frames stand in order"
        );
        self.frames.push_back(FrameRef {
            position,
            payload_bytes: u32::try_from(frame.payload.len()).unwrap_or(u32::MAX),
            kept,
            since_ms,
        });
        for exporter in &mut self.exporters {
            exporter.held += kept;
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
        assert!(note.range.0 < note.range.1, "a run has frames");
        let all = total(&self.run(note.range));
        let shares = note.dropped.values();
        let shares = shares.fold(note.exported, |sum, count| sum + *count);
        assert_eq!(
            shares.min(all),
            shares,
            "no more is settled than was handed out"
        );
        let Self {
            frames, exporters, ..
        } = self;
        let exporter = exporters.iter_mut().find(|e| e.name == note.exporter);
        assert!(exporter.is_some(), "who settles was handed something");
        if let Some(exporter) = exporter {
            exporter.held -= all;
            if !written {
                exporter.unnoted += all;
            }
            exporter.settle(note);
            exporter.advance(frames);
        }
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

    /// The frames of a run.
    pub(super) fn run(&self, range: Range) -> Vec<FrameRef> {
        let from = self
            .frames
            .partition_point(|frame| frame.position < range.0);
        let to = self
            .frames
            .partition_point(|frame| frame.position < range.1);
        self.frames.range(from..to).copied().collect()
    }

    /// The next run of frames an exporter is to be handed.
    pub(super) fn next_run(
        &mut self,
        name: &str,
        max_bytes: u64,
        linger_ms: u64,
        now_ms: u64,
    ) -> Option<(Range, Vec<FrameRef>)> {
        let Self {
            frames, exporters, ..
        } = self;
        let exporter = exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)?;
        if let Some(range) = exporter.returned.pop_front() {
            assert!(
                range.1 <= exporter.next,
                "only what was handed out comes back"
            );
            return Some((range, self.run(range)));
        }
        let from = frames.partition_point(|frame| frame.position < exporter.next);
        let mut bytes = 0;
        let mut run = Vec::new();
        for frame in frames.range(from..) {
            if exporter.is_done_with(frame.position) {
                // Only after a restart: an earlier run was given back, a later one settled.
                if run.is_empty() {
                    continue;
                }
                break;
            }
            bytes += u64::from(frame.payload_bytes);
            if bytes > max_bytes && !run.is_empty() {
                break;
            }
            run.push(*frame);
        }
        let (first, last) = (run.first()?, run.last()?);
        if bytes < max_bytes && now_ms.saturating_sub(first.since_ms) < linger_ms {
            return None;
        }
        assert!(
            !exporter.is_done_with(first.position),
            "nothing settled is handed out"
        );
        let range = (first.position, last.position + 1);
        assert!(exporter.next < range.1, "nothing is handed out twice");
        exporter.next = range.1;
        Some((range, run))
    }
}
