//! The outbox: frames on disk, written by the packer and read by the exporters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::books::{Books, Correction, Survey, total};
use super::exporter::{SettledNote, TakenNote, average};
use super::{Batch, Frame, Settlement};
use crate::clock::Now;
use crate::fs::FileSystem;
use crate::ledger::{Count, Cut};
use crate::log::{Dirty, Entry, Failing, Header, Kind, LogError, LogReader, LogWriter};

/// Bytes a segment, at most and at least. A quarter of the bound, so that a full outbox always has
/// segments that can go once they are settled.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 256 * 1024..=64 * 1024 * 1024;

/// Sizes, for the metrics.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct OutboxStats {
    /// Bytes on disk.
    pub bytes: u64,
    /// Frames some exporter is not done with.
    pub traces: u64,
    /// Notes that could not be written (their batches may be sent again after a restart), and
    /// segments that could not be removed.
    pub storage_errors: u64,
}

/// The outbox. Two locks: one for the file, held while it is written to, and one for the books,
/// held for moments, so that judging never waits for the disk here.
pub struct Outbox {
    log: Mutex<LogWriter>,
    /// Bytes on disk, for those who must not wait for the file.
    bytes: AtomicU64,
    /// Every record written stands before this position; for the same.
    end: AtomicU64,
    reader: LogReader,
    books: Mutex<Books>,
    /// Files that nothing needs any more, once everything written before now is durable.
    removable: Mutex<Vec<PathBuf>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outbox {
    /// Open the outbox in this directory, for these exporters, the primary first; it is to hold
    /// about `max_bytes` at most.
    ///
    /// An exporter that was not there before gets what is kept from now on.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn open(
        fs: Arc<dyn FileSystem>,
        directory: &Path,
        exporters: &[String],
        max_bytes: u64,
    ) -> Result<(Self, Survey), LogError> {
        let segment = (max_bytes / 4).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end());
        let log = LogWriter::open(fs, directory, segment)?;
        let reader = log.reader();
        let (books, survey) = Books::read(&reader, log.end(), exporters)?;
        let outbox = Self {
            bytes: AtomicU64::new(log.bytes()),
            end: AtomicU64::new(log.end()),
            log: Mutex::new(log),
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
                header: header(Kind::Kept, *sequence, frame.sizes.len(), now),
                body,
                body_crc: None,
            })
            .collect();
        let mut positions = Vec::with_capacity(frames.len());
        log.append(&entries, &mut positions)?;
        assert_eq!(positions.len(), frames.len(), "one position a frame");
        self.measure(&log);
        let mut books = held(&self.books);
        for ((sequence, expected, frame), position) in frames.iter().zip(positions) {
            assert!(!books.has_written(*sequence), "one frame a verdict");
            books.pending -= *expected;
            books.add(position, *sequence, frame, now.mono_ns / 1_000_000);
        }
        Ok(())
    }

    /// The next batch for an exporter, oldest first; None if nothing is ready.
    ///
    /// A batch smaller than `max_bytes` is handed out once its oldest frame is `linger_ms` old.
    pub fn take(&self, exporter: &str, max_bytes: u64, linger_ms: u64, now: Now) -> Option<Batch> {
        loop {
            if let Some(batch) = self.next_batch(exporter, max_bytes, linger_ms, now)? {
                return Some(batch);
            }
        }
    }

    /// The next batch; `Some(None)` if nothing of it can be read, and there may be another.
    fn next_batch(
        &self,
        exporter: &str,
        max_bytes: u64,
        linger_ms: u64,
        now: Now,
    ) -> Option<Option<Batch>> {
        let (range, frames, token) = {
            let mut books = held(&self.books);
            let (range, frames) =
                books.next_run(exporter, max_bytes, linger_ms, now.mono_ns / 1_000_000)?;
            books.next_token += 1;
            let token = books.next_token;
            assert!(!frames.is_empty(), "a run has frames");
            let out = &mut books.exporter(exporter)?.out;
            let before = out.insert(token, (range, Count::default()));
            assert!(before.is_none(), "a token names one batch");
            (range, frames, token)
        };
        let mut payload = Vec::new();
        let mut kept = 0;
        let mut unreadable = Count::default();
        for frame in &frames {
            match self.frame(frame.position) {
                Ok(Some(read)) => {
                    kept += read.sizes.len() as u64;
                    payload.extend_from_slice(&read.payload);
                }
                Err(LogError::Io { .. }) if self.is_patient(exporter, now) => {
                    self.give_back(exporter, token, false);
                    return None;
                }
                Ok(None) | Err(_) => unreadable += frame.kept,
            }
        }
        if let Some(exporter) = held(&self.books).exporter(exporter) {
            exporter.failing = None;
        }
        if kept == 0 {
            // Nothing of it can be read: that is what became of it.
            let dropped = BTreeMap::from([("corrupt".to_owned(), unreadable)]);
            let note = SettledNote {
                exporter: exporter.to_owned(),
                range,
                exported: Count::default(),
                dropped,
                again: Count::default(),
            };
            self.note(token, &note, now);
            return Some(None);
        }
        let note = TakenNote {
            exporter: exporter.to_owned(),
            range,
        };
        let noted = self.write_note(&mut held(&self.log), Kind::Taken, &note, now);
        if noted.is_err() {
            // It goes out all the same; should it come again, nobody counts that.
            held(&self.books).storage_errors += 1;
        }
        if !unreadable.is_zero()
            && let Some(exporter) = held(&self.books).exporter(exporter)
        {
            exporter.out.insert(token, (range, unreadable));
        }
        Some(Some(Batch {
            token,
            payload: Bytes::from(payload),
            spans: kept,
            traces: frames.len() as u64,
        }))
    }

    /// A batch was not sent, or its fate is `unsure`: it will be handed out again.
    pub fn give_back(&self, exporter: &str, token: u64, unsure: bool) {
        let mut books = held(&self.books);
        if let Some(exporter) = books.exporter(exporter)
            && let Some((range, _)) = exporter.out.remove(&token)
        {
            exporter.returned.push_back(range);
            if unsure {
                exporter.doubt(range);
            }
        }
    }

    /// A batch is dealt with. False if the exporter does not hold a batch with this token.
    pub fn settle(&self, exporter: &str, token: u64, what: &Settlement, now: Now) -> bool {
        let (range, frames, unreadable, unsure) = {
            let mut books = held(&self.books);
            let Some((range, unreadable)) = books
                .exporter(exporter)
                .and_then(|e| e.out.get(&token).copied())
            else {
                return false;
            };
            let frames = books.run(range);
            let unsure = books.exporter(exporter).map(|e| e.unsure_of(&frames));
            (range, frames, unreadable, unsure.unwrap_or_default())
        };
        let mut sizes = Vec::new();
        // Sizes of single spans are only read where single spans are spoken of.
        if !what.dropped.is_empty() {
            for frame in &frames {
                let read = self.frame(frame.position).ok().flatten();
                sizes.extend(read.into_iter().flat_map(|frame| frame.sizes));
            }
        }
        assert!(!frames.is_empty(), "frames stay until they are settled");
        let all = total(&frames);
        let (exported, dropped) = what.shares(all, unreadable, &sizes);
        let again = average(all, what.again).max(unsure);
        let note = SettledNote {
            exporter: exporter.to_owned(),
            range,
            exported,
            dropped,
            again,
        };
        self.note(token, &note, now);
        true
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
    pub fn stats(&self) -> OutboxStats {
        OutboxStats {
            bytes: self.bytes(),
            ..held(&self.books).stats()
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

    fn frame(&self, position: u64) -> Result<Option<Frame>, LogError> {
        self.reader
            .read(position)
            .map(|record| Frame::decode(&record))
    }

    /// The disk refused to read: whether to try again.
    fn is_patient(&self, exporter: &str, now: Now) -> bool {
        let mut books = held(&self.books);
        books.storage_errors += 1;
        let exporter = books.exporter(exporter);
        exporter.is_some_and(|one| Failing::again(&mut one.failing, now))
    }

    /// Write down that an exporter is done with a batch, then count it and free what can be.
    fn note(&self, token: u64, note: &SettledNote, now: Now) {
        let mut log = held(&self.log);
        let taken = held(&self.books)
            .exporter(&note.exporter)
            .and_then(|e| e.out.remove(&token));
        if taken.is_none() {
            return;
        }
        let written = self.write_note(&mut log, Kind::Settled, note, now).is_ok();
        {
            let mut books = held(&self.books);
            // The backend has it, written down or not; after a restart it may be sent again.
            books.storage_errors += u64::from(!written);
            if !written {
                books.unmarked = Some(now);
            }
            books.settle(note, written);
        }
        self.free(&mut log);
    }

    fn write_note(
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
    fn begin_segment(&self, log: &mut LogWriter, now: Now) -> Result<(), LogError> {
        if log.next_base() != log.end() {
            return Ok(());
        }
        self.mark(log, now)
    }

    /// Write down how far every exporter has come: twice, since all that went before depends on
    /// it, and a flipped bit must not take both.
    fn mark(&self, log: &mut LogWriter, now: Now) -> Result<(), LogError> {
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
    fn free(&self, log: &mut LogWriter) {
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
    fn measure(&self, log: &LogWriter) {
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
        sequence,
        wall_ns: now.wall_ns,
        total: Count::new(0, 0),
    }
}
