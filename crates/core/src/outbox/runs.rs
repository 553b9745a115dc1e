//! Runs of positions: which frames an exporter is done with, without a word for each.

use std::collections::BTreeMap;

/// A run of frames, by the positions of the first and of the one behind the last. What the
/// exporter is done with may stand between them.
pub(super) type Range = (u64, u64);

/// Runs of positions that neither meet nor overlap: from the begin of each to its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// Add a run. After a loss of power runs of before and after it may overlap, and only as one
    /// are they found.
    pub(super) fn cover(&mut self, (mut from, mut to): Range) {
        while let Some((&start, &end)) = self.0.range(..to).next_back()
            && end > from
        {
            self.0.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.0.insert(from, to);
    }

    pub(super) fn hold(&self, position: u64) -> bool {
        let before = self.0.range(..=position).next_back();
        before.is_some_and(|(_, to)| position < *to)
    }

    /// Forget those that end at or before this position.
    pub(super) fn forget_before(&mut self, position: u64) {
        while let Some(first) = self.0.first_entry()
            && *first.get() <= position
        {
            first.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where each begins and ends, counted from the end of the one before, and at first from this
    /// position, which none begins before. There may be many, and most are short and near.
    pub(super) fn to_steps(&self, from: u64) -> Vec<u64> {
        let mut last = from;
        let mut steps = Vec::with_capacity(2 * self.0.len());
        for (&begin, &end) in &self.0 {
            let begin = begin.max(last).min(end);
            steps.extend([begin - last, end - begin]);
            last = end;
        }
        steps
    }

    /// The same, back; None if they lead beyond `until`.
    pub(super) fn of_steps(from: u64, steps: &[u64], until: u64) -> Option<Vec<Range>> {
        let (pairs, rest) = steps.as_chunks::<2>();
        let mut last = from;
        let mut runs = Vec::with_capacity(pairs.len());
        for [gap, length] in pairs {
            let begin = last.checked_add(*gap)?;
            last = begin.checked_add(*length)?;
            if last > until || *length == 0 {
                return None;
            }
            runs.push((begin, last));
        }
        rest.is_empty().then_some(runs)
    }
}
