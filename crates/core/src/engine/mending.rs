//! The books after a loss of power, or damage: what the disk did not give back is said by name.
//!
//! Only where something shows that the disk lost or changed what was written. Without that, books
//! out of balance are a fault of this program, and must be seen.

use std::collections::BTreeMap;

use super::Engine;
use crate::clock::Now;
use crate::ledger::Count;
use crate::outbox::Correction;

/// What shows that the disk did not give back what was written.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// There is some.
    pub(crate) any: bool,
    /// Spans of requests that stand in no record that can be read.
    pub(crate) lost: Count,
    /// Spans of requests that are left alone.
    pub(crate) quarantined: Count,
    /// In words, for the log.
    pub(crate) notes: Vec<String>,
}

impl Evidence {
    /// Something is wrong, in a sentence.
    pub(crate) fn note(&mut self, sentence: String) {
        self.any = true;
        if !self.notes.contains(&sentence) {
            self.notes.push(sentence);
        }
    }
}

/// What was put right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mended {
    pub(crate) corrupt: Count,
    pub(crate) restored: Count,
    pub(crate) uncounted: Count,
}

impl Engine {
    /// Bring the books into balance where the disk is known to have failed, each difference under
    /// its name: `quarantined`, `corrupt` (requests that are not there any more), `uncounted`
    /// (received, and its fate forgotten), or `restored` (accounted for twice).
    pub(crate) fn mend_books(&mut self, evidence: &Evidence, now: Now) -> Mended {
        let mut mended = Mended::default();
        if !evidence.any {
            return mended;
        }
        assert!(
            self.due.is_empty() && self.early.is_empty(),
            "books are put right before anything is judged"
        );
        let missing = |engine: &Self| {
            let differences = engine.cut(now).differences();
            let missing = differences.into_iter().map(|(_, missing, _)| missing);
            missing.reduce(Count::min).unwrap_or_default()
        };
        // What no exporter knows of is lost for all of them.
        let quarantined = missing(self).min(evidence.quarantined);
        self.totals.quarantined += quarantined;
        mended.corrupt = missing(self).min(evidence.lost);
        self.totals.corrupt += mended.corrupt;
        let mut corrections = BTreeMap::new();
        for (at, (name, uncounted, restored)) in self.cut(now).differences().into_iter().enumerate()
        {
            if at == 0 {
                (mended.uncounted, mended.restored) = (uncounted, restored);
            }
            if !(uncounted.is_zero() && restored.is_zero()) {
                let correction = Correction {
                    uncounted,
                    restored,
                };
                corrections.insert(name, correction);
            }
        }
        self.outbox.correct(&corrections, now);
        let left = self.cut(now).differences();
        assert!(
            left.iter()
                .all(|(_, missing, twice)| missing.is_zero() && twice.is_zero()),
            "books that were put right are in balance"
        );
        if !(quarantined.is_zero() && mended.corrupt.is_zero()) {
            self.chores.checkpoint = Some(self.checkpoint());
        }
        mended
    }
}
