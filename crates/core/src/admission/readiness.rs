//! Whether requests should be sent here. The answer changes slowly on purpose: where it changes,
//! whoever spreads traces over gateways spreads them anew, and splits those under way.

use std::time::Duration;

/// So long nearly every look must find refusals before readiness goes.
const SUSTAINED: Duration = Duration::from_secs(5);

/// So long none may be found before it comes back.
const GOOD: Duration = Duration::from_secs(10);

/// And it goes at most once in this time.
const APART: Duration = Duration::from_secs(60);

/// One in so many requests may be refused while all is called well.
const TOLERATED: u64 = 20;

/// Judges by what was taken and what was refused between two looks.
#[derive(Debug, Default)]
pub struct Readiness {
    taken: u64,
    refused: u64,
    bad_since: Option<u64>,
    good_since: Option<u64>,
    went_at: Option<u64>,
    refusing: bool,
}

impl Readiness {
    /// Look: so many requests have been taken and refused since the start, rates aside. True if
    /// requests should go elsewhere.
    pub fn look(&mut self, now_ns: u64, taken: u64, refused: u64) -> bool {
        let more = refused.saturating_sub(self.refused);
        let offered = more + taken.saturating_sub(self.taken);
        (self.taken, self.refused) = (taken, refused);
        let bad = more * TOLERATED > offered;
        if bad {
            self.good_since = None;
            self.bad_since.get_or_insert(now_ns);
        } else {
            self.bad_since = None;
            self.good_since.get_or_insert(now_ns);
        }
        let lasts = |since: Option<u64>, long: Duration| {
            since.is_some_and(|since| now_ns.saturating_sub(since) >= long.as_nanos() as u64)
        };
        if self.refusing {
            self.refusing = !lasts(self.good_since, GOOD);
        } else if lasts(self.bad_since, SUSTAINED)
            && (self.went_at.is_none() || lasts(self.went_at, APART))
        {
            (self.refusing, self.went_at) = (true, Some(now_ns));
        }
        self.refusing
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// A second a step; `true` refuses half of what comes. When readiness changed, in seconds.
    fn changes(seconds: impl IntoIterator<Item = bool>) -> Vec<(u64, bool)> {
        let (mut readiness, mut taken, mut refused) = (Readiness::default(), 0, 0);
        let (mut changes, mut before) = (Vec::new(), false);
        for (second, bad) in (1..).zip(seconds) {
            taken += 100;
            refused += if bad { 100 } else { 1 };
            let refusing = readiness.look(second * SECOND, taken, refused);
            if refusing != before {
                changes.push((second, refusing));
            }
            before = refusing;
        }
        changes
    }

    /// Gone within seven seconds of sustained refusal, back after ten good ones.
    #[test]
    fn goes_and_comes_back() {
        let seconds = (0..100).map(|second| (20..50).contains(&second));
        assert_eq!(changes(seconds), [(26, true), (61, false)]);
    }

    /// Refusal that comes and goes does not move it.
    #[test]
    fn short_refusals_change_nothing() {
        assert_eq!(
            changes((0..600).map(|second| second % 6 > 0 && second % 6 < 5)),
            []
        );
    }

    /// Nothing comes at all while requests are sent elsewhere: that is well.
    #[test]
    fn silence_is_good() {
        let mut readiness = Readiness::default();
        for second in 0..7 {
            readiness.look(second * SECOND, 0, 10 * second);
        }
        assert!(readiness.look(7 * SECOND, 0, 70));
        assert!(readiness.look(17 * SECOND, 0, 70));
        assert!(!readiness.look(28 * SECOND, 0, 70));
    }

    proptest! {
        /// Under any load it goes at most once a minute, and never comes back within ten seconds.
        #[test]
        fn never_flaps(runs in prop::collection::vec((any::<bool>(), 1..40_usize), 1..60)) {
            let seconds = runs.into_iter().flat_map(|(bad, long)| std::iter::repeat_n(bad, long));
            let changes = changes(seconds);
            let gone: Vec<_> = changes.iter().filter(|(_, refusing)| *refusing).collect();
            prop_assert!(gone.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60));
            let back = changes.windows(2).filter(|pair| !pair[1].1);
            prop_assert!(back.into_iter().all(|pair| pair[1].0 - pair[0].0 >= 10));
        }
    }
}
