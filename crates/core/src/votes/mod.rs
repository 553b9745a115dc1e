//! Let the policies of a chain vote on a trace. No span is touched.

mod bucket;
mod budget;

pub use bucket::Bucket;
pub use budget::prepare;

use serde::{Deserialize, Serialize};

use crate::plan::{Bits, Share, Vote, Votes};
use crate::wire::TraceId;

/// What limits have given so far. A process that starts again goes on with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    buckets: Vec<Bucket>,
    composites: Vec<Taken>,
    /// By limit, for the tick at hand.
    #[serde(skip)]
    cuts: Vec<budget::Cut>,
}

/// What the parts of a composite policy took in the second at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Taken {
    second: i64,
    /// By part.
    spans: Vec<i64>,
}

/// T of what is sampled whatever its R is.
const ALWAYS: u64 = 0;

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
    /// Its R.
    pub randomness: u64,
}

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Some policy dropped it, this one first.
    Dropped(usize),
    /// None dropped it, and some sampled it.
    Sampled {
        /// The one that is credited.
        policy: usize,
        /// T of the trace: the lowest of those that sampled it.
        t: u64,
        /// The part of a composite policy that sampled, as [`Votes::parts`] counts them: of the last
        /// such policy, whoever is credited.
        part: Option<u16>,
    },
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

    fn note(&mut self, policy: usize, answer: &Answer) {
        let said = at(&mut self.0, policy);
        *match answer.as_ref().map(|word| word.voice) {
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

/// What a policy says.
#[derive(Clone, Copy, Debug)]
struct Word {
    voice: Voice,
    /// T of that.
    t: u64,
    /// Of a composite policy, the part that sampled; [`NO_PART`] of others.
    part: u16,
}

const NO_PART: u16 = u16::MAX;

impl Word {
    const fn new(voice: Voice) -> Self {
        Self {
            voice,
            t: ALWAYS,
            part: NO_PART,
        }
    }
}

type Answer = Result<Word, Erred>;

/// Who said something first, by position.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    dropped: Option<usize>,
    /// Who is credited, with its word.
    sampled: Option<(usize, Word)>,
    /// The lowest T of all that sampled.
    lowest: Option<u64>,
    /// The last part of a composite policy that sampled.
    part: Option<u16>,
    not_sampled: bool,
    invert_sampled: Option<usize>,
    invert_not_sampled: Option<usize>,
}

impl Count {
    /// Ask these policies. `until_one_samples`: those after it are not asked.
    fn ask<'v>(
        &mut self,
        policies: impl Iterator<Item = (usize, &'v Vote)>,
        (votes, until_one_samples): (&Votes, bool),
        evidence: &Evidence<'_>,
        (limits, said): (&mut Limits, &mut Said),
    ) {
        for (at, policy) in policies {
            // Most policies ask for one condition.
            let answer = match policy {
                Vote::Bit {
                    bit,
                    inverted,
                    veto: false,
                } => voice(evidence.bits.has(*bit) != *inverted),
                _ => ask(policy, evidence, limits),
            };
            said.note(at, &answer);
            let Ok(word) = answer else {
                continue;
            };
            match word.voice {
                Voice::Dropped => {
                    self.dropped = Some(at);
                    return;
                }
                Voice::Sampled => {
                    let looser = |(_, credited): (usize, Word)| word.t < credited.t;
                    if self
                        .sampled
                        .is_none_or(|old| votes.credit_loosest && looser(old))
                    {
                        self.sampled = Some((at, word));
                    }
                    self.lowest = Some(self.lowest.map_or(word.t, |t| t.min(word.t)));
                    if word.part != NO_PART {
                        self.part = votes.part(at, word.part.into());
                    }
                    if until_one_samples {
                        return;
                    }
                }
                Voice::NotSampled => self.not_sampled = true,
                Voice::InvertSampled => {
                    self.invert_sampled.get_or_insert(at);
                }
                Voice::InvertNotSampled => {
                    self.invert_not_sampled.get_or_insert(at);
                }
            }
        }
    }

    fn outcome(self) -> Outcome {
        let t = self.lowest.unwrap_or_default();
        let nobody_against = self.invert_sampled.filter(|_| !self.not_sampled);
        match (self.dropped, self.invert_not_sampled) {
            (Some(policy), _) => Outcome::Dropped(policy),
            (None, Some(policy)) => Outcome::Vetoed(policy),
            (None, None) => {
                let credited = self.sampled.map(|(policy, _)| policy);
                let part = self.part;
                credited
                    .or(nobody_against)
                    .map_or(Outcome::NotSampled, |policy| Outcome::Sampled {
                        policy,
                        t,
                        part,
                    })
            }
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
    count.ask(all, (votes, votes.first_match), evidence, (limits, said));
    count.outcome()
}

/// Let policies vote on spans that just came, alone; if that decides nothing, later ones may.
///
/// A drop that did not drop might still do so: as long as there is one, nobody else is asked. Else
/// the first that samples ends it.
pub fn vote_at_ingest(
    votes: &Votes,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
    said: &mut Said,
) -> Outcome {
    let mut count = Count::default();
    let drops = policies(votes, true);
    count.ask(drops, (votes, false), evidence, (limits, said));
    if count.dropped.is_none() && (votes.despite_drops || !count.not_sampled) {
        let others = policies(votes, false);
        count.ask(others, (votes, true), evidence, (limits, said));
    }
    match count.outcome() {
        // Inverted voices are final no sooner than all others are in.
        Outcome::Vetoed(_) => Outcome::NotSampled,
        Outcome::Sampled { .. } if count.sampled.is_none() => Outcome::NotSampled,
        outcome => outcome,
    }
}

/// Policies that drop, or those that do not, with their positions.
fn policies(votes: &Votes, drop: bool) -> impl Iterator<Item = (usize, &Vote)> {
    let policies = votes.policies.iter().enumerate();
    policies.filter(move |(_, policy)| matches!(policy, Vote::Drop { .. }) == drop)
}

const fn voice(sampled: bool) -> Answer {
    Ok(Word::new(if sampled {
        Voice::Sampled
    } else {
        Voice::NotSampled
    }))
}

fn ask(policy: &Vote, evidence: &Evidence<'_>, limits: &mut Limits) -> Answer {
    let is_set = |bit: u16| evidence.bits.has(bit);
    match policy {
        Vote::Always => voice(true),
        Vote::Bit {
            bit,
            inverted,
            veto: false,
        } => voice(is_set(*bit) != *inverted),
        Vote::Bit { bit, inverted, .. } => Ok(Word::new(if is_set(*bit) == *inverted {
            Voice::InvertNotSampled
        } else {
            Voice::InvertSampled
        })),
        Vote::Race { failed, .. } if is_set(*failed) => Err(Erred),
        Vote::Race { matched, .. } => voice(is_set(*matched)),
        Vote::Spans { min, max } => {
            voice(evidence.spans >= *min && (*max == 0 || evidence.spans <= *max))
        }
        Vote::Hashed {
            salt,
            threshold,
            t,
            informed,
        } => {
            let word = voice(if informed.is_some_and(is_set) {
                *t <= evidence.randomness
            } else {
                fnv(salt.as_bytes(), evidence.trace_id) <= *threshold
            })?;
            Ok(Word { t: *t, ..word })
        }
        Vote::Limited {
            limit,
            cost,
            per_second,
            burst,
        } => {
            let cost = budget::cost_of(evidence, *cost);
            let place = usize::from(*limit);
            if let Some(t) = limits.cuts.get(place).copied().flatten() {
                let word = voice(cost <= *burst && t <= evidence.randomness)?;
                return Ok(Word { t, ..word });
            }
            let bucket = at(&mut limits.buckets, place);
            voice(bucket.take(cost, *per_second as f64, *burst, evidence.wall_ns))
        }
        Vote::And { of } => all(of, evidence, limits),
        Vote::Drop { of } => Ok(Word::new(match all(of, evidence, limits)?.voice {
            Voice::Sampled => Voice::Dropped,
            other => other,
        })),
        Vote::Not { of } => Ok(Word::new(match ask(of, evidence, limits)?.voice {
            Voice::Sampled => Voice::NotSampled,
            Voice::NotSampled => Voice::Sampled,
            other => other,
        })),
        Vote::Composite { of, most, place } => {
            composite(of, *most, usize::from(*place), evidence, limits)
        }
    }
}

/// What all parts come to, asked one after another until one does not sample; T is the strictest.
fn all(parts: &[Vote], evidence: &Evidence<'_>, limits: &mut Limits) -> Answer {
    let mut strictest = ALWAYS;
    for part in parts {
        let word = ask(part, evidence, limits)?;
        if word.voice.is_against() {
            return voice(false);
        }
        strictest = strictest.max(word.t);
    }
    Ok(Word {
        t: strictest,
        ..Word::new(Voice::Sampled)
    })
}

/// The first part that samples decides, if the second at hand has room for the trace in its share.
fn composite(
    parts: &[Share],
    most: i64,
    place: usize,
    evidence: &Evidence<'_>,
    limits: &mut Limits,
) -> Answer {
    let second = evidence.wall_ns.div_euclid(1_000_000_000);
    let taken = at(&mut limits.composites, place);
    if taken.second != second {
        *taken = Taken {
            second,
            spans: Vec::new(),
        };
    }
    for (position, part) in parts.iter().enumerate() {
        let voice = ask(&part.vote, evidence, limits)?.voice;
        if !matches!(voice, Voice::Sampled | Voice::InvertSampled) {
            continue;
        }
        let taken = at(&mut limits.composites, place);
        let spans = at(&mut taken.spans, position);
        let sum = spans.saturating_add(evidence.spans);
        let room = sum <= part.most && sum <= most;
        if !room {
            return self::voice(false);
        }
        *spans = sum;
        return Ok(Word {
            part: u16::try_from(position).unwrap_or(NO_PART),
            ..Word::new(Voice::Sampled)
        });
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
