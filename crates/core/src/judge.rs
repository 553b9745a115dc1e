//! Run the chain once on what is known of a trace. No span is touched.

use crate::index::Trace;
use crate::plan::{Compiled, NEVER};
use crate::randomness::{Source, resolve};
use crate::verdicts::{Early, NO_RULE, Verdict};

/// Judge a trace by the plan it began under. `overload`: T of what was shed at the door while its
/// spans came; a trace below may lack some of them.
#[must_use]
pub fn judge(
    trace: &Trace,
    plan: &Compiled,
    (early, overload): (Early, u64),
    wall_ns: u64,
) -> Verdict {
    let duration_ns = trace.duration_ns();
    let (randomness, source) = resolve(
        &trace.trace_id,
        plan.plan().hash_trace_ids,
        trace.rv,
        trace.rv_source,
    );
    let rule = plan.first_match(trace.bits, duration_ns);
    let threshold = rule.map_or(NEVER, |rule| plan.plan().rules[rule].threshold);
    let large = plan.plan().large;
    let (early, threshold) = if large.is_some_and(|large| large.drops(trace.bytes)) {
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
        bits: trace.bits,
        duration_ns,
        spans: trace.spans,
        bytes: trace.bytes,
        witness: trace.witness,
        root: trace.root,
        judged_wall_ns: wall_ns,
        tenant: trace.tenant,
    }
}
