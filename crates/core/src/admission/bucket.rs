//! A bucket of tokens that holds a second's worth and may be overdrawn.

use std::time::Duration;

const SECOND_NS: u64 = 1_000_000_000;

/// Balances are kept in billionths of a span, so that no nanosecond is lost to rounding.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: u64,
    balance: i128,
    at_ns: u64,
}

impl Bucket {
    /// A full bucket that gains `rate` tokens a second; at least one.
    pub(super) fn new(rate: u64, now_ns: u64) -> Self {
        let rate = rate.max(1);
        Self {
            rate,
            balance: i128::from(rate) * i128::from(SECOND_NS),
            at_ns: now_ns,
        }
    }

    /// Whole tokens at this time; below zero while it is overdrawn. A clock that goes back brings
    /// nothing.
    pub(super) fn balance(&mut self, now_ns: u64) -> i128 {
        let passed = now_ns.saturating_sub(self.at_ns);
        self.at_ns = self.at_ns.max(now_ns);
        let full = i128::from(self.rate) * i128::from(SECOND_NS);
        let gained = i128::from(self.rate) * i128::from(passed);
        self.balance = (self.balance + gained).min(full);
        self.balance.div_euclid(i128::from(SECOND_NS))
    }

    /// Take out so many, whether they are there or not.
    pub(super) fn draw(&mut self, tokens: u64) {
        self.balance -= i128::from(tokens) * i128::from(SECOND_NS);
    }

    /// From the last reading until a token is there.
    pub(super) fn until_positive(&self) -> Duration {
        let missing = i128::from(SECOND_NS) - self.balance;
        let ns = missing.max(0) / i128::from(self.rate);
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }

    /// What it gains in so many nanoseconds.
    pub(super) fn per(&self, ns: u64) -> u64 {
        let gained = u128::from(self.rate) * u128::from(ns) / u128::from(SECOND_NS);
        u64::try_from(gained).unwrap_or(u64::MAX).max(1)
    }
}
