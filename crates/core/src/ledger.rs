//! Where every span went, in spans and in bytes of the Span messages as received.
//!
//! `received + restored = exported + dropped (by reason) + held`, for every exporter, whenever it
//! is read. Nothing is ever restored but after a loss of power or damage.
//! Held is counted where the spans are, in the index and the outbox, never computed.

use std::collections::BTreeMap;
use std::ops::{Add, AddAssign, SubAssign};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Spans, and the bytes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Spans.
    pub spans: u64,
    /// Bytes of their Span messages.
    pub bytes: u64,
}

impl Count {
    /// So many spans of so many bytes.
    #[must_use]
    pub const fn new(spans: u64, bytes: u64) -> Self {
        Self { spans, bytes }
    }

    /// What is left of it without `other`, nothing at least.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self::new(
            self.spans.saturating_sub(other.spans),
            self.bytes.saturating_sub(other.bytes),
        )
    }

    /// The larger number of spans, and the larger number of bytes.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self::new(self.spans.max(other.spans), self.bytes.max(other.bytes))
    }

    /// The smaller number of spans, and the smaller number of bytes.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self::new(self.spans.min(other.spans), self.bytes.min(other.bytes))
    }

    /// Nothing.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.spans == 0 && self.bytes == 0
    }
}

impl Add for Count {
    type Output = Self;

    /// What is counted never comes near the end of the number range, but what a file says may, and
    /// no start fails for that. Too much taken away is a fault all the same.
    fn add(self, other: Self) -> Self {
        Self::new(
            self.spans.saturating_add(other.spans),
            self.bytes.saturating_add(other.bytes),
        )
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Count {
    fn sub_assign(&mut self, other: Self) {
        assert_eq!(
            other.min(*self),
            other,
            "no more is taken away than is there"
        );
        self.spans -= other.spans;
        self.bytes -= other.bytes;
    }
}

/// The reason for what goes since its trace is too large.
pub(crate) const TOO_LARGE: &str = "trace_too_large";

/// What the engine itself counts. The rest stands in the index and the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Spans of accepted requests.
    pub received: Count,
    /// Spans of requests that were refused after they had been read.
    pub refused: Count,
    /// Spans left out of accepted requests, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Spans dropped by a verdict, early ones and late spans included.
    pub dropped_policy: Count,
    /// Spans of traces dropped since they were too large.
    #[serde(default)]
    pub dropped_large: Count,
    /// Spans shed at the door, or dropped by a verdict, since the gateway was overloaded.
    #[serde(default)]
    pub dropped_overload: Count,
    /// Traces judged.
    pub judged: u64,
    /// Traces kept.
    pub kept: u64,
    /// Spans of requests that could not be read back when the gateway started.
    #[serde(default)]
    pub corrupt: Count,
    /// Spans of requests that the gateway cannot work on, and left alone when it started.
    #[serde(default)]
    pub quarantined: Count,
}

/// The books of one exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExporterTotals {
    /// Spans its backend took.
    pub exported: Count,
    /// Kept spans it did not take, by reason.
    pub dropped: BTreeMap<String, Count>,
    /// Spans sent once more, though an earlier try may have brought them to its backend.
    #[serde(default)]
    pub exported_again: Count,
    /// Spans that stand in these books twice, since a loss of power or damage took the verdict on
    /// them, or what had become of them: they were judged, or sent, once more.
    #[serde(default)]
    pub restored: Count,
    /// Of the dropped ones, those that the outbox gave up at one of its bounds, by policy.
    #[serde(default)]
    pub given_up: BTreeMap<String, Count>,
}

/// Everything that is counted, read in one cut.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// The engine's own counters.
    pub totals: Totals,
    /// Held in the buffer: open traces.
    pub buffer: Count,
    /// Kept, and not yet in the outbox.
    pub pending: Count,
    /// Dropped between buffer and outbox, by reason.
    pub lost: BTreeMap<&'static str, Count>,
    /// Books and held spans of every exporter, the primary first.
    pub exporters: Vec<(String, ExporterTotals, Count)>,
    /// Open traces.
    pub open: u64,
    /// Age of the oldest open trace.
    pub oldest_held_seconds: f64,
}

impl Cut {
    /// The body of `GET /api/v1/ledger`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut balanced = true;
        let mut exporters = serde_json::Map::new();
        for (name, totals, held) in &self.exporters {
            let (books, well) = self.books(totals, *held);
            balanced &= well;
            exporters.insert(name.clone(), books);
        }
        let (mut all, _) = match self.exporters.first() {
            Some((_, totals, held)) => self.books(totals, *held),
            None => self.books(&ExporterTotals::default(), Count::default()),
        };
        all["spans"]["refused"] = json!(self.totals.refused.spans);
        all["spans"]["rejected"] = json!(self.totals.rejected);
        all["bytes"]["refused"] = json!(self.totals.refused.bytes);
        let traces = json!({
            "judged": self.totals.judged,
            "kept": self.totals.kept,
            "dropped": self.totals.judged - self.totals.kept,
            "open": self.open,
        });
        json!({
            "spans": all["spans"], "bytes": all["bytes"], "traces": traces,
            "exporters": exporters, "oldest_held_seconds": self.oldest_held_seconds,
            "balanced": balanced,
        })
    }

    /// The invariant of one exporter, and whether it holds.
    fn books(&self, totals: &ExporterTotals, held: Count) -> (Value, bool) {
        let (dropped, accounted) = self.accounted(totals, held);
        let outbox = self.pending + held;
        let unit = |of: fn(&Count) -> u64| {
            let by_name = |counts: &BTreeMap<String, Count>| -> BTreeMap<String, u64> {
                counts.iter().map(|(k, v)| (k.clone(), of(v))).collect()
            };
            let mut books = json!({
                "received": of(&self.totals.received),
                "restored": of(&totals.restored),
                "exported": of(&totals.exported),
                "held": {"buffer": of(&self.buffer), "outbox": of(&outbox)},
                "dropped": by_name(&dropped),
                "exported_again": of(&totals.exported_again),
            });
            if !totals.given_up.is_empty() {
                books["given_up"] = json!(by_name(&totals.given_up));
            }
            books
        };
        let books = json!({"spans": unit(|count| count.spans), "bytes": unit(|count| count.bytes)});
        (books, accounted == self.totals.received + totals.restored)
    }

    /// What an exporter's books say of dropped spans, and of all spans: `received + restored`.
    fn accounted(&self, totals: &ExporterTotals, held: Count) -> (BTreeMap<String, Count>, Count) {
        let mut dropped = totals.dropped.clone();
        for (reason, count) in &self.lost {
            *dropped.entry((*reason).to_owned()).or_default() += *count;
        }
        for (reason, count) in [
            ("policy", self.totals.dropped_policy),
            (TOO_LARGE, self.totals.dropped_large),
            ("overload", self.totals.dropped_overload),
            ("corrupt", self.totals.corrupt),
            ("quarantined", self.totals.quarantined),
        ] {
            if reason == "policy" || !count.is_zero() {
                *dropped.entry(reason.to_owned()).or_default() += count;
            }
        }
        let found = totals.exported + self.buffer + self.pending + held;
        let accounted = dropped.values().fold(found, |sum, count| sum + *count);
        (dropped, accounted)
    }

    /// By how much every exporter's books are out of balance: its name, what is received and
    /// accounted for nowhere, and what is accounted for and was never received.
    pub(crate) fn differences(&self) -> Vec<(String, Count, Count)> {
        let sides = self.exporters.iter().map(|(name, totals, held)| {
            let (_, accounted) = self.accounted(totals, *held);
            let received = self.totals.received + totals.restored;
            (
                name.clone(),
                received.saturating_sub(accounted),
                accounted.saturating_sub(received),
            )
        });
        sides.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A span that is nowhere is noticed, for the exporter that misses it.
    #[test]
    fn a_missing_span_is_noticed() {
        let books = |exported| ExporterTotals {
            exported: Count::new(exported, exported * 10),
            ..ExporterTotals::default()
        };
        let mut cut = Cut {
            totals: Totals {
                received: Count::new(10, 100),
                dropped_policy: Count::new(3, 30),
                ..Totals::default()
            },
            buffer: Count::new(2, 20),
            pending: Count::new(1, 10),
            exporters: vec![("a".into(), books(4), Count::default())],
            ..Cut::default()
        };
        assert_eq!(cut.to_json()["balanced"], true);
        assert_eq!(cut.to_json()["spans"]["held"]["outbox"], 1);
        cut.exporters.push(("b".into(), books(3), Count::default()));
        assert_eq!(cut.to_json()["balanced"], false);
    }
}
