//! What was received, by what the records themselves say of it.

use crate::ledger::Count;

/// Every record carries how much had been received by then, so a reader knows exactly how much
/// stood in the records that it cannot read.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Received up to the record read last; None before the first.
    reached: Option<Count>,
    /// The most that any record or file speaks of.
    claimed: Count,
    /// Received, as far as is known.
    pub(crate) sum: Count,
    /// Of these in no record that can be read.
    pub(crate) lost: Count,
}

impl Received {
    /// Begin where so much had been received; None if that is not known.
    pub(crate) fn from(before: Option<Count>) -> Self {
        Self {
            reached: before,
            sum: before.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Something says that so much had been received.
    pub(crate) fn claim(&mut self, total: Count) {
        self.claimed = Count::new(
            self.claimed.spans.max(total.spans),
            self.claimed.bytes.max(total.bytes),
        );
    }

    /// A request of so many spans, and what had been received with it.
    pub(crate) fn request(&mut self, own: Count, total: Count) {
        let before = total.saturating_sub(own);
        let reached = *self.reached.get_or_insert_with(|| {
            self.sum = before;
            before
        });
        self.gap(before.saturating_sub(reached));
        self.sum += own;
        let reached = max(reached, total);
        assert_eq!(
            max(self.sum, reached),
            self.sum,
            "what a record speaks of was received"
        );
        self.reached = Some(reached);
    }

    /// A request that cannot be worked on, and what had been received with it; returns its spans.
    pub(crate) fn unknown(&mut self, spans: u64, total: Count) -> Count {
        let reached = self
            .reached
            .unwrap_or(Count::new(total.spans.saturating_sub(spans), total.bytes));
        let own = total.saturating_sub(reached);
        let own = Count::new(own.spans.min(spans), own.bytes);
        assert_eq!(own.min(total), own, "a part is not more than all");
        self.request(own, total);
        own
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) {
        let reached = *self.reached.get_or_insert(self.claimed);
        self.gap(self.claimed.saturating_sub(reached));
        self.sum = max(self.sum, reached);
        assert_eq!(
            max(self.sum, self.claimed),
            self.sum,
            "what anything speaks of was received"
        );
    }

    fn gap(&mut self, gap: Count) {
        self.lost += gap;
        self.sum += gap;
        assert_eq!(
            self.lost.min(self.sum),
            self.lost,
            "what is lost was received"
        );
    }
}

fn max(one: Count, other: Count) -> Count {
    Count::new(one.spans.max(other.spans), one.bytes.max(other.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(spans: u64) -> Count {
        Count::new(spans, spans * 10)
    }

    /// Gaps before, between and behind the records are all counted, and once.
    #[test]
    fn gaps_are_counted() {
        let mut received = Received::from(Some(count(100)));
        received.request(count(5), count(107));
        received.request(count(3), count(120));
        received.claim(count(121));
        received.finish();
        assert_eq!(received.lost, count(2 + 10 + 1));
        assert_eq!(received.sum, count(121));
    }

    /// Without anything before it, the first record says where to begin; what is written twice
    /// under one total was received twice.
    #[test]
    fn the_first_record_begins() {
        let mut received = Received::from(None);
        received.request(count(5), count(105));
        received.request(count(3), count(103));
        received.finish();
        assert_eq!(received.lost, count(0));
        assert_eq!(received.sum, count(108));
    }
}
