//! The newest verdicts, for people who look on. Kept and dropped apart, since at a low rate the
//! kept ones would drown.

use std::collections::VecDeque;

use super::Verdict;

/// Of each kind; what a page shows, and some more.
const MOST: usize = 128;

/// The newest verdicts, with their positions in the verdict log.
#[derive(Debug, Default)]
pub struct Recent {
    kept: VecDeque<(u64, Verdict)>,
    dropped: VecDeque<(u64, Verdict)>,
}

impl Recent {
    /// A verdict took effect.
    pub fn push(&mut self, position: u64, verdict: &Verdict) {
        let list = if verdict.kept {
            &mut self.kept
        } else {
            &mut self.dropped
        };
        if list.len() == MOST {
            list.pop_front();
        }
        list.push_back((position, verdict.clone()));
        assert!(list.len() <= MOST, "no kind takes the room of the other");
    }

    /// At most `limit` that kept and `limit` that dropped, all in one row, the newest first.
    #[must_use]
    pub fn newest(&self, limit: usize) -> Vec<(u64, Verdict)> {
        let mut newest: Vec<_> = [&self.kept, &self.dropped]
            .into_iter()
            .flat_map(|list| list.iter().rev().take(limit).cloned())
            .collect();
        newest.sort_unstable_by_key(|(position, _)| std::cmp::Reverse(*position));
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kept: bool) -> Verdict {
        Verdict {
            kept,
            ..Verdict::default()
        }
    }

    #[test]
    fn a_flood_of_one_kind_does_not_wash_the_other_away() {
        let mut recent = Recent::default();
        recent.push(0, &verdict(true));
        for position in 1..1_000 {
            recent.push(position, &verdict(false));
        }
        let positions: Vec<u64> = recent.newest(3).iter().map(|(at, _)| *at).collect();
        assert_eq!(positions, [999, 998, 997, 0]);
        assert_eq!(recent.newest(usize::MAX).len(), MOST + 1);
    }
}
