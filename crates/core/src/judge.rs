//! Run the chain once on what is known of a trace. No span is touched.

use crate::engine::{Decided, Seen};
use crate::index::Trace;
use crate::plan::{Bits, Compiled, NEVER};
use crate::randomness::Source;
use crate::verdicts::{Early, NO_RULE, Verdict};
use crate::votes::{Evidence, Limits, Outcome, Said, vote};

/// What a verdict depends on beside the trace and the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// Whether it is judged before it is due.
    pub early: Early,
    /// T of what was shed at the door while its spans came; a trace below may lack some of them.
    pub overload: u64,
    /// T that another gateway has evidence for, which holds spans of the same trace.
    pub shared: Option<u64>,
}

/// Judge a trace by the plan it began under; `limits` and `said` are those of this plan.
#[must_use]
pub(crate) fn judge(
    (trace, seen): (&Trace, Seen<'_>),
    plan: &Compiled,
    (limits, said): (&mut Limits, &mut Said),
    Circumstances {
        early,
        overload,
        shared,
    }: Circumstances,
    wall_ns: u64,
) -> Verdict {
    let duration_ns = trace.duration_ns();
    let (randomness, source) = trace.randomness(plan, seen.rv);
    let judged = match &plan.plan().votes {
        Some(_) if seen.decided == Some(Decided::TooLarge) => Judged::default(),
        Some(votes) if votes.at_ingest => Judged::by_votes(match seen.decided {
            Some(Decided::Voted(outcome)) => outcome,
            _ => Outcome::NotSampled,
        }),
        Some(votes) => {
            let evidence = evidence((trace, seen), randomness, wall_ns);
            // What overload drops anyhow takes no tokens from what it does not.
            let mut spared = (randomness < overload).then(|| limits.clone());
            let limits = spared.as_mut().unwrap_or(limits);
            Judged::by_votes(vote(votes, &evidence, limits, said))
        }
        None => {
            let rule = plan.first_match(trace.bits, duration_ns);
            Judged {
                rule,
                threshold: rule.map_or(NEVER, |rule| plan.plan().rules[rule].threshold),
                ..Judged::default()
            }
        }
    };
    let threshold = judged.threshold;
    // The whole trace has one T, the lowest that anybody has evidence for.
    let voted_on = plan.plan().votes.is_some();
    let (early, threshold) = match shared.filter(|_| !voted_on) {
        Some(shared) if shared < threshold => (Early::Shared, shared),
        _ => (early, threshold),
    };
    let large = plan.plan().large;
    let too_large = large.is_some_and(|large| large.drops(trace.bytes));
    let (early, threshold) = if too_large || seen.decided == Some(Decided::TooLarge) {
        (Early::TooLarge, NEVER)
    } else if threshold <= randomness && randomness < overload {
        (Early::Overload, overload)
    } else {
        (early, threshold.max(overload))
    };
    Verdict {
        trace_id: trace.trace_id,
        kept: threshold <= randomness,
        rule: judged
            .rule
            .map_or(NO_RULE, |rule| u16::try_from(rule).unwrap_or(NO_RULE)),
        part: judged.part,
        probability: judged.probability,
        plan: plan.plan().version,
        early,
        threshold,
        randomness,
        randomness_source: match source {
            Source::TraceId => 0,
            Source::Explicit => 1,
            Source::Hash => 2,
        },
        bits: plan.evidence(judged.rule, bits(trace, seen)),
        duration_ns,
        spans: trace.spans,
        bytes: trace.bytes,
        witness: trace.witness,
        root: trace.root,
        judged_wall_ns: wall_ns,
        tenant: trace.tenant,
    }
}

fn bits<'a>(trace: &Trace, seen: Seen<'a>) -> Bits<'a> {
    Bits {
        first: trace.bits,
        more: seen.more_bits,
    }
}

/// What is known of a trace that is voted on.
pub(crate) fn evidence<'a>(
    (trace, seen): (&'a Trace, Seen<'a>),
    randomness: u64,
    wall_ns: u64,
) -> Evidence<'a> {
    Evidence {
        trace_id: &trace.trace_id,
        bits: bits(trace, seen),
        spans: trace.spans.into(),
        bytes: i64::try_from(seen.encoded.framed).unwrap_or(i64::MAX),
        wall_ns: i64::try_from(wall_ns).unwrap_or(i64::MAX),
        randomness,
    }
}

/// What the chain says of a trace.
#[derive(Clone, Copy, Debug)]
struct Judged {
    rule: Option<usize>,
    part: Option<u16>,
    /// What decides, with R.
    threshold: u64,
    /// T that votes report, and that decided nothing.
    probability: u64,
}

impl Default for Judged {
    fn default() -> Self {
        Self {
            rule: None,
            part: None,
            threshold: NEVER,
            probability: 0,
        }
    }
}

impl Judged {
    /// The policy that decides, and a T that says no more than that: kept whatever R is, or never.
    fn by_votes(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Sampled { policy, t, part } => Self {
                rule: Some(policy),
                part,
                threshold: 0,
                probability: t,
            },
            Outcome::Dropped(policy) | Outcome::Vetoed(policy) => Self {
                rule: Some(policy),
                ..Self::default()
            },
            Outcome::NotSampled => Self::default(),
        }
    }
}
