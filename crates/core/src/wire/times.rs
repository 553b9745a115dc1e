//! When the spans of a trace start and end, as far as policies on latency can tell.

/// Start and end of each span, in their order, but for spans that start and end within those
/// before them: whatever came before, they change neither the first start nor the last end. Most
/// requests leave one entry, which allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    first: Option<(u64, u64)>,
    more: Vec<(u64, u64)>,
    /// Of all so far.
    ran: (u64, u64),
}

impl Times {
    /// One more span.
    #[inline]
    pub fn push(&mut self, start_ns: u64, end_ns: u64) {
        let span = (start_ns, end_ns);
        let before = self.ran;
        extend(&mut self.ran, span);
        if self.first.is_none() {
            self.first = Some(span);
        } else if self.ran != before {
            self.more.push(span);
        }
    }

    /// Those that count, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.first.iter().chain(&self.more).copied()
    }
}

/// First start and last end of spans, and of one that came after. A start of 0 stands until the
/// next span, whatever that says.
#[inline]
pub(crate) fn extend(ran: &mut (u64, u64), (start_ns, end_ns): (u64, u64)) {
    if ran.0 == 0 || start_ns < ran.0 {
        ran.0 = start_ns;
    }
    if ran.1 == 0 || end_ns > ran.1 {
        ran.1 = end_ns;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(mut ran: (u64, u64), spans: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
        let mut seen: Vec<_> = spans
            .map(|span| {
                extend(&mut ran, span);
                ran
            })
            .collect();
        seen.dedup();
        seen
    }

    /// The root of a trace comes first, and its children within it.
    #[test]
    fn spans_within_others_are_left_out() {
        let mut times = Times::default();
        for (start, end) in [(5, 90), (7, 80), (5, 90), (9, 95), (8, 95), (3, 4)] {
            times.push(start, end);
        }
        assert_eq!(times.iter().collect::<Vec<_>>(), [(5, 90), (9, 95), (3, 4)]);
    }

    fn time() -> impl Strategy<Value = u64> {
        prop_oneof![0..4u64, Just(u64::MAX), Just(1 << 63), any::<u64>()]
    }

    proptest! {
        /// Whatever came before, first start and last end go the same way.
        #[test]
        fn what_is_left_goes_the_same_way(
            before in (time(), time()),
            spans in prop::collection::vec((time(), time()), 0..8),
        ) {
            let mut times = Times::default();
            for (start, end) in &spans {
                times.push(*start, *end);
            }
            prop_assert_eq!(run(before, times.iter()), run(before, spans.into_iter()));
        }
    }
}
