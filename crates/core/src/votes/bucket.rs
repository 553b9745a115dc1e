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
        let left = self.refilled(per_second, burst, now_ns) - cost as f64;
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

    /// How many whole tokens there are.
    pub fn whole_tokens(&self, per_second: f64, burst: i64, now_ns: i64) -> i64 {
        self.refilled(per_second, burst, now_ns) as i64
    }

    /// The tokens at that time.
    fn refilled(self, per_second: f64, burst: i64, now_ns: i64) -> f64 {
        let full = burst as f64;
        let Some(at_ns) = self.at_ns else {
            return full;
        };
        let elapsed_ns = now_ns.saturating_sub(at_ns).max(0);
        // Whole seconds apart from the rest, as Go's durations have it.
        let seconds = (elapsed_ns / SECOND_NS) as f64 + (elapsed_ns % SECOND_NS) as f64 / 1e9;
        (self.tokens + seconds * per_second).min(full)
    }
}

/// How long so many tokens take, in whole nanoseconds; saturates.
fn nanoseconds_of(tokens: f64, per_second: f64) -> i64 {
    ((tokens / per_second) * 1e9) as i64
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
        assert!(!bucket.take(1, 10.0, 20, START + SECOND_NS / 10 - 2));
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

    /// It begins full to the last bit, whatever its rate.
    #[test]
    fn it_begins_full() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.whole_tokens(3.0, 7, START), 7);
        assert!(bucket.take(7, 3.0, 7, START));
        assert_eq!(bucket.tokens, 0.0);
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
