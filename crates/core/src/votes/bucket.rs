//! A token bucket that counts as Go's `golang.org/x/time/rate` does.

use serde::{Deserialize, Serialize};

const SECOND_NS: i64 = 1_000_000_000;

/// What a bucket holds, and when that was so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Tokens in it.
    tokens: f64,
    /// When, on the clock that it is asked by; none before the first question.
    at_ns: Option<i64>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tokens: 0.0,
            at_ns: None,
        }
    }
}

impl Bucket {
    /// Take so many tokens if they are there: all of them, or none.
    ///
    /// A bucket that was never asked is full.
    pub fn take(&mut self, cost: i64, per_second: f64, burst: i64, now_ns: i64) -> bool {
        let (now_ns, held) = self.refilled(per_second, burst, now_ns);
        let left = held - cost as f64;
        // What is short by less than a nanosecond's worth counts as there.
        let short = left < 0.0 && nanoseconds_of(-left, per_second) > 0;
        if cost > burst || short {
            return false;
        }
        *self = Self {
            tokens: left,
            at_ns: Some(now_ns),
        };
        true
    }

    /// The time that counts, and the tokens then.
    fn refilled(self, per_second: f64, burst: i64, now_ns: i64) -> (i64, f64) {
        let full = burst as f64;
        let until_full_ns = nanoseconds_of(full - self.tokens, per_second);
        let elapsed_ns = match self.at_ns {
            Some(at_ns) if now_ns < at_ns => return (now_ns, self.tokens),
            Some(at_ns) => until_full_ns.min(now_ns - at_ns),
            // Asked never: it is full from the start, or has been filling for as long as that takes.
            None if per_second <= 0.0 => return (now_ns, full),
            None => until_full_ns,
        };
        // Whole seconds apart from the rest, so that neither is rounded by the size of the other.
        let whole = (elapsed_ns / SECOND_NS) as f64 * per_second;
        let rest = (elapsed_ns % SECOND_NS) as f64 * per_second;
        (now_ns, (self.tokens + (whole + rest / 1e9)).min(full))
    }
}

/// How long so many tokens take, in whole nanoseconds; saturates.
fn nanoseconds_of(tokens: f64, per_second: f64) -> i64 {
    (1e9 * (tokens / per_second)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000 * SECOND_NS;

    /// It begins full, gives what it has, and fills at its rate.
    #[test]
    fn it_fills_as_time_goes_on() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(20, 10.0, 20, START));
        assert!(!bucket.take(1, 10.0, 20, START));
        assert!(!bucket.take(1, 10.0, 20, START + SECOND_NS / 10 - 1));
        assert!(bucket.take(1, 10.0, 20, START + SECOND_NS / 10));
        assert!(!bucket.take(20, 10.0, 20, START + SECOND_NS));
        assert!(bucket.take(20, 10.0, 20, START + 100 * SECOND_NS));
        assert!(!bucket.take(1, 10.0, 20, START + 100 * SECOND_NS));
    }

    /// What costs more than it can hold never passes, and takes nothing.
    #[test]
    fn what_is_larger_than_it_never_passes() {
        let mut bucket = Bucket::default();
        assert!(!bucket.take(21, 10.0, 20, START));
        assert!(!bucket.take(21, 10.0, 20, START + 1_000 * SECOND_NS));
        assert!(bucket.take(20, 10.0, 20, START + 1_000 * SECOND_NS));
    }

    /// Time that goes back neither fills it nor empties it.
    #[test]
    fn time_may_go_back() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(15, 10.0, 20, START));
        assert!(bucket.take(5, 10.0, 20, START - 50 * SECOND_NS));
        assert!(!bucket.take(1, 10.0, 20, START - 50 * SECOND_NS));
        assert!(bucket.take(10, 10.0, 20, START - 49 * SECOND_NS));
    }

    /// It begins full by having filled, so a third of a token may be missing by rounding.
    #[test]
    fn it_begins_full_but_for_rounding() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(7, 3.0, 7, START));
        assert!(bucket.tokens < 0.0, "{}", bucket.tokens);
        assert!(bucket.take(0, 3.0, 7, START));
    }

    /// A rate of nothing gives its burst once.
    #[test]
    fn a_rate_of_nothing_gives_its_burst_once() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(3, 0.0, 3, START));
        assert!(!bucket.take(1, 0.0, 3, START + 1_000_000 * SECOND_NS));
        assert!(bucket.take(0, 0.0, 3, START));
    }
}
