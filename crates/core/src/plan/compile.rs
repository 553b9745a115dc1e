//! A plan made ready to run: predicates for the scan, rules for the judge.

use std::sync::{Arc, RwLock};

use super::check::check;
use super::lowered::Lowered;
use super::matcher::{self, Matcher};
use super::ottl::Asked;
use super::{Bits, Clause, PAGE, Plan, PlanError, Rule, Test, Value, Vote, Votes, pages};
use crate::ottl::{Seen, View, Wants};
use crate::wire::{Encoded, Times, ot, times, w3c};

/// A plan that was checked, with what the scan and the judge ask of it laid out for speed.
#[derive(Debug)]
pub struct Compiled {
    plan: Plan,
    span: Matcher,
    resource: Matcher,
    /// Bits that a span with status code 0, 1, 2 sets; other codes are looked up in the plan.
    status: [u64; 3],
    rules: Vec<Conditions>,
    /// The bit of a span whose head was sampled.
    sampled: u64,
    /// The bit of a span whose tracestate says something of sampling.
    informed: u64,
    /// (bit, key, values)
    trace_state: Vec<(u64, Vec<u8>, Vec<Vec<u8>>)>,
    lasting: Vec<Lasting>,
    sizes: bool,
    ottl: Vec<Asked>,
    lowered: Lowered,
    /// Attributes of resources and of scopes that conditions in OTTL read.
    ottl_wants: (Wants, Wants),
    /// Some condition in OTTL is asked that is not lowered, on this page or another.
    asks_ottl: bool,
    /// Pairs of bits of which the first that is set stays alone.
    races: Vec<u64>,
    /// Predicates beyond the first page; of a page itself, none.
    pages: Vec<Self>,
}

/// A test of how long a trace lasts so far.
#[derive(Debug)]
struct Lasting {
    bit: u64,
    from_ms: i64,
    to_ms: i64,
    wraps: bool,
}

/// The clauses of a rule.
#[derive(Debug, Default)]
struct Conditions {
    /// Each must share a bit with the trace.
    masks: Vec<u64>,
    at_least_ns: u64,
}

impl Conditions {
    fn new(rule: &Rule) -> Self {
        let mut conditions = Self::default();
        for clause in &rule.all {
            match clause {
                Clause::AnyBit { bits } => conditions.masks.push(mask(bits)),
                Clause::DurationAtLeast { ns } => {
                    conditions.at_least_ns = conditions.at_least_ns.max(*ns);
                }
            }
        }
        conditions
    }

    fn hold(&self, bits: u64, duration_ns: u64) -> bool {
        duration_ns >= self.at_least_ns && self.masks.iter().all(|mask| mask & bits != 0)
    }
}

fn mask(bits: &[u8]) -> u64 {
    bits.iter().fold(0, |mask, bit| mask | 1 << bit)
}

impl Compiled {
    /// Checks a plan and compiles it.
    ///
    /// # Errors
    /// [`PlanError`]: what is wrong with it, and in which predicate or rule.
    pub fn new(plan: Plan) -> Result<Self, PlanError> {
        check(&plan)?;
        let pages: Result<Vec<_>, _> = pages::pages(&plan).map(Self::page).collect();
        let mut compiled = Self::page(plan)?;
        compiled.pages = pages?;
        for page in &compiled.pages {
            compiled.asks_ottl |= page.asks_ottl;
            compiled.ottl_wants.0.add(page.ottl_wants.0.clone());
            compiled.ottl_wants.1.add(page.ottl_wants.1.clone());
        }
        Ok(compiled)
    }

    /// The first page of a plan.
    fn page(plan: Plan) -> Result<Self, PlanError> {
        let (mut lowered, ottl) = Lowered::of(&plan)?;
        let (span, resource) = Matcher::pair(&plan, lowered.atoms_mut())?;
        let rules = plan.rules.iter().map(Conditions::new).collect();
        let status = [0, 1, 2].map(|code| status_bits(&plan, code));
        let mut compiled = Self {
            plan: Plan::default(),
            span,
            resource,
            status,
            rules,
            sampled: 0,
            informed: 0,
            trace_state: Vec::new(),
            lasting: Vec::new(),
            asks_ottl: !ottl.is_empty(),
            races: lowered.races(&ottl),
            ottl,
            lowered,
            ottl_wants: Default::default(),
            pages: Vec::new(),
            sizes: plan.votes.as_ref().is_some_and(Votes::ask_for_sizes),
        };
        for (position, predicate) in plan.predicates.iter().take(PAGE).enumerate() {
            compiled.add_test(1 << position, &predicate.test);
        }
        for (resource, scope) in compiled.ottl.iter().map(Asked::wants) {
            compiled.ottl_wants.0.add(resource);
            compiled.ottl_wants.1.add(scope);
        }
        compiled.plan = plan;
        Ok(compiled)
    }

    /// A test that is neither on attributes nor on the status.
    fn add_test(&mut self, bit: u64, test: &Test) {
        match test {
            Test::SpanSampled => self.sampled |= bit,
            Test::SamplingInformation => self.informed |= bit,
            Test::TraceStateIn { key, values } => {
                let values = values.iter().map(|value| value.as_bytes().to_vec());
                self.trace_state
                    .push((bit, key.as_bytes().to_vec(), values.collect()));
            }
            Test::Lasting {
                from_ms,
                to_ms,
                wraps,
            } => self.lasting.push(Lasting {
                bit,
                from_ms: *from_ms,
                to_ms: to_ms.unwrap_or(i64::MAX),
                wraps: *wraps,
            }),
            Test::SpanIntIn { .. }
            | Test::SpanStringIn { .. }
            | Test::SpanStatusIn { .. }
            | Test::ResourceStringIn { .. }
            | Test::First { .. }
            | Test::Ottl { .. }
            | Test::OttlFailed { .. } => {}
        }
    }

    /// The plan as it was given.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The first rule, by position, whose every clause holds for a trace with these bits, whose
    /// last end minus first start is `duration_ns`. None where policies vote: none of them is first
    /// before all have.
    #[must_use]
    pub fn first_match(&self, bits: u64, duration_ns: u64) -> Option<usize> {
        if self.plan.votes.is_some() {
            return None;
        }
        self.rules
            .iter()
            .position(|conditions| conditions.hold(bits, duration_ns))
    }

    /// Why that rule matched: the reason of the first predicate, in the order of its first clause, that the
    /// trace fulfilled; `duration` if its first clause is one; `default` if it has none.
    #[must_use]
    pub fn reason(&self, rule: usize, bits: u64, _duration_ns: u64) -> &str {
        if let Some(votes) = &self.plan.votes {
            return votes.policies.get(rule).map_or("default", |policy| {
                self.vote_reason(policy, self.evidence_page(rule), bits)
            });
        }
        match self.plan.rules.get(rule).and_then(|rule| rule.all.first()) {
            Some(Clause::DurationAtLeast { .. }) => "duration",
            Some(Clause::AnyBit { bits: asked }) => {
                let first = asked.iter().find(|bit| bits >> **bit & 1 == 1);
                let predicate = first.and_then(|bit| self.plan.predicates.get(usize::from(*bit)));
                predicate.map_or("default", |p| p.reason.as_str())
            }
            None => "default",
        }
    }

    /// The reason of the first predicate that a policy asks for and the trace fulfilled, as far as
    /// `bits`, a page of them, can tell; else the kind of the policy.
    fn vote_reason<'v>(&'v self, policy: &'v Vote, page: usize, bits: u64) -> &'v str {
        let mut asked = policy.bits().map(usize::from);
        let fulfilled = asked.find(|bit| bit / PAGE == page && bits >> (bit % PAGE) & 1 == 1);
        let predicate = fulfilled.and_then(|bit| self.plan.predicates.get(bit));
        predicate.map_or_else(|| policy.slug(), |predicate| predicate.reason.as_str())
    }

    /// Which page of bits a verdict by this rule shows: where the policy asks first.
    fn evidence_page(&self, rule: usize) -> usize {
        let votes = self.plan.votes.as_ref();
        let bit = votes.and_then(|votes| votes.first_bit(rule));
        bit.map_or(0, |bit| usize::from(bit) / PAGE)
    }

    /// A part of a composite policy, by its number: the position of the policy, and its name.
    pub(crate) fn part(&self, part: u16) -> Option<(usize, &str)> {
        let mut parts = self.plan.votes.as_ref()?.parts();
        let (policy, part) = parts.nth(part.into())?;
        Some((policy, &part.name))
    }

    /// Whether a verdict of it says how likely the trace was to be kept.
    pub(crate) fn knows_probability(&self) -> bool {
        self.plan
            .votes
            .as_ref()
            .is_none_or(|votes| votes.tracestate)
    }

    /// Of the predicates that held, those that a verdict by this rule shows.
    pub(crate) fn evidence(&self, rule: Option<usize>, bits: Bits<'_>) -> u64 {
        bits.page(rule.map_or(0, |rule| self.evidence_page(rule)))
    }

    /// The reasons of the predicates that such evidence says held.
    pub(crate) fn reasons(&self, rule: usize, evidence: u64) -> impl Iterator<Item = &str> {
        let page = self
            .plan
            .predicates
            .chunks(PAGE)
            .nth(self.evidence_page(rule));
        let held = page.into_iter().flatten().enumerate();
        held.filter(move |(bit, _)| evidence >> bit & 1 == 1)
            .map(|(_, predicate)| predicate.reason.as_str())
    }

    /// When a trace that waits until then is judged: where policies vote, at a tick.
    #[must_use]
    pub fn due_ms(&self, until_ms: u64) -> u64 {
        match &self.plan.votes {
            Some(votes) => until_ms.next_multiple_of(votes.tick_ms.max(1)),
            None => until_ms,
        }
    }

    /// How long a trace is held whose first matching rule, so far, is this one; ms.
    #[must_use]
    pub fn wait_ms(&self, rule: Option<usize>) -> u64 {
        rule.and_then(|rule| self.plan.rules.get(rule)?.wait_ms)
            .unwrap_or(self.plan.wait_ms)
    }

    /// Lengths of the attribute keys that predicates on spans ask for, as a mask of
    /// [`Self::length_bit`]s.
    #[inline(always)]
    pub(crate) const fn span_key_lengths(&self) -> u64 {
        self.span.lengths()
    }

    #[inline(always)]
    pub(crate) fn length_bit(key: &[u8]) -> u64 {
        matcher::length_bit(key)
    }

    /// Bits that a span attribute sets, and the integer that did it (see [`Matcher::bits`]).
    #[inline]
    pub(crate) fn span_bits(&self, key: &[u8], value: Value<'_>, seen: &mut Seen) -> (u64, u32) {
        self.span.bits(key, value, seen)
    }

    pub(crate) const fn looks_at_resources(&self) -> bool {
        self.resource.lengths() != 0
    }

    pub(crate) fn resource_bits(&self, key: &[u8], value: Value<'_>, seen: &mut Seen) -> u64 {
        self.resource.bits(key, value, seen).0
    }

    /// Bits that a span with these flags and this tracestate sets.
    #[inline]
    pub(crate) fn context_bits(&self, flags: u32, trace_state: &[u8]) -> u64 {
        let mut bits = if flags & 1 == 1 { self.sampled } else { 0 };
        if !trace_state.is_empty()
            && self.informed != 0
            && ot::read(trace_state).is_some_and(|ot| ot.th || ot.rv.is_some())
        {
            bits |= self.informed;
        }
        if !trace_state.is_empty() && !self.trace_state.is_empty() {
            let members = w3c::members(trace_state).unwrap_or_default();
            for (bit, key, values) in &self.trace_state {
                let found = members.iter().find(|(name, _)| name == key);
                if found.is_some_and(|(_, value)| values.iter().any(|asked| asked == value)) {
                    bits |= bit;
                }
            }
        }
        bits
    }

    /// Whether the times of each span are asked for.
    pub(crate) const fn asks_for_times(&self) -> bool {
        !self.lasting.is_empty()
    }

    /// Fills in what was seen of a span, and returns the bits that it sets by conditions in OTTL that
    /// are lowered.
    #[inline(always)]
    pub(crate) fn lowered_bits(
        &self,
        seen: &mut Seen,
        kind_and_code: (i32, i32),
        parent: &[u8],
        span: &[u8],
    ) -> u64 {
        if self.lowered.any() {
            self.lowered.bits(seen, kind_and_code, parent, span)
        } else {
            0
        }
    }

    /// Whether conditions in OTTL are asked that are not lowered.
    pub(crate) const fn asks_ottl(&self) -> bool {
        self.asks_ottl
    }

    /// The pages of predicates beyond the first.
    pub(crate) fn pages(&self) -> &[Self] {
        &self.pages
    }

    /// Whether spans are voted on as they come.
    pub(crate) fn votes_at_ingest(&self) -> bool {
        self.plan
            .votes
            .as_ref()
            .is_some_and(|votes| votes.at_ingest)
    }

    /// Whether sizes count the `schema_url`s.
    pub(crate) fn counts_schema_urls(&self) -> bool {
        self.plan
            .votes
            .as_ref()
            .is_some_and(|votes| votes.schema_urls)
    }

    /// Whether more is asked of a held trace than [`crate::index::Trace`] has room for.
    pub(crate) fn asks_beside(&self) -> bool {
        self.sizes || !self.pages.is_empty() || self.votes_at_ingest() || self.asks_for_rv()
    }

    /// Whether R of a trace is the first `rv` of its spans, as contrib has it.
    pub(crate) fn asks_for_rv(&self) -> bool {
        self.plan
            .votes
            .as_ref()
            .is_some_and(|votes| votes.tracestate)
    }

    /// Whether conditions in OTTL read all attributes of resources, or of scopes, as a map.
    pub(crate) const fn ottl_wants_all(&self, of_resource: bool) -> bool {
        if of_resource {
            self.ottl_wants.0.all()
        } else {
            self.ottl_wants.1.all()
        }
    }

    /// Whether conditions in OTTL read this attribute of resources.
    pub(crate) fn ottl_wants_of_resource(&self, key: &[u8]) -> bool {
        self.ottl_wants.0.has(key)
    }

    /// The same of scopes.
    pub(crate) fn ottl_wants_of_scope(&self, key: &[u8]) -> bool {
        self.ottl_wants.1.has(key)
    }

    /// Bits that a span with these atoms sets by conditions in OTTL that are not lowered.
    pub(crate) fn ottl_bits(&self, view: &View<'_>, atoms: Option<u64>) -> u64 {
        let bits = self.ottl.iter().map(|one| one.bits(view, atoms));
        bits.fold(0, |bits, one| bits | one)
    }

    /// Bits of a trace and of spans that came after: of a race the one that was set first stays.
    #[inline]
    pub(crate) fn join(&self, before: u64, after: u64) -> u64 {
        let over = |bits: &u64| if before & bits == 0 { 0 } else { *bits };
        let decided = self.races.iter().fold(0, |sum, bits| sum | over(bits));
        before | after & !decided
    }

    /// Whether it is asked what the Collector would take for each trace.
    pub(crate) const fn asks_for_sizes(&self) -> bool {
        self.sizes
    }

    /// Whether a trace of this size is dropped for it.
    #[must_use]
    pub fn is_too_large(&self, encoded: Encoded) -> bool {
        let votes = self.plan.votes.as_ref();
        votes
            .and_then(|votes| votes.max_bytes)
            .is_some_and(|most| encoded.bare > most)
    }

    /// Take the times of more spans, in their order, into those of a trace (first start, last
    /// end); the bits that are set on the way.
    pub(crate) fn run(&self, times: &mut (u64, u64), more: &Times) -> u64 {
        let mut bits = 0;
        for span in more.iter() {
            times::extend(times, span);
            // Times of 2^63 and more count as before 1970, as they do in Go.
            let lasted_ns = times.1.cast_signed().saturating_sub(times.0.cast_signed());
            let wrapped_ns = times.1.wrapping_sub(times.0).cast_signed();
            for one in &self.lasting {
                let lasted_ms = if one.wraps { wrapped_ns } else { lasted_ns } / 1_000_000;
                if one.from_ms <= lasted_ms && lasted_ms <= one.to_ms {
                    bits |= one.bit;
                }
            }
        }
        bits
    }

    #[inline(always)]
    pub(crate) fn status_bits(&self, code: i32) -> u64 {
        let known = usize::try_from(code).ok().and_then(|c| self.status.get(c));
        match known {
            Some(bits) => *bits,
            None => status_bits(&self.plan, code),
        }
    }
}

#[cold]
fn status_bits(plan: &Plan, code: i32) -> u64 {
    let mut bits = 0;
    for (position, predicate) in plan.predicates.iter().take(PAGE).enumerate() {
        if let Test::SpanStatusIn { codes } = &predicate.test
            && codes.contains(&code)
        {
            bits |= 1 << position;
        }
    }
    bits
}

/// The live plans, as the threads that scan requests see them.
pub type SharedPlans = Arc<RwLock<Arc<PlanSet>>>;

/// The plans that are alive: at most two.
#[derive(Clone, Debug)]
pub struct PlanSet {
    /// By which traces that begin now will be judged.
    pub current: Arc<Compiled>,
    /// By which traces that began before the last reload will be judged, while there are any.
    pub previous: Option<Arc<Compiled>>,
    /// Goes up with every change of the two above.
    pub generation: u64,
}

impl PlanSet {
    /// One plan, and none before it.
    #[must_use]
    pub const fn new(current: Arc<Compiled>) -> Self {
        Self {
            current,
            previous: None,
            generation: 0,
        }
    }
}
