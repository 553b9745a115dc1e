//! Let the policies of a chain vote on a trace. No span is touched.

mod bucket;

pub use bucket::Bucket;

use serde::{Deserialize, Serialize};

use crate::plan::{Cost, Share, Vote, Votes};
use crate::wire::TraceId;

/// What limits have given so far. A process that starts again goes on with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    buckets: Vec<Bucket>,
    composites: Vec<Taken>,
}

/// What the parts of a composite policy took in the second at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    second: i64,
    /// By part.
    spans: Vec<i64>,
}

/// What is known of a trace that is voted on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Its id.
    pub trace_id: &'a TraceId,
    /// The predicates that held.
    pub bits: u64,
    /// Its spans.
    pub spans: i64,
    /// What it takes from a limit in bytes.
    pub bytes: i64,
    /// When, since 1970; limits go by it.
    pub wall_ns: i64,
}

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Some policy dropped it, this one first.
    Dropped(usize),
    /// None dropped it, and some sampled it, this one first.
    Sampled(usize),
    /// Neither.
    NotSampled,
}

/// A vote, and the policies that could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// The verdict.
    pub outcome: Outcome,
    /// Policies that erred.
    pub errors: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Sampled,
    NotSampled,
    Dropped,
}

/// A policy that could not be asked: it says nothing, and so does whatever it is a part of.
struct Erred;

/// Let every policy vote: those that drop first, then the others, each kind in its order.
pub fn vote(votes: &Votes, evidence: &Evidence<'_>, limits: &mut Limits) -> Ballot {
    let policies = || votes.policies.iter().enumerate();
    let drops = policies().filter(|(_, policy)| matches!(policy, Vote::Drop { .. }));
    let others = policies().filter(|(_, policy)| !matches!(policy, Vote::Drop { .. }));
    let mut ballot = Ballot {
        outcome: Outcome::NotSampled,
        errors: 0,
    };
    for (at, policy) in drops.chain(others) {
        match ask(policy, evidence, limits) {
            Err(Erred) => ballot.errors += 1,
            Ok(Voice::NotSampled) => {}
            Ok(Voice::Dropped) => {
                ballot.outcome = Outcome::Dropped(at);
                return ballot;
            }
            Ok(Voice::Sampled) => {
                if ballot.outcome == Outcome::NotSampled {
                    ballot.outcome = Outcome::Sampled(at);
                }
                if votes.first_match {
                    return ballot;
                }
            }
        }
    }
    ballot
}

const fn voice(sampled: bool) -> Result<Voice, Erred> {
    Ok(if sampled {
        Voice::Sampled
    } else {
        Voice::NotSampled
    })
}

fn ask(policy: &Vote, evidence: &Evidence<'_>, limits: &mut Limits) -> Result<Voice, Erred> {
    let is_set = |bit: u8| evidence.bits >> bit & 1 == 1;
    match policy {
        Vote::Always => voice(true),
        Vote::Bit { bit, inverted } => voice(is_set(*bit) != *inverted),
        Vote::Race { failed, .. } if is_set(*failed) => Err(Erred),
        Vote::Race { matched, .. } => voice(is_set(*matched)),
        Vote::Spans { min, max } => {
            voice(evidence.spans >= *min && (*max == 0 || evidence.spans <= *max))
        }
        Vote::Hashed { salt, threshold } => {
            voice(fnv(salt.as_bytes(), evidence.trace_id) <= *threshold)
        }
        Vote::Limited {
            limit,
            cost,
            per_second,
            burst,
        } => {
            let cost = match cost {
                Cost::Spans => evidence.spans,
                Cost::Bytes => evidence.bytes,
            };
            let bucket = at(&mut limits.buckets, usize::from(*limit));
            voice(bucket.take(cost, *per_second as f64, *burst, evidence.wall_ns))
        }
        Vote::And { of } => all(of, Voice::Sampled, evidence, limits),
        Vote::Drop { of } => all(of, Voice::Dropped, evidence, limits),
        Vote::Not { of } => Ok(match ask(of, evidence, limits)? {
            Voice::Sampled => Voice::NotSampled,
            Voice::NotSampled => Voice::Sampled,
            Voice::Dropped => Voice::Dropped,
        }),
        Vote::Composite { of, most, place } => {
            composite(of, *most, usize::from(*place), evidence, limits)
        }
    }
}

/// What all parts come to, asked one after another until one does not sample.
fn all(
    parts: &[Vote],
    together: Voice,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
) -> Result<Voice, Erred> {
    for part in parts {
        if ask(part, evidence, limits)? == Voice::NotSampled {
            return Ok(Voice::NotSampled);
        }
    }
    Ok(together)
}

/// The first part that samples decides, if the second at hand has room for the trace in its share.
fn composite(
    parts: &[Share],
    most: i64,
    place: usize,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
) -> Result<Voice, Erred> {
    let second = evidence.wall_ns.div_euclid(1_000_000_000);
    let taken = at(&mut limits.composites, place);
    if taken.second != second {
        *taken = Taken {
            second,
            spans: Vec::new(),
        };
    }
    for (position, part) in parts.iter().enumerate() {
        if ask(&part.vote, evidence, limits)? != Voice::Sampled {
            continue;
        }
        let taken = at(&mut limits.composites, place);
        let spans = at(&mut taken.spans, position);
        let sum = spans.saturating_add(evidence.spans);
        let room = sum <= part.most && sum <= most;
        if room {
            *spans = sum;
        }
        return voice(room);
    }
    voice(false)
}

/// The state in this place, made if there is none yet.
fn at<T: Clone + Default>(states: &mut Vec<T>, place: usize) -> &mut T {
    if states.len() <= place {
        states.resize(place + 1, T::default());
    }
    &mut states[place]
}

fn fnv(salt: &[u8], trace_id: &TraceId) -> u64 {
    salt.iter()
        .chain(trace_id)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests;
