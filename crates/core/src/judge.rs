//! Run the chain once on what is known of a trace. No span is touched.

use crate::engine::{Decided, Seen};
use crate::index::Trace;
use crate::plan::{Bits, Compiled, NEVER};
use crate::randomness::{Source, resolve};
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
    let (randomness, source) = resolve(
        &trace.trace_id,
        plan.plan().hash_trace_ids,
        trace.rv,
        trace.rv_source,
    );
    let (rule, threshold) = match &plan.plan().votes {
        Some(_) if seen.decided == Some(Decided::TooLarge) => (None, NEVER),
        Some(votes) if votes.at_ingest => decided(match seen.decided {
            Some(Decided::Voted(outcome)) => outcome,
            _ => Outcome::NotSampled,
        }),
        Some(votes) => {
            let evidence = evidence(trace, seen, wall_ns);
            // What overload drops anyhow takes no tokens from what it does not.
            let mut spared = (randomness < overload).then(|| limits.clone());
            let limits = spared.as_mut().unwrap_or(limits);
            decided(vote(votes, &evidence, limits, said))
        }
        None => {
            let rule = plan.first_match(trace.bits, duration_ns);
            let threshold = rule.map_or(NEVER, |rule| plan.plan().rules[rule].threshold);
            (rule, threshold)
        }
    };
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
        rule: rule.map_or(NO_RULE, |rule| u16::try_from(rule).unwrap_or(NO_RULE)),
        plan: plan.plan().version,
        early,
        threshold,
        randomness,
        randomness_source: match source {
            Source::TraceId => 0,
            Source::Explicit => 1,
            Source::Hash => 2,
        },
        bits: plan.evidence(rule, bits(trace, seen)),
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

fn evidence<'a>(trace: &'a Trace, seen: Seen<'a>, wall_ns: u64) -> Evidence<'a> {
    Evidence {
        trace_id: &trace.trace_id,
        bits: bits(trace, seen),
        spans: trace.spans.into(),
        bytes: i64::try_from(seen.encoded.framed).unwrap_or(i64::MAX),
        wall_ns: i64::try_from(wall_ns).unwrap_or(i64::MAX),
    }
}

/// The policy that decides, and a T that says no more than that: kept whatever R is, or never.
const fn decided(outcome: Outcome) -> (Option<usize>, u64) {
    match outcome {
        Outcome::Sampled(policy) => (Some(policy), 0),
        Outcome::Dropped(policy) | Outcome::Vetoed(policy) => (Some(policy), NEVER),
        Outcome::NotSampled => (None, NEVER),
    }
}
