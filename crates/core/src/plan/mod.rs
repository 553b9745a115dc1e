//! The plan: the policy chain as plain, versioned data, compiled once and run on every span.
//!
//! Python writes it (`tailsampler/decide`), as JSON; [`Compiled`] is what the scan runs.

mod asked;
mod check;
mod compile;
mod lowered;
mod matcher;
mod ottl;
mod pages;
mod votes;

pub use check::PlanError;
pub use compile::{Compiled, PlanSet, SharedPlans};
pub use matcher::Value;
pub use pages::Bits;
pub use votes::{Cost, Share, Vote, Votes};

use serde::{Deserialize, Serialize};

use crate::ottl::Condition;

/// T of a rule with rate 0: above every R, so nothing is kept.
pub const NEVER: u64 = 1 << 56;

/// Predicates on one page: bits of a word.
pub const PAGE: usize = 64;

/// Predicates that rules may ask for: one page.
pub const MAX_PREDICATES: usize = PAGE;

/// Predicates that policies which vote may ask for. Every page beyond the first is a look of its
/// own at each span.
pub const MAX_VOTED: usize = 16 * PAGE;

/// A compiled policy chain, in the form that crosses the seam and is stored beside the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this format: 1.
    pub format: u32,
    /// Given by the core when the plan is installed; 0 before.
    #[serde(default)]
    pub version: u32,
    /// How long a trace is held after its first span, unless a rule says otherwise.
    pub wait_ms: u64,
    /// How long a trace is held after its root span was seen, if that is earlier.
    #[serde(default)]
    pub wait_after_root_ms: Option<u64>,
    /// Trace ids are known not to be random: R is the low 56 bits of their MurmurHash3
    /// (x64, 128 bit, seed 0, first half), and `rv` is written on kept spans.
    #[serde(default)]
    pub hash_trace_ids: bool,
    /// What becomes of traces that are larger than most; none: they go as they are.
    #[serde(default)]
    pub large: Option<Large>,
    /// Evaluated once a span at ingest; the position in this list is the bit.
    pub predicates: Vec<Predicate>,
    /// In the operator's order; the first that matches decides.
    pub rules: Vec<Rule>,
    /// Every policy votes, and the votes decide. Rules then bear the policies' names alone.
    #[serde(default)]
    pub votes: Option<Votes>,
}

/// What is too large, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Large {
    /// Bytes of a trace's Span messages, as received.
    pub max_bytes: u64,
    /// Judge it at once and drop it, whatever the rules say. Else a trace that is kept loses what
    /// it has beyond, but for its root and its errors.
    pub drop: bool,
}

impl Large {
    /// Whether a trace of so many bytes is dropped for that.
    #[must_use]
    pub const fn drops(self, bytes: u64) -> bool {
        self.drop && bytes > self.max_bytes
    }
}

/// One condition on a span or its resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// What a verdict says when this condition decided it, e.g. `http_status`.
    pub reason: String,
    /// The condition.
    pub test: Test,
}

/// What a predicate looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Test {
    /// A span attribute with one of these keys is one of these integers. An attribute that is a
    /// string of decimal digits counts as its number: old instrumentations write `"503"`.
    SpanIntIn {
        /// Attribute keys, any of which may match.
        keys: Vec<String>,
        /// The integers.
        values: Vec<i64>,
    },
    /// A span attribute with one of these keys is one of these strings, exactly.
    SpanStringIn {
        /// Attribute keys, any of which may match.
        keys: Vec<String>,
        /// The strings.
        values: Vec<String>,
    },
    /// The span's status code is one of these.
    SpanStatusIn {
        /// OTLP's status codes: 0 unset, 1 ok, 2 error.
        codes: Vec<i32>,
    },
    /// A resource attribute with one of these keys is one of these strings, exactly.
    ResourceStringIn {
        /// Attribute keys, any of which may match.
        keys: Vec<String>,
        /// The strings.
        values: Vec<String>,
    },
    /// The attribute of the resource, or of the span, passes; of several with the key the first
    /// one counts.
    First {
        /// The attribute's key.
        key: String,
        /// What is asked of it.
        asks: Asks,
    },
    /// The span's flags have bit 0 set: its head was sampled.
    SpanSampled,
    /// The span's tracestate, as W3C has it, gives this key one of these values.
    TraceStateIn {
        /// The member's key.
        key: String,
        /// The values.
        values: Vec<String>,
    },
    /// The span's tracestate says something of sampling: `rv` or `th` of its member `ot`.
    SamplingInformation,
    /// One of these conditions in OTTL holds of the span, or of an event of it: asked in this
    /// order until one does.
    Ottl {
        /// Of the span.
        span: Vec<Condition>,
        /// Of each event.
        event: Vec<Condition>,
        /// Set if a condition erred before one held, and asking ends there; without it an error
        /// is a condition that does not hold.
        #[serde(default)]
        failed: Option<u16>,
    },
    /// A condition in OTTL erred: set by the predicate that asks.
    OttlFailed {
        /// Tells it from others: the texts of the conditions.
        of: String,
    },
    /// Last end minus first start of the spans so far, asked after each span, in whole
    /// milliseconds. A start of 0 stands until the next span, whatever that says.
    Lasting {
        /// At least.
        from_ms: i64,
        /// At most.
        to_ms: Option<i64>,
        /// More than 292 years count modulo 2^64 ns, and not as 292.
        #[serde(default)]
        wraps: bool,
    },
}

/// What is asked of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Asks {
    /// To be one of these strings, exactly.
    StringIn {
        /// The strings.
        values: Vec<String>,
    },
    /// To be a string in which one of these regular expressions is found.
    Matches {
        /// In the syntax of the crate `regex`.
        patterns: Vec<String>,
    },
    /// To be an integer between these, both included; whatever is none counts as 0.
    IntBetween {
        /// At least.
        min: i64,
        /// At most.
        max: i64,
    },
    /// To be this boolean; whatever is none counts as false.
    Bool {
        /// The boolean.
        value: bool,
    },
}

/// One rule of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The operator's name for it.
    pub name: String,
    /// Every clause must hold; no clause means every trace.
    pub all: Vec<Clause>,
    /// OpenTelemetry's T, 56 bits; [`NEVER`] for rate 0. Kept if T <= R.
    pub threshold: u64,
    /// Instead of the plan's wait, for traces whose first matching rule this is so far.
    #[serde(default)]
    pub wait_ms: Option<u64>,
}

/// One part of a rule's condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Clause {
    /// Some span of the trace set one of these bits.
    AnyBit {
        /// Positions in [`Plan::predicates`].
        bits: Vec<u8>,
    },
    /// Last end minus first start of the trace is at or over this.
    DurationAtLeast {
        /// Nanoseconds.
        ns: u64,
    },
}

#[cfg(test)]
mod tests;
