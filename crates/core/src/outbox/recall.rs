//! The books are read back from the log.

use std::collections::BTreeMap;

use super::Frame;
use super::books::{Books, Survey, total};
use super::exporter::Exporter;
use super::notes::{Mark, MovedNote, SettledNote, TakenNote};
use crate::clock::Now;
use crate::ledger::Count;
use crate::log::{Kind, LogError, LogReader, Record};
use crate::options::OutboxOptions;

impl Books {
    /// Read the books back, for these exporters, the primary first; the log ends at `end`.
    pub(super) fn read(
        reader: &LogReader,
        end: u64,
        (exporters, options): (&[String], &OutboxOptions),
        now: Now,
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
                            let here = note.ranges().fold(Count::default(), |sum, range| {
                                sum + total(&books.run_of(exporter, range))
                            });
                            *owed = owed.saturating_sub(note.all().saturating_sub(here));
                        }
                        exporter.settle(&note);
                    }
                }
                Kind::Kept => {
                    survey.marks_lost |= !marked;
                    if let Some(frame) = Frame::decode(&record) {
                        let sequence = record.header.sequence;
                        survey.frames.insert(sequence);
                        books.add(record.position, sequence, &frame, since_ms(&record, now));
                    }
                }
                Kind::Moved => {
                    if let (Some(note), Some(frame)) =
                        (MovedNote::of(&record), Frame::decode(&record))
                    {
                        // Of the copy alone it is not known who else is done with it.
                        survey.marks_lost |= !marked;
                        let sequence = record.header.sequence;
                        survey.frames.insert(sequence);
                        let counted = (books.kept, books.malformed, books.missing);
                        books.add(record.position, sequence, &frame, since_ms(&record, now));
                        (books.kept, books.malformed, books.missing) = counted;
                        for exporter in known.values_mut() {
                            if reader.first() > Some(note.from)
                                && note.exporters.contains(&exporter.name)
                                && let Some(owed) = owed.get_mut(&exporter.name)
                            {
                                *owed = owed.saturating_sub(frame.kept());
                            }
                            exporter.moved(&note, record.position);
                        }
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
            (exporter.next, exporter.fresh) = (exporter.done, exporter.done);
            exporter.settled_ms = now.mono_ms();
            exporter.limits = options.exporters.get(name).copied().unwrap_or_default();
            books.exporters.push(exporter);
        }
        books.count();
        Ok((books, survey))
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
