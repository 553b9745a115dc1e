//! A chain in which every policy votes, as contrib's `tail_sampling` has it, as plain data.

use serde::{Deserialize, Serialize};

/// Policies that vote on a trace: any that drops it decides, else any that samples it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Votes {
    /// In the operator's order; the name of each is that of the plan's rule in the same place.
    pub policies: Vec<Vote>,
    /// Whoever samples first ends the vote: the policies after it take no tokens and cannot err.
    #[serde(default)]
    pub first_match: bool,
    /// Traces are judged at whole multiples of this, after their wait.
    pub tick_ms: u64,
    /// A trace of more bytes, as the Collector would encode it, is dropped at once.
    #[serde(default)]
    pub max_bytes: Option<u64>,
    /// The spans of each request that stand under one Resource are voted on alone, as they come;
    /// what no vote has decided when it is due is dropped.
    #[serde(default)]
    pub at_ingest: bool,
    /// Votes at ingest sample even while a drop may still drop.
    #[serde(default)]
    pub despite_drops: bool,
    /// What the Collector takes for a trace counts its `schema_url`s.
    #[serde(default)]
    pub schema_urls: bool,
    /// Of those that sample, the one with the lowest T is credited, and not the first.
    #[serde(default)]
    pub credit_loosest: bool,
    /// Votes know probabilities: R is that of the trace where its spans say so, and the lowest T
    /// of those that sampled is written on kept spans.
    #[serde(default)]
    pub tracestate: bool,
    /// Limits keep the traces of a tick with the highest R, so that their T is known.
    #[serde(default)]
    pub budgets: bool,
    /// Write the policy on the scopes of kept spans.
    #[serde(default)]
    pub record_policy: bool,
    /// Also on those of late ones.
    #[serde(default)]
    pub record_late: bool,
}

impl Votes {
    /// Whether it matters what the Collector would take for a trace.
    pub(crate) fn ask_for_sizes(&self) -> bool {
        self.max_bytes.is_some() || self.policies.iter().any(Vote::asks_for_sizes)
    }

    /// Parts of composite policies, each with the position of its policy.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, &Share)> {
        let policies = self.policies.iter().enumerate();
        policies.flat_map(|(at, policy)| {
            let parts: &[Share] = match policy {
                Vote::Composite { of, .. } => of,
                _ => &[],
            };
            parts.iter().map(move |part| (at, part))
        })
    }

    /// The number, among all parts, of one of a policy.
    pub(crate) fn part(&self, policy: usize, part: usize) -> Option<u16> {
        let first = self.parts().position(|(at, _)| at == policy)?;
        u16::try_from(first + part).ok()
    }

    /// The predicate that a policy asks for first, by its position.
    pub(crate) fn first_bit(&self, policy: usize) -> Option<u16> {
        self.policies.get(policy)?.bits().next()
    }
}

/// What one policy, or a part of one, asks of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Vote {
    /// Samples every trace.
    Always,
    /// Samples a trace in which some span set this bit; inverted, one in which none did.
    Bit {
        /// A position in the plan's predicates.
        bit: u16,
        /// Ask for the opposite.
        #[serde(default)]
        inverted: bool,
        /// What it does not sample nobody samples, and what it samples is sampled only if nobody
        /// is against it.
        #[serde(default)]
        veto: bool,
    },
    /// Spans were asked one after another, until one matched or could not be asked.
    Race {
        /// Set if one matched first.
        matched: u16,
        /// Set if one could not be asked, first: the policy errs.
        failed: u16,
    },
    /// Samples a trace of so many spans.
    Spans {
        /// At least.
        min: i64,
        /// At most; 0: no bound.
        max: i64,
    },
    /// Samples a trace whose hash is at or below a threshold: FNV-1a, 64 bit, of salt and id.
    Hashed {
        /// The bytes before the id.
        salt: String,
        /// The largest hash that is sampled.
        threshold: u64,
        /// OpenTelemetry's T of the same share.
        #[serde(default)]
        t: u64,
        /// A predicate: where it holds, R is what decides, and not the hash.
        #[serde(default)]
        informed: Option<u16>,
    },
    /// Samples while a token bucket allows it.
    Limited {
        /// A position in the limits that the engine keeps for this plan.
        limit: u16,
        /// What a trace takes from it.
        cost: Cost,
        /// Tokens a second.
        per_second: u64,
        /// The most it holds; what costs more never passes.
        burst: i64,
    },
    /// Samples if all parts do; asked in order until one does not.
    And {
        /// The parts.
        of: Vec<Self>,
    },
    /// Samples if the part does not.
    Not {
        /// The part.
        of: Box<Self>,
    },
    /// Drops the trace, whatever others say, if all parts sample it.
    Drop {
        /// The parts.
        of: Vec<Self>,
    },
    /// Samples by the first part that does, within what that part may take in a second.
    Composite {
        /// The parts.
        of: Vec<Share>,
        /// Spans a second that a part may not pass either.
        most: i64,
        /// A position among the composite policies that the engine counts for.
        place: u16,
    },
}

/// A part of a composite policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Its name, for people.
    pub name: String,
    /// What it asks.
    pub vote: Vote,
    /// Spans a second that it may take.
    pub most: i64,
}

/// What a trace takes from a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// One token a span.
    Spans,
    /// One token a byte, of the trace as the Collector would encode it.
    Bytes,
}

impl Vote {
    /// The bits that it asks for, in its order.
    pub(crate) fn bits(&self) -> Box<dyn Iterator<Item = u16> + '_> {
        match self {
            Self::Bit { bit, .. } => Box::new(std::iter::once(*bit)),
            Self::Race { matched, failed } => Box::new([*matched, *failed].into_iter()),
            Self::And { of } | Self::Drop { of } => Box::new(of.iter().flat_map(Self::bits)),
            Self::Not { of } => of.bits(),
            Self::Composite { of, .. } => Box::new(of.iter().flat_map(|part| part.vote.bits())),
            Self::Hashed { informed, .. } => Box::new(informed.iter().copied()),
            Self::Always | Self::Spans { .. } | Self::Limited { .. } => {
                Box::new(std::iter::empty())
            }
        }
    }

    fn asks_for_sizes(&self) -> bool {
        match self {
            Self::Limited { cost, .. } => *cost == Cost::Bytes,
            Self::And { of } | Self::Drop { of } => of.iter().any(Self::asks_for_sizes),
            Self::Not { of } => of.asks_for_sizes(),
            Self::Composite { of, .. } => of.iter().any(|part| part.vote.asks_for_sizes()),
            Self::Always
            | Self::Bit { .. }
            | Self::Race { .. }
            | Self::Spans { .. }
            | Self::Hashed { .. } => false,
        }
    }

    /// What explains it where no predicate does.
    pub(crate) const fn slug(&self) -> &'static str {
        match self {
            Self::Always => "always_sample",
            Self::Bit { inverted: true, .. } => "invert_match",
            Self::Bit { .. } | Self::Race { .. } => "no_match",
            Self::Spans { .. } => "span_count",
            Self::Hashed { .. } => "probabilistic",
            Self::Limited { cost, .. } => match cost {
                Cost::Spans => "rate_limiting",
                Cost::Bytes => "bytes_limiting",
            },
            Self::And { .. } => "and",
            Self::Not { .. } => "not",
            Self::Drop { .. } => "drop",
            Self::Composite { .. } => "composite",
        }
    }
}
