//! What is written down beside the frames: how far every exporter has come, and what moved.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Frame;
use super::runs::{Range, Runs};
use crate::ledger::{Count, ExporterTotals};
use crate::log::{Kind, POSITION_BOUND, Record};

/// The first record of a segment: everything the segments before it said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) written: u64,
    /// Verdicts before that one whose frames are not written all the same.
    #[serde(default)]
    pub(super) holes: BTreeSet<u64>,
    pub(super) kept: Count,
    pub(super) malformed: Count,
    pub(super) missing: Count,
    #[serde(default)]
    pub(super) cut: Count,
    pub(super) exporters: BTreeMap<String, ExporterMark>,
}

/// What a mark at the begin of a segment says of an exporter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ExporterMark {
    pub(super) totals: ExporterTotals,
    pub(super) done: u64,
    /// Runs that it is done with behind that; only earlier versions write them so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) settled: Vec<Range>,
    /// The same, in steps from `done` on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<u64>,
    /// Spans in the frames before the mark that it is not done with.
    pub(super) held: Count,
    /// Spans that it was done with, ever, and no note says so.
    #[serde(default)]
    pub(super) unnoted: Count,
}

/// What is written down when an exporter is done with some frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SettledNote {
    pub(super) exporter: String,
    pub(super) range: Range,
    /// Other runs: what stands between them is spoken of elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) more: Vec<Range>,
    pub(super) exported: Count,
    pub(super) dropped: BTreeMap<String, Count>,
    /// What the backend may have had before.
    #[serde(default)]
    pub(super) again: Count,
    /// Of the dropped ones, those that were given up at a bound, by policy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) given_up: BTreeMap<String, Count>,
}

/// What is written down when an exporter is handed a run of frames, so that the next process knows
/// what was under way when this one died.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TakenNote {
    pub(super) exporter: String,
    pub(super) range: Range,
}

/// What stands before a frame that was copied to the end of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MovedNote {
    /// Where it stood.
    pub(super) from: u64,
    /// Exporters that were not done with it.
    pub(super) exporters: Vec<String>,
    /// Of these, those whose backends may have it: what says so may be gone with the old place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unsure: Vec<String>,
}

/// Whether a record at `position` can speak of this run: it was there before.
const fn is_behind((from, to): Range, position: u64) -> bool {
    from < to && to <= position
}

impl Mark {
    /// The mark in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let mark: Self = serde_json::from_slice(&record.body).ok()?;
        let mut exporters = mark.exporters.values();
        let possible = mark.written < POSITION_BOUND
            && exporters.all(|exporter| exporter.is_possible(record.position));
        possible.then_some(mark)
    }
}

impl ExporterMark {
    /// Whether a mark at `position` can say so. Believed, it would hide frames that come later.
    fn is_possible(&self, position: u64) -> bool {
        let mut settled = self.settled.iter();
        self.done <= position
            && settled.all(|run| is_behind(*run, position))
            && Runs::of_steps(self.done, &self.steps, position).is_some()
    }

    /// The runs that it is done with behind `done`.
    pub(super) fn runs(&self) -> Vec<Range> {
        let steps = Runs::of_steps(self.done, &self.steps, u64::MAX).unwrap_or_default();
        [self.settled.clone(), steps].concat()
    }
}

impl SettledNote {
    /// The note in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let note: Self = serde_json::from_slice(&record.body).ok()?;
        let mut ranges = note.ranges();
        let possible = ranges.all(|range| is_behind(range, record.position));
        drop(ranges);
        possible.then_some(note)
    }

    /// Have it speak of these runs; None if there are none.
    pub(super) fn set_ranges(&mut self, runs: Vec<Range>) -> Option<()> {
        let mut runs = runs.into_iter();
        self.range = runs.next()?;
        self.more = runs.collect();
        Some(())
    }

    /// Every run it speaks of.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range> {
        std::iter::once(self.range).chain(self.more.iter().copied())
    }

    /// All spans it speaks of.
    pub(super) fn all(&self) -> Count {
        let dropped = self.dropped.values();
        dropped.fold(self.exported, |sum, count| sum + *count)
    }
}

impl TakenNote {
    /// The note in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let note: Self = serde_json::from_slice(&record.body).ok()?;
        is_behind(note.range, record.position).then_some(note)
    }
}

impl MovedNote {
    /// The note in a record, if one can say so that stands there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let (note, _) = split(&record.body)?;
        let note: Self = serde_json::from_slice(note).ok()?;
        (note.from < record.position).then_some(note)
    }

    /// The note, with the frame behind it.
    pub(super) fn encode(&self, frame: &Frame) -> Vec<u8> {
        let note = serde_json::to_vec(self).unwrap_or_default();
        let mut body = Vec::with_capacity(4 + note.len() + frame.payload.len() + 64);
        body.extend_from_slice(&(note.len() as u32).to_le_bytes());
        body.extend_from_slice(&note);
        frame.encode(&mut body);
        body
    }
}

/// The note before a moved frame, and the frame.
fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// The bytes of a frame in a record.
pub(super) fn frame_bytes(record: &Record) -> Option<&[u8]> {
    match record.header.kind {
        Kind::Moved => split(&record.body).map(|(_, frame)| frame),
        _ => Some(&record.body),
    }
}
