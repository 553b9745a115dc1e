//! The verdict log: every verdict, and every late span, is written down here before it has any
//! effect. Replay, late spans after a restart, and `explain` read it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{LATE_BYTES, LateSpans, VERDICT_BYTES, Verdict};
use crate::clock::Now;
use crate::fs::FileSystem;
use crate::ledger::Count;
use crate::log::{
    Dirty, Entry, HEADER_BYTES, Header, Kind, LogError, LogReader, LogWriter, Record,
};
use crate::wire::TraceId;

/// Bytes a segment: small enough that retention is smooth.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// One record of the verdict log. Every entry has a position of its own; positions only grow, so
/// the last one that took effect says which ones did.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Verdicts, each with its position.
    Verdicts(Vec<(u64, Verdict)>),
    /// Late spans, each with its position.
    Late(Vec<(u64, LateSpans)>),
}

/// What is written down with every record: how far the gateway had come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The last request before it.
    pub sequence: u64,
    /// Everything received by then.
    pub received: Count,
    /// When.
    pub now: Now,
}

/// The verdict log.
pub struct VerdictLog {
    log: LogWriter,
    body: Vec<u8>,
    positions: Vec<u64>,
}

impl VerdictLog {
    /// Open the log in this directory.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn open(fs: Arc<dyn FileSystem>, directory: &Path) -> Result<Self, LogError> {
        Ok(Self {
            log: LogWriter::open(fs, directory, SEGMENT_BYTES)?,
            body: Vec::new(),
            positions: Vec::new(),
        })
    }

    /// A reader for any thread.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.log.reader()
    }

    /// Where the next record will stand.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.log.end()
    }

    /// Begin no record before `position`; see [`LogWriter::skip_to`].
    pub(crate) fn skip_to(&mut self, position: u64) {
        self.log.skip_to(position);
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Write down verdicts, `durable` before this returns if so asked; yields their positions.
    ///
    /// # Errors
    /// [`LogError::Io`]: none of them was written.
    pub fn append_verdicts(
        &mut self,
        verdicts: &[Verdict],
        context: Context,
        durable: bool,
    ) -> Result<impl Iterator<Item = u64> + Clone + use<>, LogError> {
        self.body.clear();
        for verdict in verdicts {
            verdict.encode(&mut self.body);
        }
        assert_eq!(self.body.len(), verdicts.len() * VERDICT_BYTES);
        let first = self.append(Kind::Verdicts, verdicts.len(), context, durable)?;
        Ok((0..verdicts.len() as u64).map(move |at| first + at * VERDICT_BYTES as u64))
    }

    /// Write down late spans, `durable` before this returns if so asked; yields their positions.
    ///
    /// # Errors
    /// [`LogError::Io`]: none of them was written.
    pub fn append_late(
        &mut self,
        late: &[LateSpans],
        context: Context,
        durable: bool,
    ) -> Result<impl Iterator<Item = u64> + Clone + use<>, LogError> {
        self.body.clear();
        for spans in late {
            spans.encode(&mut self.body);
        }
        assert_eq!(self.body.len(), late.len() * LATE_BYTES);
        let first = self.append(Kind::Late, late.len(), context, durable)?;
        Ok((0..late.len() as u64).map(move |at| first + at * LATE_BYTES as u64))
    }

    fn append(
        &mut self,
        kind: Kind,
        count: usize,
        context: Context,
        durable: bool,
    ) -> Result<u64, LogError> {
        let header = Header {
            kind,
            tenant: 0,
            plan: 0,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            rank: 0,
            sequence: context.sequence,
            wall_ns: context.now.wall_ns,
            total: context.received,
        };
        assert!(count > 0, "a record has entries");
        let before = self.log.end();
        self.positions.clear();
        let entry = Entry {
            header,
            body: &self.body,
            body_crc: None,
        };
        self.log.next_base();
        self.log.append(&[entry], &mut self.positions)?;
        assert_eq!(self.positions.len(), 1, "one position a record");
        assert!(
            self.positions[0] >= before,
            "the last verdict that took effect stands last"
        );
        if durable {
            self.log.sync_or_take_back(self.positions[0])?;
        }
        let first = self.positions[0] + HEADER_BYTES as u64;
        assert_eq!(
            first + self.body.len() as u64,
            self.log.end(),
            "every entry stands in the log"
        );
        Ok(first)
    }

    /// The verdict at this position, if it is that trace's.
    ///
    /// # Errors
    /// [`LogError`]: the segment is gone, or the disk refused.
    pub fn read(
        reader: &LogReader,
        position: u64,
        trace_id: &TraceId,
    ) -> Result<Option<Verdict>, LogError> {
        let mut bytes = [0; VERDICT_BYTES];
        reader.read_bytes(position, &mut bytes)?;
        let verdict = Verdict::decode(&bytes);
        Ok(verdict.filter(|verdict| verdict.trace_id == *trace_id))
    }

    /// The entries of a record that are whole; None if it is of another kind.
    #[must_use]
    pub fn decode(record: &Record) -> Option<Batch> {
        let first = record.position + HEADER_BYTES as u64;
        let at = |index: usize, size: usize| {
            let behind = first + ((index + 1) * size) as u64;
            assert!(behind <= record.end(), "an entry stands within its record");
            behind - size as u64
        };
        match record.header.kind {
            Kind::Verdicts => {
                let (entries, _) = record.body.as_chunks::<VERDICT_BYTES>();
                let verdicts = entries.iter().enumerate();
                Some(Batch::Verdicts(
                    verdicts
                        .filter_map(|(i, bytes)| {
                            Some((at(i, VERDICT_BYTES), Verdict::decode(bytes)?))
                        })
                        .collect(),
                ))
            }
            Kind::Late => {
                let (entries, _) = record.body.as_chunks::<LATE_BYTES>();
                let late = entries.iter().enumerate();
                Some(Batch::Late(
                    late.filter_map(|(i, bytes)| {
                        Some((at(i, LATE_BYTES), LateSpans::decode(bytes)?))
                    })
                    .collect(),
                ))
            }
            _ => None,
        }
    }

    /// Forget segments that end at or before `position`; the caller removes the files.
    pub fn release_before(&mut self, position: u64) -> Vec<PathBuf> {
        let released = self.log.release_before(position);
        assert!(
            self.log.bytes() > 0 || released.is_empty(),
            "the newest verdicts stay"
        );
        released
    }

    /// Segments to be made durable.
    pub fn take_dirty(&mut self) -> Vec<Dirty> {
        self.log.take_dirty()
    }
}
