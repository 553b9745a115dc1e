//! The outbox: frames on disk, and every exporter's place among them.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::exporter::{Exporter, ExporterMark, FrameRef, Range, SettledNote};
use super::{Batch, Frame, Settlement};
use crate::clock::Now;
use crate::fs::{File, FileSystem};
use crate::ledger::{Count, Cut};
use crate::log::{Entry, Header, Kind, LogError, LogReader, LogWriter};

/// Bytes a segment.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

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

/// The first record of a segment: everything the segments before it said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    written: u64,
    malformed: Count,
    missing: Count,
    exporters: BTreeMap<String, ExporterMark>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<FrameRef>,
    exporters: Vec<Exporter>,
    /// Kept spans that are not in a frame yet.
    pending: Count,
    malformed: Count,
    missing: Count,
    /// Sequence of the newest frame: every verdict up to here has its frame.
    written: u64,
    next_token: u64,
    storage_errors: u64,
}

/// The outbox. Two locks: one for the file, held while it is written to, and one for the books,
/// held for moments, so that judging never waits for the disk here.
pub struct Outbox {
    log: Mutex<LogWriter>,
    reader: LogReader,
    state: Mutex<State>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
    ) -> Result<Self, LogError> {
        let log = LogWriter::open(fs, directory, SEGMENT_BYTES)?;
        let reader = log.reader();
        let mut state = State::default();
        let mut known: BTreeMap<String, Exporter> = BTreeMap::new();
        let mut records = reader.records(0);
        while let Some(record) = records.next_record()? {
            match record.header.kind {
                Kind::Mark => {
                    let Ok(mark) = serde_json::from_slice::<Mark>(&record.body) else {
                        continue;
                    };
                    (state.written, state.malformed, state.missing) =
                        (mark.written, mark.malformed, mark.missing);
                    known = mark
                        .exporters
                        .into_iter()
                        .map(|(name, mark)| (name.clone(), Exporter::from_mark(&name, mark)))
                        .collect();
                }
                Kind::Settled => {
                    if let Ok(note) = serde_json::from_slice::<SettledNote>(&record.body)
                        && let Some(exporter) = known.get_mut(&note.exporter)
                    {
                        exporter.settle(&note);
                    }
                }
                Kind::Kept => {
                    if let Some(frame) = Frame::decode(&record) {
                        state.add(record.position, record.header.sequence, &frame, 0);
                    }
                }
                _ => {}
            }
        }
        let end = log.end();
        for name in exporters {
            let mut exporter = known
                .remove(name)
                .unwrap_or_else(|| Exporter::new(name, end));
            exporter.advance(&state.frames);
            exporter.next = exporter.done;
            exporter.held = state
                .frames
                .iter()
                .filter(|frame| !exporter.is_done_with(frame.position))
                .fold(Count::default(), |sum, frame| sum + frame.kept);
            state.exporters.push(exporter);
        }
        let outbox = Self {
            log: Mutex::new(log),
            reader,
            state: Mutex::new(state),
        };
        outbox.free(&mut held(&outbox.log));
        Ok(outbox)
    }

    /// The newest verdict, or note on late spans, whose frame is written; 0 if none is.
    #[must_use]
    pub fn written(&self) -> u64 {
        held(&self.state).written
    }

    /// These spans are kept, and will come in a frame.
    pub fn expect(&self, spans: Count) {
        held(&self.state).pending += spans;
    }

    /// Write frames, each with the position of its verdict and the spans that were expected.
    ///
    /// # Errors
    /// [`LogError::Io`]: none of them counts as written; the caller tries again.
    pub fn write(&self, frames: &[(u64, Count, Frame)], now: Now) -> Result<(), LogError> {
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
        let mut state = held(&self.state);
        for ((sequence, expected, frame), position) in frames.iter().zip(positions) {
            state.pending -= *expected;
            let kept = state.add(position, *sequence, frame, now.mono_ns / 1_000_000);
            for exporter in &mut state.exporters {
                exporter.held += kept;
            }
        }
        Ok(())
    }

    /// The next batch for an exporter, oldest first; None if nothing is ready.
    ///
    /// A batch smaller than `max_bytes` is handed out once its oldest frame is `linger_ms` old.
    pub fn take(&self, exporter: &str, max_bytes: u64, linger_ms: u64, now: Now) -> Option<Batch> {
        let (range, frames, token) = {
            let mut state = held(&self.state);
            let (range, frames) =
                state.next_run(exporter, max_bytes, linger_ms, now.mono_ns / 1_000_000)?;
            state.next_token += 1;
            let token = state.next_token;
            state
                .exporter(exporter)?
                .out
                .insert(token, (range, Count::default()));
            (range, frames, token)
        };
        let mut payload = Vec::new();
        let mut kept = 0;
        let mut unreadable = Count::default();
        for frame in &frames {
            match self.frame(frame.position) {
                Some(read) => {
                    kept += read.sizes.len() as u64;
                    payload.extend_from_slice(&read.payload);
                }
                None => unreadable += frame.kept,
            }
        }
        if kept == 0 {
            // Nothing of it can be read: that is what became of it.
            let dropped = BTreeMap::from([("corrupt".to_owned(), unreadable)]);
            self.note(exporter, token, Count::default(), dropped, now);
            return None;
        }
        if !unreadable.is_zero()
            && let Some(exporter) = held(&self.state).exporter(exporter)
        {
            exporter.out.insert(token, (range, unreadable));
        }
        Some(Batch {
            token,
            payload: Bytes::from(payload),
            spans: kept,
            traces: frames.len() as u64,
        })
    }

    /// A batch was not sent, or its fate is unknown: it will be handed out again.
    pub fn give_back(&self, exporter: &str, token: u64) {
        let mut state = held(&self.state);
        if let Some(exporter) = state.exporter(exporter)
            && let Some((range, _)) = exporter.out.remove(&token)
        {
            exporter.returned.push_back(range);
        }
    }

    /// A batch is dealt with. False if the exporter does not hold a batch with this token.
    pub fn settle(&self, exporter: &str, token: u64, what: &Settlement, now: Now) -> bool {
        let (frames, unreadable) = {
            let mut state = held(&self.state);
            let Some((range, unreadable)) = state
                .exporter(exporter)
                .and_then(|e| e.out.get(&token).copied())
            else {
                return false;
            };
            (state.run(range), unreadable)
        };
        let all = frames
            .iter()
            .fold(Count::default(), |sum, frame| sum + frame.kept);
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
        let mut sizes = Vec::new();
        // Sizes of single spans are only read where single spans are spoken of.
        if !what.dropped.is_empty() {
            for frame in &frames {
                sizes.extend(self.frame(frame.position).into_iter().flat_map(|f| f.sizes));
            }
        }
        drop("corrupt", unreadable);
        for (reason, first, count) in &what.dropped {
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
        if what.rejected > 0 {
            // Which ones is not known, so their bytes are those of the average span.
            let spans = what.rejected.min(all.spans);
            let bytes = u128::from(all.bytes) * u128::from(spans) / u128::from(all.spans.max(1));
            drop(
                "backend_rejected",
                Count::new(spans, u64::try_from(bytes).unwrap_or(u64::MAX)),
            );
        }
        dropped.retain(|_, count| !count.is_zero());
        self.note(exporter, token, exported, dropped, now);
        true
    }

    /// Whether anything is held for an exporter, in the outbox or on the way to it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = held(&self.state);
        state.pending.is_zero()
            && state
                .exporters
                .iter()
                .all(|exporter| exporter.held.is_zero())
    }

    /// Fill in what the outbox knows of a cut through the books.
    pub fn cut(&self, cut: &mut Cut) {
        let state = held(&self.state);
        cut.pending = state.pending;
        cut.lost = BTreeMap::from([("malformed", state.malformed), ("corrupt", state.missing)]);
        cut.exporters = state
            .exporters
            .iter()
            .map(|exporter| {
                (
                    exporter.name.clone(),
                    exporter.totals.clone(),
                    exporter.held,
                )
            })
            .collect();
    }

    /// Sizes, for the metrics.
    #[must_use]
    pub fn stats(&self) -> OutboxStats {
        let bytes = held(&self.log).bytes();
        let state = held(&self.state);
        OutboxStats {
            bytes,
            traces: state.frames.len() as u64,
            storage_errors: state.storage_errors,
        }
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        held(&self.log).bytes()
    }

    /// Write to the active segment no more.
    pub fn seal(&self) {
        held(&self.log).seal();
    }

    /// Files to be synced.
    pub fn take_dirty(&self) -> Vec<Arc<dyn File>> {
        held(&self.log).take_dirty()
    }

    fn frame(&self, position: u64) -> Option<Frame> {
        Frame::decode(&self.reader.read(position).ok()?)
    }

    /// Write down that an exporter is done with a batch, then count it and free what can be.
    fn note(
        &self,
        exporter: &str,
        token: u64,
        exported: Count,
        dropped: BTreeMap<String, Count>,
        now: Now,
    ) {
        let mut log = held(&self.log);
        let Some((range, _)) = held(&self.state)
            .exporter(exporter)
            .and_then(|e| e.out.remove(&token))
        else {
            return;
        };
        let note = SettledNote {
            exporter: exporter.to_owned(),
            range,
            exported,
            dropped,
        };
        let written = self.begin_segment(&mut log, now).is_ok() && {
            let body = serde_json::to_vec(&note).unwrap_or_default();
            let header = header(Kind::Settled, 0, 0, now);
            let (body, body_crc) = (&body[..], None);
            let entry = Entry {
                header,
                body,
                body_crc,
            };
            log.append(&[entry], &mut Vec::new()).is_ok()
        };
        {
            let mut state = held(&self.state);
            // The backend has it, written down or not; after a restart it may be sent again.
            state.storage_errors += u64::from(!written);
            let frames = state.run(range);
            let all = frames
                .iter()
                .fold(Count::default(), |sum, frame| sum + frame.kept);
            let State {
                frames, exporters, ..
            } = &mut *state;
            if let Some(exporter) = exporters.iter_mut().find(|e| e.name == exporter) {
                exporter.held -= all;
                exporter.settle(&note);
                exporter.advance(frames);
            }
        }
        self.free(&mut log);
    }

    /// A segment begins with a mark, so that the segments before it can go.
    fn begin_segment(&self, log: &mut LogWriter, now: Now) -> Result<(), LogError> {
        if log.active_base() != log.end() {
            return Ok(());
        }
        let mark = {
            let state = held(&self.state);
            Mark {
                written: state.written,
                malformed: state.malformed,
                missing: state.missing,
                exporters: state
                    .exporters
                    .iter()
                    .map(|e| (e.name.clone(), e.mark()))
                    .collect(),
            }
        };
        let body = serde_json::to_vec(&mark).unwrap_or_default();
        let header = header(Kind::Mark, 0, 0, now);
        let entry = Entry {
            header,
            body: &body,
            body_crc: None,
        };
        log.append(&[entry], &mut Vec::new())
    }

    /// Forget frames that every exporter is done with, and remove the segments before them.
    fn free(&self, log: &mut LogWriter) {
        let mut state = held(&self.state);
        let done = state
            .exporters
            .iter()
            .map(|e| e.done)
            .min()
            .unwrap_or(u64::MAX);
        while state
            .frames
            .front()
            .is_some_and(|frame| frame.position < done)
        {
            state.frames.pop_front();
        }
        let first = state
            .frames
            .front()
            .map_or(log.end(), |frame| frame.position);
        if log.remove_before(first).is_err() {
            state.storage_errors += 1;
        }
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
        mono_ns: now.mono_ns,
    }
}

impl State {
    fn exporter(&mut self, name: &str) -> Option<&mut Exporter> {
        self.exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)
    }

    /// Take a written frame into the books; returns what it holds.
    fn add(&mut self, position: u64, sequence: u64, frame: &Frame, since_ms: u64) -> Count {
        let kept = frame.kept();
        self.malformed += frame.malformed;
        self.missing += frame.missing;
        self.written = sequence;
        if kept.spans > 0 {
            self.frames.push_back(FrameRef {
                position,
                payload_bytes: u32::try_from(frame.payload.len()).unwrap_or(u32::MAX),
                kept,
                since_ms,
            });
        }
        kept
    }

    /// The frames of a run.
    fn run(&self, range: Range) -> Vec<FrameRef> {
        let from = self
            .frames
            .partition_point(|frame| frame.position < range.0);
        let to = self
            .frames
            .partition_point(|frame| frame.position < range.1);
        self.frames.range(from..to).copied().collect()
    }

    /// The next run of frames an exporter is to be handed.
    fn next_run(
        &mut self,
        name: &str,
        max_bytes: u64,
        linger_ms: u64,
        now_ms: u64,
    ) -> Option<(Range, Vec<FrameRef>)> {
        let State {
            frames, exporters, ..
        } = self;
        let exporter = exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)?;
        if let Some(range) = exporter.returned.pop_front() {
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
        let range = (first.position, last.position + 1);
        exporter.next = range.1;
        Some((range, run))
    }
}
