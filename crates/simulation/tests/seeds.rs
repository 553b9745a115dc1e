//! Seeds as a test; `tailsampler-simulate seeds` takes more of them, and tells one by one.

use tailsampler_simulation::seeds::{Manner, ROUNDS, play, swarm};

/// No promise is broken in long lives with every fault, and rare things do happen in them.
#[test]
fn seeds_break_no_promise() {
    let tally = swarm(0..5_000, (ROUNDS, Manner::Quiet), false, |_| {});
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    let often = tally.seen.values().filter(|seeds| **seeds >= 5).count();
    assert!(often >= 60, "{:#?}", tally.seen);
    assert!(tally.simulated_ms > 1_500 * 3_600_000);
}

/// The same seed is the same life, to the last count; another is another.
#[test]
fn a_seed_is_a_life() {
    for seed in 0..20 {
        let hash = |seed| play(seed, ROUNDS, Manner::Quiet).hash;
        assert_eq!(hash(seed), hash(seed));
        assert_ne!(hash(seed), hash(seed + 1));
    }
}

/// The canary: where refused requests pass for acknowledged ones, the runner says so.
#[test]
fn a_lie_is_found() {
    let tally = swarm(0..20, (ROUNDS, Manner::Lying), false, |_| {});
    assert!(tally.violations.len() > 10, "{:#?}", tally.violations);
}
