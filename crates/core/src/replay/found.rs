//! What a start found on the disk.

use serde::Serialize;

use crate::ledger::Count;
use crate::log::{Damage, LogReader};

/// What a start found on the disk: what came back, and what did not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// Requests read.
    pub requests: u64,
    /// Spans held again.
    pub held_spans: u64,
    /// Verdicts read.
    pub verdicts: u64,
    /// Kept traces whose frames are packed again.
    pub repacked: u64,
    /// How long it took.
    pub took_s: f64,
    /// Spans that were acknowledged and cannot be read any more.
    pub lost: Lost,
    /// Spans in records that this program cannot work on, left alone.
    pub quarantined: Count,
    /// Spans that are accounted for twice, since the verdict on them was lost.
    pub restored: Count,
    /// Spans whose fate is not known any more.
    pub uncounted: Count,
    /// Bytes of the logs that are no records.
    pub damage: Vec<Spot>,
    /// Kept traces of which neither a frame nor a request is left.
    #[serde(skip)]
    pub(crate) vanished: u64,
    /// What else is wrong with the directory, in sentences.
    pub notes: Vec<String>,
}

/// Spans that were acknowledged and cannot be read any more.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Lost {
    /// How many.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Requests they came in.
    pub requests: u64,
}

/// Damage, and where to look at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// `buffer`, `verdicts` or `outbox`.
    pub log: &'static str,
    /// The segment.
    pub path: String,
    /// Where it begins, as a position of the log.
    pub position: u64,
    /// How many bytes.
    pub bytes: u64,
    /// It reaches to the end of its segment: a write that a crash cut short.
    pub at_end: bool,
    /// And nothing else can have made it.
    #[serde(skip)]
    pub(crate) cut_short: bool,
}

impl Spot {
    /// A write that a crash cut short, and nothing else: no damage.
    #[must_use]
    pub const fn is_torn_tail(&self) -> bool {
        self.at_end && self.cut_short
    }
}

impl Found {
    /// Most spots that are told one by one; a disk may be damaged all over.
    const SPOTS: usize = 1_000;

    pub(crate) fn add_damage(&mut self, log: &'static str, reader: &LogReader, damage: &[Damage]) {
        let room = Self::SPOTS.saturating_sub(self.damage.len());
        self.damage.extend(damage.iter().take(room).map(|one| Spot {
            log,
            path: reader.path_of(one.position),
            position: one.position,
            bytes: one.bytes,
            at_end: one.at_end,
            cut_short: one.cut_short,
        }));
        assert!(
            self.damage.len() <= Self::SPOTS,
            "a list for people is bounded"
        );
    }
}
