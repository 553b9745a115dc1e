//! Let the policies of a chain vote on a trace. No span is touched.

mod bucket;

pub use bucket::Bucket;

use serde::{Deserialize, Serialize};

use crate::plan::{Bits, Cost, Share, Vote, Votes};
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
    pub bits: Bits<'a>,
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
    /// None dropped it, and this one was first to be against it, whoever sampled it.
    Vetoed(usize),
    /// Neither.
    NotSampled,
}

/// What policies said so far, by position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said(Vec<SaidBy>);

/// How often a policy said what, each time that it was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SaidBy {
    /// To keep the trace.
    pub sampled: u64,
    /// Not to.
    pub not_sampled: u64,
    /// To drop it, whatever others say.
    pub dropped: u64,
    /// Nothing: it could not be asked.
    pub failed: u64,
}

impl SaidBy {
    /// Both of both.
    pub fn add(&mut self, other: Self) {
        self.sampled += other.sampled;
        self.not_sampled += other.not_sampled;
        self.dropped += other.dropped;
        self.failed += other.failed;
    }
}

impl Said {
    /// Of each policy, by position; policies that were never asked may be missing at the end.
    #[must_use]
    pub fn by(&self) -> &[SaidBy] {
        &self.0
    }

    fn note(&mut self, policy: usize, voice: &Result<Voice, Erred>) {
        let said = at(&mut self.0, policy);
        *match voice {
            Ok(Voice::Sampled | Voice::InvertSampled) => &mut said.sampled,
            Ok(Voice::NotSampled | Voice::InvertNotSampled) => &mut said.not_sampled,
            Ok(Voice::Dropped) => &mut said.dropped,
            Err(Erred) => &mut said.failed,
        } += 1;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Sampled,
    NotSampled,
    Dropped,
    /// Sampled, if nobody is against it.
    InvertSampled,
    /// Against it, whoever else samples it.
    InvertNotSampled,
}

impl Voice {
    const fn is_against(self) -> bool {
        matches!(self, Self::NotSampled | Self::InvertNotSampled)
    }
}

/// Who said something first, by position.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    dropped: Option<usize>,
    sampled: Option<usize>,
    not_sampled: bool,
    invert_sampled: Option<usize>,
    invert_not_sampled: Option<usize>,
}

impl Count {
    fn ask<'v>(
        &mut self,
        policies: impl Iterator<Item = (usize, &'v Vote)>,
        votes: &Votes,
        evidence: &Evidence<'_>,
        (limits, said): (&mut Limits, &mut Said),
    ) {
        for (at, policy) in policies {
            let voice = ask(policy, evidence, limits);
            said.note(at, &voice);
            match voice {
                Err(Erred) => {}
                Ok(Voice::Dropped) => {
                    self.dropped = Some(at);
                    return;
                }
                Ok(Voice::Sampled) => {
                    self.sampled.get_or_insert(at);
                    if votes.first_match {
                        return;
                    }
                }
                Ok(Voice::NotSampled) => self.not_sampled = true,
                Ok(Voice::InvertSampled) => {
                    self.invert_sampled.get_or_insert(at);
                }
                Ok(Voice::InvertNotSampled) => {
                    self.invert_not_sampled.get_or_insert(at);
                }
            }
        }
    }

    fn outcome(self) -> Outcome {
        let nobody_against = self.invert_sampled.filter(|_| !self.not_sampled);
        match (self.dropped, self.invert_not_sampled) {
            (Some(at), _) => Outcome::Dropped(at),
            (None, Some(at)) => Outcome::Vetoed(at),
            (None, None) => self
                .sampled
                .or(nobody_against)
                .map_or(Outcome::NotSampled, Outcome::Sampled),
        }
    }
}

/// A policy that could not be asked: it says nothing, and so does whatever it is a part of.
struct Erred;

/// Let every policy vote: those that drop first, then the others, each kind in its order.
pub fn vote(
    votes: &Votes,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
    said: &mut Said,
) -> Outcome {
    let mut count = Count::default();
    let all = policies(votes, true).chain(policies(votes, false));
    count.ask(all, votes, evidence, (limits, said));
    count.outcome()
}

/// Let policies vote on spans that just came, alone; if that decides nothing, later ones may.
///
/// A drop that did not drop might still do so: as long as there is one, nobody else is asked.
pub fn vote_at_ingest(
    votes: &Votes,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
    said: &mut Said,
) -> Outcome {
    let mut count = Count::default();
    count.ask(policies(votes, true), votes, evidence, (limits, said));
    if count.dropped.is_none() && !count.not_sampled {
        count.ask(policies(votes, false), votes, evidence, (limits, said));
    }
    count.outcome()
}

/// Policies that drop, or those that do not, with their positions.
fn policies(votes: &Votes, drop: bool) -> impl Iterator<Item = (usize, &Vote)> {
    let policies = votes.policies.iter().enumerate();
    policies.filter(move |(_, policy)| matches!(policy, Vote::Drop { .. }) == drop)
}

const fn voice(sampled: bool) -> Result<Voice, Erred> {
    Ok(if sampled {
        Voice::Sampled
    } else {
        Voice::NotSampled
    })
}

fn ask(policy: &Vote, evidence: &Evidence<'_>, limits: &mut Limits) -> Result<Voice, Erred> {
    let is_set = |bit: u16| evidence.bits.has(bit);
    match policy {
        Vote::Always => voice(true),
        Vote::Bit {
            bit,
            inverted,
            veto,
        } => {
            let sampled = is_set(*bit) != *inverted;
            Ok(match (sampled, veto) {
                (true, false) => Voice::Sampled,
                (false, false) => Voice::NotSampled,
                (true, true) => Voice::InvertSampled,
                (false, true) => Voice::InvertNotSampled,
            })
        }
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
            other => other,
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
        if ask(part, evidence, limits)?.is_against() {
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
