//! Votes, by the rules of `tail_sampling`.

use super::*;
use crate::plan::Cost;

const SECOND_NS: i64 = 1_000_000_000;

const SAMPLES: Vote = Vote::Always;

fn never() -> Vote {
    Vote::Not {
        of: Box::new(Vote::Always),
    }
}

/// Errs if bit 1 is set.
const ERRS: Vote = Vote::Race {
    matched: 0,
    failed: 1,
};

fn one_token() -> Vote {
    Vote::Limited {
        limit: 0,
        cost: Cost::Spans,
        per_second: 1,
        burst: 1,
    }
}

fn drops(of: Vec<Vote>) -> Vote {
    Vote::Drop { of }
}

fn and(of: Vec<Vote>) -> Vote {
    Vote::And { of }
}

fn evidence(bits: u64, spans: i64, second: i64) -> Evidence<'static> {
    Evidence {
        trace_id: &[7; 16],
        bits: Bits {
            first: bits,
            more: &[],
        },
        spans,
        bytes: 100 * spans,
        randomness: 0,
        wall_ns: (1_700_000_000 + second) * SECOND_NS,
    }
}

fn chain(policies: Vec<Vote>, first_match: bool) -> Votes {
    Votes {
        policies,
        first_match,
        tick_ms: 1_000,
        ..Votes::default()
    }
}

/// Sampled by this policy, whatever its R is.
const fn sampled_by(policy: usize) -> Outcome {
    Outcome::Sampled {
        policy,
        t: 0,
        part: None,
    }
}

/// The outcome, and how many policies could not be asked.
fn outcome(policies: Vec<Vote>, bits: u64) -> (Outcome, u64) {
    let mut said = Said::default();
    let outcome = vote(
        &chain(policies, false),
        &evidence(bits, 1, 0),
        &mut Limits::default(),
        &mut said,
    );
    (outcome, said.by().iter().map(|by| by.failed).sum())
}

fn vote_once(votes: &Votes, evidence: &Evidence<'_>, limits: &mut Limits) -> Outcome {
    vote(votes, evidence, limits, &mut Said::default())
}

/// Any drop decides, wherever it stands; else any sample; errors say nothing.
#[test]
fn drops_go_before_samples() {
    use Outcome::{Dropped, NotSampled};
    for (policies, expected) in [
        (vec![], (NotSampled, 0)),
        (vec![never()], (NotSampled, 0)),
        (vec![never(), SAMPLES, SAMPLES], (sampled_by(1), 0)),
        (vec![SAMPLES, drops(vec![SAMPLES])], (Dropped(1), 0)),
        (vec![SAMPLES, drops(vec![never()])], (sampled_by(0), 0)),
        (vec![SAMPLES, drops(vec![])], (Dropped(1), 0)),
        (vec![ERRS, SAMPLES], (sampled_by(1), 1)),
        (vec![drops(vec![ERRS]), SAMPLES], (sampled_by(1), 1)),
        (vec![Vote::Not { of: Box::new(ERRS) }], (NotSampled, 1)),
        (vec![and(vec![])], (sampled_by(0), 0)),
        (vec![and(vec![SAMPLES, never(), ERRS])], (NotSampled, 0)),
        (vec![and(vec![SAMPLES, ERRS])], (NotSampled, 1)),
    ] {
        assert_eq!(outcome(policies.clone(), 0b10), expected, "{policies:?}");
    }
}

/// A bit and its opposite; a race that one won.
#[test]
fn bits_and_races() {
    let bit = |inverted| Vote::Bit {
        bit: 3,
        inverted,
        veto: false,
    };
    for (policy, bits, sampled) in [
        (bit(false), 0b1000, true),
        (bit(false), 0b0111, false),
        (bit(true), 0b1000, false),
        (bit(true), 0b0111, true),
        (ERRS, 0b01, true),
        (ERRS, 0b00, false),
    ] {
        let (outcome, errors) = outcome(vec![policy], bits);
        assert_eq!((outcome == sampled_by(0), errors), (sampled, 0));
    }
}

/// Both bounds count as within; without an upper one there is none.
#[test]
fn numbers_of_spans() {
    for (min, max, spans, sampled) in [
        (2, 3, 1, false),
        (2, 3, 2, true),
        (2, 3, 3, true),
        (2, 3, 4, false),
        (2, 0, 1_000_000, true),
        (0, 0, 1, true),
        (5, 3, 4, false),
    ] {
        let votes = chain(vec![Vote::Spans { min, max }], false);
        let ballot = vote_once(&votes, &evidence(0, spans, 0), &mut Limits::default());
        let expected = if sampled {
            sampled_by(0)
        } else {
            Outcome::NotSampled
        };
        assert_eq!(ballot, expected, "{min} to {max}: {spans}");
    }
}

/// Known hashes of known ids (FNV-1a of salt and id).
#[test]
fn hashes_are_those_of_fnv() {
    let id = |low: u64| {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&low.to_be_bytes());
        id
    };
    for (salt, trace_id, hash) in [
        ("default-hash-seed", id(1), 16_254_957_729_900_898_954),
        ("my-salt", id(1), 7_959_616_958_859_997_177),
        ("my-salt", [0xff; 16], 8_348_242_308_961_502_774),
        ("default-hash-seed", [0xff; 16], 1_711_019_809_656_077_869),
    ] {
        assert_eq!(fnv(salt.as_bytes(), &trace_id), hash, "{salt}");
        for (threshold, sampled) in [(hash, true), (hash - 1, false)] {
            let salt = salt.to_owned();
            let hashed = Vote::Hashed {
                salt,
                threshold,
                t: 0,
                informed: None,
            };
            let votes = chain(vec![hashed], false);
            let asked = Evidence {
                trace_id: &trace_id,
                ..evidence(0, 1, 0)
            };
            let ballot = vote_once(&votes, &asked, &mut Limits::default());
            assert_eq!(ballot == sampled_by(0), sampled);
        }
    }
}

/// Tokens are taken by whoever is asked, and only by whoever is asked.
#[test]
fn who_is_not_asked_takes_no_tokens() {
    let asked = [
        (chain(vec![SAMPLES, one_token()], false), false),
        (chain(vec![SAMPLES, one_token()], true), true),
        (chain(vec![and(vec![never(), one_token()])], false), true),
        (chain(vec![and(vec![one_token(), never()])], false), false),
        (chain(vec![drops(vec![SAMPLES]), one_token()], false), true),
    ];
    for (votes, left) in asked {
        let mut limits = Limits::default();
        vote_once(&votes, &evidence(0, 1, 0), &mut limits);
        let after = vote_once(
            &chain(vec![one_token()], false),
            &evidence(0, 1, 0),
            &mut limits,
        );
        assert_eq!(after == sampled_by(0), left, "{votes:?}");
    }
}

/// The first part that samples decides: what has no room there is not offered to the next.
#[test]
fn a_share_that_is_used_up_falls_through_to_nobody() {
    let share = |bit, most| Share {
        name: format!("p{bit}"),
        vote: Vote::Bit {
            bit,
            inverted: false,
            veto: false,
        },
        most,
    };
    let parts = Vote::Composite {
        of: vec![share(0, 10), share(1, 20)],
        most: 15,
        place: 0,
    };
    let votes = chain(vec![parts], false);
    let mut limits = Limits::default();
    let mut part = |bits, spans, second| match vote_once(
        &votes,
        &evidence(bits, spans, second),
        &mut limits,
    ) {
        Outcome::Sampled { part, .. } => part,
        _ => None,
    };
    assert_eq!(part(0b01, 6, 0), Some(0));
    assert_eq!(
        part(0b11, 5, 0),
        None,
        "11 of 10: the second part is not asked"
    );
    assert_eq!(part(0b01, 4, 0), Some(0), "what had no room took none");
    assert_eq!(
        part(0b10, 15, 0),
        Some(1),
        "each part is held to the total alone"
    );
    assert_eq!(part(0b10, 1, 0), None, "16 of 15");
    assert_eq!(part(0b10, 15, 1), Some(1), "a second later");
    assert_eq!(part(0b00, 1, 1), None);
}

/// A composite counts its second anew for all parts at once, and what erred says nothing.
#[test]
fn what_errs_in_a_part_errs_as_a_whole() {
    let parts = Vote::Composite {
        of: vec![
            Share {
                name: "errs".to_owned(),
                vote: ERRS,
                most: 10,
            },
            Share {
                name: "samples".to_owned(),
                vote: SAMPLES,
                most: 10,
            },
        ],
        most: 10,
        place: 4,
    };
    assert_eq!(outcome(vec![parts.clone()], 0b10), (Outcome::NotSampled, 1));
    let second = Outcome::Sampled {
        policy: 0,
        t: 0,
        part: Some(1),
    };
    assert_eq!(outcome(vec![parts], 0b00), (second, 0));
}

/// Up to 0.143 a match under `invert_match` at the top was a veto, and no match a weak yes.
#[test]
fn vetoes_go_before_samples_and_after_drops() {
    use Outcome::{Dropped, NotSampled, Vetoed};
    let veto = || Vote::Bit {
        bit: 0,
        inverted: true,
        veto: true,
    };
    for (policies, bits, expected) in [
        (vec![SAMPLES, veto()], 1, Vetoed(1)),
        (vec![SAMPLES, veto(), drops(vec![SAMPLES])], 1, Dropped(2)),
        (vec![veto()], 0, sampled_by(0)),
        (vec![veto(), SAMPLES], 0, sampled_by(1)),
        (vec![veto(), never()], 0, NotSampled),
        (vec![and(vec![veto()])], 1, NotSampled),
        (vec![and(vec![veto()])], 0, sampled_by(0)),
        (vec![drops(vec![veto()]), SAMPLES], 1, sampled_by(1)),
        (
            vec![
                Vote::Not {
                    of: Box::new(veto()),
                },
                SAMPLES,
            ],
            1,
            Vetoed(0),
        ),
    ] {
        assert_eq!(outcome(policies.clone(), bits).0, expected, "{policies:?}");
    }
}

/// A drop that said no may still say yes, so it keeps all others from being asked; one that could
/// not be asked does not.
#[test]
fn at_ingest_a_drop_that_might_still_drop_keeps_others_silent() {
    for (policies, bits, expected, asked) in [
        (
            vec![SAMPLES, drops(vec![never()])],
            0,
            Outcome::NotSampled,
            0,
        ),
        (
            vec![SAMPLES, drops(vec![SAMPLES])],
            0,
            Outcome::Dropped(1),
            0,
        ),
        (vec![SAMPLES, drops(vec![ERRS])], 0b10, sampled_by(0), 1),
        (vec![never(), SAMPLES], 0, sampled_by(1), 0),
    ] {
        let votes = chain(policies, false);
        let mut said = Said::default();
        let limits = &mut Limits::default();
        let outcome = vote_at_ingest(&votes, &evidence(bits, 1, 0), limits, &mut said);
        assert_eq!(outcome, expected, "{votes:?}");
        assert_eq!(said.by()[0].sampled, asked, "{votes:?}");
    }
}

/// Bits beyond the first word are found on their page; pages that are not there have none.
#[test]
fn bits_stand_on_pages() {
    let bits = Bits {
        first: 1,
        more: &[0, 1 << 63],
    };
    for (bit, held) in [
        (0, true),
        (1, false),
        (64, false),
        (191, true),
        (192, false),
        (1023, false),
    ] {
        assert_eq!(bits.has(bit), held, "{bit}");
    }
}

/// T of a trace is the lowest of those that sampled; `and` reports the strictest of its parts, and
/// what stands in `not` or a composite reports none.
#[test]
fn the_lowest_t_counts_and_its_policy_is_credited() {
    let hashed = |t| Vote::Hashed {
        salt: String::new(),
        threshold: u64::MAX,
        t,
        informed: None,
    };
    let composite = Vote::Composite {
        of: vec![Share {
            name: "some".to_owned(),
            vote: hashed(30),
            most: 10,
        }],
        most: 10,
        place: 0,
    };
    let both = || and(vec![hashed(20), hashed(40)]);
    for (policies, first, loosest, t) in [
        (vec![hashed(40), hashed(20)], 0, 1, 20),
        (vec![hashed(20), hashed(40)], 0, 0, 20),
        (vec![hashed(20), SAMPLES, SAMPLES], 0, 1, 0),
        (vec![both()], 0, 0, 40),
        (vec![both(), hashed(30)], 0, 1, 30),
        (vec![hashed(20), composite], 0, 1, 0),
    ] {
        for (credit_loosest, expected) in [(false, first), (true, loosest)] {
            let votes = Votes {
                credit_loosest,
                ..chain(policies.clone(), false)
            };
            let outcome = vote_once(&votes, &evidence(0, 1, 0), &mut Limits::default());
            assert!(
                matches!(outcome, Outcome::Sampled { policy, t: of, .. } if (policy, of) == (expected, t)),
                "{outcome:?} of {votes:?}"
            );
        }
    }
}

/// Where spans say something of sampling, T and R decide; else the hash, as it always did.
#[test]
fn randomness_decides_where_spans_bring_some() {
    let hashed = |threshold| Vote::Hashed {
        salt: String::new(),
        threshold,
        t: 50,
        informed: Some(2),
    };
    for (bits, threshold, randomness, sampled) in [
        (0b100, 0, 50, true),
        (0b100, u64::MAX, 49, false),
        (0b011, 0, 50, false),
        (0b011, u64::MAX, 49, true),
    ] {
        let votes = chain(vec![hashed(threshold)], false);
        let evidence = Evidence {
            randomness,
            ..evidence(bits, 1, 0)
        };
        let outcome = vote_once(&votes, &evidence, &mut Limits::default());
        assert_eq!(
            outcome != Outcome::NotSampled,
            sampled,
            "{bits} {threshold}"
        );
    }
}
