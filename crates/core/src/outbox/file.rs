//! The outbox: frames on disk, written by the packer and read by the exporters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::Frame;
use super::books::{Books, Correction, Survey};
use crate::clock::Now;
use crate::fs::FileSystem;
use crate::ledger::{Count, Cut};
use crate::log::{Dirty, Entry, Header, Kind, LogError, LogReader, LogWriter};
use crate::options::OutboxOptions;
use crate::plan::Plan;

/// Bytes a segment, at most and at least. A sixteenth of the bound, so that a full outbox always
/// has segments that can go.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 8 * 1024..=64 * 1024 * 1024;

/// Bytes copied for one that is written, at most: four are what it takes if three quarters of the
/// log are waited for.
const COPIES: u64 = 8;

/// A segment may have one run in so many bytes: twice in marks, of a dozen bytes, they take about a
/// sixteenth of it.
const RUN_BYTES: u64 = 400;

/// Sizes, for the metrics.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OutboxStats {
    /// Bytes on disk.
    pub bytes: u64,
    /// Frames some exporter is not done with.
    pub traces: u64,
    /// Notes that could not be written (their batches may be sent again after a restart), and
    /// segments that could not be removed.
    pub storage_errors: u64,
    /// Frames that were copied to the end of the log, since the start.
    pub moved: u64,
    /// Segments that went before a mark said what had become of their frames, to make room for it.
    /// Should the process die before that, some of what was sent is sent again.
    pub unmarked: u64,
    /// What is held for single exporters.
    pub exporters: BTreeMap<String, ExporterStats>,
}

/// What the outbox holds for one exporter.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ExporterStats {
    /// Bytes on disk.
    pub bytes: u64,
    /// At which frames are given up.
    pub max_bytes: u64,
    /// How long the frame at the begin of its backlog has waited.
    pub oldest_seconds: f64,
}

/// The outbox. Two locks: one for the file, held while it is written to, and one for the books,
/// held for moments, so that judging never waits for the disk here.
pub struct Outbox {
    pub(super) log: Mutex<LogWriter>,
    /// About as large as the log may become.
    pub(super) max_bytes: u64,
    /// Runs that marks may name, of all exporters together: so many take a sixteenth of a segment.
    pub(super) most_runs: usize,
    /// Bytes that may be copied for what was written; a full log is emptied without.
    pub(super) credit: AtomicU64,
    /// Bytes on disk, for those who must not wait for the file.
    pub(super) bytes: AtomicU64,
    /// Every record written stands before this position; for the same.
    end: AtomicU64,
    reader: LogReader,
    pub(super) books: Mutex<Books>,
    /// Files that nothing needs any more, once everything written before now is durable.
    removable: Mutex<Vec<PathBuf>>,
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outbox {
    /// Open the outbox in this directory, for these exporters, the primary first.
    ///
    /// An exporter that was not there before gets what is kept from now on.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(
        fs: Arc<dyn FileSystem>,
        directory: &Path,
        exporters: &[String],
        options: &OutboxOptions,
        now: Now,
    ) -> Result<(Self, Survey), LogError> {
        let max_bytes = options.max_bytes;
        let segment = (max_bytes / 16).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        let log = LogWriter::open(fs, directory, segment)?;
        let reader = log.reader();
        let (books, survey) = Books::read(&reader, log.end(), (exporters, options), now)?;
        let outbox = Self {
            credit: AtomicU64::new(max_bytes),
            bytes: AtomicU64::new(log.bytes()),
            end: AtomicU64::new(log.end()),
            log: Mutex::new(log),
            max_bytes,
            most_runs: usize::try_from(segment / RUN_BYTES).unwrap_or(usize::MAX),
            reader,
            books: Mutex::new(books),
            removable: Mutex::default(),
        };
        outbox.free(&mut held(&outbox.log));
        Ok((outbox, survey))
    }

    /// Put right what the books say of one exporter, and write it down, since what tells of it may
    /// be gone at the next start.
    pub(crate) fn correct(&self, corrections: &BTreeMap<String, Correction>, now: Now) {
        if corrections.is_empty() {
            return;
        }
        let mut log = held(&self.log);
        held(&self.books).correct(corrections);
        if self.mark(&mut log, now).is_err() {
            let mut books = held(&self.books);
            (books.uncorrected, books.storage_errors) = (true, books.storage_errors + 1);
        }
    }

    /// Whether the books were put right and nothing on the disk says so: the next start has to do
    /// it again.
    pub(crate) fn owes_correction(&self) -> bool {
        held(&self.books).uncorrected
    }

    /// The names of the rules that frames may have been kept by.
    pub fn learn(&self, plan: &Plan) {
        let mut books = held(&self.books);
        let names = || plan.rules.iter().map(|rule| rule.name.clone()).collect();
        books.policies.entry(plan.version).or_insert_with(names);
    }

    /// The plans by which the frames were kept that are in it.
    pub(crate) fn plans(&self) -> std::collections::BTreeSet<u32> {
        held(&self.books).frames.iter().map(|f| f.plan).collect()
    }

    /// Files that nothing needs any more. They may be removed once everything that was written
    /// before this call is durable: the marks that speak for them, and the verdicts.
    ///
    /// A settlement that could not be noted needs a mark that speaks for it. While a full disk
    /// refuses that, too, one file goes at a time, to make room for it.
    pub fn take_removable(&self) -> Vec<PathBuf> {
        let marked = self.make_up();
        let mut removable = held(&self.removable);
        if marked {
            return std::mem::take(&mut *removable);
        }
        let first = removable.len().min(1);
        held(&self.books).unmarked_segments += first as u64;
        removable.drain(..first).collect()
    }

    /// Whether settlements without a note are in want of a mark.
    pub(crate) fn owes_mark(&self) -> bool {
        held(&self.books).unmarked.is_some()
    }

    /// Write the mark that settlements without a note are in want of; false if it cannot be.
    pub(crate) fn make_up(&self) -> bool {
        let mut log = held(&self.log);
        let unmarked = held(&self.books).unmarked;
        unmarked.is_none_or(|at| self.mark(&mut log, at).is_ok())
    }

    /// A reader of the outbox, for any thread.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// The newest verdict, or note on late spans, whose frame is written; 0 if none is.
    #[must_use]
    pub fn written(&self) -> u64 {
        held(&self.books).written
    }

    /// Whether the frame of this verdict, or note on late spans, is written.
    #[must_use]
    pub fn has_written(&self, sequence: u64) -> bool {
        held(&self.books).has_written(sequence)
    }

    /// The frames of these verdicts are lost, and come again. A segment that begins before they do
    /// must not speak for them.
    pub(crate) fn owe(&self, sequences: impl Iterator<Item = u64>) {
        held(&self.books).owe(sequences);
    }

    /// These spans are kept, and will come in a frame.
    pub fn expect(&self, spans: Count) {
        held(&self.books).pending += spans;
    }

    /// Write frames, each with the position of its verdict and the spans that were expected.
    ///
    /// # Errors
    /// [`LogError::Io`]: none of them counts as written; the caller tries again.
    pub fn write(&self, frames: &[(u64, Count, Frame)], now: Now) -> Result<(), LogError> {
        assert!(!frames.is_empty(), "there is something to write");
        let mut log = held(&self.log);
        self.begin_segment(&mut log, now)?;
        let mut bodies = Vec::with_capacity(frames.len());
        for (_, _, frame) in frames {
            let mut body = Vec::with_capacity(64 + frame.sizes.len() * 4 + frame.payload.len());
            frame.encode(&mut body);
            bodies.push(body);
        }
        let entries: Vec<_> = frames
            .iter()
            .zip(&bodies)
            .map(|((sequence, _, frame), body)| Entry {
                header: Header {
                    tenant: frame.tenant,
                    plan: frame.plan,
                    rank: frame.rank,
                    ..header(Kind::Kept, *sequence, frame.sizes.len(), now)
                },
                body,
                body_crc: None,
            })
            .collect();
        let mut positions = Vec::with_capacity(frames.len());
        log.append(&entries, &mut positions)?;
        assert_eq!(positions.len(), frames.len(), "one position a frame");
        let written: u64 = bodies.iter().map(|body| body.len() as u64).sum();
        let credit = self.credit.load(Ordering::Relaxed);
        let credit = credit.saturating_add(COPIES * written).min(self.max_bytes);
        self.credit.store(credit, Ordering::Relaxed);
        self.measure(&log);
        let mut books = held(&self.books);
        for ((sequence, expected, frame), position) in frames.iter().zip(positions) {
            assert!(!books.has_written(*sequence), "one frame a verdict");
            books.pending -= *expected;
            books.add(position, *sequence, frame, now.mono_ms());
        }
        Ok(())
    }

    /// Whether anything is held for an exporter, in the outbox or on the way to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        held(&self.books).is_empty()
    }

    /// Fill in what the outbox knows of a cut through the books.
    pub fn cut(&self, cut: &mut Cut) {
        held(&self.books).cut(cut);
    }

    /// Sizes, for the metrics.
    #[must_use]
    pub fn stats(&self, now: Now) -> OutboxStats {
        OutboxStats {
            bytes: self.bytes(),
            ..held(&self.books).stats(now, self.max_bytes)
        }
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Where what was written so far ends: a position that the log never falls behind, unless the
    /// disk loses something.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Whether somebody writes to it at this moment.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.log.try_lock().is_err()
    }

    /// Segments to be made durable.
    pub fn take_dirty(&self) -> Vec<Dirty> {
        held(&self.log).take_dirty()
    }

    pub(super) fn frame(&self, position: u64) -> Result<Option<Frame>, LogError> {
        self.read(position).map(|(_, frame)| frame)
    }

    pub(super) fn read(&self, position: u64) -> Result<(Header, Option<Frame>), LogError> {
        let record = self.reader.read(position)?;
        Ok((record.header, Frame::decode(&record)))
    }

    pub(super) fn write_note(
        &self,
        log: &mut LogWriter,
        kind: Kind,
        note: &impl Serialize,
        now: Now,
    ) -> Result<(), LogError> {
        self.begin_segment(log, now)?;
        let body = serde_json::to_vec(note).unwrap_or_default();
        let entry = Entry {
            header: header(kind, 0, 0, now),
            body: &body,
            body_crc: None,
        };
        log.append(&[entry], &mut Vec::new())?;
        self.measure(log);
        Ok(())
    }

    /// A segment begins with a mark, so that the segments before it can go.
    pub(super) fn begin_segment(&self, log: &mut LogWriter, now: Now) -> Result<(), LogError> {
        if log.next_base() != log.end() {
            return Ok(());
        }
        self.mark(log, now)
    }

    /// Write down how far every exporter has come: twice, since all that went before depends on
    /// it, and a flipped bit must not take both.
    pub(super) fn mark(&self, log: &mut LogWriter, now: Now) -> Result<(), LogError> {
        let mark = held(&self.books).mark();
        let body = serde_json::to_vec(&mark).unwrap_or_default();
        let entry = Entry {
            header: header(Kind::Mark, 0, 0, now),
            body: &body,
            body_crc: None,
        };
        let mut positions = Vec::with_capacity(2);
        log.append(&[entry, entry], &mut positions)?;
        self.measure(log);
        let mut books = held(&self.books);
        assert_eq!(positions.len(), 2, "a mark stands twice");
        assert!(books.marked <= positions[0], "marks stand in order");
        (books.unmarked, books.marked) = (None, positions[0]);
        books.uncorrected = false;
        Ok(())
    }

    /// Forget frames that every exporter is done with, and the segments before them. A segment may
    /// be there in which a dying process did not come to write its mark: it speaks for no other.
    pub(super) fn free(&self, log: &mut LogWriter) {
        let (oldest, marked) = {
            let mut books = held(&self.books);
            (books.forget(), books.marked)
        };
        assert!(marked <= log.end(), "a mark stands in the log");
        let end = log.end();
        assert!(oldest.is_none_or(|at| at < end), "so does every frame");
        let released = log.release_before(oldest.unwrap_or(u64::MAX).min(marked));
        self.bytes.store(log.bytes(), Ordering::Relaxed);
        held(&self.removable).extend(released);
    }

    /// Tell how large the log is, after a write that went well.
    pub(super) fn measure(&self, log: &LogWriter) {
        assert!(self.end() <= log.end(), "the log never falls behind");
        self.bytes.store(log.bytes(), Ordering::Relaxed);
        self.end.store(log.end(), Ordering::Relaxed);
    }
}

const fn header(kind: Kind, sequence: u64, count: usize, now: Now) -> Header {
    Header {
        kind,
        tenant: 0,
        plan: 0,
        count: count as u32,
        rank: 0,
        sequence,
        wall_ns: now.wall_ns,
        total: Count::new(0, 0),
    }
}
