//! The books are read back from the log.

use std::collections::BTreeMap;

use super::Frame;
use super::books::{Books, Survey, total};
use super::exporter::Exporter;
use super::notes::{ExporterMark, Mark, MovedNote, SettledNote, TakenNote};
use super::runs::Runs;
use crate::clock::Now;
use crate::ledger::Count;
use crate::log::{Kind, LogError, LogReader, Record};
use crate::options::OutboxOptions;

/// The books, as far as they are read.
#[derive(Default)]
struct Recall {
    books: Books,
    survey: Survey,
    /// Where the oldest segment begins.
    first: Option<u64>,
    now: Now,
    marked: bool,
    known: BTreeMap<String, Exporter>,
    /// What the backends may have, by exporter; marks say nothing of it.
    unsure: BTreeMap<String, Runs>,
    /// Spans that exporters were not done with, in frames that are nowhere so far: they stood
    /// before the oldest segment.
    owed: BTreeMap<String, Count>,
}

impl Recall {
    fn record(&mut self, record: &Record) {
        match record.header.kind {
            Kind::Mark => {
                if let Some(mark) = Mark::of(record) {
                    self.mark(mark, record.position);
                }
            }
            Kind::Settled => {
                if let Some(note) = SettledNote::of(record) {
                    self.settled(&note);
                }
            }
            Kind::Kept => {
                if let Some(frame) = Frame::decode(record) {
                    self.frame(record, &frame);
                }
            }
            Kind::Moved => {
                if let (Some(note), Some(frame)) = (MovedNote::of(record), Frame::decode(record)) {
                    self.moved(&note, record, &frame);
                }
            }
            Kind::Taken => {
                if let Some(note) = TakenNote::of(record) {
                    self.unsure
                        .entry(note.exporter)
                        .or_default()
                        .cover(note.range);
                }
            }
            Kind::Filler => self.survey.repaired = true,
            _ => {}
        }
    }

    /// A mark says everything that the records before it said, whether they are there or not. That
    /// the first one stands behind frames, since damage took the one before them, changes nothing.
    fn mark(&mut self, mark: Mark, position: u64) {
        if !self.marked {
            self.survey.removed = mark.written;
        }
        // What a later mark lacks was lost after the first one was written.
        self.survey.holes.extend(&mark.holes);
        let books = &mut self.books;
        books.marked = position;
        (books.written, books.kept) = (mark.written, mark.kept);
        (books.malformed, books.missing) = (mark.malformed, mark.missing);
        books.too_large = mark.cut;
        let before = std::mem::take(&mut self.known);
        for (name, mark) in mark.exporters {
            let exporter = self.exporter(&name, mark, before.get(&name));
            self.known.insert(name, exporter);
        }
        self.marked = true;
    }

    fn exporter(&mut self, name: &str, mark: ExporterMark, before: Option<&Exporter>) -> Exporter {
        let (frames, held) = (&self.books.frames, mark.held);
        let exporter = Exporter::from_mark(name, mark);
        let here = exporter.held_of(frames);
        // What a note should have said, and only this mark does.
        let (was_here, unnoted) = before.map_or((here, Count::default()), |before| {
            let unnoted = exporter.unnoted.saturating_sub(before.unnoted);
            (before.held_of(frames), unnoted)
        });
        let owed = self.owed.entry(name.to_owned()).or_default();
        let left = held.saturating_sub(here);
        if !self.marked {
            *owed = left;
        }
        // Of a frame that was moved, the old place may be all that damage has left: the mark does
        // not count it as held there.
        let moves_lost = !left.saturating_sub(*owed).is_zero();
        self.survey.frames_lost |= moves_lost || held + unnoted != was_here + *owed;
        // Notes may be lost that said more; of frames behind the first mark nothing is owed.
        *owed = left.min(*owed);
        exporter
    }

    fn settled(&mut self, note: &SettledNote) {
        let Some(exporter) = self.known.get_mut(&note.exporter) else {
            return;
        };
        if let Some(owed) = self.owed.get_mut(&note.exporter) {
            let here = note.ranges().fold(Count::default(), |sum, range| {
                sum + total(&self.books.run_of(exporter, range))
            });
            *owed = owed.saturating_sub(note.all().saturating_sub(here));
        }
        exporter.settle(note);
    }

    fn frame(&mut self, record: &Record, frame: &Frame) {
        let sequence = record.header.sequence;
        self.survey.frames.insert(sequence);
        self.survey.most_tenant = self.survey.most_tenant.max(frame.tenant);
        let since_ms = since_ms(record, self.now);
        self.books.add(record.position, sequence, frame, since_ms);
    }

    fn moved(&mut self, note: &MovedNote, record: &Record, frame: &Frame) {
        let books = &self.books;
        let (kept, malformed) = (books.kept, books.malformed);
        let (missing, too_large) = (books.missing, books.too_large);
        self.frame(record, frame);
        let books = &mut self.books;
        (books.kept, books.malformed) = (kept, malformed);
        (books.missing, books.too_large) = (missing, too_large);
        for (name, exporter) in &mut self.known {
            if self.first > Some(note.from)
                && note.exporters.contains(name)
                && let Some(owed) = self.owed.get_mut(name)
            {
                *owed = owed.saturating_sub(frame.kept());
            }
            exporter.moved(note, record.position);
        }
        for name in &note.unsure {
            let unsure = self.unsure.entry(name.clone()).or_default();
            unsure.cover((record.position, record.position + 1));
        }
    }

    /// The log ends: what is missing?
    fn finish(&mut self) {
        let survey = &mut self.survey;
        // A segment goes when a mark stands behind it: one that is not there was lost with others.
        let begins_later = self.first > Some(0);
        survey.marks_lost = !self.marked && (begins_later || !survey.frames.is_empty());
        if self.owed.values().any(|owed| !owed.is_zero()) {
            // A segment is removed when all exporters are done with it, so this one was lost.
            survey.frames_lost = true;
            survey.removed = 0;
        }
        if survey.marks_lost && self.first != Some(0) {
            // Nothing says whether the segments before were removed or lost.
            let first = survey.frames.iter().min();
            survey.perhaps_removed = first.map_or(0, |first| first.saturating_sub(1));
        }
    }
}

impl Books {
    /// Read the books back, for these exporters, the primary first; the log ends at `end`.
    pub(super) fn read(
        reader: &LogReader,
        end: u64,
        (exporters, options): (&[String], &OutboxOptions),
        now: Now,
    ) -> Result<(Self, Survey), LogError> {
        let mut recall = Recall {
            first: reader.first(),
            now,
            ..Recall::default()
        };
        let mut records = reader.records(0);
        while let Some(record) = records.next_record()? {
            recall.record(&record);
        }
        recall.survey.damage.extend_from_slice(records.damage());
        recall.finish();
        let (mut books, marked) = (recall.books, recall.marked);
        // Without any mark nobody's place is known. Sent twice is better than not at all.
        for name in exporters {
            let mut exporter = recall.known.remove(name).unwrap_or_else(|| {
                if marked {
                    Exporter::added(name, end, books.kept)
                } else {
                    Exporter::new(name, 0)
                }
            });
            exporter.unsure = recall.unsure.remove(name).unwrap_or_default();
            exporter.advance(&books.frames);
            (exporter.next, exporter.fresh) = (exporter.done, exporter.done);
            exporter.settled_ms = now.mono_ms();
            exporter.limits = options.exporters.get(name).copied().unwrap_or_default();
            books.exporters.push(exporter);
        }
        books.count();
        Ok((books, recall.survey))
    }

    /// Count what is held for whom.
    fn count(&mut self) {
        let Self {
            frames, exporters, ..
        } = self;
        for frame in frames {
            for exporter in &mut *exporters {
                if !exporter.is_done_with(frame.position) {
                    frame.wanted += 1;
                    exporter.held += frame.kept;
                    exporter.bytes += frame.bytes();
                }
            }
            self.wanted_bytes += if frame.wanted > 0 { frame.bytes() } else { 0 };
        }
    }
}

/// When a frame came, on the clock of this process. That the wall clock was set back meanwhile
/// makes none come in the future.
fn since_ms(record: &Record, now: Now) -> i64 {
    let age_ms = now.wall_ns.saturating_sub(record.header.wall_ns) / 1_000_000;
    now.mono_ms().saturating_sub_unsigned(age_ms)
}
