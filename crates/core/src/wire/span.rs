//! What the scan reads of one span.

use super::attribute;
use super::reader::Reader;
use super::types::{ScanError, TraceId};
use crate::ottl::{Seen, View};
use crate::plan::{Compiled, PlanSet, Value};

/// The predicates that a span is run through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tests<'p> {
    current: Option<&'p Compiled>,
    previous: Option<&'p Compiled>,
    /// Lengths of the keys that either plan asks for (see [`Compiled::span_key_lengths`]).
    lengths: u64,
}

impl<'p> Tests<'p> {
    pub(crate) fn new(plans: &'p PlanSet) -> Self {
        let previous = plans.previous.as_deref();
        Self {
            current: Some(&plans.current),
            previous,
            lengths: plans.current.span_key_lengths()
                | previous.map_or(0, Compiled::span_key_lengths),
        }
    }

    /// The predicates of one page alone.
    pub(crate) fn only(page: &'p Compiled) -> Self {
        Self {
            current: Some(page),
            previous: None,
            lengths: page.span_key_lengths(),
        }
    }

    /// The bits that a Resource sets.
    ///
    /// `seen`: what earlier parts of it had, for each plan.
    pub(crate) fn resource(&self, mut message: Reader<'_>, seen: &mut [Seen; 2]) -> [u64; 2] {
        let mut bits = [0; 2];
        while let Ok(Some(field)) = message.field(|_| false) {
            if field.number != 1 || field.wire != super::reader::LEN {
                continue;
            }
            let part = message.part(field.from, field.end, "KeyValue");
            let Ok((key, value)) = attribute::read(part) else {
                continue;
            };
            bits[0] |= self
                .current
                .map_or(0, |plan| plan.resource_bits(key, value, &mut seen[0]));
            bits[1] |= self
                .previous
                .map_or(0, |plan| plan.resource_bits(key, value, &mut seen[1]));
        }
        bits
    }

    /// Whether conditions in OTTL are asked that are not lowered.
    pub(crate) fn ask_ottl(&self) -> bool {
        self.current.is_some_and(Compiled::asks_ottl)
            || self.previous.is_some_and(Compiled::asks_ottl)
    }

    /// Whether they read all attributes of resources, or of scopes, as a map.
    pub(crate) fn ottl_wants_all(&self, of_resource: bool) -> bool {
        let wants = |plan: &Compiled| plan.ottl_wants_all(of_resource);
        self.current.is_some_and(wants) || self.previous.is_some_and(wants)
    }

    /// Whether they read this attribute of resources, or of scopes.
    pub(crate) fn ottl_wants(&self, key: &[u8], of_resource: bool) -> bool {
        let wants = |plan: &Compiled| {
            if of_resource {
                plan.ottl_wants_of_resource(key)
            } else {
                plan.ottl_wants_of_scope(key)
            }
        };
        self.current.is_some_and(wants) || self.previous.is_some_and(wants)
    }

    /// What conditions in OTTL that are not lowered say of a span with these atoms, for each plan.
    pub(crate) fn ottl(&self, view: &View<'_>, atoms: [Option<u64>; 2]) -> [u64; 2] {
        let bits = |plan: Option<&Compiled>, at: usize| {
            plan.map_or(0, |plan| plan.ottl_bits(view, atoms[at]))
        };
        [bits(self.current, 0), bits(self.previous, 1)]
    }

    /// Bits of a trace and of a span that came after (see [`Compiled::join`]).
    #[inline(always)]
    pub(crate) fn join(&self, before: [u64; 2], after: [u64; 2]) -> [u64; 2] {
        let join = |plan: Option<&Compiled>, at: usize| match plan {
            Some(plan) => plan.join(before[at], after[at]),
            None => before[at] | after[at],
        };
        [join(self.current, 0), join(self.previous, 1)]
    }

    /// Whether the times of each span are asked for.
    pub(crate) fn look_at_times(&self) -> bool {
        self.current.is_some_and(Compiled::asks_for_times)
            || self.previous.is_some_and(Compiled::asks_for_times)
    }

    /// Whether it is asked what the Collector would take for each trace.
    pub(crate) fn look_at_sizes(&self) -> bool {
        self.current.is_some_and(Compiled::asks_for_sizes)
            || self.previous.is_some_and(Compiled::asks_for_sizes)
    }

    /// Whether the first `rv` of a trace is asked for.
    pub(crate) fn look_at_rv(&self) -> bool {
        self.current.is_some_and(Compiled::asks_for_rv)
            || self.previous.is_some_and(Compiled::asks_for_rv)
    }

    /// Whether sizes count the `schema_url`s.
    pub(crate) fn count_schema_urls(&self) -> bool {
        self.current.is_some_and(Compiled::counts_schema_urls)
    }

    /// Whether spans are voted on as they come.
    pub(crate) fn vote_at_ingest(&self) -> bool {
        self.current.is_some_and(Compiled::votes_at_ingest)
            || self.previous.is_some_and(Compiled::votes_at_ingest)
    }

    /// Whether any predicate looks at resources.
    pub(crate) fn look_at_resources(&self) -> bool {
        self.current.is_some_and(Compiled::looks_at_resources)
            || self.previous.is_some_and(Compiled::looks_at_resources)
    }

    #[inline(always)]
    fn attribute(&self, message: Reader<'_>, span: &mut Span<'_>) {
        match attribute::usual(message) {
            Some((key, _)) if self.lengths & Compiled::length_bit(key) == 0 => {}
            Some((key, value)) => {
                let value = attribute::value_of(value);
                self.asked_attribute(value.map(|value| (key, value)), span);
            }
            None => self.asked_attribute(attribute::read(message), span),
        }
    }

    fn asked_attribute(&self, read: Result<(&[u8], Value<'_>), ScanError>, span: &mut Span<'_>) {
        let Ok((key, value)) = read else {
            // Conditions in OTTL may yet read it.
            span.seen[0].unforeseen = true;
            span.seen[1].unforeseen = true;
            return;
        };
        if self.lengths & Compiled::length_bit(key) == 0 {
            return;
        }
        if let Some(plan) = self.current {
            let (bits, witness) = plan.span_bits(key, value, &mut span.seen[0]);
            span.bits[0] |= bits;
            if span.witness == 0 {
                span.witness = witness;
            }
        }
        if let Some(plan) = self.previous {
            span.bits[1] |= plan.span_bits(key, value, &mut span.seen[1]).0;
        }
    }
}

/// Why a span can never be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadId {
    Trace,
    Span,
}

/// The Event messages of a Span, as far as they can be read.
pub(crate) fn events_of(span: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut message = Reader::new(span, "Span");
    std::iter::from_fn(move || {
        while let Ok(Some(field)) = message.field(|_| false) {
            if field.number == 11 && field.wire == super::reader::LEN {
                return Some(message.slice(field.from, field.end));
            }
        }
        None
    })
}

/// The fields of a span that the scan reads; the last of each counts.
#[derive(Debug, Default)]
pub(crate) struct Span<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent: &'a [u8],
    pub(crate) trace_state: &'a [u8],
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) bits: [u64; 2],
    pub(crate) witness: u32,
    /// What was seen of it, for each plan.
    seen: [Seen; 2],
    flags: u32,
    kind: i32,
    /// Of its Status.
    pub(crate) status: i32,
}

const fn zero(id: &[u8]) -> bool {
    let mut at = 0;
    while at < id.len() {
        if id[at] != 0 {
            return false;
        }
        at += 1;
    }
    true
}

impl<'a> Span<'a> {
    /// Its trace id, if both ids are good.
    #[inline(always)]
    pub(crate) fn accept(&self) -> Result<TraceId, BadId> {
        let trace_id: TraceId = self.trace_id.try_into().map_err(|_| BadId::Trace)?;
        if trace_id == [0; 16] {
            return Err(BadId::Trace);
        }
        let span_id: [u8; 8] = self.span_id.try_into().map_err(|_| BadId::Span)?;
        if span_id == [0; 8] {
            return Err(BadId::Span);
        }
        Ok(trace_id)
    }

    /// It has no parent. Eight zero bytes count as none: some SDKs write them.
    #[inline(always)]
    pub(crate) fn root(&self) -> bool {
        self.parent.is_empty() || (self.parent.len() == 8 && zero(self.parent))
    }

    /// What lowered conditions ask of it, for each plan; none if that cannot be told.
    pub(crate) fn atoms(&self) -> [Option<u64>; 2] {
        [self.seen[0].told(), self.seen[1].told()]
    }

    /// Reads a Span message and runs it through the predicates.
    ///
    /// # Errors
    /// The message is not valid on its own level, or its Status is not.
    #[inline]
    pub(crate) fn read(message: Reader<'a>, tests: &Tests<'_>) -> Result<Self, ScanError> {
        Self::read_noting(message, tests, |_, _, _| {})
    }

    /// As `read`, and notes of every field its number, and where it begins behind its tag, and
    /// ends; what has a length includes it.
    ///
    /// # Errors
    /// As `read`.
    #[inline(always)]
    pub(crate) fn read_noting(
        mut message: Reader<'a>,
        tests: &Tests<'_>,
        mut note: impl FnMut(u32, usize, usize),
    ) -> Result<Self, ScanError> {
        let mut span = Self::default();
        let whole = message;
        while !message.done() {
            let at = message.at();
            let key = message.varint()?;
            let from = message.at();
            match key {
                0x0a => span.trace_id = message.bytes()?,
                0x12 => span.span_id = message.bytes()?,
                0x1a => span.trace_state = message.bytes()?,
                0x22 => span.parent = message.bytes()?,
                0x39 => span.start_ns = message.fixed64()?,
                0x41 => span.end_ns = message.fixed64()?,
                0x4a => tests.attribute(message.message("KeyValue")?, &mut span),
                0x2a | 0x5a | 0x6a => drop(message.bytes()?), // name, events, links
                0x30 => span.kind = message.varint()? as i32,
                0x50 | 0x60 | 0x70 => drop(message.varint()?), // dropped counts
                0x7a => span.status = read_status(message.message("Status")?, span.status)?,
                0x85 => span.flags = message.fixed32()?,
                other => {
                    message.skip_unknown(other, at, in_span)?;
                    continue;
                }
            }
            note((key >> 3) as u32, from, message.at());
        }
        if let Some(plan) = tests.current {
            span.finish(plan, 0, whole);
        }
        if let Some(plan) = tests.previous {
            span.finish(plan, 1, whole);
        }
        Ok(span)
    }

    /// The bits of one plan that all fields together set.
    #[inline(always)]
    fn finish(&mut self, plan: &Compiled, at: usize, whole: Reader<'_>) {
        self.bits[at] |= plan.status_bits(self.status);
        self.bits[at] |= plan.context_bits(self.flags, self.trace_state);
        let seen = &mut self.seen[at];
        let kind_and_code = (self.kind, self.status);
        self.bits[at] |= plan.lowered_bits(seen, kind_and_code, self.parent, whole.rest());
    }
}

fn in_span(number: u32) -> bool {
    matches!(number, 1..=16)
}

fn in_status(number: u32) -> bool {
    matches!(number, 2 | 3)
}

#[inline]
fn read_status(mut message: Reader<'_>, before: i32) -> Result<i32, ScanError> {
    let mut code = before;
    while !message.done() {
        let at = message.at();
        match message.varint()? {
            0x18 => code = message.varint()? as i32,
            0x12 => drop(message.bytes()?), // message
            other => message.skip_unknown(other, at, in_status)?,
        }
    }
    Ok(code)
}
