//! Limits that keep the traces of a tick with the highest R, so that what they keep has a T.

use super::{ALWAYS, Count, Evidence, Limits, Said, Voice, ask, at, policies};
use crate::plan::{Cost, NEVER, Vote, Votes};

/// What a limit does in a tick: T, or nothing where it is a plain token bucket.
pub(super) type Cut = Option<u64>;

/// Find T of every limit for the traces of a tick, and take what they keep.
///
/// A limit sees the traces that no policy drops and, within `and`, that all other parts sample.
/// Within `not`, `drop` and composite policies limits are asked trace by trace, as without this.
pub fn prepare(votes: &Votes, tick: &[Evidence<'_>], limits: &mut Limits) {
    // Asked once more when the tick is judged, and only then for good.
    let mut scratch = limits.clone();
    let left: Vec<&Evidence<'_>> = tick
        .iter()
        .filter(|trace| !is_dropped(votes, trace, &mut scratch))
        .collect();
    for (_, policy) in policies(votes, false) {
        match policy {
            Vote::Limited { .. } => cut(policy, &left, limits),
            Vote::And { of } => {
                let is_limit = |part: &&Vote| matches!(part, Vote::Limited { .. });
                let parts: Vec<&Vote> = of.iter().filter(is_limit).collect();
                if parts.is_empty() {
                    continue;
                }
                let mut others = left.clone();
                others.retain(|trace| {
                    let mut others = of.iter().filter(|part| !is_limit(part));
                    others.all(|part| passes(part, trace, &mut scratch))
                });
                for part in parts {
                    cut(part, &others, limits);
                }
            }
            _ => {}
        }
    }
}

fn is_dropped(votes: &Votes, trace: &Evidence<'_>, scratch: &mut Limits) -> bool {
    let mut count = Count::default();
    let drops = policies(votes, true);
    count.ask(
        drops,
        (votes, false),
        trace,
        (scratch, &mut Said::default()),
    );
    count.dropped.is_some()
}

fn passes(part: &Vote, trace: &Evidence<'_>, scratch: &mut Limits) -> bool {
    let word = ask(part, trace, scratch);
    word.is_ok_and(|word| !word.voice.is_against() && word.voice != Voice::Dropped)
}

/// Find T of one limit. It is just above R of the first trace that does not fit, so that traces
/// with the same R stay together.
fn cut(limit: &Vote, traces: &[&Evidence<'_>], limits: &mut Limits) {
    let Vote::Limited {
        limit,
        cost,
        per_second,
        burst,
    } = limit
    else {
        return;
    };
    let place = usize::from(*limit);
    let cost = |trace: &Evidence<'_>| cost_of(trace, *cost);
    let Some(now_ns) = traces.first().map(|trace| trace.wall_ns) else {
        *at(&mut limits.cuts, place) = Some(ALWAYS); // and nothing is taken
        return;
    };
    // What can never pass takes no room from others.
    let mut fit: Vec<&Evidence<'_>> = traces.to_vec();
    fit.retain(|trace| cost(trace) <= *burst);
    fit.sort_by_key(|trace| std::cmp::Reverse(trace.randomness));
    let bucket = at(&mut limits.buckets, place);
    let tokens = bucket.whole_tokens(*per_second as f64, *burst, now_ns);
    let mut spent = 0_i64;
    let first_out = fit.iter().position(|trace| {
        spent = spent.saturating_add(cost(trace));
        spent > tokens
    });
    let t = match first_out.map(|at| fit[at].randomness) {
        None => ALWAYS,
        Some(first_out) => {
            fit.retain(|trace| trace.randomness > first_out);
            if fit.is_empty() { NEVER } else { first_out + 1 }
        }
    };
    let kept = fit.iter().map(|trace| cost(trace)).sum();
    bucket.take(kept, *per_second as f64, *burst, now_ns);
    *at(&mut limits.cuts, place) = Some(t);
}

/// What a trace takes from a limit.
pub(super) const fn cost_of(trace: &Evidence<'_>, cost: Cost) -> i64 {
    match cost {
        Cost::Spans => trace.spans,
        Cost::Bytes => trace.bytes,
    }
}
