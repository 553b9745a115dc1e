//! Seeds by the thousand: the real core under a seeded scheduler, a simulated clock and a failing
//! disk, between two workloads and backends with every answer.
//!
//! - [`disk`]: fails, fills, dies with the process or the power.
//! - [`machine`]: the threads of a gateway, as turns.
//! - [`shop`], [`storm`]: the workloads. [`backends`]: the other end.
//! - [`truth`]: what must be, learned from senders and backends alone.
//! - [`habits`]: what a seed has much of. [`run`]: one seed. Here: many.

pub mod backends;
pub mod disk;
pub mod habits;
pub mod machine;
pub mod run;
pub mod shop;
pub mod storm;
pub mod truth;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

pub use run::Manner;
use run::{Outcome, Run};

/// Rounds of a seed, before the time without faults.
pub const ROUNDS: u64 = 400;

/// One seed.
#[must_use]
pub fn play(seed: u64, rounds: u64, manner: Manner) -> Outcome {
    let mut run = Run::new(seed, manner);
    let played = catch_unwind(AssertUnwindSafe(|| run.play(rounds)));
    let played = played.unwrap_or_else(|_| Err("a panic".to_owned()));
    let turns = run.outcome.turns;
    run.outcome.violation = played.err().map(|what| format!("turn {turns}: {what}"));
    run.finish()
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Seeds.
    pub seeds: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Operations of the disk.
    pub operations: u64,
    /// Turns given.
    pub turns: u64,
    /// Starts of the gateway.
    pub starts: u64,
    /// Spans sent, copies included.
    pub spans: u64,
    /// Of all that happened.
    pub hash: u64,
    /// In how many seeds each rare thing was seen.
    pub seen: BTreeMap<&'static str, u64>,
    /// Seeds with a broken promise.
    pub violations: BTreeMap<u64, String>,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.simulated_ms += outcome.simulated_ms;
        self.operations += outcome.operations;
        self.turns += outcome.turns;
        self.starts += outcome.starts;
        self.spans += outcome.spans;
        // In whatever order they end.
        self.hash = self.hash.wrapping_add(outcome.hash);
        for what in outcome.seen {
            *self.seen.entry(what).or_default() += 1;
        }
        let (seed, violation) = (outcome.seed, outcome.violation);
        self.violations.extend(violation.map(|what| (seed, what)));
    }
}

/// Play these seeds on all processors; `progress` is told how many are done. With `until` the
/// first violation ends it.
pub fn swarm(
    seeds: Range<u64>,
    (rounds, manner): (u64, Manner),
    until: bool,
    progress: impl Fn(&Tally) + Sync,
) -> Tally {
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Tally::default()));
    let tally = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || (until && !tally().violations.is_empty()) {
                        return;
                    }
                    let outcome = play(seed, rounds, manner);
                    let mut tally = tally();
                    tally.add(outcome);
                    progress(&tally);
                }
            });
        }
    });
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}
